use std::time::Duration;

use aws_lc_rs::hmac;
use portcullis_testkit::{Answer as Provider, TestClock, TestIssuer};
use portcullis_token::base64url;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixture::{Fixture, PARTNER, World, bearer, get};

const API: &str = r#"
    [api.main]
    upstream = "UPSTREAM"
    auth = { user = ["read:reports"] }
"#;

/// One row: the header lines, and the answer to them.
struct Row {
    name: &'static str,
    lines: String,
    status: u16,
    problem: &'static str,
    challenge: &'static str,
}

const MALFORMED: &str = r#"Bearer realm="main", error="invalid_token", error_description="The access token is malformed""#;
const UNVERIFIED: &str = r#"Bearer realm="main", error="invalid_token", error_description="The access token could not be verified""#;

fn row(
    name: &'static str,
    lines: impl Into<String>,
    (status, problem): (u16, &'static str),
    challenge: &'static str,
) -> Row {
    Row {
        name,
        lines: lines.into(),
        status,
        problem,
        challenge,
    }
}

/// What is refused before anything is decoded.
fn header_rows(good: &str) -> Vec<Row> {
    let missing = r#"Bearer realm="main", scope="read:reports""#;
    let twice = r#"Bearer realm="main", error="invalid_request", error_description="More than one credential was sent""#;
    let malformed = r#"Bearer realm="main", error="invalid_request", error_description="The Authorization header is malformed""#;
    vec![
        row("no header", "", (401, "missing"), missing),
        row(
            "an empty header",
            "Authorization:\r\n",
            (401, "missing"),
            missing,
        ),
        row(
            "a token in the query's place",
            format!("X-Token: {good}\r\n"),
            (401, "missing"),
            missing,
        ),
        row(
            "another scheme",
            "Authorization: Basic YTpi\r\n",
            (401, "unsupported_scheme"),
            r#"Bearer realm="main""#,
        ),
        row(
            "a token without its scheme",
            format!("Authorization: {good}\r\n"),
            (401, "unsupported_scheme"),
            r#"Bearer realm="main""#,
        ),
        row(
            "a scheme without its token",
            "Authorization: Bearer\r\n",
            (400, "malformed_header"),
            malformed,
        ),
        row(
            "two tokens in one line",
            format!("Authorization: Bearer {good}, Bearer {good}\r\n"),
            (400, "malformed_header"),
            malformed,
        ),
        row(
            "the same line twice",
            bearer(good).repeat(2),
            (400, "multiple_credentials"),
            twice,
        ),
        row(
            "a bad line behind a good one",
            format!("{}Authorization: Basic YTpi\r\n", bearer(good)),
            (400, "multiple_credentials"),
            twice,
        ),
    ]
}

/// What is refused before the signature is believed.
fn unsigned_rows(world: &World) -> Vec<Row> {
    let token = || world.token().scope("read:reports");
    let good = token().sign();
    let forged = TestIssuer::named(world.issuer.name());
    let forged = forged.token().audience("api").sign();
    let malformed =
        |name, token: &str| row(name, bearer(token), (401, "malformed_token"), MALFORMED);
    let unverified =
        |name, token: &str| row(name, bearer(token), (401, "unverified_token"), UNVERIFIED);
    vec![
        malformed("an opaque token", "garbage"),
        malformed("an encrypted token", "a.b.c.d.e"),
        malformed("not base64url", "a+b.c.d"),
        malformed("a header that is no object", "W10.e30.AA"),
        malformed("too large", &"a".repeat(16 * 1024 + 1)),
        malformed("alg none", &token().alg_none()),
        malformed("another kind of token", &token().typ("logout+jwt").sign()),
        malformed(
            "a claim of the wrong type",
            &token().claim("exp", "soon").sign(),
        ),
        unverified("another issuer", &token().claim("iss", PARTNER).sign()),
        unverified("no issuer", &token().without("iss").sign()),
        unverified("an unknown key", &forged),
        unverified("a changed signature", &with_changed_signature(&good)),
        unverified(
            "changed claims",
            &with_claims_of(&good, &token().subject("eve").sign()),
        ),
    ]
}

/// What is refused of a token that the issuer did sign.
fn signed_rows(world: &World) -> Vec<Row> {
    let token = || world.token().scope("read:reports");
    vec![
        row(
            "another audience",
            bearer(&token().audience("other").sign()),
            (401, "aud_mismatch"),
            r#"Bearer realm="main", error="invalid_token", error_description="The access token is meant for another API""#,
        ),
        row(
            "no end",
            bearer(&token().without("exp").sign()),
            (401, "claim_missing"),
            r#"Bearer realm="main", error="invalid_token", error_description="The access token lacks a required claim""#,
        ),
        row(
            "not yet valid",
            bearer(&token().claim("nbf", TestClock::START.0 + 6).sign()),
            (401, "not_yet_valid"),
            r#"Bearer realm="main", error="invalid_token", error_description="The access token is not valid yet""#,
        ),
        row(
            "an ID token",
            bearer(&token().claim("nonce", "n").sign()),
            (401, "id_token"),
            r#"Bearer realm="main", error="invalid_token", error_description="An ID token is not an access token""#,
        ),
        row(
            "a token that is bound to a key",
            bearer(&token().claim("cnf", json!({ "jkt": "x" })).sign()),
            (401, "dpop_required"),
            "Bearer realm=\"main\"\n\
             DPoP error=\"invalid_token\", error_description=\"The access token is bound to a DPoP key\"",
        ),
        row(
            "no scope",
            bearer(&world.token().sign()),
            (403, "insufficient_scope"),
            r#"Bearer realm="main", error="insufficient_scope", error_description="The access token lacks a required scope", scope="read:reports""#,
        ),
        row(
            "the beginning of a scope",
            bearer(
                &token()
                    .scope("read:report read:reports2 READ:REPORTS")
                    .sign(),
            ),
            (403, "insufficient_scope"),
            r#"Bearer realm="main", error="insufficient_scope", error_description="The access token lacks a required scope", scope="read:reports""#,
        ),
    ]
}

#[tokio::test]
async fn each_refused_credential_has_its_status_challenge_and_problem() {
    let fixture = Fixture::start(API).await;
    let good = fixture.world.token().scope("read:reports").sign();
    let rows = [
        header_rows(&good),
        unsigned_rows(&fixture.world),
        signed_rows(&fixture.world),
    ];
    for row in rows.iter().flatten() {
        let answer = fixture.get("/reports", &row.lines).await;
        assert_refused(&answer, row);
    }
    assert_eq!(
        fixture.upstream.seen(),
        [Value::Null; 0],
        "nothing was forwarded"
    );
    assert_eq!(fixture.get_with("/reports", &good).await.status, 200);
}

fn assert_refused(answer: &Answer, row: &Row) {
    let name = row.name;
    assert_eq!(answer.status, row.status, "{name}");
    assert_eq!(answer.problem(), row.problem, "{name}");
    assert_eq!(
        answer.values("www-authenticate").join("\n"),
        row.challenge,
        "{name}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{name}"
    );
    assert_eq!(answer.header("retry-after"), None, "{name}");

    let problem = answer.json();
    let id = answer.header("x-request-id");
    assert_eq!(problem["request_id"].as_str(), id, "{name}");
    assert_eq!(problem["status"], row.status, "{name}");
    assert_eq!(problem.get("reason"), None, "{name}");
    // RFC 6750 section 3: the body says what the challenge says.
    for member in ["error", "error_description"] {
        let told = problem.get(member).and_then(Value::as_str);
        let quoted = told.map(|text| format!("{member}=\"{text}\""));
        let challenged = row.challenge.contains(&format!("{member}=\""));
        assert_eq!(quoted.is_some(), challenged, "{name}: {member}");
        assert!(
            row.challenge.contains(&quoted.unwrap_or_default()),
            "{name}: {member}"
        );
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret_to_sign_with() {
    let fixture = Fixture::start(API).await;
    let world = &fixture.world;
    let jwk = world.issuer.jwks()["keys"][0].clone();
    let modulus = base64url_bytes(&jwk["n"]);
    let der = subject_public_key_info(&modulus);
    let (pem, wrapped) = (pem(&der, usize::MAX), pem(&der, 64));
    for (name, secret) in [
        ("the JWK", jwk.to_string().as_bytes()),
        ("the key set", world.issuer.jwks().to_string().as_bytes()),
        ("the modulus", &modulus),
        (
            "the modulus in base64url",
            jwk["n"].as_str().unwrap().as_bytes(),
        ),
        ("DER", &der),
        ("PEM", wrapped.as_bytes()),
        (
            "PEM without its last line end",
            wrapped.trim_end().as_bytes(),
        ),
        ("PEM on one line", pem.as_bytes()),
        ("nothing", b""),
    ] {
        for alg in ["HS256", "hs256"] {
            let header = json!({ "alg": alg, "typ": "JWT", "kid": jwk["kid"] });
            let token = world.token().scope("read:reports").unsigned(&header);
            let answer = fixture
                .get_with("/reports", &hmac_signed(&token, secret))
                .await;
            assert_eq!(answer.status, 401, "{alg} with {name}");
            assert_eq!(
                answer.header("www-authenticate"),
                Some(MALFORMED),
                "{alg} with {name}"
            );
        }
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_token_is_refused_from_the_second_it_expires() {
    let fixture = Fixture::start(API).await;
    let token = fixture.world.token().scope("read:reports").sign();
    let mut client = fixture.connect().await;
    for (wait, seconds, status) in [
        (0, 0, 200),
        (3600, 3600, 200),
        (4, 3604, 200),
        (1, 3605, 401),
        (9999, 13_604, 401),
    ] {
        fixture.world.clock.advance(Duration::from_secs(wait));
        let request = get("/reports", &bearer(&token));
        let answer = client.send(request).await;
        assert_eq!(answer.status, status, "after {seconds} s");
        if status == 401 {
            assert_eq!(answer.problem(), "expired", "after {seconds} s");
            assert_eq!(
                answer.json()["error_description"],
                "The access token expired"
            );
        }
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_503_and_then_no_longer() {
    let world = World {
        fetches: true,
        ..World::default()
    };
    world.issuer.answer(Provider::Status(500));
    let fixture = Fixture::of(world, API).await;
    let token = fixture.world.token().scope("read:reports").sign();

    let answer = fixture.get_with("/reports", &token).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.problem(), "keys_unavailable");
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json().get("error"), None);
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);

    fixture.world.issuer.answer(Provider::Documents);
    fixture.world.clock.advance(Duration::from_mins(1));
    assert_eq!(fixture.get_with("/reports", &token).await.status, 200);

    // Keys that are there already outlive the next failure.
    fixture.world.issuer.answer(Provider::Status(500));
    assert_eq!(fixture.get_with("/reports", &token).await.status, 200);
}

#[tokio::test]
async fn a_rotated_key_is_picked_up_and_the_old_one_dropped() {
    let world = World {
        fetches: true,
        ..World::default()
    };
    let fixture = Fixture::of(world, API).await;
    let old = fixture.world.token().scope("read:reports").sign();
    assert_eq!(fixture.get_with("/reports", &old).await.status, 200);
    fixture.world.issuer.rotate();
    let fresh = fixture.world.token().scope("read:reports").sign();
    assert_eq!(fixture.get_with("/reports", &fresh).await.status, 200);
    assert_eq!(fixture.get_with("/reports", &old).await.status, 401);
}

#[tokio::test]
async fn the_exact_reason_is_told_in_development() {
    let world = World {
        tells_reason: true,
        ..World::default()
    };
    let text = r#"
        [authorizer.elliptic]
        issuer = "https://issuer.example/"
        audience = ["api"]
        algorithms = ["ES256"]

        [api.main]
        upstream = "UPSTREAM"
        auth = "user"
        routes = { "GET /elliptic" = { auth = "elliptic" } }
    "#;
    let fixture = Fixture::of(world, text).await;
    let token = || fixture.world.token();
    for (name, target, token, reason) in [
        (
            "foreign",
            "/",
            token().claim("iss", PARTNER).sign(),
            "iss_unknown",
        ),
        ("alg none", "/", token().alg_none(), "alg_not_allowed"),
        (
            "not this algorithm",
            "/elliptic",
            token().sign(),
            "alg_not_allowed",
        ),
        (
            "audience",
            "/",
            token().audience("other").sign(),
            "aud_mismatch",
        ),
    ] {
        let answer = fixture.get_with(target, &token).await;
        assert_eq!(answer.json()["reason"], reason, "{name}");
        assert_eq!(answer.status, 401, "{name}");
    }
}

fn with_changed_signature(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let last = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{last}{}", signature.get(1..).unwrap())
}

/// The signature of `token` under the claims of `other`.
fn with_claims_of(token: &str, other: &str) -> String {
    let (_, signature) = token.rsplit_once('.').unwrap();
    let (signed, _) = other.rsplit_once('.').unwrap();
    format!("{signed}.{signature}")
}

/// The token with an HMAC in place of its signature.
fn hmac_signed(token: &str, secret: &[u8]) -> String {
    let (signed, _) = token.rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", base64url::encode(tag.as_ref()))
}

fn base64url_bytes(text: &Value) -> Vec<u8> {
    base64url::decode(text.as_str().unwrap().as_bytes()).unwrap()
}

/// RFC 8017 appendix A.1.1 in RFC 5280 section 4.1.2.7: a modulus of 2048 bits, exponent 65537.
fn subject_public_key_info(modulus: &[u8]) -> Vec<u8> {
    let mut der = vec![0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09];
    der.extend([
        0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ]);
    der.extend([0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a]);
    der.extend([0x02, 0x82, 0x01, 0x01, 0x00]);
    der.extend(modulus);
    der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
    der
}

fn pem(der: &[u8], width: usize) -> String {
    // The alphabets differ in two characters, and 294 bytes need no padding.
    let base64 = base64url::encode(der).replace('-', "+").replace('_', "/");
    let lines: Vec<String> = base64
        .as_bytes()
        .chunks(width)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}
