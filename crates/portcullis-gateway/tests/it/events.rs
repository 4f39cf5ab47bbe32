//! Server-sent events: each is passed on before the answer ends, to those who may have them.

use std::sync::Arc;

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
