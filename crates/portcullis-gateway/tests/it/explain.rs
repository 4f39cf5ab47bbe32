use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use portcullis_gateway::{Explanation, Inquiry, explain};
use portcullis_token::{Outcome, Step};

use crate::fixture::{Fixture, PARTNER, bearer};

const API: &str = r#"
    [authorizer.other]
    issuer = "https://issuer.example/"
    audience = ["other"]

    [authorizer.elliptic]
    issuer = "https://issuer.example/"
    audience = ["api"]
    algorithms = ["ES256"]

    [api.main]
    auth = { user = ["read"] }
    [api.main.routes]
    "GET /a" = { respond = "a" }
    "GET /hello/{name}" = { respond = "Hello {name}", auth = "none" }
    "ANY /public/{rest+}" = { respond = "public", auth = "none" }
    "GET /optional" = { upstream = "UPSTREAM", auth = ["user", "none"] }
    "GET /first" = { respond = "a", auth = [{ user = ["read"] }, "partner"] }
    "GET /last" = { respond = "a", auth = ["partner", { user = ["read"] }] }
    "GET /all" = { respond = "a", auth = { user = [], other = ["read"] } }
    "GET /elliptic" = { respond = "a", auth = ["elliptic", "partner"] }
"#;

/// The step that decided: whose, which, and whether it passed.
fn decided(explanation: &Explanation) -> (Option<&str>, Step, bool) {
    let last = explanation.records.last().unwrap();
    let passed = matches!(last.outcome, Outcome::Passed(_));
    (last.authorizer.as_deref(), last.step, passed)
}

/// Rows of: method, path, token, expected status, the authorizer and the step that decide.
fn rows(fixture: &Fixture) -> Vec<(&'static str, &'static str, String, u16, &'static str, Step)> {
    let token = || fixture.world.token();
    let none = String::new;
    let partner = || fixture.world.partner.token().audience("api");
    vec![
        ("GET", "/public/../a", none(), 400, "", Step::Path),
        ("GET", "/public;x/a", none(), 400, "", Step::Path),
        ("CONNECT", "/public/a", none(), 400, "", Step::Path),
        ("POST", "/hello/a", none(), 404, "", Step::Route),
        ("GET", "/hello/a", none(), 200, "", Step::Credential),
        (
            "GET",
            "/public/a",
            "garbage".to_owned(),
            200,
            "",
            Step::Credential,
        ),
        ("GET", "/optional", none(), 200, "", Step::Credential),
        (
            "GET",
            "/optional",
            "garbage".to_owned(),
            401,
            "user",
            Step::Shape,
        ),
        ("GET", "/a", none(), 401, "", Step::Credential),
        ("GET", "/a", "a b".to_owned(), 400, "", Step::Credential),
        ("GET", "/a", token().alg_none(), 401, "user", Step::Header),
        (
            "GET",
            "/a",
            token().claim("exp", "x").sign(),
            401,
            "user",
            Step::Claims,
        ),
        (
            "GET",
            "/a",
            token().claim("iss", PARTNER).sign(),
            401,
            "user",
            Step::Issuer,
        ),
        (
            "GET",
            "/a",
            token().claim("exp", 1).sign(),
            401,
            "user",
            Step::Expiry,
        ),
        (
            "GET",
            "/a",
            token().audience("b").sign(),
            401,
            "user",
            Step::Audience,
        ),
        (
            "GET",
            "/a",
            token().claim("nonce", "b").sign(),
            401,
            "user",
            Step::Kind,
        ),
        ("GET", "/a", token().sign(), 403, "user", Step::Scopes),
        (
            "GET",
            "/a",
            token().scope("read").sign(),
            200,
            "user",
            Step::Scopes,
        ),
        (
            "HEAD",
            "/a",
            token().scope("read").sign(),
            200,
            "user",
            Step::Scopes,
        ),
        // The authorizer that decides is the last one, wherever `auth` names it.
        (
            "GET",
            "/first",
            token().claim("exp", 1).sign(),
            401,
            "user",
            Step::Expiry,
        ),
        (
            "GET",
            "/last",
            token().claim("exp", 1).sign(),
            401,
            "user",
            Step::Expiry,
        ),
        (
            "GET",
            "/first",
            partner().audience("b").sign(),
            401,
            "partner",
            Step::Audience,
        ),
        (
            "GET",
            "/last",
            partner().audience("b").sign(),
            401,
            "partner",
            Step::Audience,
        ),
        ("GET", "/first", token().sign(), 403, "user", Step::Scopes),
        ("GET", "/last", token().sign(), 403, "user", Step::Scopes),
        (
            "GET",
            "/last",
            partner().sign(),
            200,
            "partner",
            Step::Scopes,
        ),
        ("GET", "/all", token().sign(), 401, "other", Step::Audience),
        (
            "GET",
            "/all",
            token().audience("other").sign(),
            401,
            "user",
            Step::Audience,
        ),
        (
            "GET",
            "/elliptic",
            token().sign(),
            401,
            "elliptic",
            Step::Header,
        ),
    ]
}

#[tokio::test]
async fn explain_decides_as_the_gateway_does_and_ends_with_the_step_that_decided() {
    let fixture = Fixture::start(API).await;
    let plan = fixture
        .world
        .plan(&API.replace("UPSTREAM", &fixture.upstream.url()));
    for (method, path, token, status, authorizer, step) in rows(&fixture) {
        let name = format!("{method} {path}, decided by {step}");
        let mut headers = HeaderMap::new();
        let mut lines = String::new();
        if !token.is_empty() {
            let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            headers.insert(AUTHORIZATION, value);
            lines = bearer(&token);
        }
        let head = format!("{method} {path} HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n");
        assert_eq!(fixture.send(head).await.status, status, "{name}, over HTTP");

        let explanation = explain(&plan, Inquiry::new(method, path, &headers)).await;
        let explained = match &explanation.outcome {
            Ok(_) => 200,
            Err(refusal) => refusal.status().as_u16(),
        };
        assert_eq!(explained, status, "{name}");
        let authorizer = Some(authorizer).filter(|name| !name.is_empty());
        let expected = (authorizer, step, status == 200);
        assert_eq!(decided(&explanation), expected, "{name}");
    }
}

#[tokio::test]
async fn a_permit_names_its_route_and_its_caller() {
    let fixture = Fixture::start(API).await;
    let plan = fixture
        .world
        .plan(&API.replace("UPSTREAM", "http://127.0.0.1:1"));
    let token = fixture.world.token().scope("read").sign();
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    for (path, route, subject) in [
        ("/hello/a", "GET /hello/{name}", None),
        ("/optional", "GET /optional", Some("ada")),
        ("/public/a/b", "ANY /public/{rest+}", None),
    ] {
        let permitted = explain(&plan, Inquiry::new("GET", path, &headers))
            .await
            .outcome
            .unwrap();
        assert_eq!(permitted.route, route, "{path}");
        assert_eq!(permitted.subject.as_deref(), subject, "{path}");
    }
    assert_eq!(
        fixture.upstream.seen(),
        [serde_json::Value::Null; 0],
        "nothing is forwarded"
    );
}

#[tokio::test]
async fn the_path_of_readiness_is_explained_as_it_is_answered() {
    let text = format!("[server]\nready = \"/ready\"\n{API}");
    let fixture = Fixture::start(&text).await;
    let plan = fixture
        .world
        .plan(&text.replace("UPSTREAM", &fixture.upstream.url()));
    for (method, path, expected) in [
        ("GET", "/ready", Some("GET /ready")),
        ("HEAD", "/ready", Some("HEAD /ready")),
        ("POST", "/ready", None),
        ("GET", "/ready/", None),
        ("GET", "/Ready", None),
    ] {
        let headers = HeaderMap::new();
        let explanation = explain(&plan, Inquiry::new(method, path, &headers)).await;
        assert_eq!(
            decided(&explanation),
            (None, Step::Route, expected.is_some())
        );
        let route = explanation.outcome.map(|permitted| permitted.route);
        assert_eq!(route.ok().as_deref(), expected, "{method} {path}");
        let head = format!("{method} {path} HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let status = if expected.is_some() { 200 } else { 404 };
        assert_eq!(fixture.send(head).await.status, status, "{method} {path}");
    }
}

#[tokio::test]
async fn no_step_shows_the_token() {
    let fixture = Fixture::start(API).await;
    let plan = fixture
        .world
        .plan(&API.replace("UPSTREAM", "http://127.0.0.1:1"));
    for token in [
        fixture.world.token().sign(),
        "garbage.of.somebody".to_owned(),
    ] {
        let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        let shown = format!(
            "{:?}",
            explain(&plan, Inquiry::new("GET", "/a", &headers)).await
        );
        for part in token.split('.') {
            assert!(!shown.contains(part) || part.len() < 4, "{part} in {shown}");
        }
    }
}
