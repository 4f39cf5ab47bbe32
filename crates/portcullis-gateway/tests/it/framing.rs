use serde_json::Value;

use crate::fixture::{Fixture, get};
use crate::upstream::values;

const API: &str = r#"
    [api.main]
    upstream = "UPSTREAM"
    auth = "none"
    [api.main.routes]
    "ANY /smuggled" = { auth = "user" }
    "ANY /here/{rest+}" = { respond = "here" }
"#;

const HEAD: &str = "POST / HTTP/1.1\r\nHost: a.example\r\n";

async fn status(fixture: &Fixture, request: impl AsRef<[u8]>) -> u16 {
    fixture.send(request).await.status
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let fixture = Fixture::start(API).await;
    for (name, request) in [
        (
            "TLS",
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        ),
        ("words", b"hello world how are you\r\n\r\n"),
        ("a method alone", b"GET\r\n\r\n"),
        ("no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("no version", b"GET /\r\nHost: a\r\n\r\n"),
        ("two targets", b"GET / / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("another version", b"GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
        (
            "a method that is no token",
            b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "a header without a colon",
            b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        ),
        (
            "a space before the colon",
            b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
        ),
        (
            "a space before the name",
            b"GET / HTTP/1.1\r\nHost: a\r\n X: 1\r\n\r\n",
        ),
        (
            "a tab before the name",
            b"GET / HTTP/1.1\r\nHost: a\r\n\tX: 1\r\n\r\n",
        ),
        (
            "a folded line",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
        ),
        ("no name", b"GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n"),
        (
            "a name that is no token",
            b"GET / HTTP/1.1\r\nHost: a\r\nX(: 1\r\n\r\n",
        ),
        (
            "a bare CR in a value",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n",
        ),
        (
            "a NUL in a value",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\x002\r\n\r\n",
        ),
    ] {
        let mut client = fixture.connect().await;
        assert_eq!(client.send(request).await.status, 400, "{name}");
        assert!(client.is_closed().await, "{name}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_body_whose_end_is_unclear_is_refused() {
    let fixture = Fixture::start(API).await;
    for lines in [
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1, 2\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: 1 1\r\n",
        "Content-Length: \r\n",
        "Content-Length: one\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        // What the parser lets pass: it looks at the last coding of the last line.
        "Transfer-Encoding: ,chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let mut client = fixture.connect().await;
        let answer = client
            .send(format!("{HEAD}{lines}\r\n1\r\nx\r\n0\r\n\r\n"))
            .await;
        assert_eq!(answer.status, 400, "{lines:?}");
        assert!(client.is_closed().await, "{lines:?}");
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(status(&fixture, old).await, 400, "chunks in HTTP/1.0");
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

#[tokio::test]
async fn what_is_odd_but_clear_is_forwarded_in_plain_form() {
    let fixture = Fixture::start(API).await;
    for (name, request, body) in [
        (
            "the same length twice",
            format!("{HEAD}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
            "x",
        ),
        (
            "zeros before the length",
            format!("{HEAD}Content-Length: 0001\r\n\r\nx"),
            "x",
        ),
        (
            "another case",
            format!("{HEAD}TRANSFER-encoding: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
            "x",
        ),
        (
            "bare line feeds",
            "GET / HTTP/1.1\nHost: a.example\nX-A: 1\n\n".to_owned(),
            "",
        ),
        (
            "empty lines before",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n".to_owned(),
            "",
        ),
    ] {
        let answer = fixture.send(request).await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.json()["body"], body, "{name}");
        let seen = answer.json();
        let framings =
            ["content-length", "transfer-encoding"].map(|name| values(&seen, name).len());
        assert_eq!(framings.iter().sum::<usize>(), body.len(), "{name}");
    }
}

/// What one server takes for a body and another for a request.
#[tokio::test]
async fn a_request_in_a_body_is_never_taken_for_one() {
    let inner = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let length = inner.len();
    let rest = length + 5;
    for (name, request) in [
        (
            "CL.TE",
            format!(
                "{HEAD}Content-Length: {rest}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
            ),
        ),
        (
            "TE.CL",
            format!(
                "{HEAD}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{length:x}\r\n{inner}\r\n0\r\n\r\n"
            ),
        ),
        (
            "TE.TE",
            format!(
                "{HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\nContent-Length: 4\r\n\r\n{length:x}\r\n{inner}\r\n0\r\n\r\n"
            ),
        ),
        (
            "TE with a space",
            format!(
                "{HEAD}Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n{length:x}\r\n{inner}\r\n0\r\n\r\n"
            ),
        ),
        (
            "CL.0",
            format!("{HEAD}Content-Length: {length}\r\n\r\n{inner}"),
        ),
        (
            "GET with a length",
            format!("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{inner}"),
        ),
        (
            "a chunk extension",
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n1;\n{inner}\r\nx\r\n0\r\n\r\n"),
        ),
        (
            "a listed length",
            format!("{HEAD}Connection: content-length\r\nContent-Length: {length}\r\n\r\n{inner}"),
        ),
        (
            "a listed coding",
            format!(
                "{HEAD}Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{inner}\r\n0\r\n\r\n"
            ),
        ),
    ] {
        let fixture = Fixture::start(API).await;
        let mut client = fixture.connect().await;
        client.write(&request).await.unwrap();
        let mut answers = Vec::new();
        // With an end of the connection, or else by the answer to a request that follows.
        drop(
            client
                .write("GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .await,
        );
        while let Ok(answer) = client.answer().await {
            answers.push(answer.status);
        }
        let seen = fixture.upstream.seen();
        let smuggled = seen.iter().any(|seen| seen["target"] == "/smuggled");
        assert!(!smuggled, "{name}: {answers:?}");
        let outer = seen.iter().filter(|seen| seen["target"] == "/").count();
        assert!(outer <= 1, "{name}: {answers:?}");
        assert!(
            answers.iter().all(|status| *status < 500),
            "{name}: {answers:?}"
        );
    }
}

/// RFC 9112 section 6.1 lets a server do this instead of refusing: the parser drops the length and
/// gives no way to see it, the connection is closed after the answer, so that whatever a proxy
/// before us took for the next request is not served, and the upstream gets one framing.
#[tokio::test]
async fn a_length_beside_chunks_is_dropped_and_ends_the_connection() {
    let fixture = Fixture::start(API).await;
    for lines in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    ] {
        let mut client = fixture.connect().await;
        let answer = client
            .send(format!("{HEAD}{lines}\r\n1\r\nx\r\n0\r\n\r\n"))
            .await;
        assert_eq!(
            (answer.status, &answer.json()["body"]),
            (200, &"x".into()),
            "{lines:?}"
        );
        assert_eq!(values(&answer.json(), "content-length"), [""; 0]);
        assert!(client.is_closed().await, "{lines:?}");
    }
}

#[tokio::test]
async fn a_head_is_limited_in_number_and_size() {
    let fixture = Fixture::start(API).await;
    let lines = |count: usize| "X-A: 1\r\n".repeat(count - 1);
    let long = |length: usize| format!("X-A: {}\r\n", "x".repeat(length));
    let target = |length: usize| get(&format!("/here/{}", "x".repeat(length)), "");
    for (name, request, expected) in [
        ("100 headers", get("/here/a", &lines(100)), 200),
        ("101 headers", get("/here/a", &lines(101)), 431),
        ("1000 headers", get("/here/a", &lines(1000)), 431),
        ("a long header", get("/here/a", &long(63 * 1024)), 200),
        ("a too long header", get("/here/a", &long(64 * 1024)), 431),
        (
            "a very long header",
            get("/here/a", &long(1024 * 1024)),
            431,
        ),
        ("a long target", target(60 * 1024), 200),
        ("a too long target", target(66 * 1024), 431),
    ] {
        assert_eq!(status(&fixture, request).await, expected, "{name}");
    }
}
