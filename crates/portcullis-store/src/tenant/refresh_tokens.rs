use serde_json::Value as Json;

use super::database::Transaction;
use super::endings::{Origin, end};
use super::listing::Listed;
use super::opaque_tokens::insert_opaque_token;
use super::signed_tokens::{hold_family, insert_signed_token};
use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError, Hash, Listing, OpaqueToken, SignedToken, Slice};

/// What the refresh tokens that follow from one login have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct RefreshFamily {
    /// The id by which it is listed and revoked.
    pub id: String,
    /// Whose tokens they are.
    pub client_id: String,
    /// Who has logged in.
    pub user_id: String,
    /// The session that it began in.
    pub sid: Option<String>,
    /// The most that it is good for.
    pub scopes: Vec<String>,
    /// The API's identifier. Absent for none.
    pub audience: Option<String>,
    /// When the user logged in.
    pub auth_time: i64,
    /// Whether each use gives another token.
    pub is_rotating: bool,
    /// Whatever else the tokens need.
    pub data: Json,
    /// When it began.
    pub created_at: i64,
    /// When one of its tokens was last used.
    pub last_used_at: i64,
    /// When it ends, however much it is used. Absent for never.
    pub expires_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

/// One refresh token of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The SHA-256 of the token.
    pub hash: Hash,
    /// When it ends unless it is used. Absent for never.
    pub expires_at: Option<i64>,
}

/// A refresh token that was sent, and what follows it.
///
/// A token that is lost on the way is asked for again with the one before, within `leeway`. The same
/// must be answered then, and a hash cannot be: so the successor is **derived** from the token that
/// was sent, as HMAC-SHA-256 with a key of the tenant's. Whoever sends the token again brings about
/// the same successor, which is stored nowhere, and without the key nobody can.
#[derive(Debug, Clone)]
pub struct Rotation<'a> {
    /// The SHA-256 of the token that was sent.
    pub hash: &'a Hash,
    /// The client that sent it, authenticated.
    pub client_id: &'a str,
    /// The SHA-256 of the successor that was derived from the token.
    pub successor: &'a Hash,
    /// When the successor ends unless it is used. Absent for never.
    pub expires_at: Option<i64>,
    /// For how many seconds after its use the token gives the same successor again. 0 for none.
    pub leeway: i64,
    /// The access token that APIs check by themselves, if there is to be one.
    pub signed_token: Option<&'a SignedToken>,
    /// The opaque access token, if there is to be one.
    pub opaque_token: Option<&'a OpaqueToken>,
    /// The time.
    pub now: i64,
}

/// What sending a refresh token came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Rotated {
    /// The token is spent, and its successor is good. [`RefreshTokens::renew`] spends nothing.
    Rotated(Box<RefreshFamily>),
    /// The token was spent within `leeway`: the same successor is to be given again.
    Again(Box<RefreshFamily>),
    /// The token was spent before: somebody else has it. The family is revoked (RFC 9700 section 4.14).
    Reused(Box<RefreshFamily>),
    /// The family was revoked before.
    Revoked(Box<RefreshFamily>),
    /// The token, or its family, has ended.
    Expired,
    /// There is no such token of this client.
    Unknown,
}

/// Which families are listed. Those that are revoked are not.
#[derive(Debug, Clone, Default)]
pub struct RefreshFamilyFilter {
    /// Only those of this user.
    pub user_id: Option<String>,
    /// Only those of this client.
    pub client_id: Option<String>,
    /// Only those that began in this session.
    pub sid: Option<String>,
}

/// Refresh tokens, by families.
#[derive(Debug)]
pub struct RefreshTokens<'d>(&'d Database);

impl Database {
    /// Refresh tokens, by families.
    pub const fn refresh_tokens(&self) -> RefreshTokens<'_> {
        RefreshTokens(self)
    }
}

impl RefreshTokens<'_> {
    /// Adds a family with its first token, where no code is spent, as for a device.
    pub async fn insert(
        &self,
        family: &RefreshFamily,
        token: &RefreshToken,
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.0.begin().await?;
        insert_family(&mut transaction, family, token).await?;
        transaction.commit().await
    }

    /// The family of a token, spent or not, for checks before it is used.
    pub async fn find(
        &self,
        hash: &Hash,
        client_id: &str,
    ) -> Result<Option<RefreshFamily>, DatabaseError> {
        let statement = sql("SELECT f.* FROM rt_families f
             JOIN rt_tokens t ON t.family_id = f.id
             WHERE t.hash = $1 AND f.client_id = $2");
        self.0.read_one(statement.bind(hash).bind(client_id)).await
    }

    /// Spends a token for its successor, once, however many send it at the same time.
    ///
    /// The access token is kept in the same transaction, so that a reuse that comes next finds it. A
    /// reuse revokes the family in one, too. So does a successor other than the one
    /// that was given first, as after a change of the tenant's key.
    pub async fn rotate(&self, rotation: &Rotation<'_>) -> Result<Rotated, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        let spend = sql("UPDATE rt_tokens SET used_at = $4, successor = $3
             WHERE hash = $1 AND used_at IS NULL AND (expires_at IS NULL OR expires_at > $4)
               AND EXISTS (SELECT 1 FROM rt_families f
                   WHERE f.id = rt_tokens.family_id AND f.client_id = $2
                     AND f.revoked_at IS NULL AND (f.expires_at IS NULL OR f.expires_at > $4))
             RETURNING *")
        .bind(rotation.hash)
        .bind(rotation.client_id)
        .bind(rotation.successor)
        .bind(rotation.now);
        let Some(spent) = transaction.one::<StoredToken>(spend).await? else {
            return refuse_or_repeat(transaction, rotation).await;
        };
        let successor = StoredToken {
            family_id: spent.family_id,
            generation: spent.generation.saturating_add(1),
            successor: None,
            used_at: None,
            expires_at: rotation.expires_at,
        };
        transaction
            .run(successor.insertion(rotation.successor))
            .await?;
        // Somebody may have revoked the family since: then none of this is kept.
        let touch = sql("UPDATE rt_families SET last_used_at = $2
             WHERE id = $1 AND revoked_at IS NULL RETURNING *");
        let touch = touch.bind(&successor.family_id).bind(rotation.now);
        let Some(family) = transaction.one(touch).await? else {
            drop(transaction);
            return self.find_revoked(rotation).await;
        };
        keep_access_token(&mut transaction, rotation).await?;
        transaction.commit().await?;
        Ok(Rotated::Rotated(Box::new(family)))
    }

    /// Uses a token of a family that does not rotate: it is good until `expires_at`, if that is later.
    ///
    /// Never [`Rotated::Again`] or [`Rotated::Reused`].
    pub async fn renew(
        &self,
        hash: &Hash,
        client_id: &str,
        expires_at: Option<i64>,
        now: i64,
    ) -> Result<Rotated, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        let renew = sql("UPDATE rt_tokens SET expires_at = $3
             WHERE hash = $1 AND used_at IS NULL AND (expires_at IS NULL OR expires_at > $4)
               AND EXISTS (SELECT 1 FROM rt_families f
                   WHERE f.id = rt_tokens.family_id AND f.client_id = $2
                     AND f.revoked_at IS NULL AND (f.expires_at IS NULL OR f.expires_at > $4))
             RETURNING *")
        .bind(hash)
        .bind(client_id)
        .bind(expires_at)
        .bind(now);
        let Some(renewed) = transaction.one::<StoredToken>(renew).await? else {
            return match find_family(&mut transaction, hash, client_id).await? {
                Some(family) if family.revoked_at.is_some() => {
                    Ok(Rotated::Revoked(Box::new(family)))
                }
                Some(_) => Ok(Rotated::Expired),
                None => Ok(Rotated::Unknown),
            };
        };
        let touch = sql("UPDATE rt_families SET last_used_at = $2 WHERE id = $1 RETURNING *");
        let touch = touch.bind(&renewed.family_id).bind(now);
        let family: Option<RefreshFamily> = transaction.one(touch).await?;
        transaction.commit().await?;
        Ok(match family {
            Some(family) if family.revoked_at.is_some() => Rotated::Revoked(Box::new(family)),
            Some(family) => Rotated::Rotated(Box::new(family)),
            None => Rotated::Unknown,
        })
    }

    /// Revokes the family of a token (RFC 7009), and gives it. Absent for another client's token.
    pub async fn revoke(
        &self,
        hash: &Hash,
        client_id: &str,
        now: i64,
    ) -> Result<Option<RefreshFamily>, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        let Some(family) = find_family(&mut transaction, hash, client_id).await? else {
            return Ok(None);
        };
        end(&mut transaction, Origin::Family(&family.id), now).await?;
        transaction.commit().await?;
        Ok(Some(family))
    }

    /// Revokes a family. False when there is none, or when it was revoked before.
    pub async fn revoke_family(&self, id: &str, now: i64) -> Result<bool, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        let revoked = end(&mut transaction, Origin::Family(id), now).await?;
        transaction.commit().await?;
        Ok(revoked == 1)
    }

    /// Revokes what a user has: everything, or what one client has, or what one session began.
    pub async fn revoke_of_user(
        &self,
        user_id: &str,
        client_id: Option<&str>,
        sid: Option<&str>,
        now: i64,
    ) -> Result<u64, DatabaseError> {
        let families = Origin::Families {
            user_id,
            client_id,
            sid,
        };
        let mut transaction = self.0.begin().await?;
        let revoked = end(&mut transaction, families, now).await?;
        transaction.commit().await?;
        Ok(revoked)
    }

    /// The family with this id, revoked or not.
    pub async fn find_family(&self, id: &str) -> Result<Option<RefreshFamily>, DatabaseError> {
        let statement = sql("SELECT * FROM rt_families WHERE id = $1");
        self.0.read_one(statement.bind(id)).await
    }

    /// Families that are not revoked, by their ids.
    pub async fn list(
        &self,
        filter: &RefreshFamilyFilter,
        slice: &Slice,
    ) -> Result<Listing<RefreshFamily>, DatabaseError> {
        let rows = sql("SELECT * FROM rt_families
             WHERE ($1 IS NULL OR user_id = $1) AND ($2 IS NULL OR client_id = $2)
               AND ($3 IS NULL OR sid = $3) AND revoked_at IS NULL AND ($4 IS NULL OR id > $4)
             ORDER BY id LIMIT $5 OFFSET $6");
        let count = sql("SELECT COUNT(*) AS count FROM rt_families
             WHERE ($1 IS NULL OR user_id = $1) AND ($2 IS NULL OR client_id = $2)
               AND ($3 IS NULL OR sid = $3) AND revoked_at IS NULL");
        let bound = |statement: Statement| {
            statement
                .bind(&filter.user_id)
                .bind(&filter.client_id)
                .bind(&filter.sid)
        };
        self.0.list(bound(rows), bound(count), slice).await
    }

    async fn find_revoked(&self, rotation: &Rotation<'_>) -> Result<Rotated, DatabaseError> {
        let family = self.find(rotation.hash, rotation.client_id).await?;
        Ok(family.map_or(Rotated::Unknown, |family| {
            Rotated::Revoked(Box::new(family))
        }))
    }
}

/// Says why a token could not be spent, and revokes its family where that is the answer.
async fn refuse_or_repeat(
    mut transaction: Transaction,
    rotation: &Rotation<'_>,
) -> Result<Rotated, DatabaseError> {
    let family = find_family(&mut transaction, rotation.hash, rotation.client_id).await?;
    let statement = sql("SELECT * FROM rt_tokens WHERE hash = $1").bind(rotation.hash);
    let token: Option<StoredToken> = transaction.one(statement).await?;
    let (Some(family), Some(token)) = (family, token) else {
        return Ok(Rotated::Unknown);
    };
    let Some(used_at) = token.used_at.filter(|_| family.revoked_at.is_none()) else {
        return Ok(match family.revoked_at {
            Some(_) => Rotated::Revoked(Box::new(family)),
            None => Rotated::Expired,
        });
    };
    let is_in_leeway = rotation.now < used_at.saturating_add(rotation.leeway);
    if is_in_leeway && token.successor.as_ref() == Some(rotation.successor) {
        if family.expires_at.is_some_and(|at| at <= rotation.now) {
            return Ok(Rotated::Expired);
        }
        if !hold_family(&mut transaction, &family.id).await? {
            return Ok(Rotated::Revoked(Box::new(family)));
        }
        keep_access_token(&mut transaction, rotation).await?;
        transaction.commit().await?;
        return Ok(Rotated::Again(Box::new(family)));
    }
    let reused = Origin::Family(&family.id);
    end(&mut transaction, reused, rotation.now).await?;
    transaction.commit().await?;
    Ok(Rotated::Reused(Box::new(family)))
}

async fn keep_access_token(
    transaction: &mut Transaction,
    rotation: &Rotation<'_>,
) -> Result<(), DatabaseError> {
    if let Some(token) = rotation.signed_token {
        insert_signed_token(transaction, token).await?;
    }
    if let Some(token) = rotation.opaque_token {
        insert_opaque_token(transaction, token).await?;
    }
    Ok(())
}

async fn find_family(
    transaction: &mut Transaction,
    hash: &Hash,
    client_id: &str,
) -> Result<Option<RefreshFamily>, DatabaseError> {
    let statement = sql(
        "SELECT f.* FROM rt_families f JOIN rt_tokens t ON t.family_id = f.id
         WHERE t.hash = $1 AND f.client_id = $2",
    );
    transaction.one(statement.bind(hash).bind(client_id)).await
}

pub(super) async fn insert_family(
    transaction: &mut Transaction,
    family: &RefreshFamily,
    token: &RefreshToken,
) -> Result<(), DatabaseError> {
    let statement = sql(
        "INSERT INTO rt_families (id, client_id, user_id, sid, scopes, audience,
             auth_time, is_rotating, data, created_at, last_used_at, expires_at, revoked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(&family.id)
    .bind(&family.client_id)
    .bind(&family.user_id)
    .bind(&family.sid)
    .json(&family.scopes)
    .bind(&family.audience)
    .bind(family.auth_time)
    .bind(family.is_rotating)
    .json(&family.data)
    .bind(family.created_at)
    .bind(family.last_used_at)
    .bind(family.expires_at)
    .bind(family.revoked_at);
    transaction.run(statement).await?;
    let first = StoredToken {
        family_id: family.id.clone(),
        generation: 0,
        successor: None,
        used_at: None,
        expires_at: token.expires_at,
    };
    transaction
        .run(first.insertion(&token.hash))
        .await
        .map(drop)
}

/// A row of `rt_tokens` without its hash.
struct StoredToken {
    family_id: String,
    generation: i64,
    successor: Option<Hash>,
    used_at: Option<i64>,
    expires_at: Option<i64>,
}

impl StoredToken {
    /// The statement that adds it, unspent.
    fn insertion(&self, hash: &Hash) -> Statement {
        sql(
            "INSERT INTO rt_tokens (hash, family_id, generation, expires_at)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(hash)
        .bind(&self.family_id)
        .bind(self.generation)
        .bind(self.expires_at)
    }
}

impl FromRecord for StoredToken {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            family_id: record.read("family_id")?,
            generation: record.read("generation")?,
            successor: record.find_hash("successor")?,
            used_at: record.read("used_at")?,
            expires_at: record.read("expires_at")?,
        })
    }
}

impl FromRecord for RefreshFamily {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: record.read("id")?,
            client_id: record.read("client_id")?,
            user_id: record.read("user_id")?,
            sid: record.read("sid")?,
            scopes: record.json("scopes")?,
            audience: record.read("audience")?,
            auth_time: record.read("auth_time")?,
            is_rotating: record.read("is_rotating")?,
            data: record.json("data")?,
            created_at: record.read("created_at")?,
            last_used_at: record.read("last_used_at")?,
            expires_at: record.read("expires_at")?,
            revoked_at: record.read("revoked_at")?,
        })
    }
}

impl Listed for RefreshFamily {
    fn id(&self) -> &str {
        &self.id
    }
}
