use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use portcullis::{Algorithm, Answers, ClientCertificate, ErrorDetail};
use portcullis_testkit::ProofKey;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::fixture::{Fixture, request, text};

fn fixture(answers: Answers) -> (Fixture, Router) {
    let fixture = Fixture::presenting(answers.detail(ErrorDetail::Debug));
    let guarded = get(async || "in").layer(fixture.auth.layer());
    // Nested, so that the router takes `/v1` off the path that the layer sees.
    let app = Router::new().nest("/v1", Router::new().route("/reports", guarded));
    (fixture, app)
}

/// The status, the reason and the challenges of a request with these headers.
async fn send(app: &Router, headers: &[(&str, &str)]) -> (u16, String, Vec<String>) {
    let mut request = Request::get("/v1/reports?page=2");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Body::empty())
        .expect("the headers are visible ASCII");
    let response = app.clone().oneshot(request).await;
    let response = response.expect("a router always answers");
    let lines = response.headers().get_all("www-authenticate").iter();
    let challenges = lines
        .map(|line| line.to_str().unwrap_or_default().to_owned())
        .collect();
    let status = response.status().as_u16();
    let body = text(response).await;
    let problem: Value = serde_json::from_str(&body).unwrap_or_default();
    (
        status,
        problem["reason"].as_str().unwrap_or(&body).to_owned(),
        challenges,
    )
}

#[tokio::test]
async fn a_bound_token_needs_a_fresh_proof_for_exactly_this_request() {
    let answers = Answers::default()
        .base("https://api.example.com")
        .dpop([Algorithm::Es256]);
    let (fixture, app) = fixture(answers);
    let (key, other) = (ProofKey::new(), ProofKey::new());
    let bound = fixture.token().claim("cnf", key.confirmation()).sign();
    let url = "https://api.example.com/v1/reports";
    let proof = |jti: &str| key.proof("GET", url, &bound, &[("jti", json!(jti))]);
    let (first, dpop) = (proof("a"), format!("DPoP {bound}"));
    let bearer = format!("Bearer {bound}");
    for (name, authorization, proof, expected) in [
        ("good", &dpop, Some(first.clone()), (200, "in")),
        ("the same again", &dpop, Some(first), (401, "dpop_replay")),
        ("another", &dpop, Some(proof("b")), (200, "in")),
        ("none", &dpop, None, (401, "dpop_required")),
        ("as a bearer token", &bearer, None, (401, "dpop_required")),
        (
            "a bearer with a proof",
            &bearer,
            Some(proof("c")),
            (400, "multiple_credentials"),
        ),
        (
            "another method",
            &dpop,
            Some(key.proof("POST", url, &bound, &[])),
            (401, "dpop_proof"),
        ),
        (
            "another path",
            &dpop,
            Some(key.proof("GET", "https://api.example.com/reports", &bound, &[])),
            (401, "dpop_proof"),
        ),
        (
            "another key",
            &dpop,
            Some(other.proof("GET", url, &bound, &[])),
            (401, "dpop_binding"),
        ),
    ] {
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(proof.as_deref().map(|proof| ("dpop", proof)));
        let (status, reason, challenges) = send(&app, &headers).await;
        assert_eq!((status, reason.as_str()), expected, "{name}");
        if reason.starts_with("dpop") {
            assert_eq!(challenges[0], r#"Bearer realm="api""#, "{name}");
            assert!(
                challenges[1].starts_with(r#"DPoP algs="ES256", error=""#),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn without_being_switched_on_the_scheme_is_not_supported() {
    for answers in [
        Answers::default().base("https://api.example.com"),
        Answers::default().dpop([Algorithm::Es256]),
    ] {
        let (fixture, app) = fixture(answers);
        let key = ProofKey::new();
        let bound = fixture.token().claim("cnf", key.confirmation()).sign();
        let proof = key.proof("GET", "https://api.example.com/v1/reports", &bound, &[]);
        let headers = [
            ("authorization", &*format!("DPoP {bound}")),
            ("dpop", &proof),
        ];
        let (status, reason, _) = send(&app, &headers).await;
        assert_eq!((status, reason.as_str()), (401, "unsupported_scheme"));
    }
}

#[tokio::test]
async fn a_token_bound_to_a_certificate_needs_that_certificate() {
    let (fixture, app) = fixture(Answers::default());
    // Base64url of 32 zeros.
    let thumbprint = "A".repeat(43);
    let bound = fixture
        .token()
        .claim("cnf", json!({ "x5t#S256": thumbprint }))
        .sign();
    for (certificate, expected) in [
        (Some(ClientCertificate([0; 32])), 200),
        (Some(ClientCertificate([1; 32])), 401),
        (None, 401),
    ] {
        let mut request = request("/v1/reports", Some(&bound));
        if let Some(certificate) = certificate {
            request.extensions_mut().insert(certificate);
        }
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), expected, "{certificate:?}");
    }
}
