use super::sql::sql;
use super::{Database, DatabaseError};

const DAY: i64 = 24 * 60 * 60;

/// How long a code is remembered after its end, so that a replay is known for one.
const CODES_ARE_KEPT: i64 = DAY;
/// The same for refresh tokens after their use, and families after they were revoked.
const SPENT_TOKENS_ARE_KEPT: i64 = 30 * DAY;
/// How long one can read what happened.
const LOGS_ARE_KEPT: i64 = 30 * DAY;

/// What one purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purge {
    /// Rows that are gone, without those that went along with them.
    pub deleted: u64,
    /// Whether there may be more: purge again.
    pub is_partial: bool,
}

/// Each deletes at most `$2` rows that ended before `$1`; the number is how long they are kept.
const STATEMENTS: [(&str, i64); 15] = [
    (
        "DELETE FROM codes WHERE hash IN
             (SELECT hash FROM codes WHERE expires_at <= $1 LIMIT $2)",
        CODES_ARE_KEPT,
    ),
    (
        "DELETE FROM auth_transactions WHERE id IN
             (SELECT id FROM auth_transactions WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM device_codes WHERE hash IN
             (SELECT hash FROM device_codes WHERE expires_at <= $1 LIMIT $2)",
        CODES_ARE_KEPT,
    ),
    (
        "DELETE FROM opaque_tokens WHERE hash IN
             (SELECT hash FROM opaque_tokens WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM signed_tokens WHERE id IN
             (SELECT id FROM signed_tokens WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM sessions WHERE sid IN
             (SELECT sid FROM sessions WHERE expires_at <= $1 OR idle_expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM rt_tokens WHERE hash IN
             (SELECT hash FROM rt_tokens WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM rt_tokens WHERE hash IN
             (SELECT hash FROM rt_tokens WHERE used_at <= $1 LIMIT $2)",
        SPENT_TOKENS_ARE_KEPT,
    ),
    (
        "DELETE FROM rt_families WHERE id IN
             (SELECT id FROM rt_families WHERE expires_at <= $1 OR revoked_at <= $1 LIMIT $2)",
        SPENT_TOKENS_ARE_KEPT,
    ),
    (
        "DELETE FROM rt_families WHERE id IN
             (SELECT f.id FROM rt_families f WHERE f.last_used_at <= $1
              AND NOT EXISTS (SELECT 1 FROM rt_tokens t WHERE t.family_id = f.id) LIMIT $2)",
        SPENT_TOKENS_ARE_KEPT,
    ),
    (
        "DELETE FROM login_attempts WHERE (identifier, ip) IN
             (SELECT identifier, ip FROM login_attempts WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM blocks WHERE (identifier, ip) IN
             (SELECT identifier, ip FROM blocks WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM revoked_jti WHERE jti IN
             (SELECT jti FROM revoked_jti WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM used_jti WHERE (issuer, jti) IN
             (SELECT issuer, jti FROM used_jti WHERE expires_at <= $1 LIMIT $2)",
        0,
    ),
    (
        "DELETE FROM logs WHERE id IN (SELECT id FROM logs WHERE at <= $1 LIMIT $2)",
        LOGS_ARE_KEPT,
    ),
];

impl Database {
    /// Deletes rows that have ended, of each kind at most `rows_of_a_kind`.
    ///
    /// Nothing that has ended is accepted before it is purged either. Each kind is a transaction of
    /// its own, so that logins need not wait.
    pub async fn purge(&self, now: i64, rows_of_a_kind: u32) -> Result<Purge, DatabaseError> {
        let mut purge = Purge {
            deleted: 0,
            is_partial: false,
        };
        for (text, kept) in STATEMENTS {
            let statement = sql(text)
                .bind(now.saturating_sub(kept))
                .bind(i64::from(rows_of_a_kind));
            let deleted = self.write(statement).await?;
            purge.deleted += deleted;
            purge.is_partial |= deleted >= u64::from(rows_of_a_kind);
        }
        Ok(purge)
    }
}
