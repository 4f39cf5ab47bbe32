use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::listing::Listed;
use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError, Listing, Slice};

/// An API of the tenant.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the members of Auth0's object"
)]
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceServer {
    /// 24 hexadecimal digits.
    pub id: String,
    /// The audience of its tokens. Unique, and never changed.
    pub identifier: String,
    /// Its name, for people.
    pub name: String,
    /// What may be done with it.
    pub scopes: Vec<Scope>,
    /// `RS256`, `PS256` or `HS256`.
    pub signing_algorithm: String,
    /// `access_token`, `access_token_authz`, `rfc9068_profile` or `rfc9068_profile_authz`.
    pub token_dialect: String,
    /// Seconds that a token is good for.
    pub token_lifetime: i64,
    /// The same for tokens that come to a browser from `/authorize`.
    pub token_lifetime_for_web: i64,
    /// Whether refresh tokens are given.
    pub allow_offline_access: bool,
    /// Auth0's `skip_consent_for_verifiable_first_party_clients`.
    pub skip_consent: bool,
    /// Whether the permissions of users decide (RBAC).
    pub enforce_policies: bool,
    /// Whether it is the tenant's own, as the management API is.
    pub is_system: bool,
    /// Auth0's `subject_type_authorization`.
    pub subject_type_authorization: Json,
    /// Every other member of Auth0's object.
    pub other: Json,
    /// When it was made. Updates leave it.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// A permission that an API knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// `read:reports`.
    pub value: String,
    /// What it means, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The tenant's APIs.
#[derive(Debug)]
pub struct ResourceServers<'d>(&'d Database);

impl Database {
    /// The tenant's APIs.
    pub const fn resource_servers(&self) -> ResourceServers<'_> {
        ResourceServers(self)
    }
}

impl ResourceServers<'_> {
    /// Adds an API. [`DatabaseError::Duplicate`] when its id or identifier is taken.
    pub async fn insert(&self, api: &ResourceServer) -> Result<(), DatabaseError> {
        self.0.write(bound(sql(INSERT), api)).await.map(drop)
    }

    /// Adds an API, or gives the one with its identifier these values; id and creation stay.
    pub async fn upsert(&self, api: &ResourceServer) -> Result<(), DatabaseError> {
        self.0.write(bound(sql(UPSERT), api)).await.map(drop)
    }

    /// Replaces every value but the identifier and `created_at`. False when there is no such id.
    pub async fn update(&self, api: &ResourceServer) -> Result<bool, DatabaseError> {
        Ok(self.0.write(bound(sql(UPDATE), api)).await? == 1)
    }

    /// The API with this id or, as the management API has it, with this identifier.
    pub async fn find(
        &self,
        id_or_identifier: &str,
    ) -> Result<Option<ResourceServer>, DatabaseError> {
        // An identifier may look like another's id: the id is what is meant then.
        let statement = sql(
            "SELECT * FROM resource_servers WHERE id = $1 OR identifier = $1
             ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1",
        );
        self.0.read_one(statement.bind(id_or_identifier)).await
    }

    /// The API for this audience.
    pub async fn find_by_identifier(
        &self,
        identifier: &str,
    ) -> Result<Option<ResourceServer>, DatabaseError> {
        let statement = sql("SELECT * FROM resource_servers WHERE identifier = $1");
        self.0.read_one(statement.bind(identifier)).await
    }

    /// APIs by their ids.
    pub async fn list(&self, slice: &Slice) -> Result<Listing<ResourceServer>, DatabaseError> {
        let rows = sql(
            "SELECT * FROM resource_servers WHERE ($1 IS NULL OR id > $1)
             ORDER BY id LIMIT $2 OFFSET $3",
        );
        let count = sql("SELECT COUNT(*) AS count FROM resource_servers");
        self.0.list(rows, count, slice).await
    }

    /// Deletes an API, its client grants and permissions. False when there is no such id.
    pub async fn delete(&self, id: &str) -> Result<bool, DatabaseError> {
        let statement = sql("DELETE FROM resource_servers WHERE id = $1");
        Ok(self.0.write(statement.bind(id)).await? == 1)
    }
}

const INSERT: &str = "INSERT INTO resource_servers (id, identifier, name, scopes, \
    signing_algorithm, token_dialect, token_lifetime, token_lifetime_for_web, \
    allow_offline_access, skip_consent, enforce_policies, is_system, subject_type_authorization, \
    other, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

const UPSERT: &str = "INSERT INTO resource_servers (id, identifier, name, scopes, \
    signing_algorithm, token_dialect, token_lifetime, token_lifetime_for_web, \
    allow_offline_access, skip_consent, enforce_policies, is_system, subject_type_authorization, \
    other, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
    ON CONFLICT (identifier) DO UPDATE SET name = excluded.name, scopes = excluded.scopes, \
    signing_algorithm = excluded.signing_algorithm, token_dialect = excluded.token_dialect, \
    token_lifetime = excluded.token_lifetime, \
    token_lifetime_for_web = excluded.token_lifetime_for_web, \
    allow_offline_access = excluded.allow_offline_access, skip_consent = excluded.skip_consent, \
    enforce_policies = excluded.enforce_policies, is_system = excluded.is_system, \
    subject_type_authorization = excluded.subject_type_authorization, other = excluded.other, \
    updated_at = excluded.updated_at";

// `$15`, the creation, is bound like the others and must be mentioned: PostgreSQL counts.
const UPDATE: &str = "UPDATE resource_servers SET name = $3, scopes = $4, \
    signing_algorithm = $5, token_dialect = $6, token_lifetime = $7, token_lifetime_for_web = $8, \
    allow_offline_access = $9, skip_consent = $10, enforce_policies = $11, is_system = $12, \
    subject_type_authorization = $13, other = $14, updated_at = $16 \
    WHERE id = $1 AND identifier = $2 AND $15 IS NOT NULL";

fn bound(statement: Statement, api: &ResourceServer) -> Statement {
    statement
        .bind(&api.id)
        .bind(&api.identifier)
        .bind(&api.name)
        .json(&api.scopes)
        .bind(&api.signing_algorithm)
        .bind(&api.token_dialect)
        .bind(api.token_lifetime)
        .bind(api.token_lifetime_for_web)
        .bind(api.allow_offline_access)
        .bind(api.skip_consent)
        .bind(api.enforce_policies)
        .bind(api.is_system)
        .json(&api.subject_type_authorization)
        .json(&api.other)
        .bind(api.created_at)
        .bind(api.updated_at)
}

impl FromRecord for ResourceServer {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: record.read("id")?,
            identifier: record.read("identifier")?,
            name: record.read("name")?,
            scopes: record.json("scopes")?,
            signing_algorithm: record.read("signing_algorithm")?,
            token_dialect: record.read("token_dialect")?,
            token_lifetime: record.read("token_lifetime")?,
            token_lifetime_for_web: record.read("token_lifetime_for_web")?,
            allow_offline_access: record.read("allow_offline_access")?,
            skip_consent: record.read("skip_consent")?,
            enforce_policies: record.read("enforce_policies")?,
            is_system: record.read("is_system")?,
            subject_type_authorization: record.json("subject_type_authorization")?,
            other: record.json("other")?,
            created_at: record.read("created_at")?,
            updated_at: record.read("updated_at")?,
        })
    }
}

impl Listed for ResourceServer {
    fn id(&self) -> &str {
        &self.id
    }
}
