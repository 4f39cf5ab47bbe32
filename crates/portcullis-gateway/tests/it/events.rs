//! Server-sent events: each is passed on before the answer ends, to those who may have them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::client::Client;
use crate::fixture::{World, bearer, get, start};
use crate::upstream::Scripted;

#[tokio::test]
async fn an_event_arrives_before_the_next_one_is_sent() {
    let go_on = Arc::new(Notify::new());
    let wait = Arc::clone(&go_on);
    let upstream = Scripted::start(move |mut wire, _| {
        let wait = Arc::clone(&wait);
        async move {
            wire.head().await?;
            wire.write(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                 Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n",
            )
            .await?;
            wait.notified().await;
            wire.write("9\r\ndata: 2\n\n\r\n0\r\n\r\n").await
        }
    })
    .await;
    let url = upstream.url();
    let world = World::default();
    let text = format!("[api.main]\nauth = \"user\"\nupstream = \"{url}\"\n");
    let gateway = start(world.plan(&text));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    assert_eq!(client.send(get("/events", "")).await.status, 401);
    assert_eq!(upstream.connections(), 0);

    let request = get("/events", &bearer(&world.token().sign()));
    client.write(request).await.unwrap();
    let head = client.head().await.unwrap();
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(client.chunk().await.unwrap(), b"data: 1\n\n");
    go_on.notify_one();
    assert_eq!(client.chunk().await.unwrap(), b"data: 2\n\n");
}

/// What is said of the first event in words is 50 ms. The quickest of some counts, since other
/// tests use the same machine.
#[tokio::test]
async fn the_first_event_arrives_within_50_ms_with_and_without_a_token() {
    let upstream = Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        wire.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
             Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n",
        )
        .await?;
        // The stream goes on until its reader leaves.
        wire.rest().await;
        Ok(())
    })
    .await;
    let url = upstream.url();
    let world = World::default();
    let gateway = start(world.plan(&format!(
        "[api.main]\nauth = \"user\"\nupstream = \"{url}\"\n\
         routes = {{ \"GET /public\" = {{ auth = \"none\" }} }}\n"
    )));
    let token = bearer(&world.token().sign());
    for (target, lines) in [("/events", token.as_str()), ("/public", "")] {
        let mut quickest = Duration::MAX;
        for _ in 0..20 {
            let mut client = Client::connect(gateway.address()).await.unwrap();
            let began = Instant::now();
            client.write(get(target, lines)).await.unwrap();
            assert_eq!(client.head().await.unwrap().status, 200, "{target}");
            assert_eq!(client.chunk().await.unwrap(), b"data: 1\n\n", "{target}");
            quickest = quickest.min(began.elapsed());
        }
        assert!(
            quickest < Duration::from_millis(50),
            "{target}: {quickest:?}"
        );
    }
}
