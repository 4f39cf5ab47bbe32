use std::collections::BTreeSet;
use std::io;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::fixture::{Fixture, Scripting, get, post, public};
use crate::upstream::Wire;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers `times` requests, without a word about the connection.
async fn answer(wire: &mut Wire, times: usize) -> io::Result<()> {
    for _ in 0..times {
        wire.head().await?;
        wire.write(OK).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_to_an_upstream_is_used_again() {
    let scripting =
        Scripting::start(|mut wire, _| async move { answer(&mut wire, 100).await }).await;
    let mut client = scripting.connect().await;
    for _ in 0..20 {
        assert_eq!(client.send(get("/", "")).await.status, 200);
    }
    assert_eq!(scripting.upstream.connections(), 1);
    for _ in 0..20 {
        let mut client = scripting.connect().await;
        assert_eq!(client.send(get("/", "")).await.status, 200);
    }
    let connections = scripting.upstream.connections();
    assert!(connections <= 2, "one for each thread, not {connections}");
}

#[tokio::test]
async fn a_connection_is_not_used_again_before_its_answer_has_ended() {
    let scripting = Scripting::start(|mut wire, _| async move {
        wire.head().await?;
        wire.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
            .await?;
        wire.rest().await;
        Ok(())
    })
    .await;
    for index in 1..=3 {
        let mut client = scripting.connect().await;
        client.write(get("/", "")).await.unwrap();
        assert_eq!(client.head().await.unwrap().status, 200);
        drop(client);
        assert_eq!(scripting.upstream.connections(), index);
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_upstream_closed_is_replaced() {
    let scripting = Scripting::start(|mut wire, _| async move { answer(&mut wire, 1).await }).await;
    let mut client = scripting.connect().await;
    for index in 1..=50 {
        let answer = client.send(get("/", "")).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "ok"),
            "request {index}"
        );
    }
    assert_eq!(scripting.upstream.connections(), 50);
}

/// The upstream closes a kept connection when the request is already on its way.
#[tokio::test]
async fn a_request_that_met_the_end_of_a_kept_connection_is_repeated_where_that_is_harmless() {
    for (method, status) in [
        ("GET", 200),
        ("HEAD", 200),
        ("DELETE", 200),
        ("POST", 502),
        ("PATCH", 502),
    ] {
        let scripting = Scripting::start(|mut wire, _| async move {
            answer(&mut wire, 1).await?;
            wire.head().await.map(drop)
        })
        .await;
        let mut client = scripting.connect().await;
        assert_eq!(client.send(get("/", "")).await.status, 200);
        let answer = client.send(get("/", "").replace("GET", method)).await;
        assert_eq!(answer.status, status, "{method}");
        let connections = if status == 200 { 2 } else { 1 };
        assert_eq!(scripting.upstream.connections(), connections, "{method}");
    }
}

#[tokio::test]
async fn a_request_with_a_body_or_on_a_fresh_connection_is_not_repeated() {
    let scripting = Scripting::start(|mut wire, index| async move {
        answer(&mut wire, usize::from(index == 0)).await?;
        wire.read_to("\r\n\r\n").await.map(drop)
    })
    .await;
    let mut client = scripting.connect().await;
    assert_eq!(client.send(get("/", "")).await.status, 200);
    assert_eq!(
        client
            .send(post("/", "", "abc").replace("POST", "PUT"))
            .await
            .status,
        502
    );
    assert_eq!(scripting.upstream.connections(), 1);
    assert_eq!(
        client.send(get("/", "")).await.status,
        502,
        "a fresh connection"
    );
    assert_eq!(scripting.upstream.connections(), 2);
}

#[tokio::test]
async fn an_upstream_that_wants_to_close_does_not_close_the_callers_connection() {
    let scripting = Scripting::start(|mut wire, _| async move {
        wire.head().await?;
        wire.write("HTTP/1.1 200 OK\r\nConnection: close, X-Private\r\nX-Private: 1\r\nContent-Length: 2\r\n\r\nok").await
    })
    .await;
    let mut client = scripting.connect().await;
    for _ in 0..3 {
        let answer = client.send(get("/", "")).await;
        assert_eq!(answer.text(), "ok");
        assert_eq!(answer.header("connection"), None);
        assert_eq!(answer.header("x-private"), None);
    }
    assert_eq!(scripting.upstream.connections(), 3);
}

#[tokio::test]
async fn a_hundred_requests_at_once_each_get_their_own_answer() {
    let fixture = Fixture::start(&public("UPSTREAM")).await;
    let address = fixture.gateway.address();
    let mut tasks = JoinSet::new();
    for index in 0..100 {
        tasks.spawn(async move {
            let mut client = Client::connect(address).await.unwrap();
            for round in 0..3 {
                let target = format!("/{index}/{round}");
                let answer = client.send(post(&target, "", &target.repeat(100))).await;
                assert_eq!(answer.json()["target"], target);
                assert_eq!(answer.json()["body"], target.repeat(100));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let targets: BTreeSet<String> = fixture
        .upstream
        .seen()
        .iter()
        .map(|seen| seen["target"].to_string())
        .collect();
    assert_eq!(targets.len(), 300);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order_each_by_its_own_rule() {
    let text = public("UPSTREAM") + "routes = { \"GET /guarded\" = { auth = \"user\" } }\n";
    let fixture = Fixture::start(&text).await;
    let mut client = fixture.connect().await;
    let requests = [
        get("/1", ""),
        get("/guarded", ""),
        post("/2", "", "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n"),
        get("/4", ""),
    ];
    client.write(requests.concat()).await.unwrap();
    for (status, target) in [(200, "/1"), (401, ""), (200, "/2"), (200, "/4")] {
        let answer = client.answer().await.unwrap();
        assert_eq!(answer.status, status, "{target}");
        if status == 200 {
            assert_eq!(answer.json()["target"], target);
        }
    }
    assert_eq!(fixture.upstream.seen().len(), 3);
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_its_request() {
    let (told, mut events) = mpsc::unbounded_channel();
    let scripting = Scripting::start(move |mut wire, _| {
        let told = told.clone();
        async move {
            wire.head().await?;
            told.send("arrived").map_err(io::Error::other)?;
            wire.rest().await;
            told.send("cancelled").map_err(io::Error::other)?;
            Ok(())
        }
    })
    .await;
    let mut client = scripting.connect().await;
    client.write(get("/", "")).await.unwrap();
    assert_eq!(events.recv().await, Some("arrived"));
    drop(client);
    assert_eq!(events.recv().await, Some("cancelled"));
}

#[tokio::test]
async fn a_caller_that_goes_away_in_the_middle_of_an_answer_cancels_it() {
    let (told, mut events) = mpsc::unbounded_channel();
    let scripting = Scripting::start(move |mut wire, _| {
        let told = told.clone();
        async move {
            wire.head().await?;
            wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                .await?;
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            while wire.write(&chunk).await.is_ok() {}
            told.send("cancelled").map_err(io::Error::other)?;
            Ok(())
        }
    })
    .await;
    let mut client = scripting.connect().await;
    client.write(get("/", "")).await.unwrap();
    assert_eq!(client.head().await.unwrap().status, 200);
    drop(client);
    assert_eq!(events.recv().await, Some("cancelled"));
}
