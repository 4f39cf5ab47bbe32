//! What the settings name, in the database, where the endpoints find it.

mod people;
mod removal;

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_store::tenant::{
    Client, ClientGrant, ClientGrantFilter, ClientSecret, Connection, Database, DatabaseError,
    MAX_ROWS, ResourceServer, Scope, Slice,
};
use portcullis_token::{Secret, UnixTime};
use serde_json::{Map, Value, json};

use crate::ids::{object_id_of, sha256};
use crate::passwords::Passwords;
use crate::settings::{Api, Application, Authentication, LogoutPrompt, RefreshTokens, Settings};
use crate::{EndSession, TenantError};

use removal::Named;

pub(crate) use removal::RECORD;

/// The name of the connection whose users have a password here.
pub const CONNECTION: &str = "Username-Password-Authentication";

/// Writes what the settings name, in the place of earlier ones with the same identifiers.
///
/// What an earlier file named and they do not goes; the rest stays, such as what came by the
/// management API.
pub(crate) async fn write(
    database: &Database,
    settings: &Settings,
    passwords: &Passwords,
    now: UnixTime,
) -> Result<(), TenantError> {
    let now = i64::try_from(now.0).unwrap_or(i64::MAX);
    write_options(database, settings, now).await?;
    for api in &settings.apis {
        let api = resource_server(api, now);
        database.resource_servers().upsert(&api).await?;
    }
    for application in &settings.applications {
        database.clients().upsert(&client(application, now)).await?;
        write_client_grants(database, application, now).await?;
    }
    write_connection(database, &settings.applications, now).await?;
    people::write(database, &settings.people, passwords, now).await
}

/// Changes those of the tenant's settings that there are words for.
async fn write_options(
    database: &Database,
    settings: &Settings,
    now: i64,
) -> Result<(), DatabaseError> {
    let options = &settings.options;
    let known = database.settings().load().await?;
    let mut known = match known {
        Some(Value::Object(known)) => known,
        _ => Map::new(),
    };
    // Before the names are replaced: whoever is stopped in between does it again.
    let named = Named::by(settings);
    Named::kept(&known).remove_all_but(&named, database).await?;
    named.keep(&mut known);
    if let Some(audience) = &options.default_audience {
        known.insert("default_audience".to_owned(), json!(audience));
    }
    if !options.logout_urls.is_empty() {
        known.insert("allowed_logout_urls".to_owned(), json!(options.logout_urls));
    }
    let published = options.end_session == EndSession::Published;
    let asks = options.logout_prompt == LogoutPrompt::Ask;
    for (group, member, value) in [
        (
            "oidc_logout",
            "rp_logout_end_session_endpoint_discovery",
            published,
        ),
        ("sessions", "oidc_logout_prompt_enabled", asks),
    ] {
        let group = known.entry(group).or_insert_with(|| json!({}));
        if let Some(group) = group.as_object_mut() {
            group.insert(member.to_owned(), value.into());
        }
    }
    database.settings().save(&Value::Object(known), now).await
}

/// Gives the application the grants of the settings, and no others for itself.
async fn write_client_grants(
    database: &Database,
    application: &Application,
    now: i64,
) -> Result<(), DatabaseError> {
    let client_id = &application.client_id;
    let grants = database.client_grants();
    let own = ClientGrantFilter {
        client_id: Some(client_id.clone()),
        subject_type: Some("client".to_owned()),
        ..ClientGrantFilter::default()
    };
    for known in grants.list(&own, &Slice::after(None, MAX_ROWS)).await?.rows {
        // Only what an earlier file has made, which is told by its id.
        let is_ours = known.id == grant_id(client_id, &known.audience);
        if is_ours && !application.grants.contains_key(&known.audience) {
            grants.delete(&known.id).await?;
        }
    }
    for (audience, scopes) in &application.grants {
        let grant = ClientGrant {
            id: grant_id(client_id, audience),
            client_id: client_id.clone(),
            audience: audience.clone(),
            scopes: scopes.clone(),
            subject_type: "client".to_owned(),
            created_at: now,
        };
        grants.upsert(&grant).await?;
    }
    Ok(())
}

fn grant_id(client_id: &str, audience: &str) -> String {
    format!("cgr_{}", object_id_of(&[client_id, audience]))
}

/// Has users with a password log in at every application of the settings.
async fn write_connection(
    database: &Database,
    applications: &[Application],
    now: i64,
) -> Result<(), DatabaseError> {
    let known = database.connections().find_by_name(CONNECTION).await?;
    let mut connection = known.unwrap_or_else(|| Connection {
        id: format!("con_{:.16}", object_id_of(&["connection", CONNECTION])),
        name: CONNECTION.to_owned(),
        strategy: "auth0".to_owned(),
        enabled_clients: Vec::new(),
        options: json!({}),
        other: json!({}),
        created_at: now,
        updated_at: now,
    });
    for application in applications {
        if !connection.enabled_clients.contains(&application.client_id) {
            connection
                .enabled_clients
                .push(application.client_id.clone());
            connection.updated_at = now;
        }
    }
    database.connections().upsert(&connection).await
}

fn resource_server(api: &Api, now: i64) -> ResourceServer {
    let rules = &api.rules;
    let scope = |value: &String| Scope {
        value: value.clone(),
        description: rules.descriptions.get(value).cloned(),
    };
    ResourceServer {
        id: object_id_of(&[&api.identifier]),
        identifier: api.identifier.clone(),
        name: rules.name.clone().unwrap_or_else(|| api.identifier.clone()),
        scopes: api.permissions.iter().map(scope).collect(),
        signing_algorithm: "RS256".to_owned(),
        token_dialect: api.token_dialect.name().to_owned(),
        token_lifetime: seconds(api.token_lifetime),
        token_lifetime_for_web: seconds(rules.token_lifetime_for_web.min(api.token_lifetime)),
        allow_offline_access: rules.allows_offline_access,
        skip_consent: rules.skips_consent,
        enforce_policies: rules.enforces_permissions,
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
    let login = &application.login;
    let own = application.grant_types.iter().map(|grant| grant.name());
    let grant_types: BTreeSet<&str> = own.chain(login.grant_types.iter().copied()).collect();
    Client {
        client_id: application.client_id.clone(),
        name: application.name.clone(),
        app_type: login.app_type.map(str::to_owned),
        is_first_party: login.is_first_party,
        oidc_conformant: true,
        secret,
        authentication_method: method.to_owned(),
        callbacks: login.callbacks.clone(),
        logout_urls: login.logout_urls.clone(),
        web_origins: login.web_origins.clone(),
        allowed_origins: Vec::new(),
        grant_types: grant_types.into_iter().map(str::to_owned).collect(),
        jwt_configuration: json!({ "lifetime_in_seconds": 36000, "alg": "RS256" }),
        refresh_token: refresh_token(login.refresh_tokens),
        metadata: json!({}),
        other: json!({}),
        created_at: now,
        updated_at: now,
    }
}

/// Auth0's objects for both kinds, with its lifetimes.
fn refresh_token(kind: RefreshTokens) -> Value {
    match kind {
        RefreshTokens::NonRotating => json!({
            "rotation_type": "non-rotating",
            "expiration_type": "non-expiring",
            "leeway": 0,
            "token_lifetime": 31_557_600,
            "infinite_token_lifetime": true,
            "infinite_idle_token_lifetime": true,
            "idle_token_lifetime": 2_592_000,
        }),
        RefreshTokens::Rotating { leeway } => json!({
            "rotation_type": "rotating",
            "expiration_type": "expiring",
            "leeway": leeway.as_secs(),
            "token_lifetime": 2_592_000,
            "infinite_token_lifetime": false,
            "infinite_idle_token_lifetime": false,
            "idle_token_lifetime": 1_296_000,
        }),
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// The secrets of the file may be anybody's choice: they are compared, and never leave this machine.
fn hash(secret: &Secret<String>) -> ClientSecret {
    ClientSecret::Sha256(Secret::new(sha256(secret.expose())))
}
