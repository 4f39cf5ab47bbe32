use super::sql::{FromRecord, Record, sql};
use super::{Database, DatabaseError, Hash};

/// A device that waits for its user (RFC 8628).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCode {
    /// The SHA-256 of the device code.
    pub hash: Hash,
    /// What the user types. Unique among those that have not ended.
    pub user_code: String,
    /// Who may spend it.
    pub client_id: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The API's identifier. Absent for none.
    pub audience: Option<String>,
    /// What has become of it.
    pub state: DeviceCodeState,
    /// Who has approved it. Absent before.
    pub user_id: Option<String>,
    /// Their session. Absent before.
    pub sid: Option<String>,
    /// When they logged in. Absent before.
    pub auth_time: Option<i64>,
    /// Seconds that the device is to wait between two polls.
    pub poll_interval: i64,
    /// When it was issued.
    pub created_at: i64,
    /// From when on it is too late.
    pub expires_at: i64,
}

/// What has become of a device code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceCodeState {
    /// The user has said nothing yet.
    Pending,
    /// The user has said yes.
    Approved,
    /// The user has said no.
    Denied,
    /// The device has its tokens.
    Redeemed,
}

/// What a poll is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poll {
    /// The user has approved: the code is spent, and tokens are to be issued.
    Approved(Box<DeviceCode>),
    /// `authorization_pending`.
    Pending,
    /// `slow_down`: the device asked too soon and is to wait 5 seconds longer each time, up to 60.
    SlowDown {
        /// Seconds that it is to wait from now on.
        interval: i64,
    },
    /// `access_denied`.
    Denied,
    /// `expired_token`.
    Expired,
    /// `invalid_grant`: there is no such code of this client, or it was spent.
    Unknown,
}

/// Devices that wait for their users.
#[derive(Debug)]
pub struct DeviceCodes<'d>(&'d Database);

impl Database {
    /// Devices that wait for their users.
    pub const fn device_codes(&self) -> DeviceCodes<'_> {
        DeviceCodes(self)
    }
}

impl DeviceCodes<'_> {
    /// Adds a pending code. [`DatabaseError::Duplicate`] when the user code is taken: make another.
    pub async fn insert(&self, code: &DeviceCode) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO device_codes (hash, user_code, client_id, scopes,
                 audience, state, poll_interval, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8)",
        )
        .bind(&code.hash)
        .bind(&code.user_code)
        .bind(&code.client_id)
        .json(&code.scopes)
        .bind(&code.audience)
        .bind(code.poll_interval)
        .bind(code.created_at)
        .bind(code.expires_at);
        self.0.write(statement).await.map(drop)
    }

    /// The pending code that a user has typed. Absent when it was answered, and when it is too late.
    pub async fn find_pending(
        &self,
        user_code: &str,
        now: i64,
    ) -> Result<Option<DeviceCode>, DatabaseError> {
        let statement = sql("SELECT * FROM device_codes
             WHERE user_code = $1 AND state = 'pending' AND expires_at > $2");
        self.0.read_one(statement.bind(user_code).bind(now)).await
    }

    /// The user says yes. False when the code was answered before, and when it is too late.
    pub async fn approve(
        &self,
        user_code: &str,
        user_id: &str,
        sid: Option<&str>,
        auth_time: i64,
        now: i64,
    ) -> Result<bool, DatabaseError> {
        let statement = sql(
            "UPDATE device_codes SET state = 'approved', user_id = $2, sid = $3,
                 auth_time = $4
             WHERE user_code = $1 AND state = 'pending' AND expires_at > $5",
        )
        .bind(user_code)
        .bind(user_id)
        .bind(sid)
        .bind(auth_time)
        .bind(now);
        Ok(self.0.write(statement).await? == 1)
    }

    /// The user says no. False when the code was answered before, and when it is too late.
    pub async fn deny(&self, user_code: &str, now: i64) -> Result<bool, DatabaseError> {
        let statement = sql("UPDATE device_codes SET state = 'denied'
             WHERE user_code = $1 AND state = 'pending' AND expires_at > $2");
        Ok(self.0.write(statement.bind(user_code).bind(now)).await? == 1)
    }

    /// The device asks. An approved code is spent by it, once, however many ask at the same time.
    pub async fn poll(
        &self,
        hash: &Hash,
        client_id: &str,
        now: i64,
    ) -> Result<Poll, DatabaseError> {
        // What stands on the right of a `=` is the row as it was.
        let statement = sql("UPDATE device_codes SET
                 polled_too_soon = COALESCE(last_polled_at + poll_interval > $3, FALSE),
                 poll_interval = poll_interval + CASE
                     WHEN last_polled_at + poll_interval > $3 AND poll_interval < 60 THEN 5
                     ELSE 0 END,
                 last_polled_at = $3,
                 state = CASE
                     WHEN state = 'approved' AND expires_at > $3
                         AND NOT COALESCE(last_polled_at + poll_interval > $3, FALSE)
                     THEN 'redeemed'
                     ELSE state END
             WHERE hash = $1 AND client_id = $2 AND state <> 'redeemed'
             RETURNING *");
        let statement = statement.bind(hash).bind(client_id).bind(now);
        let Some(polled) = self.0.write_one::<Polled>(statement).await? else {
            return Ok(Poll::Unknown);
        };
        Ok(polled.answer(now))
    }
}

/// A device code after a poll.
struct Polled {
    code: DeviceCode,
    was_too_soon: bool,
}

impl Polled {
    fn answer(self, now: i64) -> Poll {
        match self.code.state {
            DeviceCodeState::Redeemed => Poll::Approved(Box::new(self.code)),
            _ if self.code.expires_at <= now => Poll::Expired,
            DeviceCodeState::Denied => Poll::Denied,
            _ if self.was_too_soon => Poll::SlowDown {
                interval: self.code.poll_interval,
            },
            DeviceCodeState::Pending | DeviceCodeState::Approved => Poll::Pending,
        }
    }
}

impl DeviceCodeState {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "pending" => Some(Self::Pending),
            "approved" => Some(Self::Approved),
            "denied" => Some(Self::Denied),
            "redeemed" => Some(Self::Redeemed),
            _ => None,
        }
    }
}

impl FromRecord for Polled {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            code: DeviceCode::from_record(record)?,
            was_too_soon: record.read("polled_too_soon")?,
        })
    }
}

impl FromRecord for DeviceCode {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            hash: record.hash("hash")?,
            user_code: record.read("user_code")?,
            client_id: record.read("client_id")?,
            scopes: record.json("scopes")?,
            audience: record.read("audience")?,
            state: record.word("state", DeviceCodeState::parse)?,
            user_id: record.read("user_id")?,
            sid: record.read("sid")?,
            auth_time: record.read("auth_time")?,
            poll_interval: record.read("poll_interval")?,
            created_at: record.read("created_at")?,
            expires_at: record.read("expires_at")?,
        })
    }
}
