use portcullis_token::Secret;
use serde_json::Value as Json;

use super::endings::{Origin, revoke_tokens};
use super::listing::Listed;
use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError, Hash, Listing, Slice};

/// An application of the tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// What the application calls itself at `/authorize`. Unique.
    pub client_id: String,
    /// Its name, for people.
    pub name: String,
    /// `spa`, `regular_web`, `native` or `non_interactive`; absent where nobody said.
    pub app_type: Option<String>,
    /// Whether it belongs to the tenant, rather than to a third party.
    pub is_first_party: bool,
    /// Auth0's `oidc_conformant`.
    pub oidc_conformant: bool,
    /// What its secret is checked against. Absent for a public client.
    pub secret: Option<ClientSecret>,
    /// How it authenticates at the token endpoint: `none`, `client_secret_post`, ….
    pub authentication_method: String,
    /// Redirect URIs, matched as they are.
    pub callbacks: Vec<String>,
    /// Where a logout may return to.
    pub logout_urls: Vec<String>,
    /// Origins that may ask for `web_message`.
    pub web_origins: Vec<String>,
    /// Origins that may call the API from a browser.
    pub allowed_origins: Vec<String>,
    /// The grant types that it may use.
    pub grant_types: Vec<String>,
    /// Auth0's `jwt_configuration`.
    pub jwt_configuration: Json,
    /// Auth0's `refresh_token`.
    pub refresh_token: Json,
    /// Auth0's `client_metadata`.
    pub metadata: Json,
    /// Every other member of Auth0's object, so that what was imported is exported again.
    pub other: Json,
    /// When it was made. Updates leave it.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// What the secret of a client is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientSecret {
    /// The SHA-256 of a secret of at least 256 random bits.
    Sha256(Secret<Hash>),
    /// The PHC string of a secret that a person chose.
    Phc(Secret<String>),
}

/// Which clients are listed.
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// Only those of this type.
    pub app_type: Option<String>,
    /// Only those that belong to the tenant, or only the others.
    pub is_first_party: Option<bool>,
}

/// The tenant's applications.
#[derive(Debug)]
pub struct Clients<'d>(&'d Database);

impl Database {
    /// The tenant's applications.
    pub const fn clients(&self) -> Clients<'_> {
        Clients(self)
    }
}

impl Clients<'_> {
    /// Adds a client. [`DatabaseError::Duplicate`] when there is one with its id.
    pub async fn insert(&self, client: &Client) -> Result<(), DatabaseError> {
        self.0.write(bound(sql(INSERT), client)).await.map(drop)
    }

    /// Adds a client, or gives the one with its id these values; `created_at` stays.
    pub async fn upsert(&self, client: &Client) -> Result<(), DatabaseError> {
        self.0.write(bound(sql(UPSERT), client)).await.map(drop)
    }

    /// Replaces every value but `created_at`. False when there is no such client.
    pub async fn update(&self, client: &Client) -> Result<bool, DatabaseError> {
        let changed = self.0.write(bound(sql(UPDATE), client)).await?;
        Ok(changed == 1)
    }

    /// Changes a client by `change`, which sees it while nobody else changes it; gives what is then.
    ///
    /// Absent when there is no such client. What `change` refuses is not kept.
    pub async fn change<E: From<DatabaseError>>(
        &self,
        client_id: &str,
        change: impl FnOnce(&mut Client) -> Result<(), E> + Send,
    ) -> Result<Option<Client>, E> {
        let mut transaction = self.0.begin().await?;
        // To write the row, whatever is in it, is what makes others wait in both databases.
        let lock =
            sql("UPDATE clients SET updated_at = updated_at WHERE client_id = $1 RETURNING *");
        let Some(mut row) = transaction.one::<Client>(lock.bind(client_id)).await? else {
            return Ok(None);
        };
        change(&mut row)?;
        transaction.run(bound(sql(UPDATE), &row)).await?;
        transaction.commit().await?;
        Ok(Some(row))
    }

    /// The client with this id.
    pub async fn find(&self, client_id: &str) -> Result<Option<Client>, DatabaseError> {
        let statement = sql("SELECT * FROM clients WHERE client_id = $1");
        self.0.read_one(statement.bind(client_id)).await
    }

    /// Clients by their ids.
    pub async fn list(
        &self,
        filter: &ClientFilter,
        slice: &Slice,
    ) -> Result<Listing<Client>, DatabaseError> {
        let rows = sql("SELECT * FROM clients
             WHERE ($1 IS NULL OR app_type = $1) AND ($2 IS NULL OR is_first_party = $2)
               AND ($3 IS NULL OR client_id > $3)
             ORDER BY client_id LIMIT $4 OFFSET $5");
        let count = sql("SELECT COUNT(*) AS count FROM clients
             WHERE ($1 IS NULL OR app_type = $1) AND ($2 IS NULL OR is_first_party = $2)");
        let bound =
            |statement: Statement| statement.bind(&filter.app_type).bind(filter.is_first_party);
        self.0.list(bound(rows), bound(count), slice).await
    }

    /// Whether a page of `origin`, such as `http://localhost:3000`, is one of some client's.
    ///
    /// It is where it is a web origin, an allowed origin, or where a callback is.
    pub async fn have_origin(&self, origin: &str) -> Result<bool, DatabaseError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.:/[]".contains(&byte);
        if origin.is_empty() || !origin.bytes().all(is_plain) {
            return Ok(false);
        }
        // A list is JSON: each of its texts begins after a quotation mark. No URL has one inside.
        let statement = sql("SELECT COUNT(*) AS count FROM clients
             WHERE web_origins LIKE $1 OR allowed_origins LIKE $1
                OR callbacks LIKE $1 OR callbacks LIKE $2");
        let statement = statement
            .bind(format!("%\"{origin}\"%"))
            .bind(format!("%\"{origin}/%"));
        Ok(self.0.count(statement).await? > 0)
    }

    /// Deletes a client with its credentials, grants, codes and tokens. False when there is none.
    pub async fn delete(&self, client_id: &str) -> Result<bool, DatabaseError> {
        let mut transaction = self.0.begin().await?;
        // Rows go with the client's; what APIs have been given does not.
        revoke_tokens(&mut transaction, Origin::Client(client_id)).await?;
        let statement = sql("DELETE FROM clients WHERE client_id = $1");
        let deleted = transaction.run(statement.bind(client_id)).await?;
        transaction.commit().await?;
        Ok(deleted == 1)
    }
}

const INSERT: &str = "INSERT INTO clients (client_id, name, app_type, is_first_party, \
    oidc_conformant, secret_sha256, secret_phc, authentication_method, callbacks, logout_urls, \
    web_origins, allowed_origins, grant_types, jwt_configuration, refresh_token, metadata, other, \
    created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";

const UPSERT: &str = "INSERT INTO clients (client_id, name, app_type, is_first_party, \
    oidc_conformant, secret_sha256, secret_phc, authentication_method, callbacks, logout_urls, \
    web_origins, allowed_origins, grant_types, jwt_configuration, refresh_token, metadata, other, \
    created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
    ON CONFLICT (client_id) DO UPDATE SET name = excluded.name, app_type = excluded.app_type, \
    is_first_party = excluded.is_first_party, oidc_conformant = excluded.oidc_conformant, \
    secret_sha256 = excluded.secret_sha256, secret_phc = excluded.secret_phc, \
    authentication_method = excluded.authentication_method, callbacks = excluded.callbacks, \
    logout_urls = excluded.logout_urls, web_origins = excluded.web_origins, \
    allowed_origins = excluded.allowed_origins, grant_types = excluded.grant_types, \
    jwt_configuration = excluded.jwt_configuration, refresh_token = excluded.refresh_token, \
    metadata = excluded.metadata, other = excluded.other, updated_at = excluded.updated_at";

// `$18`, the creation, is bound like the others and must be mentioned: PostgreSQL counts.
const UPDATE: &str = "UPDATE clients SET name = $2, app_type = $3, is_first_party = $4, \
    oidc_conformant = $5, secret_sha256 = $6, secret_phc = $7, authentication_method = $8, \
    callbacks = $9, logout_urls = $10, web_origins = $11, allowed_origins = $12, \
    grant_types = $13, jwt_configuration = $14, refresh_token = $15, metadata = $16, other = $17, \
    updated_at = $19 \
    WHERE client_id = $1 AND $18 IS NOT NULL";

fn bound(statement: Statement, client: &Client) -> Statement {
    let (sha256, phc) = match &client.secret {
        Some(ClientSecret::Sha256(hash)) => (Some(hash.expose()), None),
        Some(ClientSecret::Phc(phc)) => (None, Some(phc.expose().as_str())),
        None => (None, None),
    };
    statement
        .bind(&client.client_id)
        .bind(&client.name)
        .bind(&client.app_type)
        .bind(client.is_first_party)
        .bind(client.oidc_conformant)
        .bind(sha256)
        .bind(phc)
        .bind(&client.authentication_method)
        .json(&client.callbacks)
        .json(&client.logout_urls)
        .json(&client.web_origins)
        .json(&client.allowed_origins)
        .json(&client.grant_types)
        .json(&client.jwt_configuration)
        .json(&client.refresh_token)
        .json(&client.metadata)
        .json(&client.other)
        .bind(client.created_at)
        .bind(client.updated_at)
}

impl FromRecord for Client {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        let sha256 = record.find_hash("secret_sha256")?;
        let phc: Option<String> = record.read("secret_phc")?;
        let sha256 = sha256.map(|hash| ClientSecret::Sha256(Secret::new(hash)));
        Ok(Self {
            client_id: record.read("client_id")?,
            name: record.read("name")?,
            app_type: record.read("app_type")?,
            is_first_party: record.read("is_first_party")?,
            oidc_conformant: record.read("oidc_conformant")?,
            secret: sha256.or_else(|| phc.map(|phc| ClientSecret::Phc(Secret::new(phc)))),
            authentication_method: record.read("authentication_method")?,
            callbacks: record.json("callbacks")?,
            logout_urls: record.json("logout_urls")?,
            web_origins: record.json("web_origins")?,
            allowed_origins: record.json("allowed_origins")?,
            grant_types: record.json("grant_types")?,
            jwt_configuration: record.json("jwt_configuration")?,
            refresh_token: record.json("refresh_token")?,
            metadata: record.json("metadata")?,
            other: record.json("other")?,
            created_at: record.read("created_at")?,
            updated_at: record.read("updated_at")?,
        })
    }
}

impl Listed for Client {
    fn id(&self) -> &str {
        &self.client_id
    }
}
