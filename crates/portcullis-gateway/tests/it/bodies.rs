use std::io;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{Notify, mpsc};

use crate::client::Client;
use crate::fixture::{Fixture, Scripting, World, chunked, get, post, public, start};
use crate::upstream::{Scripted, values};

const MEBIBYTE: usize = 1024 * 1024;

#[tokio::test]
async fn a_mebibyte_goes_through_both_ways() {
    let fixture = Fixture::start(&public("UPSTREAM")).await;
    let body: String = ('a'..='z').cycle().take(MEBIBYTE).collect();
    let mut client = fixture.connect().await;
    let announced = post("/", "", &body);
    let in_chunks = format!(
        "{}{:x}\r\n{body}\r\n0\r\n\r\n",
        chunked("POST", "/"),
        body.len()
    );
    for (name, request, lengths) in [
        ("announced", announced, vec![MEBIBYTE.to_string()]),
        ("in chunks", in_chunks, Vec::new()),
    ] {
        let answer = client.send(request).await;
        assert_eq!(answer.status, 200, "{name}");
        assert!(
            answer.json()["body"] == body.as_str(),
            "{name}: the body has changed"
        );
        let seen = fixture.upstream.seen().pop().unwrap();
        assert_eq!(values(&seen, "content-length"), lengths, "{name}");
    }
}

#[tokio::test]
async fn a_body_goes_through_whatever_the_method() {
    let fixture = Fixture::start(&public("UPSTREAM")).await;
    let mut client = fixture.connect().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] {
        let announced = post("/", "", "abc").replace("POST", method);
        let in_chunks = chunked(method, "/") + "1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n";
        for request in [announced, in_chunks] {
            let answer = client.send(&request).await;
            assert_eq!(answer.json()["body"], "abc", "{request:?}");
            assert_eq!(answer.json()["method"], method);
        }
    }
    let answer = client.send(get("/", "")).await;
    assert_eq!(answer.json()["body"], "");
    let lengths =
        ["content-length", "transfer-encoding"].map(|name| values(&answer.json(), name).len());
    assert_eq!(lengths, [0, 0], "no body is not an empty body");
}

#[tokio::test]
async fn a_request_streams() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let scripting = Scripting::start(move |mut wire, _| {
        let arrived = arrived.clone();
        async move {
            wire.read_to("first\r\n").await?;
            arrived.send(()).map_err(io::Error::other)?;
            wire.read_to("last\r\n0\r\n\r\n").await?;
            wire.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await
        }
    })
    .await;
    let mut client = scripting.connect().await;
    client
        .write(chunked("POST", "/") + "5\r\nfirst\r\n")
        .await
        .unwrap();
    arrivals.recv().await.unwrap();
    let answer = client.send("4\r\nlast\r\n0\r\n\r\n").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
}

#[tokio::test]
async fn an_answer_streams() {
    let go_on = Arc::new(Notify::new());
    let wait = Arc::clone(&go_on);
    let scripting = Scripting::start(move |mut wire, _| {
        let wait = Arc::clone(&wait);
        async move {
            wire.head().await?;
            wire.write("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n")
                .await?;
            wire.write("5\r\nfirst\r\n").await?;
            wait.notified().await;
            wire.write("4\r\nlast\r\n0\r\nX-Sum: 1\r\n\r\n").await
        }
    })
    .await;
    let mut client = scripting.connect().await;
    client.write(get("/", "TE: trailers\r\n")).await.unwrap();
    assert_eq!(client.head().await.unwrap().status, 200);
    assert_eq!(client.chunk().await.unwrap(), b"first");
    go_on.notify_one();
    assert_eq!(client.chunk().await.unwrap(), b"last");
    assert_eq!(client.trailers().await.unwrap(), ["x-sum: 1"]);
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_has_ended() {
    let scripting = Scripting::start(|mut wire, _| async move {
        wire.head().await?;
        wire.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            .await?;
        wire.rest().await;
        Ok(())
    })
    .await;
    let mut client = scripting.connect().await;
    client
        .write(chunked("POST", "/") + "5\r\nfirst\r\n")
        .await
        .unwrap();
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (403, "no"));
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit() {
    let text = format!("[server.limits]\nbody = \"1KiB\"\n{}", public("UPSTREAM"));
    let fixture = Fixture::start(&text).await;
    for (length, status) in [(0, 200), (1024, 200), (1025, 413), (100_000, 413)] {
        let body = "x".repeat(length);
        let in_one_chunk = format!("{}{length:x}\r\n{body}\r\n0\r\n\r\n", chunked("POST", "/"));
        let in_chunks = chunked("POST", "/") + &"1\r\nx\r\n".repeat(length) + "0\r\n\r\n";
        let in_one_chunk = if length == 0 {
            in_chunks.clone()
        } else {
            in_one_chunk
        };
        for request in [post("/", "", &body), in_one_chunk, in_chunks] {
            let before = fixture.upstream.seen().len();
            let answer = fixture.send(request).await;
            assert_eq!(answer.status, status, "{length}");
            let forwarded = fixture.upstream.seen().len() - before;
            assert_eq!(forwarded, usize::from(status == 200), "{length}");
            if status == 413 {
                assert_eq!(answer.problem(), "body_too_large", "{length}");
                assert_eq!(answer.header("connection"), Some("close"), "{length}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_never_completed() {
    let (ended, mut ends) = mpsc::unbounded_channel();
    let upstream = Scripted::start(move |wire, _| {
        let ended = ended.clone();
        async move {
            drop(ended.send(wire.rest().await));
            Ok(())
        }
    })
    .await;
    let text = format!(
        "[server.limits]\nbody = \"1KiB\"\n{}",
        public(&upstream.url())
    );
    let gateway = start(World::default().plan(&text));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    let chunk = format!("100\r\n{}\r\n", "x".repeat(0x100));
    let request = chunked("POST", "/") + &chunk.repeat(5) + "0\r\n\r\n";
    assert_eq!(client.send(request).await.status, 413);
    let received = String::from_utf8(ends.recv().await.unwrap()).unwrap();
    assert!(received.starts_with("POST / HTTP/1.1\r\n"), "{received}");
    assert!(
        !received.ends_with("\r\n0\r\n\r\n"),
        "the upstream takes it for complete"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_completed() {
    let (ended, mut ends) = mpsc::unbounded_channel();
    let scripting = Scripting::start(move |wire, _| {
        let ended = ended.clone();
        async move {
            drop(ended.send(wire.rest().await));
            Ok(())
        }
    })
    .await;
    for (name, request) in [
        ("chunks", chunked("POST", "/") + "3\r\nabc\r\n"),
        ("a chunk", chunked("POST", "/") + "9\r\nabc"),
        ("announced", post("/", "", "abcdef").replace("def", "")),
    ] {
        let mut client = scripting.connect().await;
        client.write(request).await.unwrap();
        drop(client);
        let received = String::from_utf8(ends.recv().await.unwrap()).unwrap();
        let (_, body) = received.split_once("\r\n\r\n").unwrap_or_default();
        assert!(!body.ends_with("0\r\n\r\n"), "{name}: {received}");
        assert!(!body.contains("def"), "{name}: {received}");
    }
}

#[tokio::test]
async fn a_chunk_that_is_none_is_the_callers_fault_and_never_completed() {
    let fixture = Fixture::start(&public("UPSTREAM")).await;
    for body in [
        "xyz\r\n",
        "-1\r\na\r\n",
        "1\r\nab\r\n",
        "1\rx\na\r\n",
        "fffffffffffffffff\r\na\r\n",
        "1 x\r\na\r\n",
    ] {
        let mut client = fixture.connect().await;
        let answer = client.send(chunked("POST", "/") + body + "0\r\n\r\n").await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "bad_body"),
            "{body:?}"
        );
        assert!(client.is_closed().await, "{body:?}");
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_caller_that_waits_to_be_asked_for_its_body_is_asked() {
    let text = public("UPSTREAM") + "routes = { \"POST /guarded\" = { auth = \"user\" } }\n";
    let text = format!("[server.limits]\nbody = \"1KiB\"\n{text}");
    let fixture = Fixture::start(&text).await;
    let expecting = |target: &str, length: usize| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut client = fixture.connect().await;
    client.write(expecting("/", 3)).await.unwrap();
    assert_eq!(client.head().await.unwrap().status, 100);
    let answer = client.send("abc").await;
    assert_eq!(
        (answer.status, &answer.json()["body"]),
        (200, &"abc".into())
    );
    assert_eq!(values(&answer.json(), "expect"), [""; 0]);

    for (target, length, status) in [("/guarded", 3, 401), ("/", 1025, 413), ("/../", 3, 400)] {
        let answer = fixture.send(expecting(target, length)).await;
        assert_eq!(answer.status, status, "{target}: without asking");
    }
    assert_eq!(fixture.upstream.seen().len(), 1);
}
