use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use portcullis::Clock;
use portcullis_store::tenant::Database;
use portcullis_tenant::passwords::Passwords;
use portcullis_tenant::{
    Api, ApiRules, Application, Authentication, EndSession, GrantType, KeyRing, LiveKeys,
    LoginSettings, Options, People, Settings, Tenant, TokenDialect,
};
use portcullis_token::{Secret, UnixTime};
use reqwest::Response;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const AUDIENCE: &str = "https://expenses-api";
pub(crate) const SECRET: &str = "correct horse battery staple";
/// A client whose id and secret need both encodings inside `Basic`.
pub(crate) const ODD_ID: &str = "odd client:1 %+";
pub(crate) const ODD_SECRET: &str = "p:ss %+&=wörd";

/// A running tenant whose issuer is the address it listens on.
pub(crate) struct Server {
    pub(crate) issuer: String,
    pub(crate) address: String,
    pub(crate) keys: Arc<LiveKeys>,
    pub(crate) database: Database,
    pub(crate) passwords: Passwords,
    now: Arc<AtomicU64>,
    _directory: Option<TempDir>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Self::start_with_keys_in(directory.path()).await;
        Self {
            _directory: Some(directory),
            ..server
        }
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Self::start_as(directory.path(), options, |tenant| tenant).await;
        Self {
            _directory: Some(directory),
            ..server
        }
    }

    pub(crate) async fn start_with_login(end_session: EndSession) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            end_session,
            ..Options::default()
        };
        let server = Self::start_as(directory.path(), options, Tenant::with_login).await;
        Self {
            _directory: Some(directory),
            ..server
        }
    }

    pub(crate) async fn start_with_keys_in(directory: &Path) -> Self {
        Self::start_as(directory, Options::default(), |tenant| tenant).await
    }

    async fn start_as(
        directory: &Path,
        options: Options,
        change: impl FnOnce(Tenant) -> Tenant,
    ) -> Self {
        capture_logs();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let issuer = format!("http://{address}/");
        let now = Arc::new(AtomicU64::new(1_700_000_000));
        let clock = Arc::clone(&now);
        let clock = Arc::new(TestClock(clock));
        let keys = KeyRing::load_or_create(directory).unwrap();
        let database = format!("sqlite://{}/tenant.db", directory.display());
        let database = Database::open(&database).await.unwrap();
        let settings = Settings {
            options,
            ..settings(&issuer)
        };
        let tenant = Tenant::open(settings, keys, database, clock).await;
        let tenant = change(tenant.unwrap());
        let keys = tenant.keys();
        let database = tenant.database().clone();
        let passwords = tenant.passwords().clone();
        let service = tenant
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self {
            issuer,
            address,
            keys,
            database,
            passwords,
            now,
            _directory: None,
        }
    }

    pub(crate) fn set_time(&self, seconds: u64) {
        self.now.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> i64 {
        i64::try_from(self.now.load(Ordering::Relaxed)).unwrap()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Posts a form to `path`.
    pub(crate) async fn call(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded(parameters);
        let request = reqwest::Client::new()
            .post(self.url(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(reqwest::get(self.url(path)).await.unwrap()).await
    }

    pub(crate) async fn post_form(&self, body: impl Into<reqwest::Body>) -> Answer {
        self.post("application/x-www-form-urlencoded", body, None)
            .await
    }

    pub(crate) async fn post_json(&self, body: impl Into<reqwest::Body>) -> Answer {
        self.post("application/json", body, None).await
    }

    pub(crate) async fn post(
        &self,
        content_type: &str,
        body: impl Into<reqwest::Body>,
        authorization: Option<&str>,
    ) -> Answer {
        let request = reqwest::Client::new()
            .post(self.url("/oauth/token"))
            .header("content-type", content_type)
            .body(body);
        let request = match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        Answer::of(request.send().await.unwrap()).await
    }
}

pub(crate) fn form_urlencoded(parameters: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://localhost/").unwrap();
    url.query_pairs_mut().extend_pairs(parameters);
    url.query().unwrap_or_default().to_owned()
}

/// A clock that shows what the test says.
#[derive(Debug)]
struct TestClock(Arc<AtomicU64>);

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::Relaxed))
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap(),
        };
        Self {
            status,
            headers,
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status, the error code and its description.
    pub(crate) fn error(&self) -> (u16, &str, &str) {
        let text = |name| self.body[name].as_str().unwrap_or_default();
        (self.status, text("error"), text("error_description"))
    }
}

fn settings(issuer: &str) -> Settings {
    let api = |identifier: &str, permissions: &[&str], hours| Api {
        identifier: identifier.to_owned(),
        permissions: owned(permissions),
        token_lifetime: Duration::from_hours(hours),
        token_dialect: TokenDialect::default(),
        rules: ApiRules::default(),
    };
    let grants = [
        (AUDIENCE, &["read:reports", "write:reports"][..]),
        ("testing", &[]),
        ("standard", &["read", "write"]),
    ];
    let worker = application("worker", secret(SECRET), &grants);
    let odd = application(ODD_ID, secret(ODD_SECRET), &[(AUDIENCE, &["read:reports"])]);
    let mut idle = application("idle", secret(SECRET), &[]);
    idle.grant_types.clear();
    let mut page = application("page", Authentication::Public, &[]);
    page.grant_types.clear();
    Settings {
        issuer: issuer.parse().unwrap(),
        apis: vec![
            api(
                AUDIENCE,
                &["read:reports", "write:reports", "delete:reports"],
                24,
            ),
            api("testing", &[], 1),
            api("closed", &["read"], 24),
            Api {
                token_dialect: TokenDialect::Rfc9068ProfileAuthz,
                ..api("standard", &["read", "write"], 24)
            },
        ],
        applications: vec![worker, odd, idle, page],
        people: People::default(),
        options: Options::default(),
    }
}

fn application(
    client_id: &str,
    authentication: Authentication,
    grants: &[(&str, &[&str])],
) -> Application {
    let grants = grants
        .iter()
        .map(|(audience, scopes)| ((*audience).to_owned(), owned(scopes)));
    Application {
        name: client_id.to_owned(),
        client_id: client_id.to_owned(),
        authentication,
        grant_types: BTreeSet::from([GrantType::ClientCredentials]),
        grants: grants.collect(),
        login: LoginSettings::default(),
    }
}

fn secret(text: &str) -> Authentication {
    Authentication::Secret(Secret::new(text.to_owned()))
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What was logged on this thread, which is all of a test: its runtime has no other.
pub(crate) fn take_log() -> String {
    String::from_utf8(LOG.take()).unwrap()
}

/// Collects logs by thread. One subscriber for all tests: `tracing` caches which events are
/// wanted, so a subscriber of one test's own could be asked too late.
pub(crate) fn capture_logs() {
    static SUBSCRIBER: OnceLock<()> = OnceLock::new();
    SUBSCRIBER.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(|| ThreadLog)
            .init();
    });
    LOG.take();
}

struct ThreadLog;

impl Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
