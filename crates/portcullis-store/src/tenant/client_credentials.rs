use serde_json::Value as Json;

use super::sql::{FromRecord, Record, sql};
use super::{Database, DatabaseError};

/// The most credentials that one client's list shows.
const MAX_CREDENTIALS: i64 = 100;

/// A public key with which a client authenticates (`private_key_jwt`).
#[derive(Debug, Clone, PartialEq)]
pub struct ClientCredential {
    /// `cred_…`.
    pub id: String,
    /// The client whose key it is.
    pub client_id: String,
    /// Auth0's `credential_type`: `public_key`.
    pub kind: String,
    /// Its name, for people.
    pub name: Option<String>,
    /// The `kid` that assertions name. Unique for one client.
    pub kid: String,
    /// `RS256`, `RS384` or `PS256`.
    pub algorithm: String,
    /// The public key.
    pub public_jwk: Json,
    /// When it was added.
    pub created_at: i64,
    /// From when on it is not accepted. Absent for never.
    pub expires_at: Option<i64>,
}

/// The public keys of clients.
#[derive(Debug)]
pub struct ClientCredentials<'d>(&'d Database);

impl Database {
    /// The public keys of clients.
    pub const fn client_credentials(&self) -> ClientCredentials<'_> {
        ClientCredentials(self)
    }
}

impl ClientCredentials<'_> {
    /// Adds a key. [`DatabaseError::Duplicate`] when its id, or its `kid` for this client, is taken.
    pub async fn insert(&self, credential: &ClientCredential) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO client_credentials (id, client_id, kind, name, kid, algorithm,
                 public_jwk, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&credential.id)
        .bind(&credential.client_id)
        .bind(&credential.kind)
        .bind(&credential.name)
        .bind(&credential.kid)
        .bind(&credential.algorithm)
        .json(&credential.public_jwk)
        .bind(credential.created_at)
        .bind(credential.expires_at);
        self.0.write(statement).await.map(drop)
    }

    /// The keys of a client, expired ones too, at most 100.
    pub async fn of_client(&self, client_id: &str) -> Result<Vec<ClientCredential>, DatabaseError> {
        let statement =
            sql("SELECT * FROM client_credentials WHERE client_id = $1 ORDER BY id LIMIT $2");
        self.0
            .read_all(statement.bind(client_id).bind(MAX_CREDENTIALS))
            .await
    }

    /// Changes when a key expires. False when the client has no such key.
    pub async fn expire(
        &self,
        client_id: &str,
        id: &str,
        expires_at: Option<i64>,
    ) -> Result<bool, DatabaseError> {
        let statement =
            sql("UPDATE client_credentials SET expires_at = $3 WHERE client_id = $1 AND id = $2");
        let statement = statement.bind(client_id).bind(id).bind(expires_at);
        Ok(self.0.write(statement).await? == 1)
    }

    /// Deletes a key. False when the client has no such key.
    pub async fn delete(&self, client_id: &str, id: &str) -> Result<bool, DatabaseError> {
        let statement = sql("DELETE FROM client_credentials WHERE client_id = $1 AND id = $2");
        Ok(self.0.write(statement.bind(client_id).bind(id)).await? == 1)
    }
}

impl FromRecord for ClientCredential {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: record.read("id")?,
            client_id: record.read("client_id")?,
            kind: record.read("kind")?,
            name: record.read("name")?,
            kid: record.read("kid")?,
            algorithm: record.read("algorithm")?,
            public_jwk: record.json("public_jwk")?,
            created_at: record.read("created_at")?,
            expires_at: record.read("expires_at")?,
        })
    }
}
