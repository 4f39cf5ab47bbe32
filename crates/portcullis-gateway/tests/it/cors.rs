use http::{HeaderMap, HeaderValue};
use portcullis_gateway::{Inquiry, explain};
use serde_json::Value;

use crate::client::Answer;
use crate::fixture::{Fixture, World, bearer, get, start};
use crate::upstream::Scripted;

const GUARDED: &str = r#"
    [api.main]
    upstream = "UPSTREAM"
    auth = "user"
    CORS
    [api.main.routes]
    "GET /public" = { auth = "none", respond = "hello" }
"#;

const PAGE: &str = "Origin: https://app.example\r\n";

async fn guarded(cors: &str) -> Fixture {
    Fixture::start(&GUARDED.replace("CORS", cors)).await
}

fn preflight(target: &str, origin: &str, method: &str, headers: &str) -> String {
    let headers = if headers.is_empty() {
        String::new()
    } else {
        format!("Access-Control-Request-Headers: {headers}\r\n")
    };
    let lines = format!("Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n{headers}");
    get(target, &lines).replacen("GET", "OPTIONS", 1)
}

/// What an answer says of other origins, in the order of names.
fn told(answer: &Answer) -> Vec<String> {
    let mut lines: Vec<String> = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
        .filter(|line| line.starts_with("access-control-") || line.starts_with("vary"))
        .filter(|line| !line.starts_with("access-control-expose-headers"))
        .collect();
    lines.sort();
    lines
}

const VARY: [&str; 2] = [
    "vary: Access-Control-Request-Headers",
    "vary: Access-Control-Request-Method",
];

#[tokio::test]
async fn a_preflight_is_answered_before_authentication_and_never_forwarded() {
    let fixture = guarded("cors = true").await;
    let asks = preflight("/a", "https://app.example", "PUT", "Authorization");
    let answer = fixture.send(asks).await;
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    let expected = [
        &[
            "access-control-allow-headers: authorization",
            "access-control-allow-methods: PUT",
            "access-control-allow-origin: *",
        ][..],
        &VARY,
    ];
    assert_eq!(told(&answer), expected.concat());
    assert_eq!(answer.header("access-control-expose-headers"), None);
    assert!(answer.header("x-request-id").is_some());

    // A public page may not reach into a private network.
    let asks = preflight("/a", "https://app.example", "GET", "");
    let asks = asks.replace(
        "Host:",
        "Access-Control-Request-Private-Network: true\r\nHost:",
    );
    let answer = fixture.send(asks).await;
    let expected = [
        &[
            "access-control-allow-methods: GET",
            "access-control-allow-origin: *",
        ][..],
        &VARY,
    ];
    assert_eq!(told(&answer), expected.concat());

    // Without a method it is a request like any other.
    let options = get("/a", PAGE).replacen("GET", "OPTIONS", 1);
    assert_eq!(fixture.send(options).await.status, 401);
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_preflight_tells_nothing_of_what_has_no_route() {
    let text = r#"
        [api.main]
        auth = "none"
        CORS
        routes = { "GET /a" = { respond = "a" }, "OPTIONS /b" = { respond = "b" } }
    "#;
    let with = Fixture::start(&text.replace("CORS", "cors = true")).await;
    let without = Fixture::start(&text.replace("CORS", "")).await;
    for (target, method, preflighted, plain) in [
        ("/a", "GET", 204, 404),
        ("/a", "HEAD", 204, 404),
        ("/a", "PUT", 404, 404),
        ("/a", "get", 404, 404),
        ("/a", "CONNECT", 404, 404),
        ("/b", "PUT", 200, 200),
        ("/none", "GET", 404, 404),
        ("/x/../a", "GET", 400, 400),
    ] {
        let asks = preflight(target, "https://app.example", method, "");
        let name = format!("{method} {target}");
        assert_eq!(with.send(&asks).await.status, preflighted, "{name}");
        assert_eq!(without.send(&asks).await.status, plain, "{name}");
    }
}

#[tokio::test]
async fn refusals_and_errors_can_be_read_by_pages_too() {
    let fixture = Fixture::start(
        r#"
        [authorizer.callers]
        issuer = "https://issuer.example/"
        audience = ["api"]
        policy = { default = ["p"] }
        [policy.p]
        apis = ["main"]
        rate = "1/1h"
        [api.main]
        auth = "callers"
        cors = { origins = ["https://app.example"] }
        [api.main.routes]
        "GET /hello" = { respond = "hello" }
        [api.other]
        base = "/other"
        auth = "none"
        cors = { origins = ["https://app.example"] }
        [api.other.routes]
        "GET /down" = { upstream = "http://127.0.0.1:1" }
        "#,
    )
    .await;
    // Which costs nothing of the one request an hour.
    for _ in 0..3 {
        let asks = preflight("/hello", "https://app.example", "GET", "authorization");
        assert_eq!(fixture.send(asks).await.status, 204);
    }
    let token = PAGE.to_owned() + &bearer(&fixture.world.token().sign());
    for (target, lines, status) in [
        ("/hello", PAGE, 401),
        ("/hello", token.as_str(), 200),
        ("/hello", token.as_str(), 429),
        ("/other/down", PAGE, 502),
        ("/other/none", PAGE, 404),
        ("/other/../a", PAGE, 400),
    ] {
        let answer = fixture.get(target, lines).await;
        assert_eq!(answer.status, status, "{target}");
        let expected = [
            "access-control-allow-origin: https://app.example",
            "vary: Origin",
        ];
        assert_eq!(told(&answer), expected, "{target}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        for name in [
            "www-authenticate",
            "retry-after",
            "ratelimit",
            "x-ratelimit-limit",
        ] {
            assert!(exposed.split(", ").any(|own| own == name), "{name}");
        }
    }
}

#[tokio::test]
async fn an_origin_is_allowed_only_as_a_whole() {
    let fixture = guarded(
        "cors = { origins = [\"https://app.example\", \"https://*.example.com\"], credentials = true }",
    )
    .await;
    for (origin, allowed) in [
        ("https://app.example", true),
        ("https://a.example.com", true),
        ("https://evil-example.com", false),
        ("https://app.example.evil.example", false),
        ("http://app.example", false),
        ("https://app.example:8443", false),
        ("null", false),
        ("*", false),
        ("", false),
    ] {
        let lines = format!("Origin: {origin}\r\n");
        let answer = fixture.get("/public", &lines).await;
        let says = format!("access-control-allow-origin: {origin}");
        let expected: &[&str] = if allowed {
            &[
                "access-control-allow-credentials: true",
                &says,
                "vary: Origin",
            ]
        } else {
            &["vary: Origin"]
        };
        assert_eq!(told(&answer), expected, "{origin}");
        let answer = fixture.send(preflight("/public", origin, "GET", "")).await;
        assert_eq!(answer.status, 204, "{origin}");
        let methods = answer.header("access-control-allow-methods");
        assert_eq!(methods, allowed.then_some("GET"), "{origin}");
    }
    let twice = format!("{PAGE}{PAGE}");
    assert_eq!(
        told(&fixture.get("/public", &twice).await),
        ["vary: Origin"]
    );
}

#[tokio::test]
async fn what_an_upstream_says_is_replaced_where_the_file_says_something() {
    let upstream = Scripted::start(|mut wire, _| async move {
        loop {
            wire.head().await?;
            wire.write(
                "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://evil.example\r\n\
                 Access-Control-Allow-Credentials: true\r\nVary: Accept\r\nContent-Length: 0\r\n\r\n",
            )
            .await?;
        }
    })
    .await;
    let theirs = [
        "access-control-allow-credentials: true",
        "access-control-allow-origin: https://evil.example",
        "vary: Accept",
    ];
    let ours = [
        "access-control-allow-origin: https://app.example",
        "vary: Accept",
        "vary: Origin",
    ];
    let listed = "cors = { origins = [\"https://app.example\"] }";
    for (cors, expected) in [("", theirs), ("cors = false", theirs), (listed, ours)] {
        let url = upstream.url();
        let text = format!("[api.main]\nauth = \"none\"\nupstream = \"{url}\"\n{cors}\n");
        let gateway = start(World::default().plan(&text));
        let mut client = crate::client::Client::connect(gateway.address())
            .await
            .unwrap();
        assert_eq!(told(&client.send(get("/", PAGE)).await), expected, "{cors}");
    }
}

#[tokio::test]
async fn each_api_has_its_own_rules() {
    let fixture = Fixture::start(
        r#"
        [api.open]
        base = "/open"
        auth = "none"
        cors = true
        routes = { "GET /" = { respond = "open" } }
        [api.closed]
        base = "/closed"
        auth = "none"
        routes = { "GET /" = { respond = "closed" } }
        "#,
    )
    .await;
    for (target, expected) in [
        ("/open", &["access-control-allow-origin: *"][..]),
        ("/closed", &[]),
        ("/none", &[]),
    ] {
        let answer = fixture.get(target, PAGE).await;
        assert_eq!(told(&answer), expected, "{target}");
    }
    let asks = |target| preflight(target, "https://app.example", "GET", "");
    assert_eq!(fixture.send(asks("/open")).await.status, 204);
    assert_eq!(fixture.send(asks("/closed")).await.status, 404);
}

#[tokio::test]
async fn explain_says_of_a_preflight_what_the_gateway_does() {
    let world = World::default();
    let text = GUARDED.replace("CORS", "cors = true");
    let plan = world.plan(&text.replace("UPSTREAM", "http://127.0.0.1:1"));
    let mut headers = HeaderMap::new();
    headers.insert("origin", HeaderValue::from_static("https://app.example"));
    let refused = explain(&plan, Inquiry::new("OPTIONS", "/a", &headers)).await;
    assert_eq!(refused.outcome.unwrap_err().code(), "missing");
    let put = HeaderValue::from_static("PUT");
    headers.insert("access-control-request-method", put);
    let explanation = explain(&plan, Inquiry::new("OPTIONS", "/a", &headers)).await;
    let permitted = explanation.outcome.unwrap();
    assert_eq!(permitted.route, "ANY /{rest+}");
    assert_eq!(explanation.records.len(), 1, "{:?}", explanation.records);
}
