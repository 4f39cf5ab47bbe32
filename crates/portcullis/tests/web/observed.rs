//! What an observer sees of good tokens that are not good enough.

use axum::Router;
use axum::routing::get;
use portcullis::{AccessToken, ClaimRule, Observer, OnFail, Reason, Scoped, scopes};
use portcullis_testkit::TestIssuer;
use tracing::Level;

use crate::extractor::Log;
use crate::fixture::send;

scopes! { ReadReports = "read:reports" }

#[derive(serde::Deserialize)]
struct Seats {
    #[expect(dead_code, reason = "only its type matters")]
    seats: u32,
}

#[tokio::test]
async fn a_refusal_by_a_route_is_counted_and_one_line_with_the_tokens_id() {
    let issuer = TestIssuer::new();
    let observer = Observer::default();
    let builder = || issuer.verifier("api").observer(observer.clone());
    let auth = builder().build().unwrap();
    let quiet = issuer
        .verifier("api")
        .observer(observer.clone().without_lines())
        .build()
        .unwrap();
    let forbid = ClaimRule::exists("org_id").on_fail(OnFail::Forbid);
    let app: Router = Router::new()
        .route(
            "/scope",
            get(async || "").layer(auth.require("read:reports")),
        )
        .route("/claim", get(async || "").layer(auth.layer().claim(forbid)))
        .route("/login", get(async || "").layer(auth.layer().acr("mfa")))
        .route("/typed", get(async |_: Scoped<ReadReports>| ""))
        .route("/seats", get(async |_: AccessToken<Seats>| ""))
        .route(
            "/quiet",
            get(async || "").layer(quiet.require("read:reports")),
        )
        .with_state(auth);
    let token = issuer.token().audience("api").claim("jti", "the-id").sign();
    let count = |reason| {
        let refused = observer.status().refused;
        refused.iter().find(|(own, _)| *own == reason).unwrap().1
    };
    for (path, status, reason, lines) in [
        ("/scope", 403, Reason::Scope, 1),
        ("/claim", 403, Reason::ClaimForbidden, 1),
        ("/login", 401, Reason::StepUp, 1),
        ("/typed", 403, Reason::Scope, 1),
        ("/seats", 401, Reason::ClaimType, 1),
        ("/quiet", 403, Reason::Scope, 0),
    ] {
        let before = (observer.status().accepted, count(reason));
        let log = Log::default();
        let guard = log.take(Level::DEBUG);
        let (got, _) = send(&app, path, Some(&token)).await;
        drop(guard);
        assert_eq!(got, status, "{path}");
        let after = (observer.status().accepted, count(reason));
        assert_eq!(after, (before.0 + 1, before.1 + 1), "{path}");
        let text = log.text();
        let told: Vec<_> = text
            .lines()
            .filter(|line| line.contains("token refused"))
            .collect();
        assert_eq!(told.len(), lines, "{path}: {text}");
        for line in told {
            let named = format!("reason=\"{}\"", reason.code());
            assert!(line.contains(&named), "{path}: {line}");
            assert!(line.contains("token_id="), "{path}: {line}");
            let names_it = line.contains("jti=\"the-id\"");
            assert_eq!(names_it, reason != Reason::ClaimType, "{path}: {line}");
        }
        let start: String = token.chars().take(16).collect();
        assert!(!text.contains(&start), "{path}: {text}");
    }
}
