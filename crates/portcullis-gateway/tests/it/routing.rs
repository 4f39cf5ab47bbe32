use serde_json::Value;

use crate::fixture::{Fixture, bearer, get};

#[tokio::test]
async fn the_most_specific_route_answers() {
    let text = r#"
        [api.main]
        auth = "none"
        upstream = "UPSTREAM"
        [api.main.routes]
        "GET /" = { respond = "root" }
        "GET /hello/world" = { respond = "literal" }
        "GET /hello/{name}" = { respond = "parameter {name}" }
        "POST /hello/{name}" = { respond = "posted {name}" }
        "ANY /hello/{name}" = { respond = "any {name}" }
        "GET /hello/{rest+}" = { respond = "remainder {rest}" }
    "#;
    let fixture = Fixture::start(text).await;
    let send = async |method: &str, target: &str| {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: a.example\r\n\r\n");
        fixture.send(head).await
    };
    for (method, target, expected) in [
        ("GET", "/", "root"),
        ("GET", "/?a=b", "root"),
        ("GET", "/hello/world", "literal"),
        ("GET", "/hello/world/", "literal"),
        ("GET", "/hello/%77orld", "literal"),
        ("GET", "/hello/World", "parameter World"),
        ("GET", "/hello/w%C3%B6rld", "parameter w\u{f6}rld"),
        ("GET", "/hello/a/b", "remainder a/b"),
        ("POST", "/hello/world", "posted world"),
        ("PUT", "/hello/world", "any world"),
        ("BREW", "/hello/world", "any world"),
    ] {
        let answer = send(method, target).await;
        assert_eq!(answer.status, 200, "{method} {target}");
        assert_eq!(answer.text(), expected, "{method} {target}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
    for (method, target) in [("GET", "/hello"), ("POST", "/"), ("POST", "/hello/a/b")] {
        let answer = send(method, target).await;
        assert_eq!(answer.json()["target"], target, "{method} {target}");
    }
}

#[tokio::test]
async fn head_is_answered_like_get_but_without_a_body() {
    let text = r#"
        [api.main]
        auth = "user"
        upstream = "UPSTREAM"
        [api.main.routes]
        "GET /text" = { respond = "Hello", auth = "none" }
        "GET /public" = { auth = "none" }
    "#;
    let fixture = Fixture::start(text).await;
    let mut client = fixture.connect().await;
    for (target, status, length) in [
        ("/text", 200, Some("5")),
        ("/public", 200, None),
        ("/guarded", 401, None),
        ("/text/../text", 400, None),
    ] {
        let head = format!("HEAD {target} HTTP/1.1\r\nHost: a.example\r\n\r\n");
        // Bytes of a body would be taken for the next answer.
        let answer = client.send(head).await;
        assert_eq!(answer.status, status, "{target}");
        assert!(answer.header("content-length").is_some(), "{target}");
        if length.is_some() {
            assert_eq!(answer.header("content-length"), length, "{target}");
        }
    }
    assert_eq!(fixture.upstream.seen()[0]["method"], "HEAD");
}

#[tokio::test]
async fn an_upstream_is_sent_its_own_path_and_the_query_as_it_was() {
    let text = r#"
        [api.plain]
        auth = "none"
        upstream = "UPSTREAM"

        [api.kept]
        auth = "none"
        base = "/kept"
        upstream = "UPSTREAM/"

        [api.stripped]
        auth = "none"
        base = "/stripped/v1/"
        strip_base = true
        upstream = "UPSTREAM"

        [api.moved]
        auth = "none"
        base = "/moved"
        strip_base = true
        upstream = "UPSTREAM/own/base/"
    "#;
    let fixture = Fixture::start(text).await;
    for (target, expected) in [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b/"),
        ("/a?", "/a?"),
        (
            "/a?b=%2e%2E&c=%zz&&d=[x]|{y}//../;?",
            "/a?b=%2e%2E&c=%zz&&d=[x]|{y}//../;?",
        ),
        ("/%61%7e%c3%a9", "/a~%C3%A9"),
        ("/kept", "/kept"),
        ("/kept/a", "/kept/a"),
        ("/stripped/v1", "/"),
        ("/stripped/v1/", "/"),
        ("/stripped/v1?q", "/?q"),
        ("/stripped/v1/a?q", "/a?q"),
        ("/stripped/v2/a", "/stripped/v2/a"),
        ("/moved", "/own/base/"),
        ("/moved/", "/own/base/"),
        ("/moved/a/b/?q=1", "/own/base/a/b/?q=1"),
        ("/movedtoo", "/movedtoo"),
    ] {
        let answer = fixture.get(target, "").await;
        assert_eq!(answer.json()["target"], expected, "{target}");
    }
}

#[tokio::test]
async fn a_path_that_no_route_names_is_404_whoever_asks() {
    let text = r#"
        [api.main]
        auth = "user"
        base = "/api"
        upstream = "UPSTREAM"

        [api.hello]
        auth = "none"
        routes = { "GET /hello/{name}" = { respond = "Hello {name}" } }
    "#;
    let fixture = Fixture::start(text).await;
    let token = fixture.world.token().sign();
    for target in [
        "/",
        "/apis",
        "/ap",
        "/API/a",
        "/hello",
        "/hello/",
        "/hello/a/b",
        "/api%20",
    ] {
        for lines in [String::new(), bearer(&token)] {
            let answer = fixture.get(target, &lines).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (404, "no_route"),
                "{target}"
            );
            assert_eq!(answer.header("www-authenticate"), None, "{target}");
        }
    }
    let answer = fixture
        .send(get("/hello/a", "").replace("GET", "POST"))
        .await;
    assert_eq!(answer.status, 404, "another method");
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}
