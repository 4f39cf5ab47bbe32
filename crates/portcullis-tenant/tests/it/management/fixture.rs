use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis::Clock;
use portcullis_store::tenant::{ClientGrant, Database};
use portcullis_tenant::access_token::{AccessToken, Subject};
use portcullis_tenant::{
    Application, Authentication, GrantType, Issuer, KeyRing, LoginSettings, Options, People,
    Sealer, Settings, Tenant, TokenDialect,
};
use portcullis_token::{Secret, UnixTime};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::server::Answer;

pub(crate) const NOW: u64 = 1_700_000_000;
/// `NOW`, as the API writes it.
pub(crate) const DATE: &str = "2023-11-14T22:13:20.000Z";
pub(crate) const CONNECTION: &str = "Username-Password-Authentication";

/// Every scope that an administrator of tenants has.
pub(crate) const EVERYTHING: &str = "read:clients create:clients update:clients delete:clients \
    read:client_keys update:client_keys read:client_credentials create:client_credentials \
    update:client_credentials delete:client_credentials read:resource_servers \
    create:resource_servers update:resource_servers delete:resource_servers read:client_grants \
    create:client_grants update:client_grants delete:client_grants read:users create:users \
    update:users delete:users read:roles create:roles update:roles delete:roles \
    read:role_members create:role_members read:grants delete:grants read:connections \
    create:connections update:connections delete:connections read:tenant_settings \
    update:tenant_settings read:signing_keys create:signing_keys update:signing_keys \
    read:refresh_tokens delete:refresh_tokens read:sessions delete:sessions read:logs read:actions";

/// A tenant of its own, with the application `manager`, which may have every scope.
pub(crate) struct Managed {
    pub(crate) database: Database,
    pub(crate) issuer: Issuer,
    url: String,
    keys: PathBuf,
    now: Arc<AtomicU64>,
    _directory: Option<TempDir>,
}

#[derive(Debug)]
struct TestClock(Arc<AtomicU64>);

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::Relaxed))
    }
}

impl Managed {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tenant = Self::start_in(directory.path()).await;
        Self {
            _directory: Some(directory),
            ..tenant
        }
    }

    /// One whose database and keys are in a folder of the test's.
    pub(crate) async fn start_in(directory: &Path) -> Self {
        let keys = directory.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let database = format!("sqlite://{}/tenant.db", keys.display());
        let database = Database::open(&database).await.unwrap();
        let now = Arc::new(AtomicU64::new(NOW));
        let issuer: Issuer = url.parse().unwrap();
        let settings = Settings {
            issuer: issuer.clone(),
            apis: Vec::new(),
            applications: vec![manager()],
            people: People::default(),
            options: Options::default(),
        };
        let clock = Arc::new(TestClock(Arc::clone(&now)));
        let ring = KeyRing::load_or_create(&keys).unwrap();
        let sealer = Sealer::load_or_create(&keys).unwrap();
        let tenant = Tenant::open(settings, ring, database.clone(), clock).await;
        let tenant = tenant.unwrap().with_kept_keys(sealer).await.unwrap();
        let audience = format!("{issuer}api/v2/");
        let servers = database.resource_servers();
        let server = servers.find_by_identifier(&audience).await;
        let server = server.unwrap().unwrap();
        let grant = ClientGrant {
            id: format!("cgr_{audience}"),
            client_id: "manager".to_owned(),
            audience,
            scopes: server.scopes.into_iter().map(|scope| scope.value).collect(),
            subject_type: "client".to_owned(),
            created_at: 0,
        };
        database.client_grants().upsert(&grant).await.unwrap();
        tokio::spawn(async move { axum::serve(listener, tenant.router()).await });
        Self {
            database,
            issuer,
            url,
            keys,
            now,
            _directory: None,
        }
    }

    pub(crate) fn set_time(&self, seconds: u64) {
        self.now.store(seconds, Ordering::Relaxed);
    }

    /// A token as the application `manager` has it.
    pub(crate) fn token(&self, scope: &str) -> String {
        self.sign(Subject::Client, "manager", &self.audience(), scope)
    }

    /// A token as an application has it in a user's name.
    pub(crate) fn user_token(&self, user_id: &str, scope: &str) -> String {
        self.sign(Subject::User(user_id), "manager", &self.audience(), scope)
    }

    pub(crate) fn audience(&self) -> String {
        format!("{}api/v2/", self.issuer)
    }

    pub(crate) fn sign(
        &self,
        subject: Subject<'_>,
        client_id: &str,
        audience: &str,
        scope: &str,
    ) -> String {
        let ring = KeyRing::load(&self.keys).unwrap();
        self.sign_with(&ring, subject, client_id, audience, scope)
    }

    pub(crate) fn sign_with(
        &self,
        ring: &KeyRing,
        subject: Subject<'_>,
        client_id: &str,
        audience: &str,
        scope: &str,
    ) -> String {
        let token = AccessToken {
            issuer: &self.issuer,
            dialect: TokenDialect::AccessToken,
            subject,
            client_id,
            audience,
            scope,
            permissions: &[],
            grant: None,
            jti: "",
            issued_at: UnixTime(NOW),
            lifetime: Duration::from_hours(24),
            custom: None,
        };
        token.sign(ring).unwrap().expose().clone()
    }

    /// Calls with every scope.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let token = self.token(EVERYTHING);
        self.call_with(Some(&token), method, path, body).await
    }

    pub(crate) async fn call_with(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = reqwest::Client::new().request(method, self.at(path));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}/api/v2{path}", self.url)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// A user with this address, by their id.
    pub(crate) async fn add_user(&self, email: &str) -> String {
        let answer = self
            .post(
                "/users",
                json!({ "connection": CONNECTION, "email": email, "password": "correct horse" }),
            )
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["user_id"].as_str().unwrap().to_owned()
    }

    /// An API with the scopes `read:reports` and `write:reports`, by its id.
    pub(crate) async fn add_api(&self, identifier: &str) -> String {
        let scopes = json!([
            { "value": "read:reports", "description": "Read reports" },
            { "value": "write:reports" },
        ]);
        let body = json!({ "name": "Expenses", "identifier": identifier, "scopes": scopes });
        let answer = self.post("/resource-servers", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["id"].as_str().unwrap().to_owned()
    }
}

fn manager() -> Application {
    Application {
        name: "manager".to_owned(),
        client_id: "manager".to_owned(),
        authentication: Authentication::Secret(Secret::new("secret".to_owned())),
        grant_types: BTreeSet::from([GrantType::ClientCredentials]),
        grants: BTreeMap::new(),
        login: LoginSettings::default(),
    }
}

/// The body of a refusal.
pub(crate) fn refusal(status: u16, error: &str, message: &str, code: Option<&str>) -> Value {
    let mut body = json!({ "statusCode": status, "error": error, "message": message });
    if let Some(code) = code {
        body["errorCode"] = code.into();
    }
    body
}

/// A user's id in a path.
pub(crate) fn encoded(id: &str) -> String {
    id.replace('|', "%7C")
        .replace(':', "%3A")
        .replace('/', "%2F")
}
