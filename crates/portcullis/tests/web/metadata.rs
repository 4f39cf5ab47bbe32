use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request};
use portcullis::{Algorithm, Answers, Issuer, Verifier};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::fixture::{Fixture, text};

async fn fetch(app: &Router, path: &str) -> Value {
    let request = Request::get(path).body(Body::empty());
    let request = request.expect("the path is one");
    let response = app.clone().oneshot(request).await;
    let response = response.expect("a router always answers");
    assert_eq!(response.status(), 200, "{path}");
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_str(&text(response).await).expect("the metadata are JSON")
}

#[tokio::test]
async fn the_metadata_say_what_the_routes_ask_for() {
    let answers = Answers::default()
        .resource("https://api.example.com/v1")
        .dpop([Algorithm::Es256]);
    let fixture = Fixture::presenting(answers);
    let metadata = fixture
        .auth
        .well_known()
        .name("Expenses")
        .documentation("https://example.com/docs")
        .scopes(["write:reports", "read:reports"])
        .certificate_bound();
    let app: Router = Router::new().merge(metadata).route(
        "/",
        get(async || "in").layer(fixture.auth.require("read:reports")),
    );
    assert_eq!(
        fetch(&app, "/.well-known/oauth-protected-resource/v1").await,
        json!({
            "resource": "https://api.example.com/v1",
            "authorization_servers": ["https://issuer.example/"],
            "scopes_supported": ["read:reports", "write:reports"],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": ["ES256"],
            "tls_client_certificate_bound_access_tokens": true,
            "resource_name": "Expenses",
            "resource_documentation": "https://example.com/docs",
        })
    );
}

#[tokio::test]
async fn without_a_resource_the_first_audience_is_named() {
    let fixture = Fixture::new();
    let app: Router = Router::new().merge(fixture.auth.well_known());
    assert_eq!(
        fetch(&app, "/.well-known/oauth-protected-resource").await,
        json!({
            "resource": "https://expenses-api",
            "authorization_servers": ["https://issuer.example/"],
            "bearer_methods_supported": ["header"],
        })
    );
}

#[tokio::test]
async fn the_authorization_servers_are_named_byte_for_byte_as_configured() {
    let names = [
        "https://tenant.eu.auth0.com/",
        "https://tenant.eu.auth0.com",
        "https://Login.example/realms/a",
        "https://issuer.example:443/",
    ];
    let mut builder = Verifier::builder();
    for name in names {
        builder = builder.issuer(Issuer::discover(name).audience("api"));
    }
    let auth = builder.build().unwrap();
    let app: Router = Router::new().merge(auth.well_known());
    let document = fetch(&app, "/.well-known/oauth-protected-resource").await;
    assert_eq!(document["authorization_servers"], json!(names));
}

#[tokio::test]
async fn the_metadata_are_read_and_nothing_else() {
    let fixture = Fixture::new();
    let metadata = fixture.auth.well_known();
    for (method, status, has_body) in [
        (Method::GET, 200, true),
        (Method::HEAD, 200, false),
        (Method::POST, 405, false),
        (Method::DELETE, 405, false),
    ] {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method.clone();
        let response = metadata.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{method}");
        assert_eq!(
            response.headers().contains_key("allow"),
            status == 405,
            "{method}"
        );
        let body = text(response.map(Body::new)).await;
        assert_eq!(!body.is_empty(), has_body, "{method}");
    }
}
