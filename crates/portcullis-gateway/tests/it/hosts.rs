//! Which API answers is first of all a matter of the host.

use http::header::HOST;
use http::{HeaderMap, HeaderValue};
use portcullis_gateway::{Inquiry, explain};
use serde_json::Value;

use crate::fixture::{Fixture, bearer};

const PLAN: &str = r#"
    [api.reports]
    hosts = ["reports.example.com"]
    auth = "user"
    upstream = "UPSTREAM"

    [api.tenants]
    hosts = ["*.example.com", "[2001:db8::1]"]
    auth = "none"
    cors = true
    routes = { "GET /" = { respond = "tenant" }, "GET /health" = { respond = "theirs" } }

    [api.health]
    auth = "none"
    routes = { "GET /health" = { respond = "ours" } }
"#;

async fn ask(fixture: &Fixture, host: &str, target: &str) -> (u16, String) {
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let answer = fixture.send(head).await;
    (answer.status, answer.text())
}

#[tokio::test]
async fn the_host_in_its_one_spelling_chooses_the_api() {
    let fixture = Fixture::start(PLAN).await;
    for host in [
        "reports.example.com",
        "REPORTS.Example.COM",
        "reports.example.com:8443",
        "reports.example.com.",
        "Reports.example.com.:80",
    ] {
        for target in ["/", "/health", "/a"] {
            assert_eq!(ask(&fixture, host, target).await.0, 401, "{host}{target}");
        }
    }
    for (host, target, expected) in [
        ("a.example.com", "/", "tenant"),
        ("a.b.example.com", "/", "tenant"),
        ("[2001:DB8:0::1]:80", "/", "tenant"),
        ("a.example.com", "/health", "theirs"),
        ("example.com", "/health", "ours"),
        ("other.example", "/health", "ours"),
        ("myexample.com", "/health", "ours"),
        ("", "/health", "ours"),
    ] {
        let answer = ask(&fixture, host, target).await;
        assert_eq!(answer, (200, expected.to_owned()), "{host}{target}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_host_that_no_api_names_has_the_routes_of_every_host_only() {
    let fixture = Fixture::start(PLAN).await;
    for (host, target) in [
        ("other.example", "/"),
        ("example.com", "/"),
        ("reports.example.com.evil.example", "/a"),
        ("reports.example.com..", "/"),
        ("a.example.com", "/a"),
        ("127.0.0.1", "/"),
    ] {
        assert_eq!(ask(&fixture, host, target).await.0, 404, "{host}{target}");
    }
    // What a proxy says of the host chooses nothing.
    let lines = "X-Forwarded-Host: a.example.com\r\nForwarded: host=a.example.com\r\n";
    assert_eq!(fixture.get("/", lines).await.status, 404);
}

#[tokio::test]
async fn a_target_in_absolute_form_names_the_host() {
    let fixture = Fixture::start(PLAN).await;
    let token = fixture.world.token().sign();
    for (target, host, status) in [
        ("http://reports.example.com/a", "a.example.com", 401),
        ("http://a.example.com/", "reports.example.com", 200),
        ("http://a.example.com/a", "reports.example.com", 404),
    ] {
        let answer = ask(&fixture, host, target).await;
        assert_eq!(answer.0, status, "{target} with Host {host}");
    }
    let head = "GET /a HTTP/1.1\r\nHost: reports.example.com\r\n";
    let answer = fixture.send(format!("{head}{}\r\n", bearer(&token))).await;
    assert_eq!(answer.json()["target"], "/a");
}

#[tokio::test]
async fn a_preflight_learns_of_the_api_of_its_host() {
    let fixture = Fixture::start(PLAN).await;
    for (host, status) in [("a.example.com", 204), ("example.com", 404)] {
        let head = format!(
            "OPTIONS / HTTP/1.1\r\nHost: {host}\r\nOrigin: https://a.example\r\n\
             Access-Control-Request-Method: GET\r\n\r\n"
        );
        assert_eq!(fixture.send(head).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn an_explanation_knows_the_host() {
    let fixture = Fixture::start(PLAN).await;
    let plan = fixture
        .world
        .plan(&PLAN.replace("UPSTREAM", "http://127.0.0.1:1"));
    for (host, expected) in [
        (
            Some("reports.example.com"),
            "`ANY /{rest+}` of API `reports`",
        ),
        (Some("a.example.com"), "`GET /health` of API `tenants`"),
        (None, "`GET /health` of API `health`"),
    ] {
        let host = host.map(|host| (HOST, HeaderValue::from_static(host)));
        let headers: HeaderMap = host.into_iter().collect();
        let explanation = explain(&plan, Inquiry::new("GET", "/health", &headers)).await;
        let found = &explanation.records[1];
        assert_eq!(
            found.outcome,
            portcullis_token::Outcome::Passed(expected.to_owned())
        );
    }
    let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("B.example:80"))]);
    let explanation = explain(&plan, Inquiry::new("GET", "/", &headers)).await;
    let got = "`GET /` at `b.example`".to_owned();
    let expected = "a method and path of the route table".to_owned();
    assert_eq!(
        explanation.records[1].outcome,
        portcullis_token::Outcome::Refused { expected, got }
    );
}
