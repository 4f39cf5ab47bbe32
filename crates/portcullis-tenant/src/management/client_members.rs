//! An application as Auth0 shows it, and as the database has it.

use portcullis_store::tenant::{Client, ClientCredential};
use serde_json::{Map, Value, json};

use super::ids::date;
use super::members::{Kind, Member, member, merge, texts};

const LIFETIME: Kind = Kind::Integer(1, 157_788_000);

const JWT_CONFIGURATION: &[Member] = &[
    member("lifetime_in_seconds", Kind::Integer(1, 2_592_000)),
    member("secret_encoded", Kind::Boolean),
    member("scopes", Kind::AnyObject),
    member("alg", Kind::Word(&["RS256"])),
];

const REFRESH_TOKEN: &[Member] = &[
    member("rotation_type", Kind::Word(&["rotating", "non-rotating"])).required(),
    member("expiration_type", Kind::Word(&["expiring", "non-expiring"])).required(),
    member("leeway", Kind::Integer(0, 157_788_000)),
    member("token_lifetime", LIFETIME),
    member("infinite_token_lifetime", Kind::Boolean),
    member("idle_token_lifetime", LIFETIME),
    member("infinite_idle_token_lifetime", Kind::Boolean),
    member("policies", Kind::Any),
];

/// A key of an application, as it is added.
pub(super) const CREDENTIAL: &[Member] = &[
    member("credential_type", Kind::Word(&["public_key"])).required(),
    member("name", Kind::Text(1, 128)),
    member("pem", Kind::Text(1, 8192)).required(),
    member("alg", Kind::Word(&["RS256", "RS384", "PS256"])),
    member("parse_expiry_from_cert", Kind::Boolean),
    member("expires_at", Kind::Text(1, 64)),
];

const KEPT_CREDENTIALS: &[Member] = &[
    member("id", Kind::Text(1, 64)),
    member("credential_type", Kind::Word(&["public_key"])),
    member("name", Kind::Text(1, 128)),
    member("pem", Kind::Text(1, 8192)),
    member("alg", Kind::Word(&["RS256", "RS384", "PS256"])),
    member("expires_at", Kind::Text(1, 64)),
];

const PRIVATE_KEY_JWT: &[Member] =
    &[member("credentials", Kind::Objects(10, KEPT_CREDENTIALS)).required()];

const AUTHENTICATION_METHODS: &[Member] =
    &[member("private_key_jwt", Kind::Object(PRIVATE_KEY_JWT)).required()];

/// What an application is made of, or changed by.
pub(super) const MEMBERS: &[Member] = &[
    member("name", Kind::Text(1, 255)).required(),
    member("description", Kind::Text(0, 140)),
    member("client_secret", Kind::Text(1, 255)),
    member("logo_uri", Kind::Text(0, 2083)),
    member(
        "app_type",
        Kind::Word(&[
            "native",
            "spa",
            "regular_web",
            "non_interactive",
            "resource_server",
            "express_configuration",
            "sso_integration",
        ]),
    ),
    member("is_first_party", Kind::Boolean),
    member("oidc_conformant", Kind::Boolean),
    member("callbacks", Kind::Callbacks),
    member("allowed_logout_urls", Kind::Callbacks),
    member("web_origins", Kind::Origins),
    member("allowed_origins", Kind::Origins),
    member("grant_types", Kind::Texts(50, 255)),
    member(
        "token_endpoint_auth_method",
        Kind::Word(&["none", "client_secret_post", "client_secret_basic"]),
    )
    .or_null(),
    member(
        "client_authentication_methods",
        Kind::Object(AUTHENTICATION_METHODS),
    )
    .or_null(),
    member("jwt_configuration", Kind::Object(JWT_CONFIGURATION)).or_null(),
    member("refresh_token", Kind::Object(REFRESH_TOKEN)).or_null(),
    member("client_metadata", Kind::AnyObject).or_null(),
    member("client_aliases", Kind::Texts(100, 255)),
    member("allowed_clients", Kind::Texts(100, 255)),
    member("oidc_logout", Kind::Any),
    member("oidc_backchannel_logout", Kind::Any),
    member("session_transfer", Kind::Any),
    member("is_token_endpoint_ip_header_trusted", Kind::Boolean),
    member("encryption_key", Kind::Any),
    member("sso", Kind::Boolean),
    member("sso_disabled", Kind::Boolean),
    member("cross_origin_auth", Kind::Boolean),
    member("cross_origin_authentication", Kind::Boolean),
    member("cross_origin_loc", Kind::Any),
    member("custom_login_page", Kind::Any),
    member("custom_login_page_on", Kind::Boolean),
    member("custom_login_page_preview", Kind::Any),
    member("form_template", Kind::Any),
    member("addons", Kind::Any),
    member("mobile", Kind::Any),
    member("native_social_login", Kind::Any),
    member("initiate_login_uri", Kind::Text(0, 2083)),
    member("default_organization", Kind::Any),
    member(
        "organization_usage",
        Kind::Word(&["deny", "allow", "require"]),
    )
    .or_null(),
    member("organization_require_behavior", Kind::Any),
    member("organization_discovery_methods", Kind::Any),
    member("require_pushed_authorization_requests", Kind::Boolean),
    member("require_proof_of_possession", Kind::Boolean),
    member("signed_request_object", Kind::Any),
    member("compliance_level", Kind::Any),
    member(
        "skip_non_verifiable_callback_uri_confirmation_prompt",
        Kind::Any,
    ),
    member("token_exchange", Kind::Any),
    member("token_quota", Kind::Any),
    member("par_request_expiry", Kind::Any),
    member("resource_server_identifier", Kind::Text(1, 600)),
    member("express_configuration", Kind::Any),
    member("async_approval_notification_channels", Kind::Any),
    member("third_party_security_mode", Kind::Any),
    member("redirection_policy", Kind::Any),
];

/// What Auth0 gives an application that does not say.
const OTHER_DEFAULTS: [(&str, bool); 5] = [
    ("is_token_endpoint_ip_header_trusted", false),
    ("sso_disabled", false),
    // The same by its older name and by the one that tools send.
    ("cross_origin_auth", false),
    ("cross_origin_authentication", false),
    ("custom_login_page_on", true),
];

/// The method of applications that sign with a key of their own.
pub(super) const PRIVATE_KEY: &str = "private_key_jwt";

fn default_refresh_token() -> Value {
    json!({
        "rotation_type": "non-rotating",
        "expiration_type": "non-expiring",
        "leeway": 0,
        "token_lifetime": 31_557_600,
        "infinite_token_lifetime": true,
        "infinite_idle_token_lifetime": true,
        "idle_token_lifetime": 2_592_000,
    })
}

/// What a rotating one lasts: 30 days, and half of it without use.
fn rotating_refresh_token() -> Value {
    json!({
        "leeway": 0,
        "token_lifetime": 2_592_000,
        "infinite_token_lifetime": false,
        "infinite_idle_token_lifetime": false,
        "idle_token_lifetime": 1_296_000,
    })
}

fn default_jwt_configuration() -> Value {
    json!({ "lifetime_in_seconds": 36_000, "secret_encoded": false })
}

/// The grant types of an application of this kind, unless it names others.
fn default_grant_types(app_type: Option<&str>) -> Vec<String> {
    let types: &[&str] = match app_type {
        Some("non_interactive") => &["client_credentials"],
        Some("spa" | "native") => &["authorization_code", "implicit", "refresh_token"],
        _ => &[
            "authorization_code",
            "implicit",
            "refresh_token",
            "client_credentials",
        ],
    };
    types.iter().map(|name| (*name).to_owned()).collect()
}

/// An application as it is before anybody says anything about it; without a secret.
pub(super) fn blank(client_id: String, app_type: Option<&str>, now: i64) -> Client {
    let is_public = matches!(app_type, Some("spa" | "native"));
    Client {
        client_id,
        name: String::new(),
        app_type: app_type.map(str::to_owned),
        is_first_party: true,
        oidc_conformant: false,
        secret: None,
        authentication_method: if is_public {
            "none".to_owned()
        } else {
            "client_secret_post".to_owned()
        },
        callbacks: Vec::new(),
        logout_urls: Vec::new(),
        web_origins: Vec::new(),
        allowed_origins: Vec::new(),
        grant_types: default_grant_types(app_type),
        jwt_configuration: default_jwt_configuration(),
        refresh_token: default_refresh_token(),
        metadata: json!({}),
        other: json!({}),
        created_at: now,
        updated_at: now,
    }
}

/// Changes a client by members that were checked; not its secret and not its keys.
pub(super) fn apply(client: &mut Client, members: &Map<String, Value>) {
    let mut other = Map::new();
    for (name, value) in members {
        let text = || value.as_str().unwrap_or_default().to_owned();
        match name.as_str() {
            "name" => client.name = text(),
            "app_type" => client.app_type = Some(text()),
            "is_first_party" => client.is_first_party = value.as_bool().unwrap_or(true),
            "oidc_conformant" => client.oidc_conformant = value.as_bool().unwrap_or(false),
            "callbacks" => client.callbacks = texts(value),
            "allowed_logout_urls" => client.logout_urls = texts(value),
            "web_origins" => client.web_origins = texts(value),
            "allowed_origins" => client.allowed_origins = texts(value),
            "grant_types" => client.grant_types = texts(value),
            "token_endpoint_auth_method" => match value.as_str() {
                Some(method) => method.clone_into(&mut client.authentication_method),
                // A client that signs has no other method, and says so by a null.
                None if client.authentication_method == PRIVATE_KEY => {}
                None => "client_secret_post".clone_into(&mut client.authentication_method),
            },
            "jwt_configuration" => {
                if value.is_null() {
                    client.jwt_configuration = default_jwt_configuration();
                }
                merge(&mut client.jwt_configuration, value);
            }
            "refresh_token" => client.refresh_token = refresh_token(value),
            "client_metadata" if value.is_null() => client.metadata = json!({}),
            "client_metadata" => merge(&mut client.metadata, value),
            "client_secret" | "client_authentication_methods" => {}
            _ => drop(other.insert(name.clone(), value.clone())),
        }
    }
    match members.get("client_authentication_methods") {
        Some(Value::Null) if client.authentication_method == PRIVATE_KEY => {
            "client_secret_post".clone_into(&mut client.authentication_method);
        }
        Some(Value::Object(_)) => PRIVATE_KEY.clone_into(&mut client.authentication_method),
        _ => {}
    }
    merge(&mut client.other, &other.into());
}

fn refresh_token(value: &Value) -> Value {
    let mut whole = default_refresh_token();
    if value["rotation_type"] == "rotating" {
        merge(&mut whole, &rotating_refresh_token());
    }
    merge(&mut whole, value);
    whole
}

/// An application as Auth0 shows it. Its secret is shown once, by those who made it.
pub(super) fn show(client: &Client, keys: &[ClientCredential]) -> Value {
    let mut object = json!({
        "client_id": client.client_id,
        "name": client.name,
        "global": false,
        "is_first_party": client.is_first_party,
        "oidc_conformant": client.oidc_conformant,
        "callbacks": client.callbacks,
        "allowed_logout_urls": client.logout_urls,
        "web_origins": client.web_origins,
        "allowed_origins": client.allowed_origins,
        "grant_types": client.grant_types,
        "jwt_configuration": with_defaults(default_jwt_configuration(), &client.jwt_configuration),
        "refresh_token": with_defaults(default_refresh_token(), &client.refresh_token),
        "client_metadata": client.metadata,
    });
    if let Some(app_type) = &client.app_type {
        object["app_type"] = app_type.as_str().into();
    }
    if client.authentication_method == PRIVATE_KEY {
        let keys: Vec<_> = keys.iter().map(|key| json!({ "id": key.id })).collect();
        object["client_authentication_methods"] =
            json!({ "private_key_jwt": { "credentials": keys } });
    } else {
        object["token_endpoint_auth_method"] = client.authentication_method.as_str().into();
    }
    for (name, value) in OTHER_DEFAULTS {
        object[name] = value.into();
    }
    merge(&mut object, &client.other);
    object
}

/// What the file declares has no more members than it says.
fn with_defaults(mut defaults: Value, value: &Value) -> Value {
    merge(&mut defaults, value);
    defaults
}

/// A key of an application as Auth0 shows it.
pub(super) fn show_credential(key: &ClientCredential) -> Value {
    let mut object = json!({
        "id": key.id,
        "credential_type": key.kind,
        "kid": key.kid,
        "alg": key.algorithm,
        "created_at": date(key.created_at),
        "updated_at": date(key.created_at),
    });
    if let Some(name) = &key.name {
        object["name"] = name.as_str().into();
    }
    if let Some(at) = key.expires_at {
        object["expires_at"] = date(at).into();
    }
    object
}
