use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fixture::{Fixture, bearer, get};
use crate::upstream::values;

const API: &str = r#"
    [api.main]
    upstream = "UPSTREAM"
    auth = "user"
    identity = { "x-user" = "sub", "x-auth-roles" = "roles" }
    [api.main.routes]
    "GET /public" = { auth = "none" }
    "GET /optional" = { auth = ["user", "none"] }

    [api.other]
    base = "/other"
    upstream = "UPSTREAM"
    auth = "none"
"#;

/// What the upstream saw of the last request.
fn last(fixture: &Fixture) -> Value {
    fixture.upstream.seen().pop().unwrap()
}

fn names(seen: &Value) -> BTreeSet<String> {
    let lines = seen["headers"].as_array().into_iter().flatten();
    lines
        .filter_map(|line| Some(line.as_str()?.split_once(": ")?.0.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_forged_identity_never_arrives() {
    let fixture = Fixture::start(API).await;
    let token = bearer(&fixture.world.token().sign());
    for target in ["/guarded", "/public", "/optional", "/other/a"] {
        for name in [
            "x-user",
            "X-USER",
            "X_User",
            "x_user",
            "X-Auth-Roles",
            "x_auth-roles",
            "x-auth_roles",
            "X_AUTH_ROLES",
        ] {
            let forged = format!("{name}: mallory\r\n{name}: mallory\r\n");
            for lines in [
                forged.clone(),
                token.clone() + &forged,
                forged.clone() + &token,
            ] {
                let before = fixture.upstream.seen().len();
                let answer = fixture.get(target, &lines).await;
                if answer.status == 401 {
                    assert_eq!(target, "/guarded");
                    assert_eq!(fixture.upstream.seen().len(), before, "{target} {name}");
                    continue;
                }
                assert_eq!(answer.status, 200, "{target} {name}");
                let seen = last(&fixture);
                assert!(
                    !seen.to_string().contains("mallory"),
                    "{target} {name}: {seen}"
                );
                let known = lines.contains("Bearer") && ["/guarded", "/optional"].contains(&target);
                let expected: &[&str] = if known { &["ada"] } else { &[] };
                assert_eq!(values(&seen, "x-user"), expected, "{target} {name}");
            }
        }
    }
}

/// What proxies tell those behind them of a caller, whether or not an API speaks of it.
#[tokio::test]
async fn what_only_a_proxy_could_know_never_arrives() {
    let fixture = Fixture::start(&format!(
        "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n{API}"
    ))
    .await;
    for name in [
        "SSL-Client-Verify",
        "ssl_client_verify",
        "Ssl.Client.S.Dn",
        "ssl-client-cert",
        "X-SSL-Client-Verify",
        "x_ssl_client_cn",
        "X-SSL-Issuer",
        "X-Client-Cert",
        "x-client-cert-dn",
        "X_Client_Verify",
        "Client-Cert",
        "Remote-User",
        "REMOTE_USER",
        "remote-groups",
        "X-Remote-User",
        "x_remote_user",
        "x-remote_extra-scopes",
        "X-Auth-Request-Email",
        "X-WebAuth-User",
        "X-Real-IP",
        "X-Forwarded-User",
        "x_forwarded_for",
    ] {
        for target in ["/public", "/other/a"] {
            let lines = format!("{name}: mallory\r\nX-Remoteness: 1\r\nSSL-Clients: 1\r\n");
            assert_eq!(fixture.get(target, &lines).await.status, 200, "{name}");
            let seen = last(&fixture);
            assert!(!seen.to_string().contains("mallory"), "{name}: {seen}");
            let kept = ["x-remoteness", "ssl-clients"].map(|name| values(&seen, name).len());
            assert_eq!(kept, [1, 1], "{name}");
        }
    }
}

#[tokio::test]
async fn a_forged_identity_does_not_arrive_as_a_trailer() {
    let fixture = Fixture::start(API).await;
    let request = "POST /other/a HTTP/1.1\r\nHost: a.example\r\nTrailer: x-user, x-sum\r\n\
        Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-user: mallory\r\nx-sum: 1\r\n\r\n";
    let mut client = fixture.connect().await;
    for _ in 0..2 {
        let answer = client.send(request).await;
        assert_eq!(
            (answer.status, answer.json()["body"].as_str()),
            (200, Some("abc"))
        );
        let seen = last(&fixture);
        assert_eq!(seen["trailers"], json!([]));
        assert!(!names(&seen).contains("x-user"));
    }
}

#[tokio::test]
async fn claims_arrive_in_a_form_that_a_header_can_carry() {
    let fixture = Fixture::start(API).await;
    for (name, subject, roles, user, sent_roles) in [
        (
            "plain",
            json!("auth0|ada"),
            json!(["a", "b"]),
            Some("auth0|ada"),
            Some(r#"["a","b"]"#),
        ),
        (
            "a line end",
            json!("a\r\nx-admin: 1"),
            json!(1),
            Some("ImFcclxueC1hZG1pbjogMSI"),
            Some("1"),
        ),
        (
            "not ASCII",
            json!("\u{e9}"),
            json!(true),
            Some("IsOpIg"),
            Some("true"),
        ),
        ("absent", json!("ada"), Value::Null, Some("ada"), None),
    ] {
        let token = fixture
            .world
            .token()
            .claim("sub", subject)
            .claim("roles", roles)
            .sign();
        let lines = bearer(&token) + "x-auth-roles: mallory\r\n";
        assert_eq!(fixture.get("/", &lines).await.status, 200, "{name}");
        let seen = last(&fixture);
        assert_eq!(values(&seen, "x-user").first().copied(), user, "{name}");
        assert_eq!(
            values(&seen, "x-auth-roles").first().copied(),
            sent_roles,
            "{name}"
        );
        assert!(!names(&seen).contains("x-admin"), "{name}");
    }
}

#[tokio::test]
async fn connection_cannot_take_away_what_we_say() {
    let fixture = Fixture::start(API).await;
    let lines = bearer(&fixture.world.token().sign())
        + "Connection: x-user, X-Forwarded-For, x-request-id, host, content-length\r\n\
           Connection: X-Private , keep-alive\r\n\
           X-Private: 1\r\nX-User: mallory\r\nX-Request-Id: abc\r\nX-Kept: 1\r\n";
    assert_eq!(fixture.get("/", &lines).await.status, 200);
    let seen = last(&fixture);
    for (name, expected) in [
        ("x-user", Some("ada")),
        ("x-forwarded-for", Some("127.0.0.1")),
        ("x-request-id", Some("abc")),
        ("x-kept", Some("1")),
        ("x-private", None),
        ("connection", None),
    ] {
        assert_eq!(values(&seen, name).first().copied(), expected, "{name}");
    }
    assert_eq!(
        values(&seen, "host"),
        [fixture.upstream.address().to_string()]
    );
}

#[tokio::test]
async fn what_concerns_one_connection_goes_no_further() {
    let fixture = Fixture::start(API).await;
    let lines = "Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nProxy-Authorization: Basic x\r\n\
        Proxy-Authenticate: Basic\r\nTE: trailers\r\nTrailer: x\r\nUpgrade: h2c\r\n\
        Connection: upgrade\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n\
        X_Original_Url: /admin\r\nX-HTTP-Method-Override: DELETE\r\nAccept: a\r\nAccept: b\r\n";
    assert_eq!(fixture.get("/public", lines).await.status, 200);
    let expected = [
        "accept",
        "host",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-request-id",
    ];
    let seen = last(&fixture);
    assert_eq!(names(&seen), expected.map(str::to_owned).into());
    assert_eq!(values(&seen, "accept"), ["a", "b"]);
}

#[tokio::test]
async fn the_token_goes_on_only_where_the_api_keeps_it() {
    let text = r#"
        [api.strips]
        base = "/strips"
        upstream = "UPSTREAM"
        auth = ["user", "none"]

        [api.keeps]
        base = "/keeps"
        upstream = "UPSTREAM"
        auth = ["user", "none"]
        token = "keep"

        [api.public]
        base = "/public"
        upstream = "UPSTREAM"
        auth = "none"
    "#;
    let fixture = Fixture::start(text).await;
    let token = fixture.world.token().sign();
    let kept = format!("Bearer {token}");
    for (target, expected) in [
        ("/strips", None),
        ("/keeps", Some(kept.as_str())),
        ("/public", None),
    ] {
        assert_eq!(fixture.get_with(target, &token).await.status, 200);
        let seen = last(&fixture);
        assert_eq!(
            values(&seen, "authorization").first().copied(),
            expected,
            "{target}"
        );
    }
}

#[tokio::test]
async fn where_a_request_came_from_is_said_by_us() {
    let forged = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\nX-Forwarded-Host: evil\r\n\
        X-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /x\r\nX_Forwarded_For: 6.6.6.6\r\n\
        X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Uri: /x\r\n";
    for (proxies, sent, for_whom, host, proto) in [
        ("", forged, "127.0.0.1", "a.example", "http"),
        (
            r#"trusted_proxies = ["10.0.0.0/8"]"#,
            forged,
            "127.0.0.1",
            "a.example",
            "http",
        ),
        (
            r#"trusted_proxies = ["127.0.0.0/8"]"#,
            forged,
            "6.6.6.6, 7.7.7.7, 127.0.0.1",
            "evil",
            "https",
        ),
        (
            r#"trusted_proxies = ["127.0.0.1"]"#,
            "",
            "127.0.0.1",
            "a.example",
            "http",
        ),
    ] {
        let fixture = Fixture::start(&format!("[server]\n{proxies}\n{API}")).await;
        assert_eq!(fixture.get("/public", sent).await.status, 200, "{proxies}");
        let seen = last(&fixture);
        assert_eq!(values(&seen, "x-forwarded-for"), [for_whom], "{proxies}");
        assert_eq!(values(&seen, "x-forwarded-host"), [host], "{proxies}");
        assert_eq!(values(&seen, "x-forwarded-proto"), [proto], "{proxies}");
        for name in [
            "forwarded",
            "x_forwarded_for",
            "x-forwarded-prefix",
            "x-forwarded-uri",
            "x-real-ip",
        ] {
            assert!(!names(&seen).contains(name), "{proxies}: {name}");
        }
    }
}

#[tokio::test]
async fn a_target_in_absolute_form_names_the_host() {
    let fixture = Fixture::start(API).await;
    let answer = fixture.get("http://b.example:81/public", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        values(&last(&fixture), "x-forwarded-host"),
        ["b.example:81"]
    );
}

#[tokio::test]
async fn a_request_id_is_continued_or_replaced() {
    let fixture = Fixture::start(API).await;
    for (name, lines, expected) in [
        (
            "harmless",
            "X-Request-Id: 4bf92f35-77b3_a.b:c/d=e+f@g\r\n",
            Some("4bf92f35-77b3_a.b:c/d=e+f@g"),
        ),
        ("absent", "", None),
        ("empty", "X-Request-Id:\r\n", None),
        ("a script", "X-Request-Id: <script>\r\n", None),
        ("two words", "X-Request-Id: a b\r\n", None),
    ] {
        for target in ["/public", "/guarded", "/../"] {
            let answer = fixture.get(target, lines).await;
            let id = answer.header("x-request-id").unwrap().to_owned();
            match expected {
                Some(expected) => assert_eq!(id, expected, "{name} {target}"),
                None => assert_eq!(id.len(), 32, "{name} {target}: {id}"),
            }
            if target == "/public" {
                assert_eq!(values(&last(&fixture), "x-request-id"), [id], "{name}");
            } else {
                assert_eq!(answer.json()["request_id"], id, "{name} {target}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    let fixture = Fixture::start(API).await;
    for (name, head, status) in [
        ("none", "GET /public HTTP/1.1\r\n\r\n", 400),
        (
            "two",
            "GET /public HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            400,
        ),
        (
            "the same twice",
            "GET /public HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            400,
        ),
        ("one", "GET /public HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (
            "two in HTTP/1.0",
            "GET /public HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
            400,
        ),
        (
            "one in HTTP/1.0",
            "GET /public HTTP/1.0\r\nHost: a\r\n\r\n",
            200,
        ),
        ("none in HTTP/1.0", "GET /public HTTP/1.0\r\n\r\n", 200),
    ] {
        let before = fixture.upstream.seen().len();
        let mut client = fixture.connect().await;
        let answer = client.send(head).await;
        assert_eq!(answer.status, status, "{name}");
        if status == 400 {
            assert_eq!(answer.problem(), "bad_host", "{name}");
            assert!(client.is_closed().await, "{name}");
        }
        let forwarded = fixture.upstream.seen().len() - before;
        assert_eq!(forwarded, usize::from(status == 200), "{name}");
    }
}

#[tokio::test]
async fn an_upstream_is_spoken_to_in_http_1_1() {
    let fixture = Fixture::start(API).await;
    let mut client = fixture.connect().await;
    let answer = client.send("GET /public HTTP/1.0\r\n\r\n").await;
    assert_eq!((answer.status, answer.version.as_str()), (200, "HTTP/1.0"));
    assert_eq!(answer.header("transfer-encoding"), None);
    assert!(
        client.is_closed().await,
        "HTTP/1.0 closes unless it is asked not to"
    );
    let seen = last(&fixture);
    assert_eq!(seen["version"], "HTTP/1.1");
    assert!(!names(&seen).contains("x-forwarded-host"));

    let kept = "GET /public HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let mut client = fixture.connect().await;
    for _ in 0..2 {
        assert_eq!(client.send(kept).await.status, 200);
    }
}

#[tokio::test]
async fn a_header_that_is_not_ascii_is_refused() {
    let fixture = Fixture::start(API).await;
    let mut request = get("/public", "X-Name: ").into_bytes();
    let end = request.len() - 2;
    request.splice(end..end, *b"\xc3\xa9\r\n");
    let mut client = fixture.connect().await;
    let answer = client.send(request).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (400, "bad_header")
    );
    assert!(client.is_closed().await);
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}
