use std::sync::Arc;

use portcullis_store::tenant::{Client, Code, LogFilter, Slice, User};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::rows::{
    ada, claims, client, code, hash, refreshing, seed, spa, spa_code, spa_spending, spending, words,
};
use crate::server::{Answer, SECRET, Server};

const UNKNOWN: (u16, &str, &str) = (403, "invalid_grant", "Unknown or invalid refresh token.");

/// A server, and the refresh token of a login at `spa`, which has this `refresh_token` object.
async fn log_in(refresh_token: &Value) -> (Server, String) {
    let server = Server::start().await;
    seed(&server).await;
    let spa = client("spa", None, refresh_token);
    assert!(server.database.clients().update(&spa).await.unwrap());
    let code = spa_code(&server, "c");
    server.database.codes().insert(&code).await.unwrap();
    let answer = server.call("/oauth/token", &spa_spending("c")).await;
    let token = refresh_token_of(&answer);
    (server, token)
}

fn refresh_token_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["refresh_token"].as_str().unwrap().to_owned()
}

async fn refresh(server: &Server, token: &str) -> Answer {
    server.call("/oauth/token", &refreshing(token)).await
}

#[tokio::test]
async fn a_refresh_has_every_token_and_no_nonce() {
    let (server, token) = log_in(&json!({ "rotation_type": "rotating" })).await;
    server.advance(100);
    let answer = refresh(&server, &token).await;
    let next = refresh_token_of(&answer);
    assert_ne!(next, token);
    let id_token = claims(&answer.body["id_token"]);
    assert_eq!(id_token.get("nonce"), None);
    assert_eq!(id_token["aud"], "spa");
    assert_eq!(id_token["iat"], server.now());
    assert_eq!(id_token["sid"], "session-1");
    let access_token = claims(&answer.body["access_token"]);
    assert_eq!(access_token["gty"], "refresh_token");
    assert_eq!(access_token["iat"], server.now());
    let scope = "openid profile read:reports offline_access";
    assert_eq!(answer.body["scope"], scope);
    assert_eq!(refresh(&server, &next).await.status, 200);
}

#[tokio::test]
async fn a_token_that_does_not_rotate_is_used_again_and_again() {
    let server = Server::start().await;
    seed(&server).await;
    let code = code(&server, "c");
    server.database.codes().insert(&code).await.unwrap();
    let answer = server.call("/oauth/token", &spending("c")).await;
    let token = refresh_token_of(&answer);
    for _ in 0..3 {
        let parameters = [
            ("grant_type", "refresh_token"),
            ("client_id", "web"),
            ("client_secret", SECRET),
            ("refresh_token", &token),
        ];
        let answer = server.call("/oauth/token", &parameters).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body.get("refresh_token"), None);
        server.advance(400 * 24 * 60 * 60);
    }
}

#[tokio::test]
async fn fifty_refreshes_at_once_have_one_successor() {
    for (leeway, granted) in [(10, 50), (0, 1)] {
        let policy = json!({ "rotation_type": "rotating", "leeway": leeway });
        let (server, token) = log_in(&policy).await;
        let server = Arc::new(server);
        let mut set = JoinSet::new();
        for _ in 0..50 {
            let (server, token) = (Arc::clone(&server), token.clone());
            set.spawn(async move { refresh(&server, &token).await });
        }
        let answers = set.join_all().await;
        let (good, bad): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 200);
        assert_eq!(good.len(), granted, "{leeway}");
        assert!(bad.iter().all(|answer| answer.error() == UNKNOWN));
        let mut successors: Vec<_> = good.iter().map(|answer| refresh_token_of(answer)).collect();
        successors.dedup();
        assert_eq!(successors.len(), 1, "{leeway}");
        // Without leeway the others were reuses, and nobody keeps anything.
        let status = refresh(&server, &successors[0]).await.status;
        assert_eq!(status, if leeway > 0 { 200 } else { 403 }, "{leeway}");
    }
}

#[tokio::test]
async fn the_leeway_ends_and_a_reuse_revokes_all() {
    for (seconds, status) in [(9, 200), (10, 403)] {
        let (server, token) = log_in(&json!({ "rotation_type": "rotating", "leeway": 10 })).await;
        let next = refresh_token_of(&refresh(&server, &token).await);
        server.advance(seconds);
        let again = refresh(&server, &token).await;
        assert_eq!(again.status, status, "{seconds}");
        if status == 200 {
            assert_eq!(refresh_token_of(&again), next);
        }
        assert_eq!(refresh(&server, &next).await.status, status, "{seconds}");
        let filter = LogFilter {
            event: Some("ferrt".to_owned()),
            user_id: None,
        };
        let logs = server.database.logs();
        let logs = logs.list(&filter, &Slice::page(0, 10)).await.unwrap();
        let expected = usize::from(status == 403);
        assert_eq!(logs.rows.len(), expected, "{seconds}");
    }
}

#[tokio::test]
async fn a_reuse_takes_the_opaque_tokens_along() {
    let server = Server::start().await;
    seed(&server).await;
    let code = Code {
        audience: None,
        scopes: words("openid offline_access"),
        ..spa_code(&server, "c")
    };
    server.database.codes().insert(&code).await.unwrap();
    let first = server.call("/oauth/token", &spa_spending("c")).await;
    let token = refresh_token_of(&first);
    let second = refresh(&server, &token).await;
    let opaque = [&first, &second].map(|answer| {
        let token = answer.body["access_token"].as_str().unwrap();
        assert_eq!(token.len(), 32);
        hash(token)
    });
    let tokens = server.database.opaque_tokens();
    for hash in &opaque {
        assert!(tokens.find(hash, server.now()).await.unwrap().is_some());
    }
    assert_eq!(refresh(&server, &token).await.error(), UNKNOWN);
    for hash in &opaque {
        assert_eq!(tokens.find(hash, server.now()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn scopes_can_be_narrowed_and_not_widened() {
    let (server, token) = log_in(&json!({})).await;
    let none = (
        400,
        "invalid_scope",
        "None of the scopes was granted before.",
    );
    for (scope, expected) in [
        ("", Ok("openid profile read:reports offline_access")),
        ("read:reports", Ok("read:reports")),
        (
            "write:reports read:reports openid",
            Ok("openid read:reports"),
        ),
        ("write:reports", Err(none)),
        ("email", Err(none)),
    ] {
        let mut parameters = refreshing(&token);
        parameters.push(("scope", scope));
        let answer = server.call("/oauth/token", &parameters).await;
        match expected {
            Ok(granted) => {
                assert_eq!(answer.body["scope"], granted, "{scope:?}");
                let claims = claims(&answer.body["access_token"]);
                assert_eq!(claims["scope"], granted, "{scope:?}");
                let has_id_token = answer.body.get("id_token").is_some();
                assert_eq!(has_id_token, granted.contains("openid"), "{scope:?}");
            }
            Err(error) => assert_eq!(answer.error(), error, "{scope:?}"),
        }
    }
}

#[tokio::test]
async fn a_refused_scope_spends_nothing() {
    let (server, token) = log_in(&json!({ "rotation_type": "rotating" })).await;
    let mut parameters = refreshing(&token);
    parameters.push(("scope", "fly"));
    let answer = server.call("/oauth/token", &parameters).await;
    assert_eq!(answer.status, 400);
    assert_eq!(refresh(&server, &token).await.status, 200);
}

#[tokio::test]
async fn lifetimes_end_a_token() {
    let policy = json!({
        "rotation_type": "rotating", "expiration_type": "expiring", "infinite_token_lifetime": false,
        "token_lifetime": 100, "infinite_idle_token_lifetime": false, "idle_token_lifetime": 60,
    });
    for (name, waits, status) in [
        ("idle", vec![59], 200),
        ("idle too long", vec![60], 403),
        ("used in between", vec![50, 49], 200),
        ("the end of all", vec![50, 50], 403),
    ] {
        let (server, mut token) = log_in(&policy).await;
        let (last, before) = waits.split_last().unwrap();
        for seconds in before {
            server.advance(*seconds);
            token = refresh_token_of(&refresh(&server, &token).await);
        }
        server.advance(*last);
        assert_eq!(refresh(&server, &token).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn what_is_no_token_of_the_client_is_unknown() {
    let (server, token) = log_in(&json!({ "rotation_type": "rotating" })).await;
    let web_s = |token| {
        vec![
            ("grant_type", "refresh_token"),
            ("client_id", "web"),
            ("client_secret", SECRET),
            ("refresh_token", token),
        ]
    };
    for (name, parameters) in [
        ("nonsense", refreshing("nonsense")),
        ("another client's", web_s(&token)),
    ] {
        let answer = server.call("/oauth/token", &parameters).await;
        assert_eq!(answer.error(), UNKNOWN, "{name}");
    }
    let answer = refresh(&server, "").await;
    let missing = "Missing required parameter: refresh_token";
    assert_eq!(answer.error(), (400, "invalid_request", missing));
    assert_eq!(refresh(&server, &token).await.status, 200, "not spent");
}

#[tokio::test]
async fn what_was_taken_back_ends_refreshes() {
    let blocked = (401, "unauthorized", "user is blocked");
    for (name, expected) in [("blocked", blocked), ("no offline access", UNKNOWN)] {
        let (server, token) = log_in(&json!({})).await;
        let database = &server.database;
        if name == "blocked" {
            let user = User {
                blocked: true,
                ..ada()
            };
            assert!(database.users().update(&user).await.unwrap());
        } else {
            let apis = database.resource_servers();
            let api = apis
                .find_by_identifier(crate::server::AUDIENCE)
                .await
                .unwrap();
            let mut api = api.unwrap();
            api.allow_offline_access = false;
            assert!(apis.update(&api).await.unwrap());
        }
        assert_eq!(refresh(&server, &token).await.error(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_revoked_token_is_good_for_nothing() {
    let (server, token) = log_in(&json!({ "rotation_type": "rotating" })).await;
    let web_s = [
        ("client_id", "web"),
        ("client_secret", SECRET),
        ("token", token.as_str()),
    ];
    let revoked = server.call("/oauth/revoke", &web_s).await;
    assert_eq!((revoked.status, &revoked.body), (200, &Value::Null));
    let next = refresh_token_of(&refresh(&server, &token).await);

    let body = json!({ "client_id": "spa", "token": next, "token_type_hint": "refresh_token" });
    let request = reqwest::Client::new()
        .post(server.url("/oauth/revoke"))
        .header("content-type", "application/json")
        .body(body.to_string());
    let revoked = Answer::of(request.send().await.unwrap()).await;
    assert_eq!((revoked.status, &revoked.body), (200, &Value::Null));
    assert_eq!(refresh(&server, &next).await.error(), UNKNOWN);
}

#[tokio::test]
async fn revocation_wants_to_know_who_asks() {
    let (server, token) = log_in(&json!({})).await;
    let unauthorized = (401, "access_denied", "Unauthorized");
    let missing = (400, "invalid_request", "Missing required parameter: token");
    for (name, parameters, expected) in [
        ("nobody", vec![("token", token.as_str())], unauthorized),
        (
            "no secret",
            vec![("client_id", "web"), ("token", &token)],
            unauthorized,
        ),
        ("no token", vec![("client_id", "spa")], missing),
    ] {
        let answer = server.call("/oauth/revoke", &parameters).await;
        assert_eq!(answer.error(), expected, "{name}");
    }
    assert_eq!(refresh(&server, &token).await.status, 200);
}

#[tokio::test]
async fn an_access_token_is_revoked_by_its_client_alone() {
    let server = Server::start().await;
    seed(&server).await;
    let codes = server.database.codes();
    codes.insert(&spa_code(&server, "c")).await.unwrap();
    let answer = server.call("/oauth/token", &spa_spending("c")).await;
    let token = answer.body["access_token"].as_str().unwrap();
    let id = portcullis_token::base64url::encode(&hash(token));
    let secret = ("client_secret", SECRET);
    for (name, client, token, expected) in [
        (
            "another's",
            vec![("client_id", "web"), secret],
            token,
            false,
        ),
        ("an id token", vec![("client_id", "spa")], "", false),
        ("its own", vec![("client_id", "spa")], token, true),
    ] {
        let id_token = answer.body["id_token"].as_str().unwrap();
        let mut parameters = client;
        parameters.push(("token", if token.is_empty() { id_token } else { token }));
        let revoked = server.call("/oauth/revoke", &parameters).await;
        assert_eq!(revoked.status, 200, "{name}");
        let ids = server.database.token_ids();
        assert_eq!(ids.is_revoked(&id).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_client_whose_policy_changes_rotates_the_tokens_that_it_has() {
    let (server, token) = log_in(&json!({})).await;
    assert_eq!(refresh(&server, &token).await.status, 200);
    let rotating: Client = spa();
    assert!(server.database.clients().update(&rotating).await.unwrap());
    refresh_token_of(&refresh(&server, &token).await);
    assert_eq!(refresh(&server, &token).await.error(), UNKNOWN);
}
