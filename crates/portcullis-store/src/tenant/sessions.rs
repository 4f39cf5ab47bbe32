use serde_json::Value as Json;

use super::endings::end_session;
use super::listing::Listed;
use super::sql::{FromRecord, Record, sql};
use super::{Database, DatabaseError, Hash, Listing, Slice};

/// A login that a browser is remembered by.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The `sid` of the tokens.
    pub sid: String,
    /// The SHA-256 of the cookie's value.
    pub cookie_hash: Hash,
    /// Who has logged in.
    pub user_id: String,
    /// When they did.
    pub auth_time: i64,
    /// How they did (RFC 8176).
    pub amr: Vec<String>,
    /// Address and user agent, for people.
    pub device: Json,
    /// When the session began.
    pub created_at: i64,
    /// When it was last used.
    pub last_used_at: i64,
    /// When it ends, unless it is used before.
    pub idle_expires_at: i64,
    /// When it ends in any case.
    pub expires_at: i64,
}

/// The sessions of browsers.
#[derive(Debug)]
pub struct Sessions<'d>(&'d Database);

impl Database {
    /// The sessions of browsers.
    pub const fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }
}

impl Sessions<'_> {
    /// Adds a session.
    pub async fn insert(&self, session: &Session) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO sessions (sid, cookie_hash, user_id, auth_time, amr,
                 device, created_at, last_used_at, idle_expires_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&session.sid)
        .bind(&session.cookie_hash)
        .bind(&session.user_id)
        .bind(session.auth_time)
        .json(&session.amr)
        .json(&session.device)
        .bind(session.created_at)
        .bind(session.last_used_at)
        .bind(session.idle_expires_at)
        .bind(session.expires_at);
        self.0.write(statement).await.map(drop)
    }

    /// The session of a cookie, which lasts `idle` more seconds by being used. Absent when it ended.
    pub async fn resume(
        &self,
        cookie_hash: &Hash,
        now: i64,
        idle: i64,
    ) -> Result<Option<Session>, DatabaseError> {
        let statement = sql("UPDATE sessions SET last_used_at = $2, idle_expires_at = $3
             WHERE cookie_hash = $1 AND idle_expires_at > $2 AND expires_at > $2
             RETURNING *");
        let statement = statement
            .bind(cookie_hash)
            .bind(now)
            .bind(now.saturating_add(idle));
        self.0.write_one(statement).await
    }

    /// The session has another cookie from now on, and the user has logged in again.
    ///
    /// False when the session has ended: what follows a login must not continue an old cookie.
    pub async fn renew(
        &self,
        sid: &str,
        cookie_hash: &Hash,
        amr: &[String],
        now: i64,
        idle: i64,
    ) -> Result<bool, DatabaseError> {
        let statement = sql(
            "UPDATE sessions SET cookie_hash = $2, amr = $3, auth_time = $4,
                 last_used_at = $4, idle_expires_at = $5
             WHERE sid = $1 AND idle_expires_at > $4 AND expires_at > $4",
        )
        .bind(sid)
        .bind(cookie_hash)
        .json(&amr)
        .bind(now)
        .bind(now.saturating_add(idle));
        Ok(self.0.write(statement).await? == 1)
    }

    /// The session with this id, unless it has ended. It is not used by being looked at.
    pub async fn find(&self, sid: &str, now: i64) -> Result<Option<Session>, DatabaseError> {
        let statement = sql("SELECT * FROM sessions
             WHERE sid = $1 AND idle_expires_at > $2 AND expires_at > $2");
        self.0.read_one(statement.bind(sid).bind(now)).await
    }

    /// The sessions of a user that have not ended, by their ids.
    pub async fn of_user(
        &self,
        user_id: &str,
        now: i64,
        slice: &Slice,
    ) -> Result<Listing<Session>, DatabaseError> {
        let rows = sql("SELECT * FROM sessions
             WHERE user_id = $1 AND idle_expires_at > $2 AND expires_at > $2
               AND ($3 IS NULL OR sid > $3)
             ORDER BY sid LIMIT $4 OFFSET $5");
        let count = sql("SELECT COUNT(*) AS count FROM sessions
             WHERE user_id = $1 AND idle_expires_at > $2 AND expires_at > $2");
        self.0
            .list(
                rows.bind(user_id).bind(now),
                count.bind(user_id).bind(now),
                slice,
            )
            .await
    }

    /// Notes that a client has had a token of this session, for logouts by the back channel.
    pub async fn add_client(&self, sid: &str, client_id: &str) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO session_clients (sid, client_id) VALUES ($1, $2)
             ON CONFLICT DO NOTHING",
        );
        self.0
            .write(statement.bind(sid).bind(client_id))
            .await
            .map(drop)
    }

    /// The ids of the clients that had a token of this session, at most 1000.
    pub async fn clients(&self, sid: &str) -> Result<Vec<String>, DatabaseError> {
        let statement = sql("SELECT client_id FROM session_clients WHERE sid = $1
             ORDER BY client_id LIMIT 1000");
        let clients: Vec<ClientId> = self.0.read_all(statement.bind(sid)).await?;
        Ok(clients.into_iter().map(|ClientId(id)| id).collect())
    }

    /// Ends a session, not its tokens, and gives what it was to whom ended it.
    pub async fn delete(&self, sid: &str) -> Result<Option<Session>, DatabaseError> {
        let statement = sql("DELETE FROM sessions WHERE sid = $1 RETURNING *");
        self.0.write_one(statement.bind(sid)).await
    }

    /// Ends a session and everything that was begun in it, and gives what it was to whom ended it.
    pub async fn revoke(&self, sid: &str, now: i64) -> Result<Option<Session>, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        let statement = sql("DELETE FROM sessions WHERE sid = $1 RETURNING *");
        let Some(session) = transaction.one::<Session>(statement.bind(sid)).await? else {
            return Ok(None);
        };
        end_session(&mut transaction, sid, now).await?;
        transaction.commit().await?;
        Ok(Some(session))
    }

    /// Ends every session of a user, and says how many there were.
    pub async fn delete_of_user(&self, user_id: &str) -> Result<u64, DatabaseError> {
        let statement = sql("DELETE FROM sessions WHERE user_id = $1");
        self.0.write(statement.bind(user_id)).await
    }
}

struct ClientId(String);

impl FromRecord for ClientId {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        record.read("client_id").map(Self)
    }
}

impl FromRecord for Session {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            sid: record.read("sid")?,
            cookie_hash: record.hash("cookie_hash")?,
            user_id: record.read("user_id")?,
            auth_time: record.read("auth_time")?,
            amr: record.json("amr")?,
            device: record.json("device")?,
            created_at: record.read("created_at")?,
            last_used_at: record.read("last_used_at")?,
            idle_expires_at: record.read("idle_expires_at")?,
            expires_at: record.read("expires_at")?,
        })
    }
}

impl Listed for Session {
    fn id(&self) -> &str {
        &self.sid
    }
}
