use std::sync::Arc;
use std::time::Duration;

use portcullis_testkit::TestClock;
use portcullis_token::UnixTime;
use tokio::sync::{Notify, mpsc};

use crate::client::Client;
use crate::fixture::{Fixture, Scripting, World, bearer, get, start};
use crate::upstream::{Scripted, values};

pub(crate) const ASKS: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
pub(crate) const AGREES: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// An upstream that switches, says `hello`, answers `ping` with `pong` and ends.
async fn switching() -> Scripting {
    Scripting::start(|mut wire, _| async move {
        let head = wire.head().await?.to_ascii_lowercase();
        if head.matches("upgrade: websocket\r\n").count() != 1
            || !head.contains("connection: upgrade\r\n")
            || !head.contains("sec-websocket-key: dghlihnhbxbszsbub25jzq==\r\n")
        {
            return wire
                .write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                .await;
        }
        wire.write(format!("{AGREES}hello")).await?;
        wire.read_to("ping").await?;
        wire.write("pong").await
    })
    .await
}

#[tokio::test]
async fn a_websocket_passes_bytes_both_ways_until_a_side_ends() {
    let scripting = switching().await;
    // Bytes that come with the request wait for the consent, and are not lost.
    for early in [false, true] {
        let mut client = scripting.connect().await;
        let (with, after) = if early { ("ping", "") } else { ("", "ping") };
        client.write(get("/chat", ASKS) + with).await.unwrap();
        let answer = client.head().await.unwrap();
        assert_eq!(answer.status, 101, "{early}");
        assert_eq!(answer.header("upgrade"), Some("websocket"), "{early}");
        assert_eq!(answer.header("connection"), Some("Upgrade"), "{early}");
        assert_eq!(
            answer.header("sec-websocket-accept"),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "{early}"
        );
        client.write(after).await.unwrap();
        assert_eq!(client.rest().await.unwrap(), b"hellopong", "{early}");
    }
    assert_eq!(scripting.upstream.connections(), 2, "none is used again");
}

#[tokio::test]
async fn a_websocket_needs_what_any_request_needs() {
    let upstream = Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        wire.write(format!("{AGREES}hello")).await
    })
    .await;
    let world = World::default();
    let text = format!(
        "[api.main]\nauth = \"user\"\nupstream = \"{}\"\n",
        upstream.url()
    );
    let gateway = start(world.plan(&text));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    assert_eq!(client.send(get("/chat", ASKS)).await.status, 401);
    assert_eq!(upstream.connections(), 0);

    let lines = bearer(&world.token().sign()) + ASKS;
    client.write(get("/chat", &lines)).await.unwrap();
    assert_eq!(client.head().await.unwrap().status, 101);
    assert_eq!(client.rest().await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_websocket_ends_with_its_token_where_the_api_says_so() {
    let upstream = Scripted::start(|mut wire, _| async move {
        wire.head().await?;
        wire.write(format!("{AGREES}hello")).await?;
        wire.rest().await;
        Ok(())
    })
    .await;
    let world = World::default();
    // Half an hour is left by the world's clock, of which the test waits for none.
    for (says, lifetime, ends) in [
        ("websocket_expires = true", 0, true),
        ("websocket_expires = true", 1800, false),
        ("websocket_expires = false", 0, false),
        ("", 0, false),
    ] {
        let url = upstream.url();
        let text = format!("[api.main]\nauth = \"user\"\nupstream = \"{url}\"\n{says}\n");
        let gateway = start(world.plan(&text));
        let mut client = Client::connect(gateway.address()).await.unwrap();
        // A token in its last seconds is good within the leeway.
        let token = world
            .token()
            .valid_from(UnixTime(TestClock::START.0 - 60), 60 + lifetime);
        let lines = bearer(&token.sign()) + ASKS;
        client.write(get("/chat", &lines)).await.unwrap();
        assert_eq!(
            client.head().await.unwrap().status,
            101,
            "{says} {lifetime}"
        );
        if ends {
            let rest = client.rest().await.unwrap();
            assert!(b"hello".starts_with(&rest), "{rest:?}");
        } else {
            let rest = client.rest_until(|said| said == b"hello").await;
            assert_eq!(rest, b"hello", "{says} {lifetime}");
        }
    }
}

#[tokio::test]
async fn no_other_wish_to_switch_is_passed_on() {
    let fixture = Fixture::start("[api.main]\nauth = \"none\"\nupstream = \"UPSTREAM\"\n").await;
    let asks = |lines: &str| get("/a", lines);
    for (name, request) in [
        (
            "h2c",
            asks("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"),
        ),
        (
            "a list",
            asks("Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n"),
        ),
        (
            "two lines",
            asks("Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n"),
        ),
        ("no connection option", asks("Upgrade: websocket\r\n")),
        (
            "a version",
            asks("Connection: Upgrade\r\nUpgrade: websocket/13\r\n"),
        ),
        ("POST", get("/a", ASKS).replace("GET", "POST")),
        (
            "a body",
            get("/a", &format!("{ASKS}Content-Length: 2\r\n")) + "ab",
        ),
        (
            "chunks",
            get("/a", &format!("{ASKS}Transfer-Encoding: chunked\r\n")) + "0\r\n\r\n",
        ),
        ("HTTP/1.0", get("/a", ASKS).replace("HTTP/1.1", "HTTP/1.0")),
    ] {
        let answer = fixture.send(request).await;
        assert_eq!(answer.status, 200, "{name}");
        let seen = fixture.upstream.seen().pop().unwrap();
        assert!(values(&seen, "upgrade").is_empty(), "{name}: {seen}");
        assert!(values(&seen, "connection").is_empty(), "{name}: {seen}");
    }
}

#[tokio::test]
async fn what_follows_a_declined_wish_is_a_request_like_any_other() {
    let (received, mut heads) = mpsc::unbounded_channel();
    let upstream = Scripted::start(move |mut wire, _| {
        let received = received.clone();
        async move {
            let head = wire.head().await?;
            wire.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")
                .await?;
            drop(received.send((head, wire.rest().await)));
            Ok(())
        }
    })
    .await;
    let url = upstream.url();
    let gateway = start(World::default().plan(&format!(
        "[api.main]\nauth = \"user\"\nupstream = \"{url}\"\n\
         routes = {{ \"GET /chat\" = {{ auth = \"none\" }} }}\n"
    )));
    let mut client = Client::connect(gateway.address()).await.unwrap();
    let smuggled = get("/admin", "");
    client.write(get("/chat", ASKS) + &smuggled).await.unwrap();
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "no"));
    assert_eq!(client.answer().await.unwrap().status, 401);
    let (head, rest) = heads.recv().await.unwrap();
    assert!(head.starts_with("GET /chat "), "{head}");
    assert_eq!(rest, b"", "the connection carries nothing else");
}

#[tokio::test]
async fn an_upstream_that_switches_to_something_else_is_502() {
    for other in ["h2c", "websocket, h2c"] {
        let scripting = Scripting::start(move |mut wire, _| async move {
            wire.head().await?;
            let head = AGREES.replace("Upgrade: websocket", &format!("Upgrade: {other}"));
            wire.write(head).await
        })
        .await;
        let answer = scripting.connect().await.send(get("/chat", ASKS)).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (502, "upstream_unreachable"),
            "{other}"
        );
    }
}

#[tokio::test]
async fn a_websocket_ends_with_the_gateway() {
    let ended = Arc::new(Notify::new());
    let tell = Arc::clone(&ended);
    let scripting = Scripting::start(move |mut wire, _| {
        let tell = Arc::clone(&tell);
        async move {
            wire.head().await?;
            wire.write(AGREES).await?;
            wire.rest().await;
            tell.notify_one();
            Ok(())
        }
    })
    .await;
    let mut client = scripting.connect().await;
    client.write(get("/chat", ASKS)).await.unwrap();
    assert_eq!(client.head().await.unwrap().status, 101);
    scripting.gateway.stop(Duration::from_secs(10)).await;
    assert!(client.is_closed().await);
    ended.notified().await;
}
