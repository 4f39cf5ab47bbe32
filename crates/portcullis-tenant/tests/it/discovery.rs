use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_tenant::EndSession;
use portcullis_token::base64url;
use reqwest::Method;
use serde_json::json;

use crate::server::{Answer, Server};

#[tokio::test]
async fn both_descriptions_name_only_what_works() {
    let server = Server::start().await;
    let issuer = &server.issuer;
    let expected = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}oauth/token"),
        "jwks_uri": format!("{issuer}.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "request_uri_parameter_supported": false,
        "request_parameter_supported": false,
    });
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, &answer.body), (200, &expected), "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{path}"
        );
        assert_eq!(
            answer.header("cache-control"),
            Some("public, max-age=15"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_issuer_does_not_follow_the_host_header() {
    let server = Server::start().await;
    let request = reqwest::Client::new()
        .get(server.url("/.well-known/openid-configuration"))
        .header("host", "attacker.example")
        .header("x-forwarded-host", "attacker.example");
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(answer.body["issuer"], server.issuer);
    assert!(
        !answer.body.to_string().contains("attacker"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn the_key_set_has_two_public_keys() {
    let server = Server::start().await;
    let answer = server.get("/.well-known/jwks.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=15"));
    let keys = answer.body["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        let members: Vec<_> = key.as_object().unwrap().keys().collect();
        assert_eq!(
            members,
            ["alg", "e", "kid", "kty", "n", "use", "x5c", "x5t"]
        );
        assert_eq!(
            (&key["kty"], &key["use"], &key["alg"]),
            (&json!("RSA"), &json!("sig"), &json!("RS256"))
        );
        // jwks-rsa takes the certificate for the key where there is one.
        let certificate = STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
        let modulus = base64url::decode(key["n"].as_str().unwrap().as_bytes()).unwrap();
        assert!(certificate.windows(256).any(|bytes| bytes == modulus));
        assert_eq!(key["x5c"].as_array().unwrap().len(), 1);
        assert_eq!(key["x5t"].as_str().unwrap().len(), 27);
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_answered_in_json() {
    let server = Server::start().await;
    for (method, path, status, error, allow) in [
        ("GET", "/", 404, "Not Found", None),
        ("GET", "/oauth/token/", 404, "Not Found", None),
        ("POST", "/oauth//token", 404, "Not Found", None),
        ("GET", "/authorize/", 404, "Not Found", None),
        ("GET", "/%ff%00/..%2f", 404, "Not Found", None),
        (
            "GET",
            "/oauth/token",
            405,
            "Method Not Allowed",
            Some("POST"),
        ),
        (
            "OPTIONS",
            "/oauth/token",
            405,
            "Method Not Allowed",
            Some("POST"),
        ),
        (
            "POST",
            "/.well-known/jwks.json",
            405,
            "Method Not Allowed",
            Some("GET,HEAD"),
        ),
        (
            "BREW",
            "/.well-known/openid-configuration",
            405,
            "Method Not Allowed",
            Some("GET,HEAD"),
        ),
    ] {
        let request = reqwest::Client::new().request(
            method.parse().unwrap(),
            format!("http://{}{path}", server.address),
        );
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (status, &json!(error)),
            "{method} {path}"
        );
        assert_eq!(answer.body["statusCode"], status, "{method} {path}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{method} {path}"
        );
    }
}

/// What a login is described with, see the unit tests for each member.
#[tokio::test]
async fn a_tenant_with_logins_describes_them() {
    for (end_session, logout) in [
        (EndSession::Published, Some("oidc/logout")),
        (EndSession::Hidden, None),
    ] {
        let server = Server::start_with_login(end_session).await;
        let issuer = &server.issuer;
        let oauth = server.get("/.well-known/oauth-authorization-server").await;
        let openid = server.get("/.well-known/openid-configuration").await;
        assert_eq!(oauth.body, openid.body);
        let authorize = json!(format!("{issuer}authorize"));
        assert_eq!(openid.body["authorization_endpoint"], authorize);
        let expected = json!(logout.map(|path| format!("{issuer}{path}")));
        assert_eq!(openid.body["end_session_endpoint"], expected);
    }
}

#[tokio::test]
async fn every_page_may_read_what_is_everybody_s() {
    let server = Server::start().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    ] {
        for (method, status) in [(Method::GET, 200), (Method::OPTIONS, 204)] {
            let request = reqwest::Client::new()
                .request(method.clone(), server.url(path))
                .header("origin", "https://anywhere.example")
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", "auth0-client");
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status, "{method} {path}");
            let find = |name: &str| Some(response.headers().get(name)?.to_str().unwrap());
            assert_eq!(find("access-control-allow-origin"), Some("*"), "{path}");
            assert_eq!(find("access-control-allow-credentials"), None, "{path}");
        }
    }
    let token = server.post_form("").await;
    assert_eq!(token.header("access-control-allow-origin"), None);
}
