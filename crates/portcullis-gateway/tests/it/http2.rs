use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::client::Client;
use crate::fixture::{Fixture, Scripting, public};
use crate::life_cycle::refuses_connections;
use crate::upstream::values;

const LONG: Duration = Duration::from_secs(20);

type Sender = SendRequest<Full<Bytes>>;

/// A connection with prior knowledge, and its end.
async fn connect(fixture: &Fixture) -> (Sender, mpsc::UnboundedReceiver<Option<String>>) {
    open(fixture.gateway.address()).await
}

async fn open(address: std::net::SocketAddr) -> (Sender, mpsc::UnboundedReceiver<Option<String>>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let io = TokioIo::new(stream);
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let (told, ends) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let error = connection.await.err().map(|error| format!("{error:?}"));
        drop(told.send(error));
    });
    (sender, ends)
}

fn request(method: Method, target: &str) -> http::request::Builder {
    let uri = format!("http://a.example{target}");
    Request::builder().method(method).uri(uri)
}

async fn send(
    sender: &mut Sender,
    request: http::request::Builder,
    body: &'static str,
) -> Result<(u16, Value), hyper::Error> {
    let request = request.body(Full::from(body)).unwrap();
    let response = sender.send_request(request).await?;
    assert_eq!(response.version(), Version::HTTP_2);
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

#[tokio::test]
async fn a_request_goes_the_same_way_as_in_http_1() {
    let text = public("UPSTREAM") + "routes = { \"ANY /guarded\" = { auth = \"user\" } }\n";
    let fixture = Fixture::start(&text).await;
    let (mut sender, _ends) = connect(&fixture).await;

    let plain = request(Method::POST, "/a?b=c").header("x-forwarded-proto", "https");
    let (status, seen) = send(&mut sender, plain, "body").await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(seen["target"], "/a?b=c");
    assert_eq!(seen["version"], "HTTP/1.1");
    assert_eq!(seen["body"], "body");
    let upstream = fixture.upstream.address().to_string();
    assert_eq!(values(&seen, "host"), [upstream.as_str()]);
    assert_eq!(values(&seen, "x-forwarded-host"), ["a.example"]);
    assert_eq!(values(&seen, "x-forwarded-proto"), ["http"]);
    assert_eq!(values(&seen, "content-length"), ["4"]);

    let guarded = || request(Method::GET, "/guarded");
    let (status, _) = send(&mut sender, guarded(), "").await.unwrap();
    assert_eq!(status, 401);
    let bearer = format!("Bearer {}", fixture.world.token().sign());
    let with_token = guarded().header("authorization", bearer);
    assert_eq!(send(&mut sender, with_token, "").await.unwrap().0, 200);
    for (target, expected) in [("/../a", 400), ("/a//b", 400), ("/%2e%2e/guarded", 400)] {
        let (status, _) = send(&mut sender, request(Method::GET, target), "")
            .await
            .unwrap();
        assert_eq!(status, expected, "{target}");
    }
}

#[tokio::test]
async fn pieces_of_a_cookie_are_one_line_to_the_upstream() {
    let fixture = Fixture::start(&public("UPSTREAM")).await;
    let (mut sender, _ends) = connect(&fixture).await;
    let pieces = request(Method::GET, "/")
        .header("cookie", "a=1")
        .header("cookie", "b=2");
    let (_, seen) = send(&mut sender, pieces, "").await.unwrap();
    assert_eq!(values(&seen, "cookie"), ["a=1; b=2"]);
}

#[tokio::test]
async fn a_host_beside_the_authority_must_agree_with_it() {
    let fixture = Fixture::start(&public("UPSTREAM")).await;
    let (mut sender, _ends) = connect(&fixture).await;
    for (hosts, expected) in [
        (&["a.example"][..], 200),
        (&["b.example"], 400),
        (&["a.example", "a.example"], 400),
        (&["a.example", "b.example"], 400),
    ] {
        let mut request = request(Method::GET, "/");
        for host in hosts {
            request = request.header("host", *host);
        }
        let (status, _) = send(&mut sender, request, "").await.unwrap();
        assert_eq!(status, expected, "{hosts:?}");
    }
}

#[tokio::test]
async fn what_has_no_place_in_http_2_never_reaches_an_upstream() {
    let fixture = Fixture::start(&public("UPSTREAM")).await;
    for frame in [
        // `connection: close` and `transfer-encoding: chunked`, as literals of HPACK.
        &b"\x00\x0aconnection\x05close"[..],
        b"\x00\x11transfer-encoding\x07chunked",
        b"\x00\x07upgrade\x03h2c",
        b"\x00\x0akeep-alive\x01\x31",
        b"\x00\x02te\x04gzip",
        b"\x00\x09:protocol\x09websocket",
        b"\x00\x01X\x011",
    ] {
        let mut client = Client::connect(fixture.gateway.address()).await.unwrap();
        // `:method GET`, `:scheme http`, `:path /` by their index, `:authority a`.
        let mut block = b"\x82\x86\x84\x01\x01a".to_vec();
        block.extend(frame);
        client.write(raw(&block)).await.unwrap();
        let answer = client.rest_until(is_reset).await;
        assert!(is_reset(&answer), "{:?}", String::from_utf8_lossy(frame));
    }
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

/// The preface, empty settings, and a request of this header block.
fn raw(block: &[u8]) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let length = u8::try_from(block.len()).unwrap();
    // END_STREAM and END_HEADERS, stream 1.
    bytes.extend([0, 0, length, 1, 5, 0, 0, 0, 1]);
    bytes.extend(block);
    bytes
}

/// Whether a `RST_STREAM` or `GOAWAY` is among the frames.
fn is_reset(mut frames: &[u8]) -> bool {
    while let [a, b, c, kind, ..] = frames {
        if matches!(kind, 3 | 7) {
            return true;
        }
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        frames = frames.get(9 + length..).unwrap_or_default();
    }
    false
}

#[tokio::test]
async fn a_tunnel_is_refused() {
    let fixture = Fixture::start(&public("UPSTREAM")).await;
    let (mut sender, _ends) = connect(&fixture).await;
    let connect = Request::builder()
        .method(Method::CONNECT)
        .uri("a.example:443");
    let (status, _) = send(&mut sender, connect, "").await.unwrap();
    assert_eq!(status, 400);
    assert_eq!(fixture.upstream.seen(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_head_is_limited_in_number_and_size() {
    let text = "[server.limits]\nheaders = \"8KiB\"\nheader_count = 20\n".to_owned();
    let fixture = Fixture::start(&(text + &public("UPSTREAM"))).await;
    for (name, count, length, expected) in [
        ("few", 20, 1, 200),
        ("many", 21, 1, 431),
        ("long", 1, 7 * 1024, 200),
        ("too long", 1, 9 * 1024, 431),
    ] {
        let (mut sender, _ends) = connect(&fixture).await;
        let mut request = request(Method::GET, "/");
        for index in 0..count {
            request = request.header(format!("x-{index}"), "x".repeat(length));
        }
        let (status, _) = send(&mut sender, request, "").await.unwrap();
        assert_eq!(status, expected, "{name}");
    }
}

#[tokio::test]
async fn a_connection_that_only_cancels_its_requests_is_cut() {
    let scripting = Scripting::start(|mut wire, _| async move {
        wire.head().await?;
        wire.rest().await;
        Ok(())
    })
    .await;
    let (mut sender, mut ends) = open(scripting.gateway.address()).await;
    for _ in 0..2000 {
        let request = request(Method::GET, "/").body(Full::default()).unwrap();
        let answer = sender.send_request(request);
        // Polled for long enough to be sent, then dropped: the client resets its stream.
        if tokio::time::timeout(Duration::from_millis(2), answer)
            .await
            .is_ok()
        {
            break;
        }
    }
    let end = tokio::time::timeout(LONG, ends.recv()).await.unwrap();
    assert!(end.is_some(), "the connection has ended");
    let connections = scripting.upstream.connections();
    assert!(connections < 300, "{connections} reached the upstream");
}

#[tokio::test]
async fn a_stream_that_is_reset_cancels_its_request_alone() {
    let (told, mut events) = mpsc::unbounded_channel();
    let scripting = Scripting::start(move |mut wire, index| {
        let told = told.clone();
        async move {
            wire.head().await?;
            if index > 0 {
                return wire.write("HTTP/1.1 204 No Content\r\n\r\n").await;
            }
            told.send("arrived").map_err(std::io::Error::other)?;
            wire.rest().await;
            told.send("cancelled").map_err(std::io::Error::other)
        }
    })
    .await;
    let (mut sender, _ends) = open(scripting.gateway.address()).await;
    let first = request(Method::GET, "/").body(Full::default()).unwrap();
    let first = tokio::spawn(sender.send_request(first));
    assert_eq!(events.recv().await, Some("arrived"));
    first.abort();
    assert_eq!(events.recv().await, Some("cancelled"));
    let (status, _) = send(&mut sender, request(Method::GET, "/"), "")
        .await
        .unwrap();
    assert_eq!(status, 204);
}

#[tokio::test]
async fn draining_finishes_the_streams_and_says_goodbye() {
    let (told, mut events) = mpsc::unbounded_channel();
    let go_on = std::sync::Arc::new(tokio::sync::Notify::new());
    let wait = std::sync::Arc::clone(&go_on);
    let scripting = Scripting::start(move |mut wire, _| {
        let (told, wait) = (told.clone(), std::sync::Arc::clone(&wait));
        async move {
            wire.head().await?;
            told.send(()).map_err(std::io::Error::other)?;
            wait.notified().await;
            wire.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
                .await
        }
    })
    .await;
    let (mut sender, mut ends) = open(scripting.gateway.address()).await;
    let under_way = request(Method::GET, "/").body(Full::default()).unwrap();
    let under_way = tokio::spawn(sender.send_request(under_way));
    events.recv().await.unwrap();
    let address = scripting.gateway.address();
    let stopping = tokio::spawn(scripting.gateway.stop(LONG));
    assert!(refuses_connections(address).await);
    go_on.notify_one();
    let response = under_way.await.unwrap().unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "done");
    assert_eq!(ends.recv().await, Some(None), "a clean end");
    stopping.await.unwrap();
}
