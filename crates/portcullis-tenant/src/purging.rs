//! Deletes what has ended, from time to time.

use std::sync::Weak;
use std::time::Duration;

use portcullis::Chain;
use portcullis_store::tenant::{Database, DatabaseError};

use crate::Tenant;

/// What has ended is not accepted anyway: only its space is to be had back.
const INTERVAL: Duration = Duration::from_mins(10);

/// Few enough that logins do not wait long for the database.
const ROWS_AT_ONCE: u32 = 1000;

/// Purges the tenant's database every ten minutes, until the tenant is gone.
pub(crate) async fn run(tenant: Weak<Tenant>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Some(tenant) = tenant.upgrade() else {
            return;
        };
        match purge(&tenant.database, tenant.now(), ROWS_AT_ONCE).await {
            Ok(0) => {}
            Ok(deleted) => tracing::debug!(deleted, "purged the tenant's database"),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "could not purge the tenant's database");
            }
        }
    }
}

/// Deletes all that has ended, so many rows of a kind at once, and says how many there were.
async fn purge(database: &Database, now: i64, rows: u32) -> Result<u64, DatabaseError> {
    let mut deleted = 0;
    loop {
        let purged = database.purge(now, rows).await?;
        deleted += purged.deleted;
        if !purged.is_partial {
            return Ok(deleted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_that_has_ended_is_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/tenant.db", directory.path().display());
        let database = Database::open(&url).await.unwrap();
        for number in 0..7 {
            let jti = format!("jti-{number}");
            database
                .token_ids()
                .revoke(&jti, 100 + number)
                .await
                .unwrap();
        }
        assert_eq!(purge(&database, 99, 2).await.unwrap(), 0);
        assert_eq!(purge(&database, 105, 2).await.unwrap(), 6);
        assert_eq!(purge(&database, 105, 2).await.unwrap(), 0);
        assert!(database.token_ids().is_revoked("jti-6").await.unwrap());
    }
}
