//! Callers that take their time, and what that costs the others.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::Client;
use crate::fixture::{Fixture, Scripting, chunked, get, public};

const LONG: Duration = Duration::from_secs(20);

fn with_limits(lines: &str) -> String {
    format!("[server.limits]\n{lines}\n{}", public("UPSTREAM"))
}

#[tokio::test]
async fn a_head_that_does_not_end_in_time_is_answered_and_ends_the_connection() {
    let limits = "head_timeout = \"200ms\"\nidle_timeout = \"1h\"";
    let fixture = Fixture::start(&with_limits(limits)).await;
    for before in [0, 1] {
        let mut client = fixture.connect().await;
        for _ in 0..before {
            assert_eq!(client.send(get("/", "")).await.status, 200);
        }
        let began = Instant::now();
        let answer = client.send("GET / HTTP/1.1\r\nHost: a\r\n").await;
        assert_eq!(answer.status, 408, "after {before} requests");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed().await);
        let took = began.elapsed();
        assert!(
            (Duration::from_millis(200)..LONG / 2).contains(&took),
            "{took:?}"
        );
    }
    let mut silent = fixture.connect().await;
    assert!(silent.is_closed().await, "a connection without a byte");
}

#[tokio::test]
async fn a_connection_may_be_idle_for_as_long_as_it_is_told() {
    let limits = "head_timeout = \"1h\"\nidle_timeout = \"200ms\"";
    let fixture = Fixture::start(&with_limits(limits)).await;
    let mut client = fixture.connect().await;
    assert_eq!(client.send(get("/", "")).await.status, 200);
    let began = Instant::now();
    assert!(client.is_closed().await, "without a word");
    let took = began.elapsed();
    assert!(
        (Duration::from_millis(150)..LONG / 2).contains(&took),
        "{took:?}"
    );
}

#[tokio::test]
async fn an_answer_that_takes_longer_than_waits_may_is_not_cut() {
    let text = "head_timeout = \"50ms\"\nidle_timeout = \"50ms\"";
    let upstream = crate::upstream::Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        wire.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await
    })
    .await;
    let text = format!("[server.limits]\n{text}\n{}", public(&upstream.url()));
    let gateway = crate::fixture::start(crate::fixture::World::default().plan(&text));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    assert_eq!(client.send(get("/", "")).await.text(), "ok");
}

#[tokio::test]
async fn a_request_may_take_as_long_as_it_is_told() {
    let upstream = crate::upstream::Scripted::start(|mut wire, index| async move {
        wire.head().await?;
        if index == 1 {
            wire.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun")
                .await?;
        }
        wire.rest().await;
        Ok(())
    })
    .await;
    let text = format!(
        "[server.limits]\nrequest_timeout = \"200ms\"\n{}",
        public(&upstream.url())
    );
    let gateway = crate::fixture::start(crate::fixture::World::default().plan(&text));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    let answer = client.send(get("/", "")).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (504, "request_timeout")
    );
    assert!(client.is_closed().await);
    let mut client = Client::connect(gateway.address()).await.unwrap();
    client.write(get("/", "")).await.unwrap();
    let error = client.answer().await.unwrap_err();
    assert_eq!(
        error.kind(),
        std::io::ErrorKind::UnexpectedEof,
        "cut, not completed"
    );
}

#[tokio::test]
async fn no_more_connections_are_served_at_once_than_allowed() {
    let fixture = Fixture::start(&with_limits("connections = 2")).await;
    let address = fixture.gateway.address();
    let mut held = Vec::new();
    // Two threads with one place each, and no telling which of them a connection goes to.
    for _ in 0..2 {
        loop {
            let mut client = Client::connect(address).await.unwrap();
            client.write(get("/", "")).await.unwrap();
            let answer = tokio::time::timeout(Duration::from_millis(500), client.answer());
            if let Ok(answer) = answer.await {
                assert_eq!(answer.unwrap().status, 200);
                held.push(client);
                break;
            }
        }
    }
    let mut waiting = fixture.connect().await;
    waiting.write(get("/", "")).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), waiting.answer()).await;
    assert!(early.is_err(), "a third connection is not served yet");
    drop(held);
    assert_eq!(waiting.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn five_hundred_requests_that_do_not_go_on_do_not_slow_others() {
    let scripting = Scripting::start(|mut wire, _| async move {
        let head = wire.head().await?;
        if head.starts_with("GET /large") {
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                .await?;
            while wire.write(&chunk).await.is_ok() {}
        } else if head.starts_with("POST") {
            wire.rest().await;
        } else {
            wire.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await?;
        }
        Ok(())
    })
    .await;
    let mut half_open = Vec::new();
    for index in 0..500 {
        let mut client = scripting.connect().await;
        let begun = match index % 3 {
            0 => "GET / HTTP/1.1\r\nHost: a".to_owned(),
            1 => chunked("POST", "/") + "3\r\nab",
            _ => get("/large", ""),
        };
        client.write(begun).await.unwrap();
        half_open.push(client);
    }
    let address = scripting.gateway.address();
    let began = Instant::now();
    let mut others = JoinSet::new();
    for _ in 0..20 {
        others.spawn(async move {
            for _ in 0..5 {
                let mut client = Client::connect(address).await.unwrap();
                assert_eq!(client.send(get("/", "")).await.text(), "ok");
            }
        });
    }
    while let Some(done) = others.join_next().await {
        done.unwrap();
    }
    assert!(began.elapsed() < LONG / 4, "{:?}", began.elapsed());
    assert_eq!(half_open.len(), 500);
}
