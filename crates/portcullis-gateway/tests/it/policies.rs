use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use portcullis_gateway::{Inquiry, explain};
use portcullis_testkit::TokenBuilder;
use portcullis_token::{Outcome, Step};
use serde_json::{Value, json};

use crate::fixture::{Fixture, World};

const TYK: &str = r#"
    [authorizer.callers]
    issuer = "https://issuer.example/"
    audience = ["api"]
    policy = { claim = "pol", default = ["standard"], scopes = { "read:reports" = "reports" } }

    [authorizer.strict]
    issuer = "https://issuer.example/"
    audience = ["api"]
    policy = { claim = "pol" }

    [authorizer.free]
    issuer = "https://issuer.example/"
    audience = ["api"]

    [policy.standard]
    apis = ["httpbin", "strict"]

    [policy.reports]
    apis = { expenses = ["GET /", "GET /reports/*", "PUT /reports/{id}"] }

    [policy.brief]
    apis = ["httpbin"]
    expires = "10m"

    [api.httpbin]
    base = "/httpbin"
    upstream = "UPSTREAM"
    auth = "callers"
    errors = "tyk"

    [api.expenses]
    base = "/expenses"
    upstream = "UPSTREAM"
    auth = "callers"
    errors = "tyk"

    [api.strict]
    base = "/strict"
    upstream = "UPSTREAM"
    auth = "strict"
    errors = "tyk"

    [api.free]
    base = "/free"
    upstream = "UPSTREAM"
    auth = ["free", "none"]
"#;

const API: &str = "Access to this API has been disallowed";
const ENDPOINT: &str = "Access to this resource has been disallowed";
const MISSING: &str = "key not authorized: no matching policy found";
const UNKNOWN: &str = "key not authorized: no matching policy";
const SCOPES: &str = "key not authorized: no matching policy found in scope claim";
const GRANTED: &str = "";

/// Rows of: what the token says, the target, and what Tyk would answer.
fn rows() -> Vec<(Value, &'static str, &'static str)> {
    let reader = || json!({ "scope": "openid read:reports" });
    vec![
        // The defaults, for a token with neither a claim nor scopes.
        (json!({}), "/httpbin/get", GRANTED),
        (json!({}), "/httpbin", GRANTED),
        (json!({}), "/expenses", API),
        (json!({ "scope": "" }), "/httpbin", GRANTED),
        (json!({ "pol": null }), "/httpbin", GRANTED),
        // Scopes drop the defaults, whether or not one of them brings a policy.
        (reader(), "/expenses", GRANTED),
        (reader(), "/expenses/", GRANTED),
        (reader(), "/expenses/reports/1", GRANTED),
        (reader(), "/expenses/reports/1/2", GRANTED),
        (reader(), "/expenses/reports", ENDPOINT),
        (reader(), "/expenses/reportsx/1", ENDPOINT),
        (reader(), "/expenses/Reports/1", ENDPOINT),
        (reader(), "/expenses/reports;x/1", ENDPOINT),
        (reader(), "/httpbin", API),
        (json!({ "scope": "openid" }), "/httpbin", SCOPES),
        (json!({ "scope": ["read:reports"] }), "/expenses", GRANTED),
        // The claim, as a string or an array.
        (json!({ "pol": "standard" }), "/httpbin", GRANTED),
        (json!({ "pol": "standard" }), "/expenses", API),
        (json!({ "pol": ["reports"] }), "/expenses", GRANTED),
        (json!({ "pol": ["reports"] }), "/httpbin", API),
        (json!({ "pol": ["x", "reports"] }), "/expenses", GRANTED),
        (
            json!({ "pol": ["reports", "standard"] }),
            "/httpbin",
            GRANTED,
        ),
        (json!({ "pol": "x" }), "/httpbin", UNKNOWN),
        (json!({ "pol": ["x", "y"] }), "/httpbin", UNKNOWN),
        (json!({ "pol": "Standard" }), "/httpbin", UNKNOWN),
        (json!({ "pol": "standard reports" }), "/httpbin", UNKNOWN),
        (json!({ "pol": [] }), "/httpbin", UNKNOWN),
        (json!({ "pol": "" }), "/httpbin", UNKNOWN),
        (json!({ "pol": 1 }), "/httpbin", UNKNOWN),
        (
            json!({ "pol": { "standard": "standard" } }),
            "/httpbin",
            UNKNOWN,
        ),
        // Claim and scopes together.
        (
            json!({ "pol": "standard", "scope": "openid" }),
            "/httpbin",
            GRANTED,
        ),
        (
            json!({ "pol": "standard", "scope": "read:reports" }),
            "/httpbin",
            GRANTED,
        ),
        (
            json!({ "pol": "standard", "scope": "read:reports" }),
            "/expenses",
            GRANTED,
        ),
        (
            json!({ "pol": "x", "scope": "read:reports" }),
            "/expenses",
            GRANTED,
        ),
        (
            json!({ "pol": "x", "scope": "openid" }),
            "/expenses",
            UNKNOWN,
        ),
        // Without defaults or a mapping.
        (json!({}), "/strict", MISSING),
        (json!({ "scope": "read:reports" }), "/strict", MISSING),
        (json!({ "pol": "standard" }), "/strict", GRANTED),
        // An authorizer without policies imposes none.
        (json!({ "pol": "x" }), "/free", GRANTED),
    ]
}

fn token(world: &World, claims: &Value) -> TokenBuilder {
    let claims = claims.as_object().unwrap();
    claims.iter().fold(world.token(), |token, (name, value)| {
        token.claim(name, value.clone())
    })
}

#[tokio::test]
async fn policies_are_chosen_as_tyk_chooses_them() {
    let fixture = Fixture::start(TYK).await;
    for (claims, target, expected) in rows() {
        let before = fixture.upstream.seen().len();
        let token = token(&fixture.world, &claims).sign();
        let answer = fixture.get_with(target, &token).await;
        let name = format!("{target} with {claims}: {}", answer.text());
        let forwarded = fixture.upstream.seen().len() - before;
        if expected == GRANTED {
            assert_eq!((answer.status, forwarded), (200, 1), "{name}");
        } else {
            assert_eq!((answer.status, forwarded), (403, 0), "{name}");
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(body, json!({ "error": expected }), "{name}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
    assert_eq!(fixture.get("/free", "").await.status, 200, "anonymous");
}

#[tokio::test]
async fn an_endpoint_is_a_method_too() {
    let fixture = Fixture::start(TYK).await;
    let token = fixture.world.token().scope("read:reports").sign();
    for (method, target, status) in [
        ("GET", "/expenses/reports/1", 200),
        ("HEAD", "/expenses/reports/1", 200),
        ("PUT", "/expenses/reports/1", 200),
        ("PUT", "/expenses/reports/1/2", 403),
        ("POST", "/expenses/reports/1", 403),
        ("PUT", "/expenses", 403),
    ] {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        let answer = fixture.send(request).await;
        assert_eq!(answer.status, status, "{method} {target}");
    }
}

#[tokio::test]
async fn a_policy_serves_tokens_up_to_an_age() {
    let fixture = Fixture::start(TYK).await;
    let brief = |world: &World| world.token().claim("pol", "brief");
    let both = json!({ "pol": ["brief", "standard"] });
    let undated = brief(&fixture.world).without("iat").sign();
    let (brief, both) = (
        brief(&fixture.world).sign(),
        token(&fixture.world, &both).sign(),
    );
    fixture.world.clock.advance(Duration::from_secs(599));
    assert_eq!(fixture.get_with("/httpbin", &brief).await.status, 200);
    fixture.world.clock.advance(Duration::from_secs(1));
    for token in [&brief, &undated] {
        let answer = fixture.get_with("/httpbin", token).await;
        let expected = r#"{"error":"Key has expired, please renew"}"#;
        assert_eq!((answer.status, answer.text()), (401, expected.into()));
    }
    assert_eq!(fixture.get_with("/httpbin", &both).await.status, 200);
}

#[tokio::test]
async fn other_styles_say_what_is_wrong_in_their_own_way() {
    let text = TYK.replace("errors = \"tyk\"", "errors = \"problem\"");
    let fixture = Fixture::start(&text).await;
    let denied = fixture.world.token().sign();
    let answer = fixture.get_with("/expenses", &denied).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status, 403);
    assert_eq!(body["type"], "urn:portcullis:problem:policy_api");
    let expected = "no policy of the caller gives access to this API";
    assert_eq!(body["detail"], expected);
    assert_eq!(answer.header("www-authenticate"), None);

    let old = fixture.world.token().claim("pol", "brief").sign();
    fixture.world.clock.advance(Duration::from_mins(10));
    let answer = fixture.get_with("/httpbin", &old).await;
    assert_eq!(answer.status, 401);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");

    let text = TYK.replace("errors = \"tyk\"", "errors = \"aws\"");
    let fixture = Fixture::start(&text).await;
    let denied = fixture.world.token().sign();
    let answer = fixture.get_with("/expenses", &denied).await;
    let expected = r#"{"message":"Forbidden"}"#;
    assert_eq!((answer.status, answer.text()), (403, expected.into()));
}

#[tokio::test]
async fn a_capital_leads_nobody_to_an_api_without_a_policy_for_it() {
    let text = |policy: &str| {
        format!(
            "[authorizer.callers]\nissuer = \"https://issuer.example/\"\naudience = [\"api\"]\n\
             {policy}\n\
             [policy.rest]\napis = [\"rest\"]\n\
             [api.admin]\nauth = \"callers\"\nroutes = {{ \"GET /admin\" = {{ upstream = \"UPSTREAM\" }} }}\n\
             [api.rest]\nauth = \"callers\"\nupstream = \"UPSTREAM\"\n"
        )
    };
    for (policy, admin, capital) in [
        ("", 200, 200),
        ("policy = { default = [\"rest\"] }", 403, 400),
    ] {
        let fixture = Fixture::start(&text(policy)).await;
        let token = fixture.world.token().sign();
        for (target, status) in [("/admin", admin), ("/Admin", capital), ("/other", 200)] {
            let answer = fixture.get_with(target, &token).await;
            assert_eq!(answer.status, status, "{target} with `{policy}`");
        }
    }
}

#[tokio::test]
async fn an_alternative_whose_policies_refuse_leaves_the_others() {
    let text = r#"
        [authorizer.imposing]
        issuer = "https://issuer.example/"
        audience = ["api"]
        policy = { claim = "pol" }

        [authorizer.free]
        issuer = "https://issuer.example/"
        audience = ["free"]

        [policy.standard]
        apis = ["main"]

        [api.main]
        upstream = "UPSTREAM"
        auth = ["imposing", { free = ["read"] }]
        errors = "tyk"
    "#;
    let fixture = Fixture::start(text).await;
    let both = || fixture.world.token().claim("aud", json!(["api", "free"]));
    for (name, token, status) in [
        ("neither", both(), 403),
        ("the policy", both().claim("pol", "standard"), 200),
        ("the scope", both().scope("read"), 200),
    ] {
        let answer = fixture.get_with("/", &token.sign()).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
    }
    // What the policy says is nearer than the scope of another alternative.
    let answer = fixture.get_with("/", &both().sign()).await;
    assert_eq!(answer.text(), format!(r#"{{"error":"{MISSING}"}}"#));
}

#[tokio::test]
async fn explain_shows_policies_and_limits() {
    let world = World::default();
    let text = TYK
        .replace("UPSTREAM", "http://127.0.0.1:1")
        .replace("expires = \"10m\"", "rate = \"1/1m\"\nquota = \"5/1h\"");
    let plan = world.plan(&text);
    let limits = "1 in 60s by `brief`, 5 in 3600s by `brief`";
    let refused = |got: &str| Outcome::Refused {
        expected: "a policy that gives access to this endpoint".to_owned(),
        got: got.to_owned(),
    };
    let passed = |found: &str| Outcome::Passed(found.to_owned());
    for (claims, path, step, outcome) in [
        (json!({}), "/httpbin", Step::Policy, passed("`standard`")),
        (
            json!({ "pol": "brief" }),
            "/httpbin",
            Step::Limits,
            passed(limits),
        ),
        (
            json!({ "pol": ["brief", "standard"] }),
            "/httpbin",
            Step::Policy,
            passed("`standard`, `brief`"),
        ),
        (
            json!({ "pol": "brief" }),
            "/expenses",
            Step::Policy,
            refused("no policy of the caller gives access to this API"),
        ),
        (
            json!({ "pol": "brief", "sub": "" }),
            "/httpbin",
            Step::Limits,
            Outcome::Refused {
                expected: "the caller, in one of `sub`".to_owned(),
                got: "a token without it".to_owned(),
            },
        ),
    ] {
        let token = token(&world, &claims).sign();
        let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        // Whoever only explains is charged nothing.
        for _ in 0..2 {
            let explanation = explain(&plan, Inquiry::new("GET", path, &headers)).await;
            let last = explanation.records.last().unwrap();
            assert_eq!((last.step, &last.outcome), (step, &outcome), "{claims}");
            assert_eq!(last.authorizer.as_deref(), Some("callers"), "{claims}");
            let granted = matches!(outcome, Outcome::Passed(_));
            assert_eq!(explanation.outcome.is_ok(), granted, "{claims}");
        }
    }
}
