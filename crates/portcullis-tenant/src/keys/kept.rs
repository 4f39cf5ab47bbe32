//! Signing keys in the tenant's database, where they are rotated and revoked while it runs.

use portcullis_store::tenant::{Database, DatabaseError, KeyState as Stored, SigningKey};
use portcullis_token::Secret;
use serde_json::{Value, json};

use crate::Tenant;

use super::{KeyRecord, KeyRing, KeyState, RecordsError, RevokeError, RotateError, Sealer};

/// Why the keys of the database could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeptError {
    /// The tenant was opened without a key to seal others with.
    #[error("the signing keys are not kept in the database")]
    NotKept,
    /// Eight keys that signed before are published already.
    #[error("too many previous keys are published")]
    TooMany,
    /// Another process changed the keys at the same time.
    #[error("the signing keys were changed at the same time")]
    Raced,
    /// The key could not be made.
    #[error("could not make a signing key")]
    Rotate(#[source] RotateError),
    /// The key could not be taken out of force.
    #[error("could not revoke a signing key")]
    Revoke(#[source] RevokeError),
    /// What is there is no ring of keys, or is sealed with another key.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The program ends.
    #[error("the program ends")]
    Ended(#[source] tokio::task::JoinError),
}

impl KeyRing {
    /// Reads the keys that a tenant keeps in `database`, sealed by `sealer`; absent before its first.
    ///
    /// # Errors
    /// [`KeptError::Records`] when they cannot be opened, [`KeptError::Database`] when they cannot
    /// be read.
    pub async fn kept(database: &Database, sealer: &Sealer) -> Result<Option<Self>, KeptError> {
        let rows = database.signing_keys().list().await?;
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self::from_records(&records(&rows), sealer)?))
    }
}

/// Reads the keys of the database; where there are none, puts those of `ring` there.
pub(crate) async fn load(
    database: &Database,
    sealer: &Sealer,
    ring: &KeyRing,
    now: i64,
) -> Result<KeyRing, KeptError> {
    let rows = database.signing_keys().list().await?;
    let is_missing = |state| !rows.iter().any(|row| row.state == state);
    for record in ring.to_records(sealer)? {
        let row = row(&record, public_jwk(ring, &record.kid), now);
        // One of them alone is what a process leaves that is killed between.
        if matches!(row.state, Stored::Current | Stored::Next) && is_missing(row.state) {
            match database.signing_keys().insert(&row).await {
                // Of two processes that begin together, the other has made the keys.
                Err(DatabaseError::Duplicate { .. }) => break,
                outcome => outcome?,
            }
        }
    }
    read(database, sealer).await
}

/// Rotates the keys of the database, and gives them as they are then.
pub(crate) async fn rotate(tenant: &Tenant, now: i64) -> Result<KeyRing, KeptError> {
    let sealer = tenant.sealer.as_ref().ok_or(KeptError::NotKept)?;
    let mut ring = read(&tenant.database, sealer).await?;
    let current = ring.current.key.kid().to_owned();
    let turned = tokio::task::spawn_blocking(move || ring.rotate().map(|()| ring)).await;
    let ring = turned
        .map_err(KeptError::Ended)?
        .map_err(|error| match error {
            RotateError::TooManyPrevious => KeptError::TooMany,
            error @ RotateError::Generate(_) => KeptError::Rotate(error),
        })?;
    let records = ring.to_records(sealer)?;
    let next = records.iter().find(|record| record.state == KeyState::Next);
    let next = next.ok_or(KeptError::Raced)?;
    let row = row(next, public_jwk(&ring, &next.kid), now);
    if tenant
        .database
        .signing_keys()
        .rotate(&current, &row)
        .await?
    {
        Ok(ring)
    } else {
        Err(KeptError::Raced)
    }
}

/// Revokes a previous key of the database, and gives the others.
pub(crate) async fn revoke(tenant: &Tenant, kid: &str, now: i64) -> Result<KeyRing, KeptError> {
    let sealer = tenant.sealer.as_ref().ok_or(KeptError::NotKept)?;
    let mut ring = read(&tenant.database, sealer).await?;
    ring.revoke(kid).map_err(KeptError::Revoke)?;
    if tenant.database.signing_keys().revoke(kid, now).await? {
        Ok(ring)
    } else {
        Err(KeptError::Raced)
    }
}

async fn read(database: &Database, sealer: &Sealer) -> Result<KeyRing, KeptError> {
    let rows = database.signing_keys().list().await?;
    Ok(KeyRing::from_records(&records(&rows), sealer)?)
}

fn records(rows: &[SigningKey]) -> Vec<KeyRecord> {
    let records = rows.iter().map(|row| KeyRecord {
        kid: row.kid.clone(),
        state: match row.state {
            Stored::Current => KeyState::Current,
            Stored::Next => KeyState::Next,
            Stored::Previous => KeyState::Previous,
            Stored::Revoked => KeyState::Revoked,
        },
        sealed: row.sealed_private_key.expose().clone(),
        certificate: row.certificate.clone().unwrap_or_default(),
    });
    records.collect()
}

fn row(record: &KeyRecord, public_jwk: Value, now: i64) -> SigningKey {
    SigningKey {
        kid: record.kid.clone(),
        algorithm: "RS256".to_owned(),
        state: match record.state {
            KeyState::Current => Stored::Current,
            KeyState::Next => Stored::Next,
            KeyState::Previous => Stored::Previous,
            KeyState::Revoked => Stored::Revoked,
        },
        sealed_private_key: Secret::new(record.sealed.clone()),
        public_jwk,
        certificate: Some(record.certificate.clone()),
        created_at: now,
        not_after: None,
        revoked_at: None,
    }
}

fn public_jwk(ring: &KeyRing, kid: &str) -> Value {
    let mut keys = ring.published();
    keys.find(|key| key.key.kid() == kid)
        .map_or_else(|| json!({}), |key| key.key.public_jwk())
}
