//! gRPC streams of all three kinds, over HTTP/2 on both sides.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_gateway::Gateway;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::fixture::{World, start};

/// A body whose frames come from a channel, until it is closed.
struct Sent(mpsc::UnboundedReceiver<Frame<Bytes>>);

type Sender = mpsc::UnboundedSender<Frame<Bytes>>;

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}

fn channel() -> (Sender, Sent) {
    let (sender, frames) = mpsc::unbounded_channel();
    (sender, Sent(frames))
}

/// One message as gRPC frames it: a flag, the length, the bytes.
fn message(text: &str) -> Frame<Bytes> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    Frame::data([&[0], &length[..], text.as_bytes()].concat().into())
}

/// Reads whole messages of a body, however its bytes come.
struct Messages {
    body: Incoming,
    received: Vec<u8>,
    trailers: HeaderMap,
}

impl Messages {
    fn of(body: Incoming) -> Self {
        Self {
            body,
            received: Vec::new(),
            trailers: HeaderMap::new(),
        }
    }

    /// The next message; none at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((head, rest)) = self.received.split_first_chunk::<5>() {
                let [_, length @ ..] = *head;
                let length = usize::try_from(u32::from_be_bytes(length)).unwrap();
                if rest.len() >= length {
                    let text = String::from_utf8(rest[..length].to_vec()).unwrap();
                    self.received.drain(..5 + length);
                    return Some(text);
                }
            }
            match self.body.frame().await?.unwrap().into_data() {
                Ok(data) => self.received.extend(data),
                Err(frame) => self.trailers = frame.into_trailers().unwrap(),
            }
        }
    }
}

/// A server with a method of each kind.
struct Service {
    address: SocketAddr,
    task: AbortHandle,
    calls: Arc<AtomicUsize>,
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&calls);
        let accept = async move {
            let mut tasks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                let service = service_fn(move |request| {
                    count.fetch_add(1, Ordering::Relaxed);
                    std::future::ready(Ok::<_, Infallible>(answer(request)))
                });
                let server = http2::Builder::new(TokioExecutor::new());
                tasks.spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        };
        Self {
            address,
            task: tokio::spawn(accept).abort_handle(),
            calls,
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(request: Request<Incoming>) -> Response<Sent> {
    let (sender, body) = channel();
    let (head, received) = request.into_parts();
    tokio::spawn(async move {
        let mut messages = Messages::of(received);
        let send = |text: &str| drop(sender.send(message(text)));
        match head.uri.path() {
            "/pkg.Service/Server" => {
                let first = messages.next().await.unwrap();
                (1..=3).for_each(|index| send(&format!("{first} {index}")));
            }
            "/pkg.Service/Client" => {
                let mut all = Vec::new();
                while let Some(text) = messages.next().await {
                    all.push(text);
                }
                send(&all.join(" "));
            }
            _ => {
                while let Some(text) = messages.next().await {
                    send(&text);
                }
            }
        }
        let mut status = HeaderMap::new();
        status.insert("grpc-status", HeaderValue::from_static("0"));
        drop(sender.send(Frame::trailers(status)));
    });
    let mut response = Response::new(body);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", grpc);
    response
}

/// A gateway before the service, and a connection to it.
struct Calls {
    world: World,
    service: Service,
    _gateway: Gateway,
    connection: SendRequest<Sent>,
}

impl Calls {
    async fn start() -> Self {
        let service = Service::start().await;
        let world = World::default();
        let address = service.address;
        let gateway = start(world.plan(&format!(
            "[api.main]\nauth = \"user\"\n\
             upstream = {{ url = \"http://{address}\", protocol = \"http2\" }}\n"
        )));
        let stream = TcpStream::connect(gateway.address()).await.unwrap();
        let io = TokioIo::new(stream);
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await;
        let (sender, connection) = handshake.unwrap();
        tokio::spawn(connection);
        Self {
            world,
            service,
            _gateway: gateway,
            connection: sender,
        }
    }

    /// Begins a call: what it sends goes into the channel.
    async fn call(&mut self, method: &str, token: Option<&str>) -> (Sender, Response<Incoming>) {
        let (sender, body) = channel();
        // The answer's head comes only when something was said.
        sender.send(message("one")).unwrap();
        let mut request = Request::post(format!("http://a.example/pkg.Service/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body).unwrap();
        let response = self.connection.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        (sender, response)
    }
}

#[tokio::test]
async fn streams_of_all_kinds_go_through_with_a_token() {
    let mut calls = Calls::start().await;
    let token = calls.world.token().sign();
    let token = Some(token.as_str());

    let (sender, response) = calls.call("Server", token).await;
    drop(sender);
    let mut messages = Messages::of(response.into_body());
    for expected in [Some("one 1"), Some("one 2"), Some("one 3"), None] {
        assert_eq!(messages.next().await.as_deref(), expected);
    }
    assert_eq!(messages.trailers["grpc-status"], "0");

    let (sender, response) = calls.call("Client", token).await;
    for text in ["two", "three"] {
        sender.send(message(text)).unwrap();
    }
    drop(sender);
    let mut messages = Messages::of(response.into_body());
    for expected in [Some("one two three"), None] {
        assert_eq!(messages.next().await.as_deref(), expected);
    }
    assert_eq!(messages.trailers["grpc-status"], "0");

    let (sender, response) = calls.call("Both", token).await;
    let mut messages = Messages::of(response.into_body());
    assert_eq!(messages.next().await.as_deref(), Some("one"));
    // Each waits for the one before, which must not wait for the stream's end.
    for text in ["two", "three"] {
        sender.send(message(text)).unwrap();
        assert_eq!(messages.next().await.as_deref(), Some(text));
    }
    drop(sender);
    assert_eq!(messages.next().await, None);
    assert_eq!(messages.trailers["grpc-status"], "0");
    assert_eq!(calls.service.calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_stream_without_a_token_is_refused_in_grpcs_own_words() {
    let mut calls = Calls::start().await;
    for method in ["Server", "Client", "Both"] {
        let (_sender, response) = calls.call(method, None).await;
        assert_eq!(response.headers()["grpc-status"], "16", "{method}");
        let mut messages = Messages::of(response.into_body());
        assert_eq!(messages.next().await, None, "{method}");
    }
    assert_eq!(calls.service.calls.load(Ordering::Relaxed), 0);
}
