use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::server::{AUDIENCE, SECRET, Server, take_log};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_refusal_is_logged_with_its_reason() {
    let server = Server::start().await;
    let basic = |pair: &str| Some(format!("Basic {}", STANDARD.encode(pair)));
    let asked = format!("grant_type=client_credentials&audience={AUDIENCE}");
    for (name, body, authorization, expected) in [
        (
            "wrong secret",
            asked.clone(),
            basic("worker:wrong-s3cret"),
            r#"client_id="worker" error="access_denied" description="Unauthorized" reason=the secret is not that of the application"#,
        ),
        (
            "id and secret swapped",
            asked.clone(),
            basic("wrong-s3cret:worker"),
            r#"error="access_denied" description="Unauthorized" reason=no application has this client id"#,
        ),
        (
            "malformed",
            asked.clone(),
            Some("Bearer wrong-s3cret".to_owned()),
            "reason=the Authorization header is not Basic with a client id and a secret",
        ),
        (
            "none",
            asked.clone(),
            None,
            "reason=no credentials were sent",
        ),
        (
            "twice",
            format!("{asked}&client_secret=wrong-s3cret"),
            basic("worker:wrong-s3cret"),
            r#"error="invalid_request" description="The client credentials are there more than once.""#,
        ),
        (
            "after authentication",
            format!("{asked}&scope=fly"),
            basic(&format!("worker:{}", SECRET.replace(' ', "+"))),
            r#"client_id="worker" error="access_denied" description="Client has not been granted scopes: fly""#,
        ),
        (
            "not UTF-8",
            "grant_type=client_credentials&x=%ff&client_secret=wrong-s3cret".to_owned(),
            None,
            r#"error="invalid_request" description="The body is not a form of UTF-8 text.""#,
        ),
    ] {
        take_log();
        let answer = server.post(FORM, body, authorization.as_deref()).await;
        let log = take_log();
        let line = log
            .lines()
            .find(|line| line.contains("refused a token request"));
        let line = line.unwrap_or_else(|| panic!("{name}: not logged"));
        assert!(line.contains(expected), "{name}: {line}");
        assert!(line.contains("DEBUG portcullis_tenant::"), "{name}: {line}");
        assert_ne!(answer.status, 200, "{name}");
        for secret in ["wrong-s3cret", SECRET] {
            // The client library logs on the same thread; what it sends is not what is tested.
            let ours = log
                .lines()
                .filter(|line| line.contains("portcullis_tenant"));
            for line in ours {
                assert!(!line.contains(secret), "{name}: {line}");
            }
        }
    }
}

#[tokio::test]
async fn no_log_of_any_level_has_a_secret_or_a_token() {
    let server = Server::start().await;
    let request = |scope: &str| {
        json!({
            "grant_type": "client_credentials",
            "client_id": "worker",
            "client_secret": SECRET,
            "audience": AUDIENCE,
            "scope": scope,
        })
    };
    let answer = server.post_json(request("").to_string()).await;
    server.post_json(request("fly").to_string()).await;
    let token = answer.body["access_token"].as_str().unwrap();
    let signature = token.rsplit('.').next().unwrap();
    let log = take_log();
    assert!(log.contains("refused a token request"), "{log}");
    assert!(!log.contains(SECRET), "{log}");
    assert!(!log.contains(signature), "{log}");
}
