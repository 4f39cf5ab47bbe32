//! How many connections an upstream has, and how long all of an exchange may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Response;
use portcullis_gateway::Gateway;
use portcullis_testkit::{TestServer, text};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::fixture::{World, get, start};
use crate::switching::{AGREES, ASKS};
use crate::upstream::Scripted;

fn serve(url: &str, settings: &str) -> Gateway {
    let text = format!("[api.main]\nauth = \"none\"\nupstream = {{ url = \"{url}\"{settings} }}\n");
    start(World::default().plan(&text))
}

async fn connect(gateway: &Gateway) -> Client {
    Client::connect(gateway.address()).await.unwrap()
}

#[tokio::test]
async fn a_request_that_finds_no_room_in_time_is_503() {
    let go_on = Arc::new(Notify::new());
    let wait = Arc::clone(&go_on);
    let upstream = TestServer::start(move |_| {
        let wait = Arc::clone(&wait);
        async move {
            wait.notified().await;
            Response::new(text("ok"))
        }
    })
    .await;
    let settings = ", max_connections = 1, connect_timeout = \"100ms\"";
    let gateway = serve(&upstream.url(), settings);
    let (mut one, mut two) = (connect(&gateway).await, connect(&gateway).await);
    one.write(get("/", "")).await.unwrap();
    two.write(get("/", "")).await.unwrap();
    // Whichever came second has waited in vain.
    let began = Instant::now();
    let (refused, mut other) = tokio::select! {
        answer = one.answer() => (answer.unwrap(), two),
        answer = two.answer() => (answer.unwrap(), one),
    };
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (503, "upstream_full")
    );
    assert_eq!(refused.header("retry-after"), Some("10"));
    assert!(began.elapsed() < Duration::from_secs(10));
    go_on.notify_one();
    assert_eq!(other.answer().await.unwrap().text(), "ok");
    // There is room again, on either thread.
    for _ in 0..4 {
        go_on.notify_one();
        let answer = connect(&gateway).await.send(get("/", "")).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    }
}

#[tokio::test]
async fn many_callers_share_few_connections() {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&open), Arc::clone(&most));
    let upstream = Scripted::start(move |mut wire, _| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            struct Open(Arc<AtomicUsize>);
            impl Drop for Open {
                fn drop(&mut self) {
                    self.0.fetch_sub(1, Ordering::SeqCst);
                }
            }
            // Counted until the gateway is seen to have closed it, which is later than it has.
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let _open = Open(now);
            while wire.head().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
                wire.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .await?;
            }
            Ok(())
        }
    })
    .await;
    let gateway = serve(
        &upstream.url(),
        ", max_connections = 3, connect_timeout = \"20s\"",
    );
    let mut callers = JoinSet::new();
    for _ in 0..24 {
        let mut client = connect(&gateway).await;
        callers.spawn(async move {
            for _ in 0..20 {
                let answer = client.send(get("/", "")).await;
                assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    // A connection that gives its place to another thread may be seen for a moment longer.
    assert!(
        most.load(Ordering::SeqCst) <= 6,
        "{most:?} at the same time"
    );
    assert!(
        upstream.connections() < 480 / 2,
        "connections are used again"
    );
}

#[tokio::test]
async fn an_idle_connection_leaves_its_place_to_another_thread() {
    let upstream = TestServer::start(|_| async { Response::new(text("ok")) }).await;
    let gateway = serve(
        &upstream.url(),
        ", max_connections = 1, connect_timeout = \"20s\"",
    );
    // The system spreads connections over both threads.
    for _ in 0..16 {
        let answer = connect(&gateway).await.send(get("/", "")).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    }
}

#[tokio::test]
async fn a_websocket_takes_up_a_connection_until_it_ends_and_is_exempt_from_the_whole_time() {
    let upstream = Scripted::start(|mut wire, _| async move {
        if !wire.head().await?.contains("websocket") {
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            return wire.write(answer).await;
        }
        wire.write(AGREES).await?;
        wire.read_to("bye").await?;
        wire.write("bye").await
    })
    .await;
    let settings = ", max_connections = 1, connect_timeout = \"500ms\", total_timeout = \"1s\"";
    let gateway = serve(&upstream.url(), settings);
    let mut websocket = connect(&gateway).await;
    websocket.write(get("/", ASKS)).await.unwrap();
    assert_eq!(websocket.head().await.unwrap().status, 101);
    for _ in 0..3 {
        let refused = connect(&gateway).await.send(get("/", "")).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (503, "upstream_full")
        );
    }
    websocket.write("bye").await.unwrap();
    assert_eq!(websocket.rest().await.unwrap(), b"bye");
    drop(websocket);
    let deadline = Instant::now() + Duration::from_secs(20);
    while connect(&gateway).await.send(get("/", "")).await.status != 200 {
        assert!(Instant::now() < deadline, "its place is never free again");
    }
}

#[tokio::test]
async fn an_exchange_that_takes_longer_than_all_of_it_may_is_504() {
    let upstream = Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        wire.rest().await;
        Ok(())
    })
    .await;
    let gateway = serve(&upstream.url(), ", total_timeout = \"50ms\"");
    let answer = connect(&gateway).await.send(get("/", "")).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (504, "upstream_timeout")
    );
}

#[tokio::test]
async fn an_answer_that_moves_ends_with_the_time_that_all_of_it_may_take() {
    let upstream = Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await?;
        loop {
            wire.write("1\r\na\r\n").await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let gateway = serve(&upstream.url(), ", total_timeout = \"300ms\"");
    let mut client = connect(&gateway).await;
    client.write(get("/", "")).await.unwrap();
    let answer = client.answer().await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn a_quick_answer_is_not_touched_by_the_time_that_all_of_it_may_take() {
    let upstream = TestServer::start(|_| async { Response::new(text("ok")) }).await;
    let gateway = serve(&upstream.url(), ", total_timeout = \"20s\"");
    let mut client = connect(&gateway).await;
    for _ in 0..3 {
        assert_eq!(client.send(get("/", "")).await.text(), "ok");
    }
}
