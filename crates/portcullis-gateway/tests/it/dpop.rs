use http::HeaderMap;
use http::header::AUTHORIZATION;
use portcullis_gateway::{Inquiry, Refusal, explain};
use portcullis_testkit::{ProofKey, TestClock};
use portcullis_token::{Step, base64url};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixture::{Fixture, World, bearer, public};

const URL: &str = "https://api.example/base/a";

async fn fixture(style: &str) -> Fixture {
    let world = World {
        tells_reason: true,
        ..World::default()
    };
    Fixture::of(world, &file(style)).await
}

fn file(style: &str) -> String {
    let authorizer = |name: &str, words: &str| {
        format!(
            "[authorizer.{name}]\nissuer = \"https://issuer.example/\"\naudience = [\"api\"]\n{words}\n"
        )
    };
    let text = [
        authorizer("off", ""),
        authorizer("accept", "dpop = \"accept\""),
        authorizer("require", "dpop = \"require\""),
        authorizer("nonce", "dpop = \"accept\"\ndpop_nonce = true"),
        format!(
            r#"
            [server]
            url = "https://api.example/base/"
            [api.main]
            errors = "{style}"
            upstream = "UPSTREAM"
            auth = "accept"
            [api.main.routes]
            "GET /off" = {{ auth = "off" }}
            "GET /require" = {{ auth = "require" }}
            "GET /nonce" = {{ auth = "nonce" }}
            "GET /scope" = {{ auth = {{ accept = ["admin"] }} }}
            [api.kept]
            base = "/kept"
            upstream = "UPSTREAM"
            auth = "accept"
            token = "keep"
            "#
        ),
    ];
    text.concat()
}

fn lines(token: &str, proof: &str) -> String {
    format!("Authorization: DPoP {token}\r\nDPoP: {proof}\r\n")
}

fn assert_reason(answer: &Answer, style: &str, reason: &str, case: &str) {
    let expected = match (reason, style) {
        ("", _) => 200,
        ("unsupported_scheme", "tyk") | ("multiple_credentials", "problem" | "aws") => 400,
        ("multiple_credentials", "tyk") | ("scope", _) => 403,
        _ => 401,
    };
    assert_eq!(answer.status, expected, "{style}: {case}");
    if style == "problem" && !reason.is_empty() {
        assert_eq!(answer.json()["reason"], reason, "{case}");
    }
}

#[tokio::test]
async fn a_bound_token_comes_with_a_proof_of_its_key() {
    for style in ["problem", "aws", "tyk", "express-jwt"] {
        let fixture = fixture(style).await;
        let key = ProofKey::new();
        let token = || fixture.world.token();
        let bound = token().claim("cnf", key.confirmation()).sign();
        let free = token().sign();
        let now = TestClock::START.0;
        let proof = |id: &str, changes: &[(&str, Value)]| {
            let id = [("jti", json!(id))];
            key.proof("GET", URL, &bound, &[&id[..], changes].concat())
        };
        let at = |url: &str| vec![("htu", json!(url))];
        let other = ProofKey::new().proof("GET", URL, &bound, &[]);
        let good = proof("1", &[]);
        let twice = format!("{}DPoP: {good}\r\n", lines(&bound, &good));
        let off = proof("off", &at("https://api.example/base/off"));
        let require = proof("require", &at("https://api.example/base/require"));
        let scope = proof("scope", &at("https://api.example/base/scope"));
        for (name, path, sent, reason) in [
            ("a proof", "/a", lines(&bound, &good), ""),
            ("the same proof", "/a", lines(&bound, &good), "dpop_replay"),
            (
                "another proof",
                "/a?q=1",
                lines(&bound, &proof("2", &[])),
                "",
            ),
            ("two proofs", "/a", twice, "dpop_proof"),
            (
                "another method",
                "/a",
                lines(&bound, &proof("3", &[("htm", json!("POST"))])),
                "dpop_proof",
            ),
            (
                "the address of the socket",
                "/a",
                lines(&bound, &proof("4", &at("http://a.example/a"))),
                "dpop_proof",
            ),
            (
                "an old proof",
                "/a",
                lines(&bound, &proof("5", &[("iat", json!(now - 301))])),
                "dpop_proof",
            ),
            (
                "for another token",
                "/a",
                lines(&bound, &proof("6", &[("ath", json!("x"))])),
                "dpop_proof",
            ),
            ("another key", "/a", lines(&bound, &other), "dpop_binding"),
            ("no proof", "/a", bearer(&bound), "dpop_required"),
            (
                "only the scheme",
                "/a",
                format!("Authorization: DPoP {bound}\r\n"),
                "dpop_required",
            ),
            (
                "a proof beside a bearer",
                "/a",
                format!("{}DPoP: {good}\r\n", bearer(&bound)),
                "multiple_credentials",
            ),
            ("a free token", "/a", bearer(&free), ""),
            ("a free token", "/require", bearer(&free), "dpop_required"),
            ("a proof", "/require", lines(&bound, &require), ""),
            ("a proof", "/off", lines(&bound, &off), "unsupported_scheme"),
            ("no scope", "/scope", lines(&bound, &scope), "scope"),
        ] {
            let answer = fixture.get(path, &sent).await;
            assert_reason(&answer, style, reason, &format!("{path}: {name}"));
            // The error goes on the scheme that was used, or that would help.
            if style == "problem" && reason == "scope" {
                let algorithms = "DPoP algs=\"RS256 PS256 ES256 EdDSA\", error=";
                let challenges = answer.values("www-authenticate");
                assert_eq!(challenges[0], "Bearer realm=\"main\"");
                assert!(challenges[1].starts_with(algorithms), "{challenges:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_nonce_is_given_and_then_asked_for() {
    for style in ["problem", "aws", "tyk", "express-jwt"] {
        let fixture = fixture(style).await;
        let key = ProofKey::new();
        let bound = fixture
            .world
            .token()
            .claim("cnf", key.confirmation())
            .sign();
        let url = "https://api.example/base/nonce";
        let proof = |changes: &[(&str, Value)]| key.proof("GET", url, &bound, changes);

        let refused = fixture.get("/nonce", &lines(&bound, &proof(&[]))).await;
        assert_reason(&refused, style, "dpop_nonce", "no nonce");
        let nonce = refused.header("dpop-nonce").unwrap().to_owned();
        let with = proof(&[("nonce", json!(nonce)), ("jti", json!("2"))]);
        let answer = fixture.get("/nonce", &lines(&bound, &with)).await;
        assert_eq!(answer.status, 200, "{style}");
        assert_eq!(answer.header("dpop-nonce"), None, "{style}");
    }
}

#[tokio::test]
async fn a_proof_goes_no_further_than_its_token() {
    let fixture = fixture("problem").await;
    let key = ProofKey::new();
    let bound = fixture
        .world
        .token()
        .claim("cnf", key.confirmation())
        .sign();
    for (path, kept) in [("/a", false), ("/kept", true)] {
        let url = format!("https://api.example/base{path}");
        let proof = key.proof("GET", &url, &bound, &[]);
        let answer = fixture.get(path, &lines(&bound, &proof)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let seen = fixture
            .upstream
            .seen()
            .pop()
            .unwrap()
            .to_string()
            .to_lowercase();
        assert_eq!(seen.contains("\"dpop: "), kept, "{path}: {seen}");
        assert_eq!(seen.contains("\"authorization: "), kept, "{path}: {seen}");
    }
}

#[tokio::test]
async fn what_is_remembered_of_proofs_outlives_a_reload() {
    let fixture = fixture("problem").await;
    let key = ProofKey::new();
    let bound = fixture
        .world
        .token()
        .claim("cnf", key.confirmation())
        .sign();
    let used = lines(&bound, &key.proof("GET", URL, &bound, &[]));
    assert_eq!(fixture.get("/a", &used).await.status, 200);
    let url = "https://api.example/base/nonce";
    let proof = |changes: &[(&str, Value)]| key.proof("GET", url, &bound, changes);
    let refused = fixture.get("/nonce", &lines(&bound, &proof(&[]))).await;
    let nonce = refused.header("dpop-nonce").unwrap().to_owned();

    let text = file("problem").replace("UPSTREAM", &fixture.upstream.url());
    for text in [
        text.clone(),
        // The authorizer itself differs, and the proof is as used as before.
        text.replace("dpop = \"accept\"", "dpop = \"accept\"\nleeway = \"1s\""),
    ] {
        fixture.gateway.replace(fixture.world.plan(&text));
        let again = fixture.get("/a", &used).await;
        assert_reason(&again, "problem", "dpop_replay", "after a reload");
    }
    let with = proof(&[("nonce", json!(nonce)), ("jti", json!("2"))]);
    let answer = fixture.get("/nonce", &lines(&bound, &with)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_plan_that_does_not_serve_makes_nobody_forget() {
    let fixture = fixture("problem").await;
    let key = ProofKey::new();
    let bound = fixture
        .world
        .token()
        .claim("cnf", key.confirmation())
        .sign();
    let used = lines(&bound, &key.proof("GET", URL, &bound, &[]));
    assert_eq!(fixture.get("/a", &used).await.status, 200);
    let text = file("problem").replace("UPSTREAM", &fixture.upstream.url());
    // Compiled, and then not used, as where another file of a reload is broken.
    drop(fixture.world.plan(&public(&fixture.upstream.url())));
    fixture.gateway.replace(fixture.world.plan(&text));
    let again = fixture.get("/a", &used).await;
    assert_reason(&again, "problem", "dpop_replay", "after a reload");
}

#[tokio::test]
async fn a_proof_can_be_explained_and_is_good_after_that() {
    let fixture = fixture("problem").await;
    let key = ProofKey::new();
    let bound = fixture
        .world
        .token()
        .claim("cnf", key.confirmation())
        .sign();
    let proof = key.proof("GET", URL, &bound, &[]);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("authorization", format!("DPoP {bound}")),
        ("dpop", proof.clone()),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    // As `serve` does it: the plan that explains shares its memory with the one that serves.
    let text = file("problem").replace("UPSTREAM", &fixture.upstream.url());
    let plan = fixture.world.plan(&text);
    for (method, target, expected) in [
        ("GET", "/a?b", ""),
        ("GET", "/a", ""),
        ("POST", "/a", "dpop_proof"),
        ("GET", "/b", "dpop_proof"),
        ("GET", "/off", "unsupported_scheme"),
    ] {
        let explanation = explain(&plan, Inquiry::new(method, target, &headers)).await;
        let reason = explanation.outcome.as_ref().err().map(Refusal::code);
        assert_eq!(reason.unwrap_or_default(), expected, "{method} {target}");
    }
    assert_eq!(fixture.get("/a", &lines(&bound, &proof)).await.status, 200);
    let explanation = explain(&plan, Inquiry::new("GET", "/a", &headers)).await;
    assert_eq!(explanation.outcome.unwrap_err().code(), "dpop_replay");
    assert_eq!(explanation.records.last().unwrap().step, Step::Binding);
}

#[tokio::test]
async fn a_certificate_can_be_explained() {
    let world = World::default();
    let text = "[api.main]\nauth = \"user\"\nroutes = { \"GET /\" = { respond = \"\" } }\n";
    let plan = world.plan(text);
    let confirmation = json!({ "x5t#S256": base64url::encode(&[7; 32]) });
    let bound = world.token().claim("cnf", confirmation).sign();
    let value = format!("Bearer {bound}").parse().unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    let inquiry = Inquiry::new("GET", "/", &headers);
    for (certificate, expected) in [
        (Some([7; 32]), ""),
        (Some([8; 32]), "mtls_binding"),
        (None, "mtls_binding"),
    ] {
        let explanation = explain(&plan, inquiry.certificate(certificate)).await;
        let reason = explanation.outcome.as_ref().err().map(Refusal::code);
        assert_eq!(reason.unwrap_or_default(), expected, "{certificate:?}");
    }
}
