use super::sql::sql;
use super::{Database, DatabaseError};

/// The longest `jti` that is kept, in bytes: an index of PostgreSQL holds no text of any length.
const MAX_ID: usize = 512;

/// `jti`s of tokens: revoked ones of ours, and used ones of assertions.
#[derive(Debug)]
pub struct TokenIds<'d>(&'d Database);

impl Database {
    /// `jti`s of tokens: revoked ones of ours, and used ones of assertions.
    pub const fn token_ids(&self) -> TokenIds<'_> {
        TokenIds(self)
    }
}

impl TokenIds<'_> {
    /// Revokes one of our tokens until it ends by itself. Our ids are at most 512 bytes long.
    pub async fn revoke(&self, jti: &str, expires_at: i64) -> Result<(), DatabaseError> {
        let statement = sql("INSERT INTO revoked_jti (jti, expires_at) VALUES ($1, $2)
             ON CONFLICT DO NOTHING");
        self.0
            .write(statement.bind(jti).bind(expires_at))
            .await
            .map(drop)
    }

    /// Whether one of our tokens was revoked.
    pub async fn is_revoked(&self, jti: &str) -> Result<bool, DatabaseError> {
        let statement = sql("SELECT COUNT(*) AS count FROM revoked_jti WHERE jti = $1");
        Ok(self.0.count(statement.bind(jti)).await? > 0)
    }

    /// Uses the `jti` of an assertion of `issuer`, which ends at `expires_at`.
    ///
    /// True for one caller only; false for every other until then, and when the id or the issuer is
    /// longer than 512 bytes.
    pub async fn use_once(
        &self,
        issuer: &str,
        jti: &str,
        now: i64,
        expires_at: i64,
    ) -> Result<bool, DatabaseError> {
        if issuer.len() > MAX_ID || jti.len() > MAX_ID {
            return Ok(false);
        }
        let statement = sql(
            "INSERT INTO used_jti (issuer, jti, expires_at) VALUES ($1, $2, $4)
             ON CONFLICT (issuer, jti) DO UPDATE SET expires_at = excluded.expires_at
             WHERE used_jti.expires_at <= $3",
        )
        .bind(issuer)
        .bind(jti)
        .bind(now)
        .bind(expires_at);
        Ok(self.0.write(statement).await? == 1)
    }
}
