//! What the settings name, and what stays of what they do not name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis::SystemClock;
use portcullis_store::tenant::{ClientGrantFilter, Database, Permission, Role, Slice};
use portcullis_tenant::{
    Api, ApiRules, Application, Authentication, CONNECTION, EndSession, GrantType, KeyRing,
    LoginSettings, LogoutPrompt, Options, People, RefreshTokens, Settings, Tenant, TokenDialect,
    User,
};
use portcullis_token::Secret;
use serde_json::json;

const AUDIENCE: &str = "https://expenses-api";

fn granted(scopes: &[&str]) -> BTreeMap<String, Vec<String>> {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    BTreeMap::from([(AUDIENCE.to_owned(), scopes)])
}

fn ada() -> User {
    User {
        email: "Ada@example.com".to_owned(),
        password: Secret::new("correct horse".to_owned()),
        name: Some("Ada".to_owned()),
        email_verified: true,
        blocked: false,
        roles: vec!["accountant".to_owned()],
        permissions: granted(&["read:reports"]),
        user_metadata: None,
        app_metadata: json!({ "plan": "full" }).as_object().cloned(),
    }
}

fn settings() -> Settings {
    let api = Api {
        identifier: AUDIENCE.to_owned(),
        permissions: vec!["read:reports".to_owned(), "write:reports".to_owned()],
        token_lifetime: Duration::from_hours(1),
        token_dialect: TokenDialect::Rfc9068Profile,
        rules: ApiRules {
            name: Some("Expenses".to_owned()),
            descriptions: BTreeMap::from([("read:reports".to_owned(), "Read them".to_owned())]),
            enforces_permissions: true,
            allows_offline_access: false,
            skips_consent: true,
            ..ApiRules::default()
        },
    };
    let web = Application {
        name: "web".to_owned(),
        client_id: "expenses-web".to_owned(),
        authentication: Authentication::Secret(Secret::new("hunter2".to_owned())),
        grant_types: [GrantType::ClientCredentials].into(),
        grants: granted(&["read:reports"]),
        login: LoginSettings {
            app_type: Some("regular_web"),
            is_first_party: false,
            callbacks: vec!["http://localhost:3000/callback".to_owned()],
            logout_urls: vec!["http://localhost:3000".to_owned()],
            web_origins: vec!["http://localhost:3000".to_owned()],
            grant_types: vec!["authorization_code", "refresh_token"],
            refresh_tokens: RefreshTokens::Rotating {
                leeway: Duration::from_secs(3),
            },
        },
    };
    let role = portcullis_tenant::Role {
        name: "accountant".to_owned(),
        description: "Reads all".to_owned(),
        permissions: granted(&["write:reports"]),
    };
    Settings {
        issuer: "http://localhost:4000".parse().unwrap(),
        apis: vec![api],
        applications: vec![web],
        people: People {
            roles: vec![role],
            users: vec![ada()],
        },
        options: Options {
            default_audience: Some(AUDIENCE.to_owned()),
            end_session: EndSession::Hidden,
            logout_prompt: LogoutPrompt::Skip,
            logout_urls: vec!["http://localhost:3000".to_owned()],
            ..Options::default()
        },
    }
}

async fn open(directory: &Path, settings: Settings) -> Database {
    let url = format!("sqlite://{}/tenant.db", directory.display());
    let database = Database::open(&url).await.unwrap();
    let keys = KeyRing::load_or_create(directory).unwrap();
    let clock = Arc::new(SystemClock);
    let tenant = Tenant::open(settings, keys, database, clock).await.unwrap();
    tenant.database().clone()
}

async fn user(database: &Database) -> portcullis_store::tenant::User {
    let users = database.users();
    let user = users.find_by_email(CONNECTION, "ada@example.com").await;
    user.unwrap().unwrap()
}

#[tokio::test]
async fn everything_that_the_settings_name_is_in_the_database() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path(), settings()).await;

    let api = database.resource_servers();
    let api = api.find_by_identifier(AUDIENCE).await.unwrap().unwrap();
    assert_eq!((api.name.as_str(), api.token_lifetime), ("Expenses", 3600));
    // No longer than that of other tokens.
    assert_eq!(api.token_lifetime_for_web, 3600);
    assert_eq!(api.token_dialect, "rfc9068_profile");
    assert_eq!(
        (
            api.enforce_policies,
            api.allow_offline_access,
            api.skip_consent
        ),
        (true, false, true)
    );
    let descriptions = api.scopes.iter().map(|scope| scope.description.as_deref());
    let descriptions: Vec<_> = descriptions.collect();
    assert_eq!(descriptions, [Some("Read them"), None]);

    let client = database
        .clients()
        .find("expenses-web")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(client.app_type.as_deref(), Some("regular_web"));
    assert!(!client.is_first_party);
    assert_eq!(client.callbacks, ["http://localhost:3000/callback"]);
    assert_eq!(
        client.grant_types,
        ["authorization_code", "client_credentials", "refresh_token"]
    );
    assert_eq!(client.refresh_token["rotation_type"], "rotating");
    assert_eq!(client.refresh_token["leeway"], 3);

    let connection = database.connections().find_by_name(CONNECTION).await;
    let connection = connection.unwrap().unwrap();
    assert_eq!(connection.enabled_clients, ["expenses-web"]);

    let ada = user(&database).await;
    assert_eq!(ada.profile, json!({ "name": "Ada" }));
    assert_eq!(ada.app_metadata, json!({ "plan": "full" }));
    let permissions = database.permissions();
    let permissions = permissions.effective(&ada.user_id, AUDIENCE).await.unwrap();
    assert_eq!(permissions, ["read:reports", "write:reports"]);

    let saved = database.settings().load().await.unwrap().unwrap();
    let expected = json!({
        "default_audience": AUDIENCE,
        "allowed_logout_urls": ["http://localhost:3000"],
        "oidc_logout": { "rp_logout_end_session_endpoint_discovery": false },
        "sessions": { "oidc_logout_prompt_enabled": false },
        "portcullis_file": {
            "applications": ["expenses-web"],
            "apis": [AUDIENCE],
            "roles": ["accountant"],
            "users": ["ada@example.com"],
        },
    });
    assert_eq!(saved, expected);
}

#[tokio::test]
async fn the_settings_win_and_the_rest_stays() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path(), settings()).await;
    let before = user(&database).await;
    let identities = database.identities();
    let password = || identities.find_password(CONNECTION, "ada@example.com");
    let phc = password().await.unwrap().unwrap().phc;

    // What somebody does with the management API.
    let role = Role {
        id: "rol_own".to_owned(),
        name: "auditor".to_owned(),
        description: String::new(),
        created_at: 0,
    };
    database.roles().insert(&role).await.unwrap();
    let permission = Permission {
        audience: AUDIENCE.to_owned(),
        permission: "write:reports".to_owned(),
    };
    let permissions = database.permissions();
    let added = permissions
        .add_to_user(&before.user_id, &[permission])
        .await;
    added.unwrap();
    let mut changed = before.clone();
    changed.user_metadata = json!({ "language": "en" });
    changed.app_metadata = json!({ "plan": "none" });
    assert!(database.users().update(&changed).await.unwrap());
    database.close().await;

    let database = open(directory.path(), settings()).await;
    let after = user(&database).await;
    assert_eq!(after.user_id, before.user_id);
    assert_eq!(after.user_metadata, json!({ "language": "en" }));
    assert_eq!(after.app_metadata, json!({ "plan": "full" }));
    let direct = database.permissions();
    let direct = direct.of_user(&after.user_id).await.unwrap();
    let direct: Vec<_> = direct.iter().map(|one| one.permission.as_str()).collect();
    assert_eq!(direct, ["read:reports"]);
    assert_eq!(database.roles().find("rol_own").await.unwrap(), Some(role));
    // The same password keeps its hash.
    let identities = database.identities();
    let kept = identities
        .find_password(CONNECTION, "ada@example.com")
        .await;
    assert_eq!(kept.unwrap().unwrap().phc, phc);
    database.close().await;

    let mut other = settings();
    other.applications[0].grants.clear();
    other.people.users[0].password = Secret::new("battery staple".to_owned());
    other.people.users[0].roles.clear();
    other.people.users[0].blocked = true;
    let database = open(directory.path(), other).await;
    let identities = database.identities();
    let other = identities
        .find_password(CONNECTION, "ada@example.com")
        .await;
    let other = other.unwrap().unwrap();
    assert_ne!(other.phc, phc);
    assert!(other.is_blocked);
    let all = Slice::after(None, 10);
    let roles = database.roles();
    let roles = roles.of_user(&before.user_id, &all).await.unwrap();
    assert_eq!(roles.rows, []);
    let grants = database.client_grants();
    let grants = grants
        .list(&ClientGrantFilter::default(), &all)
        .await
        .unwrap();
    assert_eq!(grants.rows, []);
}

#[tokio::test]
async fn what_the_file_no_longer_names_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path(), settings()).await;
    let ada = user(&database).await;
    // What was never the file's.
    let own = User {
        email: "bob@example.com".to_owned(),
        ..self::ada()
    };
    let mut with_bob = settings();
    with_bob.people.users = vec![own];
    let saved = database.settings().load().await.unwrap();
    database.close().await;
    let database = open(directory.path(), with_bob).await;
    let mut found = Vec::new();
    for email in ["ada@example.com", "bob@example.com"] {
        let user = database.users().find_by_email(CONNECTION, email).await;
        found.push(user.unwrap().is_some());
    }
    assert_eq!(found, [false, true]);
    assert_eq!(database.users().find(&ada.user_id).await.unwrap(), None);
    // As if Bob had signed up.
    database.settings().save(&saved.unwrap(), 0).await.unwrap();
    database.close().await;

    let empty = Settings {
        apis: Vec::new(),
        applications: Vec::new(),
        people: People::default(),
        ..settings()
    };
    let database = open(directory.path(), empty).await;
    let users = database.users();
    let bob = users.find_by_email(CONNECTION, "bob@example.com");
    assert!(bob.await.unwrap().is_some());
    let clients = database.clients().find("expenses-web").await.unwrap();
    assert_eq!(clients, None);
    let api = database.resource_servers();
    assert_eq!(api.find_by_identifier(AUDIENCE).await.unwrap(), None);
    let roles = database.roles().list(None, &Slice::after(None, 10)).await;
    assert_eq!(roles.unwrap().rows, []);
    let connection = database.connections().find_by_name(CONNECTION).await;
    let connection = connection.unwrap().unwrap();
    assert_eq!(connection.enabled_clients, Vec::<String>::new());
    // The one that the tenant itself has stays, even if a file has named it.
    let own = "http://localhost:4000/api/v2/";
    assert!(api.find_by_identifier(own).await.unwrap().is_some());
}
