//! The words about keys: which are trusted, whether there are any, and what is told of tokens.

use std::time::Duration;

use portcullis_testkit::Answer;
use portcullis_token::base64url;
use serde_json::Value;
use tokio::time::timeout;

use crate::fixture::{Fixture, World, get};

const PATIENCE: Duration = Duration::from_secs(20);

const API: &str = "[api.main]\nauth = \"user\"\n[api.main.routes]\n\
                   \"GET /mine\" = { respond = \"\" }\n\
                   \"GET /{name}\" = { respond = \"{name}\", auth = \"none\" }\n";

fn user(lines: &str) -> String {
    let issuer = "issuer = \"https://issuer.example/\"\naudience = [\"api\"]\n";
    format!(
        "[authorizer.own]\n{issuer}{lines}\n{}",
        API.replace("user", "own")
    )
}

fn telling() -> World {
    World {
        tells_reason: true,
        ..World::default()
    }
}

fn reason(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["reason"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_key_that_the_file_distrusts_signs_nothing_from_the_next_reload_on() {
    let fixture = Fixture::of(telling(), &user("")).await;
    let token = fixture.world.token().sign();
    assert_eq!(fixture.get_with("/mine", &token).await.status, 200);

    let keys = fixture.world.issuer.key_set();
    let kid = keys.keys()[0].kid().unwrap().to_owned();
    let thumbprint = base64url::encode(keys.keys()[0].thumbprint());
    let other = base64url::encode(&[7; 32]);
    for (distrusted, expected) in [
        (format!("{kid}-2"), ""),
        (other, ""),
        (kid, "revoked"),
        (thumbprint, "revoked"),
    ] {
        let plan = user(&format!("distrust = [\"{distrusted}\"]"));
        fixture.gateway.replace(fixture.world.plan(&plan));
        let answer = fixture.get_with("/mine", &token).await;
        assert_eq!(reason(&answer.body), expected, "{distrusted}");
        let status = if expected.is_empty() { 200 } else { 401 };
        assert_eq!(answer.status, status, "{distrusted}");
    }
}

#[tokio::test]
async fn a_challenge_calls_the_api_as_the_file_does() {
    for (line, realm) in [("", "main"), ("realm = \"our orders\"\n", "our orders")] {
        let text = API.replace("auth = \"user\"\n", &format!("auth = \"user\"\n{line}"));
        let answer = Fixture::start(&text).await.get("/mine", "").await;
        let expected = format!("Bearer realm=\"{realm}\"");
        assert_eq!(answer.header("www-authenticate"), Some(expected.as_str()));
    }
}

#[tokio::test]
async fn readiness_is_told_once_there_are_keys_and_until_the_end() {
    let world = World {
        fetches: true,
        ..World::default()
    };
    world.issuer.answer(Answer::Status(500));
    let text = format!("[server]\nready = \"/ready\"\n{API}");
    let fixture = Fixture::of(world, &text).await;
    let status = async |target| fixture.get(target, "").await.status;
    let answer = fixture.get("/ready", "").await;
    assert_eq!((answer.status, answer.body.as_slice()), (503, &b""[..]));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // A route with a parameter is another path's.
    assert_eq!(status("/other").await, 200);
    assert_eq!(status("/ready?x").await, 503);

    fixture.world.issuer.answer(Answer::Documents);
    let until_ready = async {
        while status("/ready").await != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, until_ready).await.expect("keys come");
    let head = get("/ready", "").replace("GET", "HEAD");
    assert_eq!(fixture.send(head).await.status, 200);

    // An outage takes no gateway away, long as it may be.
    fixture.world.issuer.answer(Answer::Status(500));
    fixture.world.clock.advance(Duration::from_hours(100));
    assert_eq!(status("/ready").await, 200);
    fixture.gateway.replace(fixture.world.plan(API));
    assert_eq!(
        status("/ready").await,
        200,
        "the next file names no such path"
    );
    fixture.gateway.replace(fixture.world.plan(&text));
    assert_eq!(status("/ready").await, 503, "these keys were never there");
}

#[tokio::test]
async fn an_issuer_that_is_optional_keeps_no_gateway_away() {
    for (ready, expected) in [
        ("", 503),
        ("ready = \"required\"\n", 503),
        ("ready = \"optional\"\n", 200),
    ] {
        let world = World {
            fetches: true,
            ..World::default()
        };
        world.issuer.answer(Answer::Status(500));
        let named = "issuer = \"https://issuer.example/\"\naudience = [\"api\"]\n";
        // The fixture has those keys at once that are not found by discovery.
        let known = "jwks = \"https://issuer.example/keys\"";
        let text = format!(
            "[server]\nready = \"/ready\"\n[authorizer.own]\n{named}{known}\n\
             [authorizer.dead]\n{named}{ready}[api.main]\nauth = \"own\"\n[api.main.routes]\n\
             \"GET /mine\" = {{ respond = \"\" }}\n\
             \"GET /theirs\" = {{ respond = \"\", auth = \"dead\" }}\n"
        );
        let fixture = Fixture::of(world, &text).await;
        let token = fixture.world.token().sign();
        // Shows that its keys were asked for, and what becomes of its own tokens.
        let theirs = fixture.get_with("/theirs", &token).await.status;
        assert_eq!(theirs, 503, "its tokens cannot be judged");
        assert_eq!(fixture.get("/ready", "").await.status, expected, "{ready}");
        assert_eq!(fixture.get_with("/mine", &token).await.status, 200);
    }
}

#[tokio::test]
async fn a_gateway_that_ends_is_not_ready_and_serves() {
    let fixture = Fixture::start(&format!("[server]\nready = \"/ready\"\n{API}")).await;
    assert_eq!(fixture.get("/ready", "").await.status, 200);
    fixture.gateway.announce_end();
    assert_eq!(fixture.get("/ready", "").await.status, 503);
    assert_eq!(fixture.get("/other", "").await.status, 200);
}

#[tokio::test]
async fn what_authorizers_say_is_counted_where_somebody_may_ask() {
    for admin in ["", "[server]\nadmin = \"127.0.0.1:1\"\n"] {
        let text = format!(
            "{admin}[api.main]\nauth = [\"user\", \"partner\"]\n\
             [api.main.routes]\n\"GET /mine\" = {{ respond = \"\" }}\n"
        );
        let fixture = Fixture::start(&text).await;
        let good = fixture.world.token().sign();
        for (token, status) in [(good.as_str(), 200), (&good, 200), ("undefined", 401)] {
            assert_eq!(fixture.get_with("/mine", token).await.status, status);
        }
        let page = fixture.gateway.metrics().render();
        let verifications = |authorizer: &str, outcome: &str, reason: &str, count: u64| {
            format!(
                "portcullis_verifications_total{{authorizer=\"{authorizer}\",\
                 outcome=\"{outcome}\",reason=\"{reason}\"}} {count}\n"
            )
        };
        let took = |authorizer: &str, stage: &str, count: u64| {
            format!(
                "portcullis_verification_duration_seconds_count{{authorizer=\"{authorizer}\",\
                 stage=\"{stage}\"}} {count}\n"
            )
        };
        for line in [
            verifications("user", "accepted", "", 2),
            verifications("user", "refused", "not_jwt", 1),
            verifications("partner", "refused", "not_jwt", 1),
            verifications("partner", "refused", "iss_unknown", 2),
            took("user", "cached", 1),
            took("user", "full", 2),
        ] {
            assert_eq!(page.contains(&line), !admin.is_empty(), "{line}\n{page}");
        }
        if admin.is_empty() {
            assert!(!page.contains("portcullis_verifications_total{"), "{page}");
        }
    }
}
