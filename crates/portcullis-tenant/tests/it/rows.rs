//! What a login leaves in the database: applications, a user and codes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_store::tenant::{
    Client, ClientSecret, Code, Database, Hash, Identity, ResourceServer, Scope, User,
};
use portcullis_token::Secret;
use serde_json::{Value, json};

use crate::server::{AUDIENCE, SECRET, Server};

pub(crate) const ADA: &str = "auth0|507f1f77bcf86cd799439011";
pub(crate) const CALLBACK: &str = "http://localhost:3000/callback";
pub(crate) const CONNECTION: &str = "Username-Password-Authentication";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(crate) fn hash(text: &str) -> Hash {
    use aws_lc_rs::digest::{SHA256, digest};
    digest(&SHA256, text.as_bytes())
        .as_ref()
        .try_into()
        .unwrap()
}

/// The confidential `web`, the public `spa`, and Ada, who may read reports.
pub(crate) async fn seed(server: &Server) {
    let database = &server.database;
    database.clients().insert(&web()).await.unwrap();
    database.clients().insert(&spa()).await.unwrap();
    insert_user(database, &ada(), None).await;
}

pub(crate) async fn insert_user(database: &Database, user: &User, phc: Option<&Secret<String>>) {
    let identity = Identity {
        user_id: user.user_id.clone(),
        provider: "auth0".to_owned(),
        connection: user.connection.clone(),
        provider_user_id: user.user_id.trim_start_matches("auth0|").to_owned(),
    };
    database.users().insert(user, &identity, phc).await.unwrap();
}

/// A regular web application, whose refresh tokens do not rotate.
pub(crate) fn web() -> Client {
    client("web", Some(SECRET), &json!({}))
}

/// A single-page application, whose refresh tokens rotate without leeway.
pub(crate) fn spa() -> Client {
    client("spa", None, &json!({ "rotation_type": "rotating" }))
}

pub(crate) fn client(client_id: &str, secret: Option<&str>, refresh_token: &Value) -> Client {
    let method = match secret {
        Some(_) => "client_secret_post",
        None => "none",
    };
    let grant_types = [
        "authorization_code",
        "implicit",
        "refresh_token",
        DEVICE_GRANT,
    ];
    Client {
        client_id: client_id.to_owned(),
        name: client_id.to_owned(),
        app_type: None,
        is_first_party: true,
        oidc_conformant: true,
        secret: secret.map(|secret| ClientSecret::Sha256(Secret::new(hash(secret)))),
        authentication_method: method.to_owned(),
        callbacks: vec![CALLBACK.to_owned()],
        logout_urls: Vec::new(),
        web_origins: Vec::new(),
        allowed_origins: Vec::new(),
        grant_types: grant_types.map(str::to_owned).to_vec(),
        jwt_configuration: json!({ "lifetime_in_seconds": 36000 }),
        refresh_token: refresh_token.clone(),
        metadata: json!({}),
        other: json!({}),
        created_at: 0,
        updated_at: 0,
    }
}

pub(crate) fn ada() -> User {
    User {
        user_id: ADA.to_owned(),
        connection: CONNECTION.to_owned(),
        email: Some("ada@example.com".to_owned()),
        email_verified: true,
        username: None,
        blocked: false,
        profile: json!({ "name": "Ada" }),
        user_metadata: json!({}),
        app_metadata: json!({}),
        created_at: 0,
        updated_at: 0,
        logins_count: 0,
        last_login_at: None,
        last_ip: None,
    }
}

/// An API with `read` and `write`, which limits users to their permissions.
pub(crate) fn guarded_api(dialect: &str) -> ResourceServer {
    let scope = |value: &str| Scope {
        value: value.to_owned(),
        description: None,
    };
    ResourceServer {
        id: "guarded".to_owned(),
        identifier: "guarded".to_owned(),
        name: "guarded".to_owned(),
        scopes: vec![scope("read"), scope("write")],
        signing_algorithm: "RS256".to_owned(),
        token_dialect: dialect.to_owned(),
        token_lifetime: 600,
        token_lifetime_for_web: 600,
        allow_offline_access: true,
        skip_consent: false,
        enforce_policies: true,
        is_system: false,
        subject_type_authorization: json!({}),
        other: json!({}),
        created_at: 0,
        updated_at: 0,
    }
}

/// A code `text` of a login of Ada's at `web`, for everything.
pub(crate) fn code(server: &Server, text: &str) -> Code {
    let now = server.now();
    Code {
        hash: hash(text),
        client_id: "web".to_owned(),
        user_id: ADA.to_owned(),
        sid: Some("session-1".to_owned()),
        redirect_uri: CALLBACK.to_owned(),
        challenge: None,
        nonce: Some("n-1".to_owned()),
        scopes: words("openid profile read:reports offline_access"),
        audience: Some(AUDIENCE.to_owned()),
        auth_time: now - 5,
        data: json!({}),
        family_id: format!("family-{text}"),
        access_token_id: None,
        created_at: now,
        expires_at: now + 60,
    }
}

/// The same of `spa`, with a challenge.
pub(crate) fn spa_code(server: &Server, text: &str) -> Code {
    Code {
        client_id: "spa".to_owned(),
        challenge: Some(CHALLENGE.to_owned()),
        ..code(server, text)
    }
}

pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// The parameters that spend a code of `web`.
pub(crate) fn spending(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", "web"),
        ("client_secret", SECRET),
        ("code", code),
        ("redirect_uri", CALLBACK),
    ]
}

/// The parameters that spend a code of `spa`.
pub(crate) fn spa_spending(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

/// The parameters with which `spa` refreshes.
pub(crate) fn refreshing(token: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "refresh_token"),
        ("client_id", "spa"),
        ("refresh_token", token),
    ]
}

/// The claims of a token, unverified: other tests verify.
pub(crate) fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
