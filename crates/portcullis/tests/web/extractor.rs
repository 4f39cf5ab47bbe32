use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use portcullis::{AccessToken, FindVerifier, Scoped, Verifier, scopes};
use serde::Deserialize;
use serde_json::json;

use crate::fixture::{Fixture, answer, send};

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
struct Log(Arc<Mutex<Vec<u8>>>);

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
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let app: Router = Router::new().route("/reports/{id}", get(who));
    let fixture = Fixture::new();
    let token = fixture.token().sign();
    let (status, body) = send(&app, "/reports/7", Some(&token)).await;
    assert_eq!(status, 500);
    assert!(
        body.contains("urn:portcullis:problem:no_verifier"),
        "{body}"
    );

    let written = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
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
