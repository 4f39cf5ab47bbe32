use portcullis_token::Secret;
use serde_json::Value as Json;

use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError};

/// A key that signs, has signed or will sign tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct SigningKey {
    /// The `kid` of its tokens.
    pub kid: String,
    /// `RS256`, ….
    pub algorithm: String,
    /// What it is used for.
    pub state: KeyState,
    /// The private key as its owner has sealed it. It is not read here.
    pub sealed_private_key: Secret<Vec<u8>>,
    /// The public key.
    pub public_jwk: Json,
    /// Its certificate, in DER.
    pub certificate: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: i64,
    /// Until when its tokens are to be accepted. Absent for no such time.
    pub not_after: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

/// What a signing key is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It signs. There is at most one.
    Current,
    /// It is published, so that it is known when it signs. There is at most one.
    Next,
    /// It no longer signs, and its tokens are accepted.
    Previous,
    /// Its tokens are not accepted, and it is not published.
    Revoked,
}

/// The tenant's signing keys.
#[derive(Debug)]
pub struct SigningKeys<'d>(&'d Database);

impl Database {
    /// The tenant's signing keys.
    pub const fn signing_keys(&self) -> SigningKeys<'_> {
        SigningKeys(self)
    }
}

impl SigningKeys<'_> {
    /// Adds a key.
    ///
    /// [`DatabaseError::Duplicate`] when there is a current (or next) one already: of two processes
    /// that start with an empty database, one has made the keys, and the other loads them.
    pub async fn insert(&self, key: &SigningKey) -> Result<(), DatabaseError> {
        self.0.write(insertion(key)).await.map(drop)
    }

    /// Every key, the newest first, at most 1000; revoked ones too.
    pub async fn list(&self) -> Result<Vec<SigningKey>, DatabaseError> {
        self.0
            .read_all(sql(
                "SELECT * FROM signing_keys ORDER BY created_at DESC, kid LIMIT 1000",
            ))
            .await
    }

    /// The next key signs from now on, the current one becomes a previous one, `next` is next.
    ///
    /// False, and nothing is changed, when `current` is not the current key, as after another's
    /// rotation, or when there is no next one.
    pub async fn rotate(&self, current: &str, next: &SigningKey) -> Result<bool, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        let retire = sql("UPDATE signing_keys SET state = 'previous'
             WHERE state = 'current' AND kid = $1");
        let promote = sql("UPDATE signing_keys SET state = 'current' WHERE state = 'next'");
        if transaction.run(retire.bind(current)).await? != 1 || transaction.run(promote).await? != 1
        {
            return Ok(false);
        }
        let next = SigningKey {
            state: KeyState::Next,
            ..next.clone()
        };
        transaction.run(insertion(&next)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Revokes a previous key. False for any other: rotate first.
    pub async fn revoke(&self, kid: &str, now: i64) -> Result<bool, DatabaseError> {
        let statement = sql("UPDATE signing_keys SET state = 'revoked', revoked_at = $2
             WHERE kid = $1 AND state = 'previous'");
        Ok(self.0.write(statement.bind(kid).bind(now)).await? == 1)
    }
}

fn insertion(key: &SigningKey) -> Statement {
    sql(
        "INSERT INTO signing_keys (kid, algorithm, state, sealed_private_key, public_jwk,
             certificate, created_at, not_after, revoked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&key.kid)
    .bind(&key.algorithm)
    .bind(key.state.word())
    .bind(key.sealed_private_key.expose())
    .json(&key.public_jwk)
    .bind(&key.certificate)
    .bind(key.created_at)
    .bind(key.not_after)
    .bind(key.revoked_at)
}

impl KeyState {
    const ALL: [Self; 4] = [Self::Current, Self::Next, Self::Previous, Self::Revoked];

    const fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Previous => "previous",
            Self::Revoked => "revoked",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

impl FromRecord for SigningKey {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            kid: record.read("kid")?,
            algorithm: record.read("algorithm")?,
            state: record.word("state", KeyState::parse)?,
            sealed_private_key: Secret::new(record.read("sealed_private_key")?),
            public_jwk: record.json("public_jwk")?,
            certificate: record.read("certificate")?,
            created_at: record.read("created_at")?,
            not_after: record.read("not_after")?,
            revoked_at: record.read("revoked_at")?,
        })
    }
}
