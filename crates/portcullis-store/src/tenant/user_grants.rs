use super::endings::{Origin, end};
use super::listing::Listed;
use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError, Listing, Slice};

/// What a user has consented that a client may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserGrant {
    /// The id by which it is revoked.
    pub id: String,
    /// The user.
    pub user_id: String,
    /// The client.
    pub client_id: String,
    /// The API's identifier; empty for scopes of the tenant alone, as `openid profile`.
    pub audience: String,
    /// In order, each once.
    pub scopes: Vec<String>,
    /// When the user consented first.
    pub created_at: i64,
}

/// Which consents are listed or deleted.
#[derive(Debug, Clone, Default)]
pub struct UserGrantFilter {
    /// Only those of this user.
    pub user_id: Option<String>,
    /// Only those for this client.
    pub client_id: Option<String>,
    /// Only those for this API.
    pub audience: Option<String>,
}

/// The consents of users.
#[derive(Debug)]
pub struct UserGrants<'d>(&'d Database);

impl Database {
    /// The consents of users.
    pub const fn user_grants(&self) -> UserGrants<'_> {
        UserGrants(self)
    }
}

impl UserGrants<'_> {
    /// Adds a consent, or its scopes to the one that user, client and API have.
    ///
    /// The id and the time are used for the first consent only. Two consents at once add up.
    pub async fn add(&self, grant: &UserGrant) -> Result<(), DatabaseError> {
        let mut transaction = self.0.begin().await?;
        // Setting what is set already gives the id of the row that was there.
        let statement = sql(
            "INSERT INTO user_grants (id, user_id, client_id, audience, created_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (user_id, client_id, audience) DO UPDATE SET audience = excluded.audience
             RETURNING id",
        )
        .bind(&grant.id)
        .bind(&grant.user_id)
        .bind(&grant.client_id)
        .bind(&grant.audience)
        .bind(grant.created_at);
        let id: Option<GrantId> = transaction.one(statement).await?;
        let GrantId(id) = id.ok_or(DatabaseError::Damaged { column: "id" })?;
        for scope in &grant.scopes {
            let statement = sql(
                "INSERT INTO user_grant_scopes (grant_id, scope) VALUES ($1, $2)
                 ON CONFLICT DO NOTHING",
            );
            transaction.run(statement.bind(&id).bind(scope)).await?;
        }
        transaction.commit().await
    }

    /// What a user has consented to for a client and an API.
    pub async fn find(
        &self,
        user_id: &str,
        client_id: &str,
        audience: &str,
    ) -> Result<Option<UserGrant>, DatabaseError> {
        let statement = sql("SELECT g.*, (
                 SELECT string_agg(s.scope, ' ') FROM user_grant_scopes s WHERE s.grant_id = g.id
             ) AS scopes FROM user_grants g
             WHERE g.user_id = $1 AND g.client_id = $2 AND g.audience = $3");
        self.0
            .read_one(statement.bind(user_id).bind(client_id).bind(audience))
            .await
    }

    /// Consents by their ids.
    pub async fn list(
        &self,
        filter: &UserGrantFilter,
        slice: &Slice,
    ) -> Result<Listing<UserGrant>, DatabaseError> {
        let rows = sql("SELECT g.*, (
                 SELECT string_agg(s.scope, ' ') FROM user_grant_scopes s WHERE s.grant_id = g.id
             ) AS scopes FROM user_grants g
             WHERE ($1 IS NULL OR g.user_id = $1) AND ($2 IS NULL OR g.client_id = $2)
               AND ($3 IS NULL OR g.audience = $3) AND ($4 IS NULL OR g.id > $4)
             ORDER BY g.id LIMIT $5 OFFSET $6");
        let count = sql("SELECT COUNT(*) AS count FROM user_grants
             WHERE ($1 IS NULL OR user_id = $1) AND ($2 IS NULL OR client_id = $2)
               AND ($3 IS NULL OR audience = $3)");
        let bound = |statement: Statement| {
            statement
                .bind(&filter.user_id)
                .bind(&filter.client_id)
                .bind(&filter.audience)
        };
        self.0.list(bound(rows), bound(count), slice).await
    }

    /// Withdraws a consent, and with it the tokens that it allowed. False when there is none.
    pub async fn delete(&self, id: &str, now: i64) -> Result<bool, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        end(&mut transaction, Origin::Consent(id), now).await?;
        let statement = sql("DELETE FROM user_grants WHERE id = $1");
        let deleted = transaction.run(statement.bind(id)).await?;
        transaction.commit().await?;
        Ok(deleted == 1)
    }

    /// Withdraws every consent of a user, and says how many there were.
    pub async fn delete_of_user(&self, user_id: &str, now: i64) -> Result<u64, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        end(&mut transaction, Origin::Consents(user_id), now).await?;
        let statement = sql("DELETE FROM user_grants WHERE user_id = $1");
        let deleted = transaction.run(statement.bind(user_id)).await?;
        transaction.commit().await?;
        Ok(deleted)
    }
}

struct GrantId(String);

impl FromRecord for GrantId {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        record.read("id").map(Self)
    }
}

impl FromRecord for UserGrant {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        let scopes: Option<String> = record.read("scopes")?;
        // A scope has no space in it (RFC 6749 section 3.3).
        let mut scopes: Vec<String> = scopes
            .unwrap_or_default()
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect();
        scopes.sort_unstable();
        Ok(Self {
            id: record.read("id")?,
            user_id: record.read("user_id")?,
            client_id: record.read("client_id")?,
            audience: record.read("audience")?,
            scopes,
            created_at: record.read("created_at")?,
        })
    }
}

impl Listed for UserGrant {
    fn id(&self) -> &str {
        &self.id
    }
}
