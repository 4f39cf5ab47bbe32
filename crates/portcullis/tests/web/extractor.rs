use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use portcullis::{AccessToken, FindVerifier, Scoped, TokenSource, Verifier, scopes};
use serde::Deserialize;
use serde_json::json;
use tower::ServiceExt as _;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

use crate::fixture::{Fixture, answer, challenge, request, send};

#[derive(Debug, Deserialize)]
struct Mine {
    #[serde(rename = "https://expenses.example/team")]
    team: String,
}

scopes! {
    ReadReports = "read:reports",
    WriteReports = "write:reports",
}

async fn who(token: AccessToken) -> String {
    token.subject().unwrap_or_default().to_owned()
}

async fn maybe(token: Option<AccessToken>) -> String {
    token.map_or_else(
        || "stranger".to_owned(),
        |token| format!("{:?}", token.subject()),
    )
}

async fn team(token: AccessToken<Mine>) -> String {
    token.custom().team.clone()
}

async fn read(token: Scoped<ReadReports>) -> String {
    token.scopes().collect::<Vec<_>>().join("+")
}

async fn both(token: Scoped<(ReadReports, WriteReports), Mine>) -> String {
    token.into_token().custom().team.clone()
}

fn routes<S: FindVerifier + Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/who", get(who))
        .route("/maybe", get(maybe))
        .route("/team", get(team))
        .route("/read", get(read))
        .route("/both", get(both))
}

#[derive(Clone)]
struct App {
    auth: Verifier,
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.auth.clone()
    }
}

/// A state that knows no verifier.
#[derive(Clone)]
struct Plain;

impl FindVerifier for Plain {}

#[tokio::test]
async fn it_works_with_the_layer_and_with_the_verifier_of_the_state() {
    let fixture = Fixture::new();
    let auth = &fixture.auth;
    let state = App { auth: auth.clone() };
    let token = |scope: &str| {
        let token = fixture.token().scope(scope);
        token.claim("https://expenses.example/team", "blue").sign()
    };
    let (reader, writer) = (token("read:reports"), token("read:reports write:reports"));
    let plain = fixture.token().sign();
    for (name, app) in [
        ("layer", routes::<()>().route_layer(auth.optional())),
        (
            "layer, other state",
            routes().route_layer(auth.optional()).with_state(Plain),
        ),
        ("state", routes().with_state(auth.clone())),
        ("part of the state", routes().with_state(state.clone())),
        (
            "both",
            routes().route_layer(auth.optional()).with_state(state),
        ),
    ] {
        for (path, token, expected) in [
            ("/who", Some(&plain), answer(200, "ada")),
            ("/who", None, answer(401, "missing")),
            ("/maybe", Some(&plain), answer(200, "Some(\"ada\")")),
            ("/maybe", None, answer(200, "stranger")),
            ("/team", Some(&reader), answer(200, "blue")),
            ("/team", Some(&plain), answer(401, "claim_type")),
            ("/read", Some(&reader), answer(200, "read:reports")),
            ("/read", Some(&plain), answer(403, "scope")),
            ("/read", None, answer(401, "missing")),
            ("/both", Some(&writer), answer(200, "blue")),
            ("/both", Some(&reader), answer(403, "scope")),
        ] {
            let got = send(&app, path, token.map(String::as_str)).await;
            assert_eq!(got, expected, "{name}: {path} with {token:.20?}");
        }
        let bad = send(&app, "/maybe", Some("garbage")).await;
        assert_eq!(bad, answer(401, "not_jwt"), "{name}");
    }
}

#[tokio::test]
async fn claims_of_the_wrong_type_are_the_tokens_fault() {
    let fixture = Fixture::new();
    let app = routes().with_state(fixture.auth.clone());
    for (claim, expected) in [
        (json!("blue"), answer(200, "blue")),
        (json!(1), answer(401, "claim_type")),
        (json!(null), answer(401, "claim_type")),
    ] {
        let token = fixture
            .token()
            .claim("https://expenses.example/team", claim.clone())
            .sign();
        assert_eq!(send(&app, "/team", Some(&token)).await, expected, "{claim}");
    }
}

/// Keeps what is logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes what this thread logs up to `level`, until the guard is dropped.
    pub(crate) fn take(&self, level: Level) -> DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn text(&self) -> String {
        let log = self.0.lock().expect("nothing panics while it logs");
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().expect("nothing panics while it logs");
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_route_that_nothing_guards_is_an_error_of_the_program() {
    let log = Log::default();
    let _guard = log.take(Level::INFO);
    let app: Router = Router::new().route("/reports/{id}", get(who));
    let fixture = Fixture::new();
    let token = fixture.token().sign();
    let (status, body) = send(&app, "/reports/7", Some(&token)).await;
    assert_eq!(status, 500);
    assert!(
        body.contains("urn:portcullis:problem:no_verifier"),
        "{body}"
    );

    let written = log.text();
    assert!(written.contains("ERROR"), "{written}");
    assert!(written.contains("route=\"/reports/{id}\""), "{written}");
    let start: String = token.chars().take(16).collect();
    assert!(!written.contains(&start), "{written}");
}

#[tokio::test]
async fn nothing_of_a_token_is_printed() {
    let fixture = Fixture::new();
    let show = async |token: AccessToken| format!("{token:?} {:?}", token.raw());
    let raw = async |token: AccessToken| token.raw().expose().to_string();
    let app = Router::new()
        .route("/show", get(show))
        .route("/raw", get(raw));
    let app = app.with_state(fixture.auth.clone());
    let token = fixture.token().sign();
    let shown = send(&app, "/show", Some(&token)).await;
    assert_eq!(shown, answer(200, "AccessToken { .. } [redacted]"));
    assert_eq!(send(&app, "/raw", Some(&token)).await, answer(200, &token));
}

#[tokio::test]
async fn a_token_in_the_address_needs_a_layer_that_keeps_the_answer_private() {
    let fixture = Fixture::new();
    let query = TokenSource::Query {
        name: "access_token".to_owned(),
    };
    let auth = fixture
        .issuer
        .verifier("api")
        .sources([TokenSource::Authorization, query])
        .build()
        .unwrap();
    let token = fixture.issuer.token().audience("api").sign();
    let bare = routes().with_state(auth.clone());
    let layered = routes::<()>().route_layer(auth.layer());
    let by_query = |path: &str| format!("{path}?access_token={token}");
    for (name, app, path, header, status) in [
        ("bare", &bare, by_query("/who"), None, 401),
        ("bare, optional", &bare, by_query("/maybe"), None, 401),
        ("bare", &bare, "/who".to_owned(), Some(&*token), 200),
        ("layer", &layered, by_query("/who"), None, 200),
    ] {
        let log = Log::default();
        let guard = log.take(Level::ERROR);
        let answer = app.clone().oneshot(request(&path, header)).await.unwrap();
        drop(guard);
        assert_eq!(answer.status(), status, "{name}");
        let told = log.text();
        assert_eq!(
            told.contains("by a layer only"),
            status == 401,
            "{name}: {told}"
        );
        let start: String = token.chars().take(16).collect();
        assert!(!told.contains(&start), "{name}: {told}");
        let private = answer
            .headers()
            .get("cache-control")
            .map(|line| line.to_str().unwrap());
        let expected = match (name, status) {
            ("layer", _) => Some("private"),
            (_, 200) => None,
            _ => Some("no-store"),
        };
        assert_eq!(private, expected, "{name}");
    }
}

#[tokio::test]
async fn the_scopes_of_a_handler_are_told_to_who_has_no_token() {
    let fixture = Fixture::new();
    let scopes = || {
        let document = fixture.auth.well_known().document();
        let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
        document["scopes_supported"].clone()
    };
    let plain = fixture.token().sign();
    for app in [
        routes().with_state(fixture.auth.clone()),
        routes::<()>().route_layer(fixture.auth.optional()),
    ] {
        for (path, token, scope) in [
            ("/read", None, r#", scope="read:reports""#),
            ("/both", None, r#", scope="read:reports write:reports""#),
            ("/read", Some(&*plain), r#", scope="read:reports""#),
            ("/who", None, ""),
            ("/read", Some("garbage"), ""),
        ] {
            let refused = app.clone().oneshot(request(path, token)).await.unwrap();
            let told = challenge(&refused);
            assert_eq!(told.contains("scope="), !scope.is_empty(), "{path}: {told}");
            assert!(told.ends_with(scope), "{path}: {told}");
        }
        assert_eq!(scopes(), json!(["read:reports", "write:reports"]));
    }
    let other = Fixture::new();
    let known = other.auth.well_known().document();
    assert!(!String::from_utf8(known).unwrap().contains("read:reports"));
}
