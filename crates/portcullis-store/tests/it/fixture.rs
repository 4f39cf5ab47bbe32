//! An empty database and the rows that most cases need.

use std::future::Future;

use portcullis_store::tenant::{
    Client, Code, Database, Hash, Identity, OpaqueToken, RefreshFamily, RefreshToken,
    ResourceServer, Scope, SignedToken, User,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// When the cases happen: the start of the 15th of January 2027.
pub(crate) const NOW: i64 = 1_800_000_000;

/// A database, and how another process would open it.
pub(crate) struct Fixture {
    pub(crate) url: String,
    pub(crate) database: Database,
}

impl Fixture {
    pub(crate) async fn open(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            database: Database::open(url).await.unwrap(),
        }
    }

    /// The clients `web` and `other`, the user `auth0|ada` and the API `https://api.example/`.
    pub(crate) async fn seed(&self) -> &Database {
        let database = &self.database;
        database.clients().insert(&client("web")).await.unwrap();
        database.clients().insert(&client("other")).await.unwrap();
        let api = api("api", "https://api.example/");
        database.resource_servers().insert(&api).await.unwrap();
        insert_user(database, "auth0|ada", "ada@example.com").await;
        database
    }
}

/// A file for a database in a folder of its own.
pub(crate) struct SqliteFile {
    pub(crate) directory: TempDir,
}

impl SqliteFile {
    pub(crate) fn create() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}/tenant.db", self.directory.path().display())
    }

    pub(crate) async fn open(&self) -> Fixture {
        Fixture::open(&self.url()).await
    }
}

/// Calls `call` so many times at once, with the number of the call, and gives what they answer.
pub(crate) async fn at_once<T, F>(calls: u8, call: impl Fn(u8) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut set = JoinSet::new();
    for number in 0..calls {
        set.spawn(call(number));
    }
    set.join_all().await
}

/// A hash that stands for a value that is none.
pub(crate) const fn hash(number: u8) -> Hash {
    [number; 32]
}

pub(crate) fn client(client_id: &str) -> Client {
    Client {
        client_id: client_id.to_owned(),
        name: format!("The {client_id}"),
        app_type: Some("regular_web".to_owned()),
        is_first_party: true,
        oidc_conformant: true,
        secret: None,
        authentication_method: "none".to_owned(),
        callbacks: vec!["https://app.example/callback".to_owned()],
        logout_urls: Vec::new(),
        web_origins: Vec::new(),
        allowed_origins: Vec::new(),
        grant_types: vec!["authorization_code".to_owned()],
        jwt_configuration: json!({ "lifetime_in_seconds": 36000 }),
        refresh_token: json!({ "rotation_type": "rotating" }),
        metadata: json!({}),
        other: json!({ "sso_disabled": false }),
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn api(id: &str, identifier: &str) -> ResourceServer {
    ResourceServer {
        id: id.to_owned(),
        identifier: identifier.to_owned(),
        name: "Reports".to_owned(),
        scopes: vec![Scope {
            value: "read:reports".to_owned(),
            description: Some("Read reports".to_owned()),
        }],
        signing_algorithm: "RS256".to_owned(),
        token_dialect: "access_token".to_owned(),
        token_lifetime: 86400,
        token_lifetime_for_web: 7200,
        allow_offline_access: true,
        skip_consent: false,
        enforce_policies: true,
        is_system: false,
        subject_type_authorization: json!({ "user": { "policy": "allow_all" } }),
        other: json!({}),
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn user(user_id: &str, email: &str) -> User {
    User {
        user_id: user_id.to_owned(),
        connection: "users".to_owned(),
        email: Some(email.to_owned()),
        email_verified: true,
        username: None,
        blocked: false,
        profile: json!({ "name": "Ada" }),
        user_metadata: json!({}),
        app_metadata: json!({ "plan": "full" }),
        created_at: NOW,
        updated_at: NOW,
        logins_count: 0,
        last_login_at: None,
        last_ip: None,
    }
}

pub(crate) fn identity(user_id: &str) -> Identity {
    Identity {
        user_id: user_id.to_owned(),
        provider: "auth0".to_owned(),
        connection: "users".to_owned(),
        provider_user_id: user_id.trim_start_matches("auth0|").to_owned(),
    }
}

pub(crate) async fn insert_user(database: &Database, user_id: &str, email: &str) {
    let phc = portcullis_token::Secret::new(format!("$argon2id$of-{user_id}"));
    database
        .users()
        .insert(&user(user_id, email), &identity(user_id), Some(&phc))
        .await
        .unwrap();
}

/// A code of `web` for `auth0|ada`, whose family is `family-N`.
pub(crate) fn code(number: u8) -> Code {
    Code {
        hash: hash(number),
        client_id: "web".to_owned(),
        user_id: "auth0|ada".to_owned(),
        sid: Some("sid".to_owned()),
        redirect_uri: "https://app.example/callback".to_owned(),
        challenge: Some("challenge".to_owned()),
        nonce: None,
        scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
        audience: Some("https://api.example/".to_owned()),
        auth_time: NOW,
        data: json!({ "acr": null }),
        family_id: format!("family-{number}"),
        access_token_id: None,
        created_at: NOW,
        expires_at: NOW + 60,
    }
}

/// A rotating family of `web` for `auth0|ada`.
pub(crate) fn family(id: &str) -> RefreshFamily {
    RefreshFamily {
        id: id.to_owned(),
        client_id: "web".to_owned(),
        user_id: "auth0|ada".to_owned(),
        sid: Some("sid".to_owned()),
        scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
        audience: Some("https://api.example/".to_owned()),
        auth_time: NOW,
        is_rotating: true,
        data: json!({}),
        created_at: NOW,
        last_used_at: NOW,
        expires_at: Some(NOW + 1000),
        revoked_at: None,
    }
}

pub(crate) const fn token(number: u8) -> RefreshToken {
    RefreshToken {
        hash: hash(number),
        expires_at: Some(NOW + 500),
    }
}

/// An opaque token of `web` for `auth0|ada`.
pub(crate) fn opaque(number: u8, family_id: Option<&str>) -> OpaqueToken {
    OpaqueToken {
        hash: hash(number),
        client_id: "web".to_owned(),
        user_id: Some("auth0|ada".to_owned()),
        sid: None,
        family_id: family_id.map(str::to_owned),
        scopes: vec!["openid".to_owned()],
        audience: None,
        data: json!({}),
        created_at: NOW,
        expires_at: NOW + 100,
    }
}

/// A signed token of `web` for `auth0|ada` in the session `sid`.
pub(crate) fn signed(id: &str, family_id: &str) -> SignedToken {
    SignedToken {
        id: id.to_owned(),
        client_id: "web".to_owned(),
        user_id: "auth0|ada".to_owned(),
        sid: Some("sid".to_owned()),
        family_id: Some(family_id.to_owned()),
        audience: Some("https://api.example/".to_owned()),
        expires_at: NOW + 100,
    }
}
