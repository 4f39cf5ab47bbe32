use serde_json::Value as Json;

use super::database::Transaction;
use super::signed_tokens::hold_family;
use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError, Hash};

/// An access token that only the tenant can read, as one without an audience is.
#[derive(Debug, Clone, PartialEq)]
pub struct OpaqueToken {
    /// The SHA-256 of the token.
    pub hash: Hash,
    /// Whose it is.
    pub client_id: String,
    /// Whom it is about. Absent for the client itself.
    pub user_id: Option<String>,
    /// The session that it comes from.
    pub sid: Option<String>,
    /// The refresh family that takes it along when it is revoked.
    pub family_id: Option<String>,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// The API's identifier. Absent for `/userinfo` alone.
    pub audience: Option<String>,
    /// Whatever else belongs to it.
    pub data: Json,
    /// When it was issued.
    pub created_at: i64,
    /// From when on it is not accepted.
    pub expires_at: i64,
}

/// Access tokens that only the tenant can read.
#[derive(Debug)]
pub struct OpaqueTokens<'d>(&'d Database);

impl Database {
    /// Access tokens that only the tenant can read.
    pub const fn opaque_tokens(&self) -> OpaqueTokens<'_> {
        OpaqueTokens(self)
    }
}

impl OpaqueTokens<'_> {
    /// Adds a token. One for a code is added by [`Codes::spend`](super::Codes::spend).
    ///
    /// False when its family is revoked, as by a reuse at the same time.
    pub async fn insert(&self, token: &OpaqueToken) -> Result<bool, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        if let Some(family_id) = &token.family_id
            && !hold_family(&mut transaction, family_id).await?
        {
            return Ok(false);
        }
        insert_opaque_token(&mut transaction, token).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The token, unless it has ended or its family is revoked.
    pub async fn find(&self, hash: &Hash, now: i64) -> Result<Option<OpaqueToken>, DatabaseError> {
        let statement = sql(
            "SELECT * FROM opaque_tokens WHERE hash = $1 AND expires_at > $2
               AND NOT EXISTS (SELECT 1 FROM rt_families f
                   WHERE f.id = opaque_tokens.family_id AND f.revoked_at IS NOT NULL)",
        );
        self.0.read_one(statement.bind(hash).bind(now)).await
    }

    /// Revokes a token (RFC 7009). False when the client has no such token.
    pub async fn revoke(&self, hash: &Hash, client_id: &str) -> Result<bool, DatabaseError> {
        let statement = sql("DELETE FROM opaque_tokens WHERE hash = $1 AND client_id = $2");
        Ok(self.0.write(statement.bind(hash).bind(client_id)).await? == 1)
    }
}

pub(super) async fn insert_opaque_token(
    transaction: &mut Transaction,
    token: &OpaqueToken,
) -> Result<(), DatabaseError> {
    transaction.run(insertion(token)).await.map(drop)
}

fn insertion(token: &OpaqueToken) -> Statement {
    sql(
        "INSERT INTO opaque_tokens (hash, client_id, user_id, sid, family_id, scopes, audience,
             data, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&token.hash)
    .bind(&token.client_id)
    .bind(&token.user_id)
    .bind(&token.sid)
    .bind(&token.family_id)
    .json(&token.scopes)
    .bind(&token.audience)
    .json(&token.data)
    .bind(token.created_at)
    .bind(token.expires_at)
}

impl FromRecord for OpaqueToken {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            hash: record.hash("hash")?,
            client_id: record.read("client_id")?,
            user_id: record.read("user_id")?,
            sid: record.read("sid")?,
            family_id: record.read("family_id")?,
            scopes: record.json("scopes")?,
            audience: record.read("audience")?,
            data: record.json("data")?,
            created_at: record.read("created_at")?,
            expires_at: record.read("expires_at")?,
        })
    }
}
