use std::time::Duration;

use portcullis_testkit::{TestClock, TokenBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::fixture::{Fixture, ISSUER, PARTNER, World, bearer, get, start};
use crate::upstream::Scripted;

const LIMITED: &str = r#"
    [authorizer.callers]
    issuer = "https://issuer.example/"
    audience = ["api"]
    policy = { claim = "pol" }

    [policy.p]
    apis = ["main"]
    LIMITS

    [api.main]
    upstream = "UPSTREAM"
    auth = "callers"
"#;

const FORMS: [&str; 6] = [
    "ratelimit-policy",
    "ratelimit",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "retry-after",
];

async fn limited(limits: &str) -> Fixture {
    Fixture::start(&LIMITED.replace("LIMITS", limits)).await
}

/// A token that outlives its limits.
fn token(world: &World) -> TokenBuilder {
    let token = world.token().claim("pol", "p");
    token.valid_from(TestClock::START, 1_000_000)
}

fn told(answer: &Answer) -> [Option<&str>; 6] {
    FORMS.map(|name| answer.header(name))
}

/// Ids are unique within their issuer only, also where its answers do not name it.
#[tokio::test]
async fn callers_of_issuers_that_do_not_name_themselves_are_told_apart() {
    let authorizer = |name: &str, issuer: &str| {
        format!(
            "[authorizer.{name}]\nissuer = \"{issuer}\"\naudience = [\"api\"]\n\
             policy = {{ default = [\"p\"] }}\nintrospection = {{ \
             url = \"https://a.example\", client_id = \"a\", client_secret = \"b\" }}\n\
             [api.{name}]\nbase = \"/{name}\"\nupstream = \"UPSTREAM\"\nauth = \"{name}\"\n"
        )
    };
    let text = format!(
        "{}{}[policy.p]\napis = [\"ours\", \"theirs\"]\nrate = \"1/60s\"\n",
        authorizer("ours", ISSUER),
        authorizer("theirs", PARTNER)
    );
    let fixture = Fixture::start(&text).await;
    let claims = json!({ "aud": "api", "sub": "ada", "exp": TestClock::START.0 + 60 });
    fixture.world.introspection.activate("opaque", claims);
    for (target, expected) in [("/theirs", 200), ("/theirs", 429), ("/ours", 200)] {
        let answer = fixture.get(target, &bearer("opaque")).await;
        assert_eq!(answer.status, expected, "{target}: {}", answer.text());
    }
}

#[tokio::test]
async fn exactly_as_many_as_the_limit_pass_at_once() {
    let fixture = limited("rate = \"10/60s\"").await;
    let address = fixture.gateway.address();
    let token = token(&fixture.world).sign();
    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let request = get("/", &bearer(&token));
        callers.spawn(async move {
            let mut client = Client::connect(address).await.unwrap();
            client.send(request).await.status
        });
    }
    let mut statuses = callers.join_all().await;
    statuses.sort_unstable();
    let expected = [vec![200; 10], vec![429; 54]].concat();
    assert_eq!(statuses, expected);
    assert_eq!(fixture.upstream.seen().len(), 10);
    // One comes back each six seconds.
    for (seconds, passing) in [(5, 0), (1, 1), (11, 1), (1, 1), (600, 10)] {
        fixture.world.clock.advance(Duration::from_secs(seconds));
        for index in 0..=passing {
            let status = fixture.get_with("/", &token).await.status;
            let expected = if index < passing { 200 } else { 429 };
            assert_eq!(status, expected, "{index} after {seconds} s more");
        }
    }
}

#[tokio::test]
async fn decisions_are_counted_by_policy_and_limit() {
    let fixture = limited("rate = \"2/60s\"\n quota = \"1/1h\"").await;
    let token = token(&fixture.world).sign();
    for status in [200, 429, 429] {
        assert_eq!(fixture.get_with("/", &token).await.status, status);
    }
    let page = fixture.gateway.metrics().render();
    let counted: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("portcullis_limit_decisions_total"))
        .collect();
    // What the quota refuses is not charged to the rate.
    let expected = [
        ("rate", "allowed", 1),
        ("quota", "allowed", 1),
        ("quota", "refused", 2),
    ];
    let expected = expected.map(|(limit, outcome, count)| {
        format!(
            "portcullis_limit_decisions_total{{policy=\"p\",limit=\"{limit}\",outcome=\"{outcome}\"}} {count}"
        )
    });
    assert_eq!(counted, expected);
}

#[tokio::test]
async fn every_answer_tells_what_is_left() {
    let fixture = limited("rate = \"2/60s\"\n quota = \"3/1h\"").await;
    let token = token(&fixture.world).sign();
    let policies = r#""p.rate";q=2;w=60, "p.quota";q=3;w=3600"#;
    let begin = TestClock::START.0;
    // Seconds that pass, the status, rate and quota, and the nearest of them in the old headers.
    for (seconds, status, standing, nearest, retry) in [
        (
            0,
            200,
            r#""p.rate";r=1;t=30, "p.quota";r=2;t=3600"#,
            (2, 1, 30),
            None,
        ),
        (
            0,
            200,
            r#""p.rate";r=0;t=30, "p.quota";r=1;t=3600"#,
            (2, 0, 60),
            None,
        ),
        // What is refused is charged to no limit.
        (
            0,
            429,
            r#""p.rate";r=0;t=30, "p.quota";r=1;t=3600"#,
            (2, 0, 60),
            Some("30"),
        ),
        (
            29,
            429,
            r#""p.rate";r=0;t=1, "p.quota";r=1;t=3571"#,
            (2, 0, 60),
            Some("1"),
        ),
        (
            1,
            200,
            r#""p.rate";r=0;t=30, "p.quota";r=0;t=3570"#,
            (3, 0, 3600),
            None,
        ),
        (
            30,
            429,
            r#""p.rate";r=1;t=30, "p.quota";r=0;t=3540"#,
            (3, 0, 3600),
            Some("3540"),
        ),
        (
            3539,
            429,
            r#""p.rate";r=2;t=0, "p.quota";r=0;t=1"#,
            (3, 0, 3600),
            Some("1"),
        ),
        (
            1,
            200,
            r#""p.rate";r=1;t=30, "p.quota";r=2;t=3600"#,
            (2, 1, 3630),
            None,
        ),
    ] {
        fixture.world.clock.advance(Duration::from_secs(seconds));
        let answer = fixture.get_with("/", &token).await;
        let (limit, remaining, reset) = nearest;
        let reset = (begin + reset).to_string();
        let (limit, remaining) = (limit.to_string(), remaining.to_string());
        let expected = [
            Some(policies),
            Some(standing),
            Some(limit.as_str()),
            Some(remaining.as_str()),
            Some(reset.as_str()),
            retry,
        ];
        assert_eq!((answer.status, told(&answer)), (status, expected));
    }
}

#[tokio::test]
async fn a_refusal_names_the_limits_that_were_passed() {
    let fixture = limited("rate = \"1/60s\"\n quota = \"1/1h\"").await;
    let token = token(&fixture.world).sign();
    assert_eq!(fixture.get_with("/", &token).await.status, 200);
    for (seconds, violated) in [(0, vec!["p.rate", "p.quota"]), (60, vec!["p.quota"])] {
        fixture.world.clock.advance(Duration::from_secs(seconds));
        let answer = fixture.get_with("/", &token).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let expected = json!({
            "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
            "title": "Too Many Requests",
            "status": 429,
            "detail": "the caller has used up a limit",
            "violated-policies": violated,
            "request_id": answer.header("x-request-id"),
        });
        assert_eq!(body, expected);
        let media_type = answer.header("content-type");
        assert_eq!(media_type, Some("application/problem+json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn each_style_refuses_in_its_own_words() {
    let rate = "rate = \"1/60s\"";
    let quota = "quota = \"1/60s\"";
    for (errors, limit, status, body) in [
        ("tyk", rate, 429, r#"{"error":"Rate Limit Exceeded"}"#),
        ("tyk", quota, 403, r#"{"error":"Quota exceeded"}"#),
        ("aws", rate, 429, r#"{"message":"Too Many Requests"}"#),
        ("aws", quota, 429, r#"{"message":"Too Many Requests"}"#),
    ] {
        let text = LIMITED.replace("LIMITS", limit);
        let fixture = Fixture::start(&format!("{text}\n    errors = \"{errors}\"\n")).await;
        let token = token(&fixture.world).sign();
        assert_eq!(fixture.get_with("/", &token).await.status, 200, "{errors}");
        let answer = fixture.get_with("/", &token).await;
        let found = (answer.status, answer.text());
        assert_eq!(found, (status, body.into()), "{errors}, {limit}");
        assert_eq!(answer.header("retry-after"), Some("60"), "{errors}");
    }
}

#[tokio::test]
async fn each_caller_has_limits_of_their_own() {
    let text = r#"
        [authorizer.callers]
        issuer = "https://issuer.example/"
        audience = ["api"]
        policy = { default = ["p"] }
        identity = ["team", "sub"]

        [authorizer.others]
        issuer = "https://partner.example/"
        audience = ["api"]
        policy = { default = ["p"] }

        [policy.p]
        apis = ["main"]
        rate = "1/60s"

        [api.main]
        upstream = "UPSTREAM"
        auth = ["callers", "others"]
        errors = "tyk"
    "#;
    let fixture = Fixture::start(text).await;
    let mine = || fixture.world.token();
    let theirs = || fixture.world.partner.token().audience("api");
    for (name, token, status) in [
        ("ada", mine(), 200),
        ("ada again", mine(), 429),
        ("ada with another token", mine().claim("jti", "other"), 429),
        ("bob", mine().subject("bob"), 200),
        ("ada of another issuer", theirs(), 200),
        ("ada of another issuer again", theirs(), 429),
        ("ada for a team", mine().claim("team", "red"), 200),
        (
            "bob for the team",
            mine().subject("bob").claim("team", "red"),
            429,
        ),
        ("a team called ada", mine().claim("team", "ada"), 200),
        ("nobody", mine().without("sub"), 403),
        ("an empty name", mine().subject(""), 403),
        ("no team", mine().claim("team", ""), 403),
    ] {
        let answer = fixture.get_with("/", &token.sign()).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        if status == 403 {
            let expected = r#"{"error":"no suitable claims for user ID were found"}"#;
            assert_eq!(answer.text(), expected, "{name}");
        }
    }
    assert!(fixture.world.partner.name() == PARTNER);
}

#[tokio::test]
async fn the_most_generous_of_the_policies_counts() {
    let text = LIMITED.replace(
        "LIMITS",
        "rate = \"1/60s\"\n    [policy.more]\n    apis = [\"main\"]\n    rate = \"2/60s\"\n    \
         [policy.other]\n    apis = { main = [\"GET /free\"] }",
    );
    let fixture = Fixture::start(&text).await;
    let caller = |subject: &str, policies: &[&str]| {
        let token = token(&fixture.world).subject(subject);
        token.claim("pol", policies.to_vec()).sign()
    };
    for (name, policies, target, expected) in [
        ("a", vec!["p"], "/", vec![200, 429]),
        ("b", vec!["p", "more"], "/", vec![200, 200, 429]),
        // A policy without a limit, but it does not give access to this.
        ("c", vec!["p", "other"], "/", vec![200, 429]),
        ("d", vec!["p", "other"], "/free", vec![200, 200, 200, 200]),
    ] {
        let token = caller(name, &policies);
        for status in expected {
            let answer = fixture.get_with(target, &token).await;
            assert_eq!(answer.status, status, "{name}: {:?}", told(&answer));
        }
    }
    let unlimited = fixture.get_with("/free", &caller("d", &["other"])).await;
    assert_eq!(told(&unlimited), [None; 6]);
}

#[tokio::test]
async fn counters_outlive_the_plan() {
    let fixture = limited("rate = \"2/60s\"").await;
    let token = token(&fixture.world).sign();
    let plan = |limits: &str| {
        let text = LIMITED.replace("LIMITS", limits);
        let text = text.replace("UPSTREAM", &fixture.upstream.url());
        fixture.world.plan(&text)
    };
    let get = || fixture.get_with("/", &token);
    assert_eq!(get().await.status, 200);
    fixture.gateway.replace(plan("rate = \"2/60s\""));
    assert_eq!(get().await.status, 200);
    assert_eq!(get().await.status, 429);
    // A limit of other numbers is another limit.
    fixture.gateway.replace(plan("rate = \"3/60s\""));
    assert_eq!(get().await.status, 200);
}

#[tokio::test]
async fn refused_credentials_and_other_refusals_are_told_nothing_of_limits() {
    let fixture = limited("rate = \"1/60s\"").await;
    let foreign = token(&fixture.world).audience("other").sign();
    for lines in [String::new(), bearer(&foreign)] {
        let answer = fixture.get("/", &lines).await;
        assert_eq!((answer.status, told(&answer)), (401, [None; 6]));
    }
    // And they have used up nothing.
    let token = token(&fixture.world).sign();
    assert_eq!(fixture.get_with("/", &token).await.status, 200);
}

#[tokio::test]
async fn the_forms_of_the_headers_are_chosen_in_the_file() {
    for (forms, count) in [("[]", 0), ("[\"ietf\"]", 2), ("[\"legacy\"]", 3)] {
        let text = LIMITED.replace("LIMITS", "rate = \"1/60s\"");
        let text = format!("[server]\nlimit_headers = {forms}\n{text}");
        let fixture = Fixture::start(&text).await;
        let token = token(&fixture.world).sign();
        let answer = fixture.get_with("/", &token).await;
        assert_eq!(told(&answer).iter().flatten().count(), count, "{forms}");
        let refused = fixture.get_with("/", &token).await;
        assert_eq!(refused.status, 429, "{forms}");
        assert_eq!(refused.header("retry-after"), Some("60"), "{forms}");
    }
}

#[tokio::test]
async fn what_an_upstream_says_of_its_limits_gives_way_to_ours() {
    let upstream = Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        wire.write(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nRateLimit: \"theirs\";r=1\r\n\
             RateLimit: \"theirs\";r=2\r\nX-RateLimit-Remaining: 7\r\n\r\n",
        )
        .await
    })
    .await;
    let world = World::default();
    let text = LIMITED.replace("LIMITS", "rate = \"1/1s\"");
    let plan = world.plan(&text.replace("UPSTREAM", &upstream.url()));
    let gateway = start(plan);
    let mut client = Client::connect(gateway.address()).await.unwrap();
    let request = get("/", &bearer(&token(&world).sign()));
    let answer = client.send(request).await;
    let of = |name: &str| {
        let named = answer.headers.iter().filter(|(own, _)| own == name);
        named.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("ratelimit"), ["\"p.rate\";r=0;t=1"]);
    assert_eq!(of("x-ratelimit-remaining"), ["0"]);
}
