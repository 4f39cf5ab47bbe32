use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::server::{AUDIENCE, Answer, ODD_ID, ODD_SECRET, SECRET, Server};

/// Verifies the answer's token as a stranger would: from the published keys alone.
async fn verify(server: &Server, answer: &Answer, audience: &str) -> (Value, Value) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.body["access_token"].as_str().unwrap();
    let header = decode_header(token).unwrap();
    let set: JwkSet =
        serde_json::from_value(server.get("/.well-known/jwks.json").await.body).unwrap();
    let key = set.find(header.kid.as_deref().unwrap()).unwrap();

    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[&server.issuer]);
    validation.set_audience(&[audience]);
    // The server's clock is the test's.
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(key).unwrap();
    let claims = decode::<Value>(token, &key, &validation).unwrap().claims;
    (
        json!({ "alg": header.alg, "typ": header.typ, "kid": header.kid }),
        claims,
    )
}

fn request(scope: &str) -> Value {
    json!({
        "grant_type": "client_credentials",
        "client_id": "worker",
        "client_secret": SECRET,
        "audience": AUDIENCE,
        "scope": scope,
    })
}

#[tokio::test]
async fn a_token_has_auth0_s_claims() {
    let server = Server::start().await;
    server.set_time(1_000_000);
    let answer = server.post_json(request("read:reports").to_string()).await;
    let (header, claims) = verify(&server, &answer, AUDIENCE).await;

    let current = &server.get("/.well-known/jwks.json").await.body["keys"][0]["kid"];
    assert_eq!(
        header,
        json!({ "alg": "RS256", "typ": "JWT", "kid": current })
    );
    assert_eq!(
        claims,
        json!({
            "iss": server.issuer,
            "sub": "worker@clients",
            "aud": AUDIENCE,
            "iat": 1_000_000,
            "exp": 1_000_000 + 86_400,
            "scope": "read:reports",
            "gty": "client-credentials",
            "azp": "worker",
        })
    );
    let token = &answer.body["access_token"];
    assert_eq!(
        answer.body,
        json!({
            "access_token": token,
            "scope": "read:reports",
            "expires_in": 86_400,
            "token_type": "Bearer",
        })
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("www-authenticate"), None);
}

#[tokio::test]
async fn an_api_may_have_tokens_of_rfc_9068() {
    let server = Server::start().await;
    let mut body = request("read");
    body["audience"] = json!("standard");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let answer = server.post_json(body.to_string()).await;
        let (header, claims) = verify(&server, &answer, "standard").await;
        assert_eq!(header["typ"], "at+jwt");
        let jti = claims["jti"].as_str().unwrap().to_owned();
        assert_eq!(
            claims,
            json!({
                "iss": server.issuer,
                "sub": "worker@clients",
                "aud": "standard",
                "iat": 1_700_000_000,
                "exp": 1_700_086_400,
                "scope": "read",
                "jti": jti,
                "client_id": "worker",
                "permissions": ["read"],
            })
        );
        seen.push(jti);
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn scopes_follow_the_request_within_the_grant() {
    let server = Server::start().await;
    for (scope, expected) in [
        ("", "read:reports write:reports"),
        ("  ", "read:reports write:reports"),
        ("write:reports", "write:reports"),
        ("write:reports   read:reports", "write:reports read:reports"),
        ("read:reports read:reports", "read:reports"),
    ] {
        let answer = server.post_json(request(scope).to_string()).await;
        let (_, claims) = verify(&server, &answer, AUDIENCE).await;
        assert_eq!(answer.body["scope"], expected, "{scope:?}");
        assert_eq!(claims["scope"], expected, "{scope:?}");
    }
}

#[tokio::test]
async fn a_token_without_scopes_does_not_mention_them() {
    let server = Server::start().await;
    let mut body = request("");
    body["audience"] = json!("testing");
    let answer = server.post_json(body.to_string()).await;
    let (_, claims) = verify(&server, &answer, "testing").await;
    assert_eq!(claims.get("scope"), None);
    assert_eq!(answer.body.get("scope"), None);
    assert_eq!(answer.body["expires_in"], 3600);
}

#[tokio::test]
async fn the_ends_of_time_are_no_obstacle() {
    let server = Server::start().await;
    for (now, expires) in [(0, 86_400), (u64::MAX, u64::MAX)] {
        server.set_time(now);
        let answer = server.post_json(request("").to_string()).await;
        let (_, claims) = verify(&server, &answer, AUDIENCE).await;
        assert_eq!(
            (&claims["iat"], &claims["exp"]),
            (&json!(now), &json!(expires))
        );
    }
}

#[tokio::test]
async fn credentials_and_parameters_come_in_every_documented_way() {
    let server = Server::start().await;
    let form = "application/x-www-form-urlencoded";
    let json = "application/json";
    let asked = "grant_type=client_credentials&audience=https%3A%2F%2Fexpenses-api";
    let asked_json = json!({ "grant_type": "client_credentials", "audience": AUDIENCE });
    let in_form = format!("{asked}&client_id=worker&client_secret=correct+horse%20battery+staple");
    let odd_in_form = format!(
        "{asked}&client_id={}&client_secret={}",
        encode(ODD_ID),
        encode(ODD_SECRET)
    );
    let mut odd_in_json = asked_json.clone();
    odd_in_json["client_id"] = json!(ODD_ID);
    odd_in_json["client_secret"] = json!(ODD_SECRET);
    let mut unknown = request("");
    unknown["future"] = json!([{ "a": null }]);
    unknown["organization"] = json!(null);
    let worker = basic("worker", SECRET);
    let odd = basic(ODD_ID, ODD_SECRET);

    for (name, content_type, body, authorization, client_id) in [
        ("body, form", form, in_form.clone(), None, "worker"),
        (
            "body, form, charset",
            "application/x-www-form-urlencoded; charset=utf-8",
            in_form.clone(),
            None,
            "worker",
        ),
        ("body, JSON", json, request("").to_string(), None, "worker"),
        (
            "body, JSON, charset",
            "application/json;charset=UTF-8",
            request("").to_string(),
            None,
            "worker",
        ),
        (
            "basic, form",
            form,
            asked.to_owned(),
            Some(&worker),
            "worker",
        ),
        (
            "basic, JSON",
            json,
            asked_json.to_string(),
            Some(&worker),
            "worker",
        ),
        (
            "basic, id repeated",
            form,
            format!("{asked}&client_id=worker"),
            Some(&worker),
            "worker",
        ),
        (
            "basic, empty secret",
            form,
            format!("{asked}&client_secret="),
            Some(&worker),
            "worker",
        ),
        (
            "basic, special characters",
            form,
            asked.to_owned(),
            Some(&odd),
            ODD_ID,
        ),
        ("form, special characters", form, odd_in_form, None, ODD_ID),
        (
            "JSON, special characters",
            json,
            odd_in_json.to_string(),
            None,
            ODD_ID,
        ),
        (
            "unknown, form",
            form,
            format!("{in_form}&future=1&resource=x"),
            None,
            "worker",
        ),
        ("unknown, JSON", json, unknown.to_string(), None, "worker"),
    ] {
        let answer = server
            .post(content_type, body, authorization.map(String::as_str))
            .await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        let (_, claims) = verify(&server, &answer, AUDIENCE).await;
        assert_eq!(claims["sub"], format!("{client_id}@clients"), "{name}");
        assert_eq!(claims["azp"], client_id, "{name}");
    }
}

/// `Basic` with both parts form-encoded (RFC 6749 section 2.3.1).
fn basic(client_id: &str, secret: &str) -> String {
    let pair = format!("{}:{}", encode(client_id), encode(secret));
    format!("Basic {}", STANDARD.encode(pair))
}

/// Every byte as `%XX`, which every decoder must read.
fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%{byte:02X}").unwrap();
        encoded
    })
}
