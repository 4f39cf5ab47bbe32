//! What all callers of an API may use together.

use std::time::Duration;

use portcullis_gateway::{Inquiry, explain};
use portcullis_testkit::TestClock;

use crate::fixture::{Fixture, bearer};

const PLAN: &str = r#"
    [authorizer.callers]
    issuer = "https://issuer.example/"
    audience = ["api"]
    policy = { default = ["p"] }

    [policy.p]
    apis = ["main"]
    rate = "2/60s"

    [api.main]
    upstream = "UPSTREAM"
    auth = "callers"
    LIMITS

    [api.other]
    base = "/other"
    upstream = "UPSTREAM"
    auth = "none"
"#;

async fn limited(limits: &str) -> Fixture {
    Fixture::start(&PLAN.replace("LIMITS", limits)).await
}

fn token(fixture: &Fixture, subject: &str) -> String {
    let token = fixture.world.token().subject(subject);
    token.valid_from(TestClock::START, 1_000_000).sign()
}

#[tokio::test]
async fn all_callers_share_the_limits_of_an_api_besides_their_own() {
    let fixture = limited("rate = \"3/60s\"").await;
    let policies = r#""p.rate";q=2;w=60, "api.main.rate";q=3;w=60"#;
    for (subject, status, standing, nearest) in [
        (
            "ada",
            200,
            r#""p.rate";r=1;t=30, "api.main.rate";r=2;t=20"#,
            "1",
        ),
        (
            "ada",
            200,
            r#""p.rate";r=0;t=30, "api.main.rate";r=1;t=40"#,
            "0",
        ),
        // Her own limit refuses her, which takes nothing from the others.
        (
            "ada",
            429,
            r#""p.rate";r=0;t=30, "api.main.rate";r=1;t=40"#,
            "0",
        ),
        (
            "bob",
            200,
            r#""p.rate";r=1;t=30, "api.main.rate";r=0;t=20"#,
            "0",
        ),
        // What all share refuses him, which takes nothing from what is his.
        (
            "bob",
            429,
            r#""p.rate";r=1;t=30, "api.main.rate";r=0;t=20"#,
            "0",
        ),
    ] {
        let answer = fixture.get_with("/", &token(&fixture, subject)).await;
        let name = format!("{subject} {standing}");
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(answer.header("ratelimit-policy"), Some(policies), "{name}");
        assert_eq!(answer.header("ratelimit"), Some(standing), "{name}");
        assert_eq!(
            answer.header("x-ratelimit-remaining"),
            Some(nearest),
            "{name}"
        );
    }
    let answer = fixture.get_with("/", &token(&fixture, "bob")).await;
    assert_eq!(
        answer.json()["detail"],
        "all callers together have used up a limit"
    );
    assert_eq!(answer.json()["violated-policies"][0], "api.main.rate");
    assert_eq!(answer.header("retry-after"), Some("20"));
    assert_eq!(fixture.get("/other", "").await.header("ratelimit"), None);
    fixture.world.clock.advance(Duration::from_secs(20));
    for status in [200, 429] {
        let answer = fixture.get_with("/", &token(&fixture, "bob")).await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(fixture.upstream.seen().len(), 5);
}

/// Whoever is refused before that has cost nobody anything.
#[tokio::test]
async fn a_caller_who_may_not_call_uses_up_nothing() {
    let fixture = limited("quota = \"1/1h\"\nerrors = \"tyk\"").await;
    for _ in 0..3 {
        assert_eq!(fixture.get("/", &bearer("no.to.ken")).await.status, 403);
    }
    let token = token(&fixture, "ada");
    assert_eq!(fixture.get_with("/", &token).await.status, 200);
    let refused = fixture.get_with("/", &token).await;
    assert_eq!(
        (refused.status, refused.json()["error"].as_str()),
        (403, Some("Quota exceeded"))
    );
}

#[tokio::test]
async fn callers_without_a_policy_of_their_own_share_the_limits_too() {
    let fixture = Fixture::start(
        "[api.main]\nauth = \"none\"\nrate = \"2/1m\"\nquota = \"9/1h\"\nerrors = \"tyk\"\n\
         upstream = \"UPSTREAM\"\n",
    )
    .await;
    for (status, standing) in [
        (
            200,
            r#""api.main.rate";r=1;t=30, "api.main.quota";r=8;t=3600"#,
        ),
        (
            200,
            r#""api.main.rate";r=0;t=30, "api.main.quota";r=7;t=3600"#,
        ),
        (
            429,
            r#""api.main.rate";r=0;t=30, "api.main.quota";r=7;t=3600"#,
        ),
    ] {
        let answer = fixture.get("/", "").await;
        assert_eq!(answer.status, status, "{standing}");
        assert_eq!(answer.header("ratelimit"), Some(standing));
        if status == 429 {
            assert_eq!(answer.json()["error"], "API Rate Limit Exceeded");
        }
    }
    let page = fixture.gateway.metrics().render();
    let refused = "portcullis_limit_decisions_total{policy=\"api.main\",limit=\"rate\",outcome=\"refused\"} 1";
    assert!(page.lines().any(|line| line == refused), "{page}");
}

#[tokio::test]
async fn an_explanation_names_what_all_share_and_charges_nothing() {
    let fixture = limited("rate = \"3/60s\"").await;
    let text = PLAN.replace("LIMITS", "rate = \"3/60s\"");
    let plan = fixture
        .world
        .plan(&text.replace("UPSTREAM", "http://127.0.0.1:1"));
    let mut headers = http::HeaderMap::new();
    let bearer = format!("Bearer {}", token(&fixture, "ada"));
    headers.insert("authorization", bearer.parse().unwrap());
    for _ in 0..5 {
        let explanation = explain(&plan, Inquiry::new("GET", "/", &headers)).await;
        assert!(explanation.outcome.is_ok());
        let last = explanation
            .records
            .iter()
            .filter(|record| record.step == portcullis_token::Step::Limits);
        let last: Vec<_> = last.map(|record| &record.outcome).collect();
        let passed = |text: &str| portcullis_token::Outcome::Passed(text.to_owned());
        let expected = passed("2 in 60s by `p`, 3 in 60s by `api.main` for all callers together");
        assert_eq!(last, [&expected]);
    }
}
