//! Mistakes that other gateways have published, each through a raw socket.

use serde_json::Value;

use crate::fixture::{Fixture, get};
use crate::upstream::values;

const API: &str = r#"
    [api.main]
    upstream = "UPSTREAM"
    auth = "none"
    identity = { "x-user" = "sub" }
    [api.main.routes]
    "ANY /admin" = { auth = "user" }
    "ANY /admin/{rest+}" = { auth = "user" }
"#;

#[tokio::test]
async fn a_target_that_another_server_would_read_otherwise_is_refused() {
    let fixture = Fixture::start(API).await;
    for (advisory, target, expected) in [
        ("GHSA-p224-6x5r-fjpm: dot segments", "/public/../admin", 400),
        (
            "CVE-2019-9901: encoded dot segments",
            "/public/%2e%2e/admin",
            400,
        ),
        ("CVE-2026-15573: a parameter", "/admin;x=y", 400),
        ("CVE-2026-74909: an encoded parameter", "/admin%3bx=y", 400),
        ("GHSA-pxq7-h93f-9jrg: a fragment", "/admin#/public", 401),
        (
            "GHSA-pxq7-h93f-9jrg: an encoded fragment",
            "/admin/%23/public",
            401,
        ),
        (
            "GHSA-7rh7-c77v-6434: a query like a path",
            "/admin?/public",
            401,
        ),
        ("an encoded slash", "/public%2f..%2fadmin", 400),
        ("a backslash", "/public\\..\\admin", 400),
        ("an empty segment", "//admin", 400),
        ("another case", "/Admin", 400),
        ("no path at all", "!", 400),
        ("only a host", "a.example:80", 400),
        ("an asterisk", "*", 400),
        ("absolute, guarded", "http://a.example/admin", 401),
        ("absolute, a user's name", "http://b@a.example/admin", 400),
    ] {
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.status, expected, "{advisory}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

/// The parser takes a fragment off and gives no way to see it, so it is not refused: it plays no
/// part in choosing the route, and no upstream sees it.
#[tokio::test]
async fn a_fragment_is_neither_matched_nor_forwarded() {
    let fixture = Fixture::start(API).await;
    for (target, forwarded) in [
        ("/public#/admin", "/public"),
        ("/public?a=b#c", "/public?a=b"),
        ("/public?a#?b", "/public?a"),
    ] {
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.json()["target"], forwarded, "{target}");
    }
}

#[tokio::test]
async fn what_a_caller_says_about_itself_opens_nothing() {
    let fixture = Fixture::start(API).await;
    for (advisory, lines) in [
        ("GHSA-7x63-xv5r-3p2x", "X-Forwarded-Uri: /public\r\n"),
        (
            "GHSA-vhr5-ggp3-qq85",
            "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n",
        ),
        ("GHSA-5hvv-m4w4-gf6v", "User-Agent: kube-probe/1.30\r\n"),
        (
            "an overridden path",
            "X-Original-URL: /public\r\nX-Rewrite-URL: /public\r\n",
        ),
        (
            "an overridden method",
            "X-HTTP-Method-Override: OPTIONS\r\n",
        ),
    ] {
        let answer = fixture.get("/admin", lines).await;
        assert_eq!(answer.status, 401, "{advisory}");
    }
    for (advisory, lines, header) in [
        ("GHSA-vjrc-mh2v-45x6", "X_User: root\r\n", "x_user"),
        ("GHSA-7r4p-vjf4-gxv4", "X-User: root\r\n", "x-user"),
        (
            "Connection lists it",
            "X-User: root\r\nConnection: x-user\r\n",
            "x-user",
        ),
        ("X-Real-IP", "X-Real-IP: 6.6.6.6\r\n", "x-real-ip"),
    ] {
        let seen = fixture.get("/public", lines).await.json();
        assert_eq!(values(&seen, header), [""; 0], "{advisory}");
        assert_eq!(
            values(&seen, "x-forwarded-for"),
            ["127.0.0.1"],
            "{advisory}"
        );
    }
}

#[tokio::test]
async fn a_request_for_no_host_or_for_several_is_refused_and_ends_the_connection() {
    let fixture = Fixture::start(API).await;
    for (name, request) in [
        ("no Host", "GET / HTTP/1.1\r\n\r\n".to_owned()),
        ("two Hosts", get("/", "Host: b.example\r\n")),
        ("the same Host twice", get("/", "Host: a.example\r\n")),
        (
            "a list",
            get("/", "").replace("a.example", "a.example, b.example"),
        ),
        (
            "a user's name",
            get("/", "").replace("a.example", "b@a.example"),
        ),
        (
            "a path",
            get("/", "").replace("a.example", "a.example/admin"),
        ),
    ] {
        let mut client = fixture.connect().await;
        let answer = client.send(request).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "bad_host"),
            "{name}"
        );
        assert!(client.is_closed().await, "{name}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}
