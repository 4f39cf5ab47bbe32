//! The limits of callers without a token.

use std::time::Duration;

use serde_json::json;

use crate::fixture::{Fixture, bearer};

const API: &str = r#"
    [policy.guests]
    apis = ["main"]
    rate = "2/60s"

    [api.main]
    upstream = "UPSTREAM"
    auth = ["user", "none"]
    anonymous_policy = "guests"
    [api.main.routes]
    "GET /free" = { auth = "none" }
"#;

#[tokio::test]
async fn an_address_has_its_limit_and_a_token_is_not_charged_to_it() {
    let fixture = Fixture::start(API).await;
    let token = bearer(&fixture.world.token().sign());
    for (name, target, lines, status) in [
        ("the first", "/", "", 200),
        ("another route", "/free", "", 200),
        ("a third one", "/", "", 429),
        (
            "an invented address",
            "/",
            "X-Forwarded-For: 192.0.2.9\r\n",
            429,
        ),
        ("a token", "/", token.as_str(), 200),
    ] {
        let answer = fixture.get(target, lines).await;
        assert_eq!(answer.status, status, "{name}");
        let told = answer.header("ratelimit-policy");
        let expected = (lines != token).then_some("\"guests.rate\";q=2;w=60");
        assert_eq!(told, expected, "{name}");
    }
    let answer = fixture.get("/", "").await;
    assert_eq!(answer.header("retry-after"), Some("30"));
    assert_eq!(answer.json()["violated-policies"], json!(["guests.rate"]));
    assert_eq!(
        fixture.upstream.seen().len(),
        3,
        "a refused call arrives nowhere"
    );

    fixture.world.clock.advance(Duration::from_secs(30));
    assert_eq!(fixture.get("/", "").await.status, 200);
    assert_eq!(fixture.get("/", "").await.status, 429);
}

#[tokio::test]
async fn behind_a_trusted_proxy_it_is_the_address_that_the_proxy_names() {
    let server = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let fixture = Fixture::start(&format!("{server}{API}")).await;
    for (name, chain, statuses) in [
        ("one", "192.0.2.1", [200, 200, 429]),
        (
            "the same, who invents others",
            "192.0.2.7, 192.0.2.1",
            [429; 3],
        ),
        ("another", "192.0.2.2", [200, 200, 429]),
        ("one of IPv6", "2001:db8::1", [200, 200, 429]),
        ("its neighbour", "2001:db8::2", [429; 3]),
    ] {
        let lines = format!("X-Forwarded-For: {chain}\r\n");
        for status in statuses {
            assert_eq!(fixture.get("/", &lines).await.status, status, "{name}");
        }
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_around_a_limit() {
    let fixture = Fixture::start(
        r#"
        [policy.guests]
        apis = ["main"]
        rate = "1/60s"
        [api.main]
        upstream = "UPSTREAM"
        auth = "none"
        [api.main.routes]
        "GET /dear" = { anonymous_policy = "guests" }
        "#,
    )
    .await;
    for (target, status, reason) in [
        ("/dear", 200, None),
        ("/dear/", 429, None),
        ("/d%65ar", 429, None),
        ("/Dear", 400, Some("bad_path")),
        ("/dear;a=b", 400, Some("bad_path")),
        ("/cheap", 200, None),
    ] {
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.status, status, "{target}");
        if let Some(reason) = reason {
            assert_eq!(answer.problem(), reason, "{target}");
        }
    }
}
