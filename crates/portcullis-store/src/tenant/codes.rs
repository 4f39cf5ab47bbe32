use serde_json::Value as Json;

use super::endings::{Origin, end};
use super::opaque_tokens::insert_opaque_token;
use super::refresh_tokens::insert_family;
use super::signed_tokens::insert_signed_token;
use super::sql::{FromRecord, Record, sql};
use super::{Database, DatabaseError, Hash, OpaqueToken, RefreshFamily, RefreshToken, SignedToken};

/// An authorization code, and all that it is bound to.
#[derive(Debug, Clone, PartialEq)]
pub struct Code {
    /// The SHA-256 of the code.
    pub hash: Hash,
    /// Who may spend it.
    pub client_id: String,
    /// Who has logged in.
    pub user_id: String,
    /// Their session.
    pub sid: Option<String>,
    /// Where it was sent; the same must be named when it is spent.
    pub redirect_uri: String,
    /// The `code_challenge` of method S256. Absent where none was sent.
    pub challenge: Option<String>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// The API's identifier. Absent for none.
    pub audience: Option<String>,
    /// When the user logged in.
    pub auth_time: i64,
    /// Whatever else the tokens need.
    pub data: Json,
    /// The id of the family that its refresh tokens are of, whether there will be any or not.
    pub family_id: String,
    /// The id of the signed token that was issued for it. Absent until it is spent.
    pub access_token_id: Option<String>,
    /// When it was issued.
    pub created_at: i64,
    /// From when on it is not accepted: 60 seconds after.
    pub expires_at: i64,
}

/// Who wants to spend a code, and what is issued for it if they may.
#[derive(Debug, Clone)]
pub struct CodeSpending<'a> {
    /// The SHA-256 of the code.
    pub hash: &'a Hash,
    /// The client that sent it, authenticated.
    pub client_id: &'a str,
    /// The access token that APIs check by themselves, if there is to be one.
    pub signed_token: Option<&'a SignedToken>,
    /// The family with its first refresh token, if there is to be one.
    pub family: Option<(&'a RefreshFamily, &'a RefreshToken)>,
    /// The opaque access token, if there is to be one.
    pub opaque_token: Option<&'a OpaqueToken>,
    /// The time.
    pub now: i64,
}

/// What spending a code came to.
#[derive(Debug, Clone, PartialEq)]
pub enum SpentCode {
    /// It is spent now, and what was to be issued is kept.
    Spent(Box<Code>),
    /// It was spent before (RFC 6749 section 4.1.2).
    ///
    /// Its refresh family and all of its access tokens are revoked.
    Replayed(Box<Code>),
    /// There is no such code of this client, or it came too late.
    Unknown,
}

/// Authorization codes.
#[derive(Debug)]
pub struct Codes<'d>(&'d Database);

impl Database {
    /// Authorization codes.
    pub const fn codes(&self) -> Codes<'_> {
        Codes(self)
    }
}

impl Codes<'_> {
    /// Adds a code.
    pub async fn insert(&self, code: &Code) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO codes (hash, client_id, user_id, sid, redirect_uri,
                 challenge, nonce, scopes, audience, auth_time, data, family_id, access_token_id,
                 created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        )
        .bind(&code.hash)
        .bind(&code.client_id)
        .bind(&code.user_id)
        .bind(&code.sid)
        .bind(&code.redirect_uri)
        .bind(&code.challenge)
        .bind(&code.nonce)
        .json(&code.scopes)
        .bind(&code.audience)
        .bind(code.auth_time)
        .json(&code.data)
        .bind(&code.family_id)
        .bind(&code.access_token_id)
        .bind(code.created_at)
        .bind(code.expires_at);
        self.0.write(statement).await.map(drop)
    }

    /// The code, spent or not, for checks before it is spent. Nothing may be issued for it by this.
    pub async fn find(&self, hash: &Hash, client_id: &str) -> Result<Option<Code>, DatabaseError> {
        let statement = sql("SELECT * FROM codes WHERE hash = $1 AND client_id = $2");
        self.0.read_one(statement.bind(hash).bind(client_id)).await
    }

    /// Counts a wrong verifier or redirect URI; the `allowed`th makes the code unusable.
    pub async fn fail(
        &self,
        hash: &Hash,
        client_id: &str,
        allowed: i64,
        now: i64,
    ) -> Result<(), DatabaseError> {
        let statement = sql("UPDATE codes SET failures = failures + 1,
                 expires_at = CASE WHEN failures + 1 >= $3 THEN $4 ELSE expires_at END
             WHERE hash = $1 AND client_id = $2 AND used_at IS NULL AND expires_at > $4");
        let statement = statement.bind(hash).bind(client_id).bind(allowed).bind(now);
        self.0.write(statement).await.map(drop)
    }

    /// Spends a code once, whoever else tries at the same time, and keeps what is issued for it.
    ///
    /// The first refresh token is written here so that a replay cannot come between and miss it.
    pub async fn spend(&self, spending: &CodeSpending<'_>) -> Result<SpentCode, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        let spend = sql("UPDATE codes SET used_at = $3, access_token_id = $4
             WHERE hash = $1 AND client_id = $2 AND used_at IS NULL AND expires_at > $3
             RETURNING *")
        .bind(spending.hash)
        .bind(spending.client_id)
        .bind(spending.now)
        .bind(spending.signed_token.map(|token| token.id.as_str()));
        if let Some(code) = transaction.one::<Code>(spend).await? {
            if let Some((family, token)) = spending.family {
                insert_family(&mut transaction, family, token).await?;
            }
            if let Some(token) = spending.opaque_token {
                insert_opaque_token(&mut transaction, token).await?;
            }
            if let Some(token) = spending.signed_token {
                insert_signed_token(&mut transaction, token).await?;
            }
            transaction.commit().await?;
            return Ok(SpentCode::Spent(Box::new(code)));
        }
        let find_spent = sql("SELECT * FROM codes
             WHERE hash = $1 AND client_id = $2 AND used_at IS NOT NULL")
        .bind(spending.hash)
        .bind(spending.client_id);
        let Some(code) = transaction.one::<Code>(find_spent).await? else {
            return Ok(SpentCode::Unknown);
        };
        let family = Origin::Family(&code.family_id);
        end(&mut transaction, family, spending.now).await?;
        transaction.commit().await?;
        Ok(SpentCode::Replayed(Box::new(code)))
    }
}

impl FromRecord for Code {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            hash: record.hash("hash")?,
            client_id: record.read("client_id")?,
            user_id: record.read("user_id")?,
            sid: record.read("sid")?,
            redirect_uri: record.read("redirect_uri")?,
            challenge: record.read("challenge")?,
            nonce: record.read("nonce")?,
            scopes: record.json("scopes")?,
            audience: record.read("audience")?,
            auth_time: record.read("auth_time")?,
            data: record.json("data")?,
            family_id: record.read("family_id")?,
            access_token_id: record.read("access_token_id")?,
            created_at: record.read("created_at")?,
            expires_at: record.read("expires_at")?,
        })
    }
}
