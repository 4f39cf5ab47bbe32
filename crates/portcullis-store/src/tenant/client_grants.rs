use super::listing::Listed;
use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError, Listing, Slice};

/// What a client may ask of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientGrant {
    /// `cgr_…`.
    pub id: String,
    /// The client.
    pub client_id: String,
    /// The API's identifier.
    pub audience: String,
    /// The most that it is given.
    pub scopes: Vec<String>,
    /// Whether it is for the client itself or for its users: `client` or `user`.
    pub subject_type: String,
    /// When it was made.
    pub created_at: i64,
}

/// Which client grants are listed.
#[derive(Debug, Clone, Default)]
pub struct ClientGrantFilter {
    /// Only those of this client.
    pub client_id: Option<String>,
    /// Only those for this API.
    pub audience: Option<String>,
    /// Only `client` or only `user`.
    pub subject_type: Option<String>,
}

/// What clients may ask of APIs.
#[derive(Debug)]
pub struct ClientGrants<'d>(&'d Database);

impl Database {
    /// What clients may ask of APIs.
    pub const fn client_grants(&self) -> ClientGrants<'_> {
        ClientGrants(self)
    }
}

impl ClientGrants<'_> {
    /// Adds a grant. [`DatabaseError::Duplicate`] when client, API and subject type have one.
    pub async fn insert(&self, grant: &ClientGrant) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO client_grants (id, client_id, audience, scopes, subject_type, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        );
        self.0.write(bound(statement, grant)).await.map(drop)
    }

    /// Adds a grant, or gives the one of this client, API and subject type these scopes.
    pub async fn upsert(&self, grant: &ClientGrant) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO client_grants (id, client_id, audience, scopes, subject_type, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (client_id, audience, subject_type) DO UPDATE SET scopes = excluded.scopes",
        );
        self.0.write(bound(statement, grant)).await.map(drop)
    }

    /// Replaces the scopes, and gives what the grant is then.
    pub async fn replace_scopes(
        &self,
        id: &str,
        scopes: &[String],
    ) -> Result<Option<ClientGrant>, DatabaseError> {
        let statement = sql("UPDATE client_grants SET scopes = $2 WHERE id = $1 RETURNING *");
        self.0.write_one(statement.bind(id).json(&scopes)).await
    }

    /// The grant with this id.
    pub async fn find(&self, id: &str) -> Result<Option<ClientGrant>, DatabaseError> {
        let statement = sql("SELECT * FROM client_grants WHERE id = $1");
        self.0.read_one(statement.bind(id)).await
    }

    /// What `client_id` may ask of `audience` for itself (`client`) or for its users (`user`).
    pub async fn find_for(
        &self,
        client_id: &str,
        audience: &str,
        subject_type: &str,
    ) -> Result<Option<ClientGrant>, DatabaseError> {
        let statement = sql("SELECT * FROM client_grants
             WHERE client_id = $1 AND audience = $2 AND subject_type = $3");
        self.0
            .read_one(statement.bind(client_id).bind(audience).bind(subject_type))
            .await
    }

    /// Grants by their ids.
    pub async fn list(
        &self,
        filter: &ClientGrantFilter,
        slice: &Slice,
    ) -> Result<Listing<ClientGrant>, DatabaseError> {
        let rows = sql("SELECT * FROM client_grants
             WHERE ($1 IS NULL OR client_id = $1) AND ($2 IS NULL OR audience = $2)
               AND ($3 IS NULL OR subject_type = $3) AND ($4 IS NULL OR id > $4)
             ORDER BY id LIMIT $5 OFFSET $6");
        let count = sql("SELECT COUNT(*) AS count FROM client_grants
             WHERE ($1 IS NULL OR client_id = $1) AND ($2 IS NULL OR audience = $2)
               AND ($3 IS NULL OR subject_type = $3)");
        let bound = |statement: Statement| {
            statement
                .bind(&filter.client_id)
                .bind(&filter.audience)
                .bind(&filter.subject_type)
        };
        self.0.list(bound(rows), bound(count), slice).await
    }

    /// Deletes a grant. False when there is none.
    pub async fn delete(&self, id: &str) -> Result<bool, DatabaseError> {
        let statement = sql("DELETE FROM client_grants WHERE id = $1");
        Ok(self.0.write(statement.bind(id)).await? == 1)
    }
}

fn bound(statement: Statement, grant: &ClientGrant) -> Statement {
    statement
        .bind(&grant.id)
        .bind(&grant.client_id)
        .bind(&grant.audience)
        .json(&grant.scopes)
        .bind(&grant.subject_type)
        .bind(grant.created_at)
}

impl FromRecord for ClientGrant {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: record.read("id")?,
            client_id: record.read("client_id")?,
            audience: record.read("audience")?,
            scopes: record.json("scopes")?,
            subject_type: record.read("subject_type")?,
            created_at: record.read("created_at")?,
        })
    }
}

impl Listed for ClientGrant {
    fn id(&self) -> &str {
        &self.id
    }
}
