use super::database::Transaction;
use super::sql::sql;
use super::{Database, DatabaseError};

/// An access token that APIs check by themselves, and who would have to be told of its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedToken {
    /// By which it is revoked: see [`TokenIds`](super::TokenIds).
    pub id: String,
    /// Whose it is.
    pub client_id: String,
    /// Whom it is about.
    pub user_id: String,
    /// The session that it comes from.
    pub sid: Option<String>,
    /// The refresh family, or that of the code, which takes it along when it is revoked.
    pub family_id: Option<String>,
    /// The API's identifier.
    pub audience: Option<String>,
    /// When it ends by itself.
    pub expires_at: i64,
}

/// Users' access tokens that APIs check by themselves.
#[derive(Debug)]
pub struct SignedTokens<'d>(&'d Database);

impl Database {
    /// Users' access tokens that APIs check by themselves.
    pub const fn signed_tokens(&self) -> SignedTokens<'_> {
        SignedTokens(self)
    }
}

impl SignedTokens<'_> {
    /// Adds a token. One for a code is added by [`Codes::spend`](super::Codes::spend).
    ///
    /// False when its family is revoked, as by a reuse at the same time: it must not be given then.
    pub async fn insert(&self, token: &SignedToken) -> Result<bool, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        if let Some(family_id) = &token.family_id
            && !hold_family(&mut transaction, family_id).await?
        {
            return Ok(false);
        }
        insert_signed_token(&mut transaction, token).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Holds a family against one who revokes it meanwhile. False when it is revoked or unknown.
pub(super) async fn hold_family(
    transaction: &mut Transaction,
    id: &str,
) -> Result<bool, DatabaseError> {
    // It changes nothing.
    let hold = sql("UPDATE rt_families SET last_used_at = last_used_at
         WHERE id = $1 AND revoked_at IS NULL");
    Ok(transaction.run(hold.bind(id)).await? > 0)
}

pub(super) async fn insert_signed_token(
    transaction: &mut Transaction,
    token: &SignedToken,
) -> Result<(), DatabaseError> {
    let statement = sql(
        "INSERT INTO signed_tokens (id, client_id, user_id, sid, family_id, audience, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&token.id)
    .bind(&token.client_id)
    .bind(&token.user_id)
    .bind(&token.sid)
    .bind(&token.family_id)
    .bind(&token.audience)
    .bind(token.expires_at);
    transaction.run(statement).await.map(drop)
}
