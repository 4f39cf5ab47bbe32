//! What the settings name, in the database, where the endpoints find it.

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_store::tenant::{
    Client, ClientGrant, ClientSecret, Database, DatabaseError, ResourceServer, Scope,
};
use portcullis_token::{Secret, UnixTime};
use serde_json::json;

use crate::settings::{Api, Application, Authentication, Settings};

/// How many hexadecimal digits the ids of Auth0's objects have.
const ID_DIGITS: usize = 24;
/// How long tokens that come to a browser from `/authorize` are valid: two hours.
const TOKEN_LIFETIME_FOR_WEB: i64 = 7200;

/// Writes the APIs and applications, in the place of earlier ones with the same identifiers.
pub(crate) async fn write(
    database: &Database,
    settings: &Settings,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    let now = i64::try_from(now.0).unwrap_or(i64::MAX);
    for api in &settings.apis {
        let api = resource_server(api, now);
        database.resource_servers().upsert(&api).await?;
    }
    for application in &settings.applications {
        database.clients().upsert(&client(application, now)).await?;
        for (audience, scopes) in &application.grants {
            let grant = ClientGrant {
                id: format!("cgr_{}", id(&[&application.client_id, audience])),
                client_id: application.client_id.clone(),
                audience: audience.clone(),
                scopes: scopes.clone(),
                subject_type: "client".to_owned(),
                created_at: now,
            };
            database.client_grants().upsert(&grant).await?;
        }
    }
    Ok(())
}

fn resource_server(api: &Api, now: i64) -> ResourceServer {
    let scope = |value: &String| Scope {
        value: value.clone(),
        description: None,
    };
    ResourceServer {
        id: id(&[&api.identifier]),
        identifier: api.identifier.clone(),
        name: api.identifier.clone(),
        scopes: api.permissions.iter().map(scope).collect(),
        signing_algorithm: "RS256".to_owned(),
        token_dialect: api.token_dialect.name().to_owned(),
        token_lifetime: i64::try_from(api.token_lifetime.as_secs()).unwrap_or(i64::MAX),
        token_lifetime_for_web: TOKEN_LIFETIME_FOR_WEB,
        allow_offline_access: true,
        skip_consent: false,
        enforce_policies: false,
        is_system: false,
        subject_type_authorization: json!({
            "user": { "policy": "allow_all" },
            "client": { "policy": "require_client_grant" },
        }),
        other: json!({}),
        created_at: now,
        updated_at: now,
    }
}

fn client(application: &Application, now: i64) -> Client {
    let (secret, method) = match &application.authentication {
        Authentication::Public => (None, "none"),
        Authentication::Secret(secret) => (Some(hash(secret)), "client_secret_post"),
    };
    let grant_types = application.grant_types.iter();
    Client {
        client_id: application.client_id.clone(),
        name: application.name.clone(),
        app_type: None,
        is_first_party: true,
        oidc_conformant: true,
        secret,
        authentication_method: method.to_owned(),
        callbacks: Vec::new(),
        logout_urls: Vec::new(),
        web_origins: Vec::new(),
        allowed_origins: Vec::new(),
        grant_types: grant_types.map(|grant| grant.name().to_owned()).collect(),
        jwt_configuration: json!({ "lifetime_in_seconds": 36000, "alg": "RS256" }),
        refresh_token: json!({}),
        metadata: json!({}),
        other: json!({}),
        created_at: now,
        updated_at: now,
    }
}

/// The secrets of the file may be anybody's choice: they are compared, and never leave this machine.
fn hash(secret: &Secret<String>) -> ClientSecret {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.expose().as_bytes()).as_ref());
    ClientSecret::Sha256(Secret::new(hash))
}

/// The id of an object with these names: the same each time the file is read.
fn id(names: &[&str]) -> String {
    let names = digest(&SHA256, names.join("\n").as_bytes());
    let digits = names.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<String>().chars().take(ID_DIGITS).collect()
}
