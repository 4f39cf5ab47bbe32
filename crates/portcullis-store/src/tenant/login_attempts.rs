use super::sql::{FromRecord, Record, sql};
use super::{Database, DatabaseError};

/// No address is longer (RFC 3696), and an index of PostgreSQL holds no text of any length.
const MAX_IDENTIFIER: usize = 320;

/// Somebody tries to log in.
#[derive(Debug, Clone)]
pub struct LoginAttempt<'a> {
    /// The address or user name that was typed, whatever its case. Empty for all from one address.
    pub identifier: &'a str,
    /// Where it comes from.
    pub ip: &'a str,
    /// The time.
    pub now: i64,
}

/// How often somebody may try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginLimit {
    /// Attempts that are allowed in a window: 10.
    pub attempts: i64,
    /// Seconds after the first attempt that the count begins anew.
    pub window: i64,
    /// Seconds that a block lasts: 30 days.
    pub block: i64,
}

/// Whether somebody may try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginVerdict {
    /// The password may be looked at.
    Allowed {
        /// Further attempts that are allowed.
        left: i64,
    },
    /// It may not.
    Blocked {
        /// Until when.
        until: i64,
    },
}

/// Who may not log in from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The address or user name, in lower case.
    pub identifier: String,
    /// From where.
    pub ip: String,
    /// When the block ends.
    pub expires_at: i64,
}

/// Who tried to log in, how often, and who is blocked.
#[derive(Debug)]
pub struct LoginAttempts<'d>(&'d Database);

impl Database {
    /// Who tried to log in, how often, and who is blocked.
    pub const fn login_attempts(&self) -> LoginAttempts<'_> {
        LoginAttempts(self)
    }
}

impl LoginAttempts<'_> {
    /// Counts an attempt **before** its password is looked at, and blocks the one that is too many.
    ///
    /// Counting afterwards would let as many guesses pass as are sent at once. A right password is
    /// followed by [`clear`](Self::clear), and one that nobody could look at by
    /// [`give_back`](Self::give_back).
    pub async fn count(
        &self,
        attempt: &LoginAttempt<'_>,
        limit: LoginLimit,
    ) -> Result<LoginVerdict, DatabaseError> {
        let identifier = normalized(attempt.identifier);
        let now = attempt.now;
        let mut transaction = self.0.begin().await?;
        let find =
            sql("SELECT * FROM blocks WHERE identifier = $1 AND ip = $2 AND expires_at > $3");
        let find = find.bind(&identifier).bind(attempt.ip).bind(now);
        if let Some(block) = transaction.one::<Block>(find).await? {
            let until = block.expires_at;
            return Ok(LoginVerdict::Blocked { until });
        }
        let count = sql(
            "INSERT INTO login_attempts (identifier, ip, count, expires_at)
             VALUES ($1, $2, 1, $4)
             ON CONFLICT (identifier, ip) DO UPDATE SET
                 count = CASE WHEN login_attempts.expires_at <= $3 THEN 1
                     ELSE login_attempts.count + 1 END,
                 expires_at = CASE WHEN login_attempts.expires_at <= $3 THEN $4
                     ELSE login_attempts.expires_at END
             RETURNING count",
        )
        .bind(&identifier)
        .bind(attempt.ip)
        .bind(now)
        .bind(now.saturating_add(limit.window));
        let Attempts(attempts) = transaction
            .one(count)
            .await?
            .ok_or(DatabaseError::Damaged { column: "count" })?;
        let left = limit.attempts.saturating_sub(attempts);
        if left >= 0 {
            transaction.commit().await?;
            return Ok(LoginVerdict::Allowed { left });
        }
        let until = now.saturating_add(limit.block);
        let block = sql(
            "INSERT INTO blocks (identifier, ip, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (identifier, ip) DO UPDATE SET expires_at = excluded.expires_at",
        );
        let block = block.bind(&identifier).bind(attempt.ip).bind(until);
        transaction.run(block).await?;
        transaction.commit().await?;
        Ok(LoginVerdict::Blocked { until })
    }

    /// Forgets the attempts after a right password. A block stays: it came first.
    pub async fn clear(&self, identifier: &str, ip: &str) -> Result<(), DatabaseError> {
        let statement = sql("DELETE FROM login_attempts WHERE identifier = $1 AND ip = $2");
        let statement = statement.bind(normalized(identifier)).bind(ip);
        self.0.write(statement).await.map(drop)
    }

    /// Gives back an attempt whose password was not looked at.
    pub async fn give_back(&self, identifier: &str, ip: &str) -> Result<(), DatabaseError> {
        let statement = sql("UPDATE login_attempts SET count = count - 1
             WHERE identifier = $1 AND ip = $2 AND count > 0");
        let statement = statement.bind(normalized(identifier)).bind(ip);
        self.0.write(statement).await.map(drop)
    }

    /// The block of an address or user name from one place, if there is one. Nothing is counted.
    pub async fn find_block(
        &self,
        identifier: &str,
        ip: &str,
        now: i64,
    ) -> Result<Option<Block>, DatabaseError> {
        let statement = sql("SELECT * FROM blocks
             WHERE identifier = $1 AND ip = $2 AND expires_at > $3");
        let statement = statement.bind(normalized(identifier)).bind(ip).bind(now);
        self.0.read_one(statement).await
    }

    /// The blocks of an address or user name, at most 100.
    pub async fn blocks(&self, identifier: &str, now: i64) -> Result<Vec<Block>, DatabaseError> {
        let statement = sql(
            "SELECT * FROM blocks WHERE identifier = $1 AND expires_at > $2
             ORDER BY ip LIMIT 100",
        );
        let statement = statement.bind(normalized(identifier)).bind(now);
        self.0.read_all(statement).await
    }

    /// Ends the blocks of an address or user name and forgets its attempts, from everywhere.
    pub async fn unblock(&self, identifier: &str) -> Result<(), DatabaseError> {
        let identifier = normalized(identifier);
        let mut transaction = self.0.begin().await?;
        let attempts = sql("DELETE FROM login_attempts WHERE identifier = $1");
        transaction.run(attempts.bind(&identifier)).await?;
        let blocks = sql("DELETE FROM blocks WHERE identifier = $1");
        transaction.run(blocks.bind(&identifier)).await?;
        transaction.commit().await
    }
}

/// What is counted: no spelling of a name has attempts of its own.
fn normalized(identifier: &str) -> String {
    identifier
        .trim()
        .to_lowercase()
        .chars()
        .take(MAX_IDENTIFIER)
        .collect()
}

struct Attempts(i64);

impl FromRecord for Attempts {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        record.read("count").map(Self)
    }
}

impl FromRecord for Block {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            identifier: record.read("identifier")?,
            ip: record.read("ip")?,
            expires_at: record.read("expires_at")?,
        })
    }
}
