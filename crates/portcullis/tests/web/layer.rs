use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use portcullis::{AccessToken, Answers, ErrorStyle, TokenSource, any};
use portcullis_testkit::{TestClock, TestIssuer};
use tower::ServiceExt as _;

use crate::fixture::{Fixture, answer, challenge, request, send, text};

/// Takes the credential away, so that whatever is further in cannot verify it again.
async fn strip(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(AUTHORIZATION);
    next.run(request).await
}

#[tokio::test]
async fn a_route_is_covered_by_the_layers_declared_after_it() {
    let fixture = Fixture::new();
    let app = Router::new()
        .route("/me", get(async || "me"))
        .route_layer(fixture.auth.layer())
        .route("/public", get(async || "public"));
    let good = fixture.token().sign();
    for (path, token, expected) in [
        ("/me", None, answer(401, "missing")),
        ("/me", Some(good.as_str()), answer(200, "me")),
        ("/me", Some("garbage"), answer(401, "not_jwt")),
        ("/public", None, answer(200, "public")),
        ("/public", Some("garbage"), answer(200, "public")),
    ] {
        assert_eq!(send(&app, path, token).await, expected, "{path} {token:?}");
    }
}

#[tokio::test]
async fn a_requirement_stands_without_any_other_layer() {
    let fixture = Fixture::new();
    let either = fixture
        .auth
        .require(any(["reports:admin", "reports:read reports:delete"]));
    let app = Router::new()
        .route(
            "/all",
            get(async || "all").layer(fixture.auth.require("a b")),
        )
        .route("/any", get(async || "any").layer(either));
    for (path, scope, expected) in [
        ("/all", "a b c", answer(200, "all")),
        ("/all", "a", answer(403, "scope")),
        ("/any", "reports:admin", answer(200, "any")),
        ("/any", "reports:delete reports:read", answer(200, "any")),
        ("/any", "reports:delete", answer(403, "scope")),
    ] {
        let token = fixture.token().scope(scope).sign();
        assert_eq!(
            send(&app, path, Some(&token)).await,
            expected,
            "{path} {scope}"
        );
    }
    assert_eq!(send(&app, "/all", None).await, answer(401, "missing"));
    let refused = app.oneshot(request("/all", None)).await.unwrap();
    assert_eq!(challenge(&refused), r#"Bearer realm="api", scope="a b""#);
}

#[tokio::test]
async fn a_request_is_verified_once_by_one_verifier() {
    let fixture = Fixture::new();
    let inner = get(async |token: AccessToken| token.subject().unwrap_or_default().to_owned())
        .layer(fixture.auth.require("a"));
    let app = Router::new()
        .route("/", inner)
        .route_layer(from_fn(strip))
        .route_layer(fixture.auth.layer());
    let good = fixture.token().scope("a").sign();
    assert_eq!(send(&app, "/", Some(&good)).await, answer(200, "ada"));
    let narrow = fixture.token().scope("b").sign();
    assert_eq!(send(&app, "/", Some(&narrow)).await, answer(403, "scope"));
}

#[tokio::test]
async fn what_one_verifier_found_counts_for_no_other() {
    let (outer, inner) = (Fixture::new(), Fixture::new());
    let app = Router::new()
        .route("/", get(async || "in").layer(inner.auth.layer()))
        .route_layer(outer.auth.layer());
    let token = outer.token().sign();
    assert_eq!(
        send(&app, "/", Some(&token)).await,
        answer(401, "key_unknown")
    );
}

#[tokio::test]
async fn an_optional_credential_may_be_absent_but_not_bad() {
    let fixture = Fixture::new();
    let demanding = get(async || "in").layer(fixture.auth.require("a"));
    let app = Router::new()
        .route("/", get(async || "hello"))
        .route("/in", demanding)
        .route_layer(fixture.auth.optional());
    let good = fixture.token().sign();
    let expired = fixture.token().claim("exp", 1).sign();
    for (path, token, expected) in [
        ("/", None, answer(200, "hello")),
        ("/", Some(good.as_str()), answer(200, "hello")),
        ("/", Some(expired.as_str()), answer(401, "expired")),
        ("/", Some("garbage"), answer(401, "not_jwt")),
        ("/in", None, answer(401, "missing")),
    ] {
        assert_eq!(send(&app, path, token).await, expected, "{path} {token:?}");
    }
}

#[tokio::test]
async fn a_weak_or_old_login_is_sent_to_log_in_again() {
    let fixture = Fixture::new();
    let guard = fixture
        .auth
        .require("a")
        .acr("mfa")
        .acr("phr")
        .max_age(Duration::from_mins(5));
    let app = Router::new().route("/", get(async || "in").layer(guard));
    let start = TestClock::START.0;
    // Five minutes, and the five seconds that clocks may differ.
    for (acr, auth_time, expected) in [
        (Some("mfa"), Some(start), answer(200, "in")),
        (Some("phr"), Some(start - 305), answer(200, "in")),
        (Some("phr"), Some(start - 306), answer(401, "step_up")),
        (Some("pwd"), Some(start), answer(401, "step_up")),
        (None, Some(start), answer(401, "step_up")),
        (Some("mfa"), None, answer(401, "step_up")),
    ] {
        let mut token = fixture.token().scope("a");
        if let Some(acr) = acr {
            token = token.claim("acr", acr);
        }
        if let Some(auth_time) = auth_time {
            token = token.claim("auth_time", auth_time);
        }
        let got = send(&app, "/", Some(&token.sign())).await;
        assert_eq!(got, expected, "{acr:?} {auth_time:?}");
    }
    let weak = fixture.token().scope("a").sign();
    let refused = app.oneshot(request("/", Some(&weak))).await.unwrap();
    let told = r#"acr_values="mfa phr", max_age="300""#;
    assert!(
        challenge(&refused).ends_with(told),
        "{}",
        challenge(&refused)
    );
}

#[tokio::test]
async fn strangers_are_not_told_which_paths_exist() {
    let fixture = Fixture::new();
    let app = Router::new()
        .route("/", get(async || "in"))
        .route_layer(fixture.auth.layer())
        .fallback_service(fixture.auth.deny_unmatched());
    assert_eq!(send(&app, "/none", None).await, answer(401, "missing"));
    assert_eq!(send(&app, "/", None).await, answer(401, "missing"));
    let good = fixture.token().sign();
    let (status, body) = send(&app, "/none", Some(&good)).await;
    assert_eq!(status, 404);
    assert!(body.contains("urn:portcullis:problem:no_route"), "{body}");
}

#[tokio::test]
async fn a_layer_may_refuse_in_a_style_of_its_own() {
    let fixture = Fixture::presenting(Answers::default().realm("expenses"));
    let aws = fixture.auth.layer().errors(ErrorStyle::Aws);
    let app = Router::new()
        .route("/aws", get(async || "in").layer(aws))
        .route("/problem", get(async || "in").layer(fixture.auth.layer()));
    let refused = app.clone().oneshot(request("/aws", None)).await.unwrap();
    assert_eq!(text(refused).await, r#"{"message":"Unauthorized"}"#);
    let refused = app.oneshot(request("/problem", None)).await.unwrap();
    assert_eq!(challenge(&refused), r#"Bearer realm="expenses""#);
}

#[tokio::test]
async fn no_shared_cache_stores_what_a_token_in_the_address_brings() {
    let issuer = TestIssuer::new();
    let query = TokenSource::Query {
        name: "access_token".to_owned(),
    };
    let auth = issuer
        .verifier("api")
        .sources([TokenSource::Authorization, query])
        .build()
        .unwrap();
    let app = Router::new()
        .route("/inner", get(async || "").layer(auth.require("read")))
        .route("/", get(async || ([(CACHE_CONTROL, "max-age=60")], "")))
        .route_layer(auth.layer());
    let token = issuer.token().audience("api").scope("read").sign();
    for (path, header, expected) in [
        (
            format!("/?access_token={token}"),
            None,
            &["max-age=60", "private"][..],
        ),
        (format!("/inner?access_token={token}"), None, &["private"]),
        ("/".to_owned(), Some(&*token), &["max-age=60"]),
        ("/inner".to_owned(), Some(&*token), &[]),
    ] {
        let answer = app.clone().oneshot(request(&path, header)).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let told: Vec<_> = answer.headers().get_all(CACHE_CONTROL).iter().collect();
        assert_eq!(told, expected, "{path}");
    }
}
