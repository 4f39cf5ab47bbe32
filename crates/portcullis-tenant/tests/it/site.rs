//! A tenant that people log in at, its applications, and a browser without scripts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis::Clock;
use portcullis_store::tenant::{
    Client, Connection, Database, Identity, ResourceServer, Scope, User,
};
use portcullis_tenant::passwords::Passwords;
use portcullis_tenant::{KeyRing, Options, People, Settings, Tenant};
use portcullis_token::{Secret, UnixTime};
use reqwest::header::HeaderMap;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const API: &str = "https://expenses-api";
pub(crate) const CALLBACK: &str = "http://localhost:3000/callback";
pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const USER_ID: &str = "auth0|507f1f77bcf86cd799439011";
pub(crate) const CONNECTION: &str = "Username-Password-Authentication";
/// The challenge of some verifier.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A running tenant.
pub(crate) struct Site {
    pub(crate) issuer: String,
    pub(crate) address: String,
    pub(crate) database: Database,
    pub(crate) passwords: Passwords,
    now: Arc<AtomicU64>,
    directory: TempDir,
}

#[derive(Debug)]
struct TestClock(Arc<AtomicU64>);

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::Relaxed))
    }
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_as(None, Options::default(), |tenant| tenant).await
    }

    /// One with other options, behind whatever proxy of this machine.
    pub(crate) async fn start_behind_a_proxy(options: Options) -> Self {
        let is_proxy = |address: std::net::IpAddr| address.is_loopback();
        Self::start_as(None, options, |tenant| tenant.behind(is_proxy)).await
    }

    /// One that only this machine can ask.
    pub(crate) async fn start_local() -> Self {
        let local = |tenant: Tenant| tenant.for_this_machine(Vec::new());
        Self::start_as(None, Options::default(), local).await
    }

    /// One whose issuer is `https://tenant.example/`, behind whatever ends TLS.
    pub(crate) async fn start_secure() -> Self {
        let issuer = Some("https://tenant.example/");
        Self::start_as(issuer, Options::default(), |tenant| tenant).await
    }

    async fn start_as(
        issuer: Option<&str>,
        options: Options,
        change: impl FnOnce(Tenant) -> Tenant,
    ) -> Self {
        crate::server::capture_logs();
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let issuer = issuer.map_or_else(|| format!("http://{address}/"), str::to_owned);
        let now = Arc::new(AtomicU64::new(NOW));
        let clock = Arc::new(TestClock(Arc::clone(&now)));
        let keys = KeyRing::load_or_create(directory.path()).unwrap();
        let database = format!("sqlite://{}/tenant.db", directory.path().display());
        let database = Database::open(&database).await.unwrap();
        let settings = Settings {
            issuer: issuer.parse().unwrap(),
            apis: Vec::new(),
            applications: Vec::new(),
            people: People::default(),
            options,
        };
        let tenant = Tenant::open(settings, keys, database, clock).await;
        let tenant = change(tenant.unwrap());
        let database = tenant.database().clone();
        let passwords = tenant.passwords().clone();
        add_applications(&database).await;
        add_user(&tenant, USER_ID, EMAIL).await;
        let app = tenant.router();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            issuer,
            address,
            database,
            passwords,
            now,
            directory,
        }
    }

    /// Where its keys are.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(crate) fn set_time(&self, seconds: u64) {
        self.now.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn visitor(&self) -> Visitor<'_> {
        Visitor {
            site: self,
            cookies: RefCell::default(),
            headers: RefCell::default(),
        }
    }

    /// The events of the tenant's log, sorted: the clock stands still.
    pub(crate) async fn events(&self) -> Vec<String> {
        let logs = self.database.logs();
        let filter = portcullis_store::tenant::LogFilter::default();
        let slice = portcullis_store::tenant::Slice::page(0, 100);
        let listing = logs.list(&filter, &slice).await.unwrap();
        let events = listing.rows.into_iter().map(|entry| entry.event);
        let mut events: Vec<_> = events.collect();
        events.sort_unstable();
        events
    }
}

pub(crate) fn client(client_id: &str) -> Client {
    Client {
        client_id: client_id.to_owned(),
        name: format!("The {client_id}"),
        app_type: Some("regular_web".to_owned()),
        is_first_party: true,
        oidc_conformant: true,
        secret: None,
        authentication_method: "client_secret_post".to_owned(),
        callbacks: vec![CALLBACK.to_owned()],
        logout_urls: vec!["http://localhost:3000".to_owned()],
        web_origins: Vec::new(),
        allowed_origins: Vec::new(),
        grant_types: ["authorization_code", "implicit", "refresh_token"]
            .map(str::to_owned)
            .to_vec(),
        jwt_configuration: json!({ "lifetime_in_seconds": 36000 }),
        refresh_token: json!({}),
        metadata: json!({}),
        other: json!({}),
        created_at: 0,
        updated_at: 0,
    }
}

pub(crate) fn api(identifier: &str) -> ResourceServer {
    let scope = |value: &str| Scope {
        value: value.to_owned(),
        description: None,
    };
    ResourceServer {
        id: identifier.to_owned(),
        identifier: identifier.to_owned(),
        name: "Expenses".to_owned(),
        scopes: vec![scope("read:reports"), scope("write:reports")],
        signing_algorithm: "RS256".to_owned(),
        token_dialect: "access_token".to_owned(),
        token_lifetime: 86_400,
        token_lifetime_for_web: 7200,
        allow_offline_access: true,
        skip_consent: false,
        enforce_policies: false,
        is_system: false,
        subject_type_authorization: json!({ "user": { "policy": "allow_all" } }),
        other: json!({}),
        created_at: 0,
        updated_at: 0,
    }
}

/// The name of a client whose name is markup.
pub(crate) const EVIL: &str = "<script>alert(1)</script>";

async fn add_applications(database: &Database) {
    let spa = Client {
        authentication_method: "none".to_owned(),
        callbacks: vec!["http://localhost:3001".to_owned()],
        web_origins: vec!["http://localhost:3001".to_owned()],
        ..client("spa")
    };
    let elsewhere = Client {
        callbacks: vec!["https://app.example.com/callback".to_owned()],
        ..client("elsewhere")
    };
    let third = Client {
        is_first_party: false,
        ..elsewhere.clone()
    };
    let clients = [
        client("web"),
        spa,
        Client {
            client_id: "third".to_owned(),
            ..third
        },
        elsewhere,
        Client {
            name: EVIL.to_owned(),
            ..client("evil")
        },
        Client {
            callbacks: vec![CALLBACK.to_owned(), "http://localhost:3000/".to_owned()],
            grant_types: vec!["authorization_code".to_owned()],
            ..client("codes")
        },
        client("unconnected"),
    ];
    let mut enabled_clients = Vec::new();
    for client in clients {
        database.clients().insert(&client).await.unwrap();
        if client.client_id != "unconnected" {
            enabled_clients.push(client.client_id);
        }
    }
    let closed = ResourceServer {
        subject_type_authorization: json!({ "user": { "policy": "require_client_grant" } }),
        ..api("https://closed-api")
    };
    let waived = ResourceServer {
        skip_consent: true,
        ..api("https://waived-api")
    };
    for api in [api(API), closed, waived] {
        database.resource_servers().insert(&api).await.unwrap();
    }
    let connection = Connection {
        id: "con_1".to_owned(),
        name: CONNECTION.to_owned(),
        strategy: "auth0".to_owned(),
        enabled_clients,
        options: json!({}),
        other: json!({}),
        created_at: 0,
        updated_at: 0,
    };
    database.connections().upsert(&connection).await.unwrap();
}

async fn add_user(tenant: &Tenant, user_id: &str, email: &str) {
    let password = Secret::new(PASSWORD.to_owned());
    let phc = tenant.passwords().hash(password).await.unwrap();
    let user = User {
        user_id: user_id.to_owned(),
        connection: CONNECTION.to_owned(),
        email: Some(email.to_owned()),
        email_verified: true,
        username: None,
        blocked: false,
        profile: json!({ "name": "Ada Lovelace" }),
        user_metadata: json!({}),
        app_metadata: json!({}),
        created_at: 0,
        updated_at: 0,
        logins_count: 0,
        last_login_at: None,
        last_ip: None,
    };
    let identity = Identity {
        user_id: user_id.to_owned(),
        provider: "auth0".to_owned(),
        connection: CONNECTION.to_owned(),
        provider_user_id: user_id.replace("auth0|", ""),
    };
    let users = tenant.database().users();
    users.insert(&user, &identity, Some(&phc)).await.unwrap();
}

/// A browser: it keeps cookies, and sends forms as they were shown.
pub(crate) struct Visitor<'s> {
    site: &'s Site,
    pub(crate) cookies: RefCell<BTreeMap<String, String>>,
    /// Sent with every request.
    pub(crate) headers: RefCell<Vec<(&'static str, String)>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Visitor<'_> {
    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send(reqwest::Method::GET, path, None).await
    }

    /// Asks for `/authorize` with these parameters.
    pub(crate) async fn authorize(&self, parameters: &[(&str, &str)]) -> Page {
        self.get(&format!("/authorize?{}", form(parameters))).await
    }

    pub(crate) async fn post(&self, path: &str, parameters: &[(&str, &str)]) -> Page {
        let body = form(parameters);
        self.send(reqwest::Method::POST, path, Some(body)).await
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<String>) -> Page {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let path = path.strip_prefix(&self.site.issuer).unwrap_or(path);
        let path = path.trim_start_matches('/');
        let url = format!("http://{}/{path}", self.site.address);
        let mut request = client.build().unwrap().request(method, url);
        let cookies: Vec<_> = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in self.headers.borrow().iter() {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            let form = "application/x-www-form-urlencoded";
            request = request.header("content-type", form).body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for line in headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0;") {
                self.cookies.borrow_mut().remove(name);
            } else {
                let (name, value) = (name.to_owned(), value.to_owned());
                self.cookies.borrow_mut().insert(name, value);
            }
        }
        Page {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }

    /// Follows a redirect to the tenant.
    pub(crate) async fn follow(&self, page: &Page) -> Page {
        let location = page.location();
        assert!(location.starts_with('/'), "{location}");
        self.get(&location).await
    }

    /// Sends the form of a page with `inputs` filled in.
    pub(crate) async fn submit(&self, page: &Page, inputs: &[(&str, &str)]) -> Page {
        let hidden = page.hidden();
        let mut parameters: Vec<_> = hidden
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !inputs.iter().any(|(known, _)| known == name))
            .collect();
        parameters.extend(inputs);
        self.post(&page.attribute("action"), &parameters).await
    }

    /// Fills in the login page.
    pub(crate) async fn log_in(&self, page: &Page) -> Page {
        let inputs = [("username", EMAIL), ("password", PASSWORD)];
        self.submit(page, &inputs).await
    }

    /// Logs in and consents, and gives what the client is sent.
    pub(crate) async fn pass(&self, parameters: &[(&str, &str)]) -> Page {
        let login = self.authorize(parameters).await;
        let login = self.follow(&login).await;
        let after = self.log_in(&login).await;
        if !after
            .header("location")
            .is_some_and(|to| to.starts_with("/u/consent"))
        {
            return after;
        }
        let consent = self.follow(&after).await;
        self.submit(&consent, &[("action", "accept")]).await
    }
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> String {
        let location = self.header("location");
        location
            .unwrap_or_else(|| panic!("{}: {}", self.status, self.text))
            .to_owned()
    }

    /// The parameters of the redirect, in its query or its fragment.
    pub(crate) fn sent(&self) -> BTreeMap<String, String> {
        let url = url::Url::parse(&self.location()).unwrap();
        let text = url.fragment().or(url.query()).unwrap_or_default();
        url::form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect()
    }

    pub(crate) fn error(&self) -> (String, String) {
        let mut sent = self.sent();
        let mut take = |name| sent.remove(name).unwrap_or_default();
        (take("error"), take("error_description"))
    }

    /// The first attribute with this name.
    pub(crate) fn attribute(&self, name: &str) -> String {
        attribute(&self.text, name).unwrap_or_else(|| panic!("no {name}: {}", self.text))
    }

    pub(crate) fn hidden(&self) -> BTreeMap<String, String> {
        let inputs = self.text.split("<input type=\"hidden\"").skip(1);
        let pair = |text: &str| Some((attribute(text, "name")?, attribute(text, "value")?));
        inputs.filter_map(pair).collect()
    }
}

fn attribute(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&#38;", "&").replace("&amp;", "&"))
}

pub(crate) fn form(parameters: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish()
}

/// A request of the client `web` for a code.
pub(crate) const CODE: [(&str, &str); 6] = [
    ("client_id", "web"),
    ("redirect_uri", CALLBACK),
    ("response_type", "code"),
    ("scope", "openid profile email read:reports"),
    ("audience", API),
    ("state", "s <&"),
];

/// That request with `changes`; an empty value counts as none.
pub(crate) fn changed<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut parameters: Vec<(&str, &str)> = CODE
        .into_iter()
        .filter(|(name, _)| !changes.iter().any(|(known, _)| known == name))
        .collect();
    parameters.extend(changes);
    parameters
}
