//! The tenant's keys change while `dev` runs: what it signs, the gateway follows.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::program::World;
use crate::session::{Session, token};
use crate::web::{client, get_as, send};

/// A project whose tenant has one application that may rotate and revoke keys.
async fn world() -> World {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    World::with_file(&format!(
        r#"
[authorizer.user]
issuer = "https://issuer.example/"
audience = ["testing"]

[api.main]
auth = "user"
routes = {{ "GET /mine" = {{ respond = "mine" }} }}

[tenant]
listen = "127.0.0.1:{port}"

[[tenant.user]]
email = "ada@example.com"
password = "correct horse"

[[tenant.application]]
name = "Web"
type = "regular_web"
client_id = "web"

[[tenant.application]]
name = "Operator"
type = "non_interactive"
client_id = "operator"
client_secret = "a secret of the operator, no other"
permissions = {{ "http://localhost:{port}/api/v2/" = ["read:signing_keys", "create:signing_keys", "update:signing_keys"] }}
"#
    ))
}

async fn start(world: &World) -> Session {
    Session::start_with(world, &[]).await
}

/// The keys' ids by what they are for: `current`, `next`, `previous` and `revoked`.
async fn call(session: &Session, method: Method, path: &str) -> Value {
    let issuer = session.issuer();
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": "operator",
        "client_secret": "a secret of the operator, no other",
        "audience": format!("{issuer}api/v2/"),
    });
    let answer = send(client().post(format!("{issuer}oauth/token")).json(&body)).await;
    let answer = answer.json();
    let token = answer["access_token"].as_str().unwrap();
    let url = format!("{issuer}api/v2/keys/signing{path}");
    let answer = send(client().request(method, url).bearer_auth(token)).await;
    assert!(matches!(answer.status, 200 | 201), "{path}: {answer:?}");
    answer.json()
}

fn kid(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let header = portcullis_token::base64url::decode(header.as_bytes()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

async fn explained(world: &World, token: &str) -> Value {
    let arguments = ["explain", "GET /mine", "--format", "json", "--token", token];
    serde_json::from_str(&world.run(&arguments).await.stdout).unwrap()
}

#[tokio::test]
async fn the_gateway_and_every_command_follow_a_rotation_and_a_revocation() {
    let world = world().await;
    let session = start(&world).await;
    let mine = session.url("/mine");
    let before = token(&world, &["--audience", "testing"]).await;
    assert_eq!(get_as(&before, &mine).await.status, 200);

    call(&session, Method::POST, "/rotate").await;
    let after = token(&world, &["--audience", "testing"]).await;
    let of_user = token(&world, &["--user", "ada", "--audience", "testing"]).await;
    assert_ne!(kid(&before), kid(&after));
    assert_eq!(kid(&of_user), kid(&after));
    for token in [&before, &after, &of_user] {
        assert_eq!(get_as(token, &mine).await.status, 200);
        assert_eq!(explained(&world, token).await["allowed"], true);
    }

    call(&session, Method::PUT, &format!("/{}/revoke", kid(&before))).await;
    session.until_said("reloaded: 2 keys of the tenant").await;
    let answer = get_as(&before, &mine).await;
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (401, "key_unknown")
    );
    assert_eq!(explained(&world, &before).await["reason"], "key_unknown");
    assert_eq!(get_as(&after, &mine).await.status, 200);
    session.stop().await;

    let again = start(&world).await;
    let mine = again.url("/mine");
    assert_eq!(get_as(&before, &mine).await.status, 401);
    assert_eq!(get_as(&after, &mine).await.status, 200);
    let later = token(&world, &["--audience", "testing"]).await;
    assert_eq!(kid(&later), kid(&after));
}

#[tokio::test]
async fn keys_that_cannot_be_opened_are_a_clear_error() {
    let world = world().await;
    start(&world).await.stop().await;
    let sealing = world.project().join(".portcullis/tenant/sealing-key");
    fs::remove_file(sealing).unwrap();

    let output = world.run(&["dev", "--listen", "127.0.0.1:0"]).await;
    let said = &output.stderr;
    assert_eq!(output.status, Some(1), "{said}");
    assert!(
        said.contains("cannot be opened: it was not sealed under this key"),
        "{said}"
    );
    assert!(
        said.contains("hint: restore .portcullis/tenant/sealing-key"),
        "{said}"
    );
}
