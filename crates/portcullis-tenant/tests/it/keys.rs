use portcullis_tenant::KeyRing;
use serde_json::{Value, json};

use crate::server::{AUDIENCE, SECRET, Server};

async fn keys(server: &Server) -> Value {
    server.get("/.well-known/jwks.json").await.body
}

#[tokio::test]
async fn keys_are_the_same_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let before = Server::start_with_keys_in(directory.path()).await;
    let after = Server::start_with_keys_in(directory.path()).await;
    assert_eq!(keys(&before).await, keys(&after).await);
}

#[tokio::test]
async fn tenants_do_not_share_keys() {
    let (one, other) = (Server::start().await, Server::start().await);
    let (one, other) = (keys(&one).await, keys(&other).await);
    for key in one["keys"].as_array().unwrap() {
        assert!(!other["keys"].as_array().unwrap().contains(key));
    }
}

#[tokio::test]
async fn a_restarted_tenant_signs_with_the_same_key() {
    let directory = tempfile::tempdir().unwrap();
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": "worker",
        "client_secret": SECRET,
        "audience": AUDIENCE,
    });
    let mut kids = Vec::new();
    for _ in 0..2 {
        let server = Server::start_with_keys_in(directory.path()).await;
        let answer = server.post_json(body.to_string()).await;
        let token = answer.body["access_token"].as_str().unwrap().to_owned();
        kids.push(jsonwebtoken::decode_header(token).unwrap().kid.unwrap());
    }
    assert_eq!(kids[0], kids[1]);
}

#[tokio::test]
async fn a_rotation_is_seen_at_once_and_voids_nothing() {
    let server = Server::start().await;
    let mut ring = KeyRing::generate().unwrap();
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": "worker",
        "client_secret": SECRET,
        "audience": AUDIENCE,
    });
    let kids = |set: Value| -> Vec<Value> {
        let keys = set["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].clone()).collect()
    };
    let before = kids(ring.jwks());
    ring.rotate().unwrap();
    let expected = kids(ring.jwks());
    assert_eq!((&expected[0], &expected[2]), (&before[1], &before[0]));
    server.keys.replace(ring);

    assert_eq!(kids(keys(&server).await), expected);
    let answer = server.post_json(body.to_string()).await;
    let token = answer.body["access_token"].as_str().unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    assert_eq!(kid, before[1]);
}
