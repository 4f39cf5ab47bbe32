//! What an API says about itself (RFC 9728).

use serde_json::json;

use crate::fixture::{Fixture, bearer, post};

const FILE: &str = r#"
    [server]
    url = "https://api.example.com"

    [authorizer.bound]
    issuer = "https://partner.example/"
    audience = ["api"]
    dpop = "accept"
    sources = ["authorization", { query = "access_token" }]

    [api.main]
    upstream = "UPSTREAM"
    auth = { user = ["read:reports"] }
    resource = "https://api.example.com/"
    [api.main.routes]
    "POST /reports" = { auth = { user = ["write:reports"], bound = [] } }

    [api.plain]
    base = "/plain"
    upstream = "UPSTREAM"
    auth = "user"
    errors = "tyk"
    [api.plain.resource]
    url = "https://api.example.com/plain/v1"
    name = "Plain"
    documentation = "https://example.com/plain"

    [api.silent]
    base = "/silent"
    upstream = "UPSTREAM"
    auth = "user"
"#;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

#[tokio::test]
async fn an_api_with_a_resource_says_what_it_asks_for() {
    let fixture = Fixture::start(FILE).await;
    let answer = fixture
        .get(WELL_KNOWN, "Origin: https://a.example\r\n")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        answer.json(),
        json!({
            "resource": "https://api.example.com/",
            "authorization_servers": ["https://issuer.example/", "https://partner.example/"],
            "scopes_supported": ["read:reports", "write:reports"],
            "bearer_methods_supported": ["header", "query"],
            "dpop_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"],
        })
    );
    let plain = fixture.get(&format!("{WELL_KNOWN}/plain/v1"), "").await;
    assert_eq!(
        plain.json(),
        json!({
            "resource": "https://api.example.com/plain/v1",
            "authorization_servers": ["https://issuer.example/"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Plain",
            "resource_documentation": "https://example.com/plain",
        })
    );
    assert_eq!(fixture.upstream.seen().len(), 0, "nobody else was asked");
}

#[tokio::test]
async fn a_refusal_says_where_that_is() {
    let fixture = Fixture::start(FILE).await;
    let unscoped = bearer(&fixture.world.token().sign());
    let root = "resource_metadata=\"https://api.example.com/.well-known/oauth-protected-resource\"";
    let plain = root.replace("resource\"", "resource/plain/v1\"");
    for (path, lines, status, expected) in [
        ("/reports", "", 401, root),
        ("/reports", &*unscoped, 403, root),
        ("/reports", "Authorization: Bearer x\r\n", 401, root),
        ("/plain/a", "", 401, &*plain),
        ("/silent/a", "", 401, ""),
    ] {
        let answer = fixture.get(path, lines).await;
        assert_eq!(answer.status, status, "{path} {lines}");
        let challenge = answer.values("www-authenticate")[0];
        assert_eq!(
            challenge.contains("resource_metadata"),
            !expected.is_empty(),
            "{challenge}"
        );
        assert!(challenge.contains(expected), "{path} {lines}: {challenge}");
    }
}

#[tokio::test]
async fn only_reading_it_is_public() {
    let fixture = Fixture::start(FILE).await;
    let head = format!("HEAD {WELL_KNOWN} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_eq!(fixture.send(head).await.status, 200);
    assert_eq!(fixture.send(post(WELL_KNOWN, "", "")).await.status, 401);
    let below = fixture.get(&format!("{WELL_KNOWN}/other"), "").await;
    assert_eq!(below.status, 401);
}

#[tokio::test]
async fn a_route_that_the_file_spells_out_comes_first() {
    let text = FILE.replace(
        "[api.main.routes]",
        &format!(
            "[api.main.routes]\n\"GET {WELL_KNOWN}\" = {{ respond = \"own\", auth = \"none\" }}"
        ),
    );
    let fixture = Fixture::start(&text).await;
    assert_eq!(fixture.get(WELL_KNOWN, "").await.text(), "own");
}
