use std::net::TcpListener;

use crate::fixture::{Fixture, Scripting, get, public};

/// Has an upstream answer with these bytes and close the connection.
async fn answering(bytes: &'static str) -> Scripting {
    Scripting::start(move |mut wire, _| async move {
        wire.head().await?;
        wire.write(bytes).await
    })
    .await
}

#[tokio::test]
async fn an_upstream_without_an_answer_is_502() {
    for (name, bytes) in [
        ("nothing", ""),
        ("another protocol", "SSH-2.0-OpenSSH_9.6\r\n"),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-Le"),
        ("no colon", "HTTP/1.1 200 OK\r\nContent Length\r\n\r\n"),
        ("no status", "HTTP/1.1 OK\r\n\r\n"),
        ("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        ),
        (
            "a length below zero",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab",
        ),
        (
            "chunks in HTTP/1.0",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "another protocol that nobody asked for",
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        ),
        (
            "only the promise of an answer",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        ),
    ] {
        let scripting = answering(bytes).await;
        let mut client = scripting.connect().await;
        let answer = client.send(get("/", "")).await;
        assert_eq!(answer.status, 502, "{name}");
        assert_eq!(answer.problem(), "upstream_unreachable", "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        let request_id = answer.header("x-request-id");
        assert_eq!(answer.json()["request_id"].as_str(), request_id, "{name}");
        // The caller is not at fault, so its connection stays.
        assert_eq!(client.send(get("/../", "")).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn an_upstream_that_nobody_runs_is_502() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let fixture = Fixture::start(&public(&format!("http://{address}"))).await;
    let answer = fixture.get("/", "").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (502, "upstream_unreachable")
    );
    assert!(
        !answer.text().contains(&address.to_string()),
        "an inner address is nobody's business"
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_completed() {
    for (name, bytes) in [
        (
            "too short",
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab",
        ),
        (
            "no body at all",
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        ),
        (
            "no last chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        ),
        (
            "half a chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab",
        ),
        (
            "a chunk that is none",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nxyz\r\n",
        ),
        (
            "the end of the end",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
        ),
    ] {
        let scripting = answering(bytes).await;
        let mut client = scripting.connect().await;
        client.write(get("/", "")).await.unwrap();
        let answer = client.answer().await;
        assert!(answer.is_err(), "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn an_answer_is_passed_on_whatever_frames_it() {
    for (name, bytes, status, body) in [
        (
            "a length",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            200,
            "ok",
        ),
        (
            "chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
            200,
            "ok",
        ),
        ("its end", "HTTP/1.1 200 OK\r\n\r\nok", 200, "ok"),
        (
            "its end in HTTP/1.0",
            "HTTP/1.0 200 OK\r\n\r\nok",
            200,
            "ok",
        ),
        (
            "a length in HTTP/1.0",
            "HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
            404,
            "no",
        ),
        (
            // RFC 9112 section 6.3: the chunks count, and the length goes.
            "a length and chunks",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            200,
            "ok",
        ),
        ("nothing", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        (
            "not modified",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
            304,
            "",
        ),
        (
            "a promise before",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            200,
            "ok",
        ),
        (
            "a status of its own",
            "HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nok",
            299,
            "ok",
        ),
    ] {
        let scripting = answering(bytes).await;
        let mut client = scripting.connect().await;
        for round in 0..2 {
            let answer = client.send(get("/", "")).await;
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (status, body),
                "{name} {round}"
            );
            assert_eq!(answer.version, "HTTP/1.1", "{name} {round}");
        }
    }
}

#[tokio::test]
async fn more_than_an_answer_is_not_taken_for_the_next_one() {
    let scripting = answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    )
    .await;
    let mut client = scripting.connect().await;
    for round in 0..5 {
        let answer = client.send(get("/", "")).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "ok"),
            "{round}"
        );
    }
}

#[tokio::test]
async fn an_answer_keeps_its_own_headers_and_gets_a_request_id() {
    let scripting = answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
         X-Request-Id: theirs\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nServer: s\r\n\r\nok",
    )
    .await;
    let mut client = scripting.connect().await;
    let answer = client.send(get("/", "X-Request-Id: ours\r\n")).await;
    assert_eq!(answer.header("x-request-id"), Some("ours"));
    assert_eq!(answer.header("server"), Some("s"));
    assert_eq!(answer.header("keep-alive"), None);
    assert_eq!(answer.header("proxy-authenticate"), None);
    let cookies = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .count();
    assert_eq!(cookies, 2);
}
