//! The Lambda Runtime API (2018-06-01), on loopback: workers ask here for work and answer it.
//!
//! Each worker has a path of its own, which nobody else on the machine can guess.

mod answering;
mod registry;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

pub(crate) use self::registry::Registry;
use self::registry::Seat;
use crate::runner::{Invocation, Message, StateError};

/// More than all workers need, who have one connection each.
const MOST_CONNECTIONS: usize = 4096;

/// How long a connection may stay that has not shown a worker's secret.
const STRANGERS: Duration = Duration::from_secs(10);

type Answer = Response<Full<Bytes>>;

/// Serves as long as it exists.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    task: JoinHandle<()>,
    pub(crate) registry: Arc<Registry>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let registry = Arc::new(Registry::new(listener.local_addr()?));
        let task = tokio::spawn(accept(listener, Arc::clone(&registry)));
        Ok(Self { task, registry })
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, registry: Arc<Registry>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a worker cannot connect");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // A head and a body that wait for one another would cost 40 ms.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a worker has left at once");
        }
        let registry = Arc::clone(&registry);
        tokio::spawn(async move {
            attend(&registry, stream).await;
            drop(place);
        });
    }
}

/// Serves a connection, a worker's for as long as it likes.
///
/// Whoever is on this machine can connect, and must not be able to hold all places by doing nothing.
async fn attend(registry: &Registry, stream: TcpStream) {
    let is_worker = AtomicBool::new(false);
    let service = service_fn(|request| serve(registry, request, &is_worker));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = match tokio::time::timeout(STRANGERS, &mut connection).await {
        Ok(ended) => ended,
        Err(_) if is_worker.load(Ordering::Relaxed) => connection.await,
        Err(_) => return,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a worker's connection has broken");
    }
}

async fn serve(
    registry: &Registry,
    request: Request<Incoming>,
    is_worker: &AtomicBool,
) -> Result<Answer, Infallible> {
    let path = request.uri().path().to_owned();
    let mut parts = path.trim_start_matches('/').splitn(4, '/');
    let seat = parts.next().and_then(|secret| registry.find(secret));
    if seat.is_some() {
        is_worker.store(true, Ordering::Relaxed);
    }
    let version = (parts.next(), parts.next());
    let (Some(seat), (Some("2018-06-01"), Some("runtime"))) = (seat, version) else {
        return Ok(refuse(
            StatusCode::NOT_FOUND,
            "NotFound",
            "there is nothing here",
        ));
    };
    let what: Vec<&str> = parts.next().unwrap_or_default().split('/').collect();
    Ok(match (request.method(), &what[..]) {
        (&Method::GET, ["invocation", "next"]) => next(seat).await,
        (&Method::POST, ["invocation", id, "response"]) => {
            answering::response(&seat, id, request).await
        }
        (&Method::POST, ["invocation", id, "error"]) => answering::error(&seat, id, request).await,
        (&Method::POST, ["init", "error"]) => answering::init_error(&seat, request).await,
        _ => refuse(StatusCode::NOT_FOUND, "NotFound", "there is nothing here"),
    })
}

async fn next(seat: Seat) -> Answer {
    let asked = seat.ask(|worker, give| Message::Next { worker, give });
    match asked.await {
        Ok(Ok(invocation)) => event(invocation),
        Ok(Err(error)) => wrong(error),
        Err(Gone) => gone(),
    }
}

fn event(invocation: Invocation) -> Answer {
    let mut response = Response::new(Full::new(invocation.event));
    let arn = format!(
        "arn:aws:lambda:local:000000000000:function:{}",
        invocation.function
    );
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", &invocation.id),
        (
            "lambda-runtime-deadline-ms",
            &invocation.deadline.to_string(),
        ),
        ("lambda-runtime-invoked-function-arn", &arn),
        ("lambda-runtime-trace-id", &invocation.trace),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// The function was taken away.
#[derive(Debug)]
struct Gone;

impl Seat {
    /// Asks the function's runner.
    async fn ask<T>(
        &self,
        message: impl FnOnce(u64, oneshot::Sender<T>) -> Message,
    ) -> Result<T, Gone> {
        let (give, given) = oneshot::channel();
        let sent = self.messages.send(message(self.worker, give)).await;
        sent.map_err(|_| Gone)?;
        given.await.map_err(|_| Gone)
    }
}

fn accepted() -> Answer {
    say(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn wrong(error: StateError) -> Answer {
    match error {
        StateError::Transition => refuse(
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            "this cannot be asked at this moment",
        ),
        StateError::RequestId => refuse(
            StatusCode::BAD_REQUEST,
            "InvalidRequestID",
            "the invocation is none of this worker's",
        ),
    }
}

fn gone() -> Answer {
    refuse(
        StatusCode::GONE,
        "Gone",
        "the function is not served any more",
    )
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Answer {
    say(
        status,
        &json!({ "errorType": kind, "errorMessage": message }),
    )
}

fn say(status: StatusCode, body: &serde_json::Value) -> Answer {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::mpsc;

    use super::*;

    async fn connect(api: &RuntimeApi, secret: &str) -> TcpStream {
        let address = api.registry.address(secret);
        let (address, _) = address.split_once('/').unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /{secret}/2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_no_worker_s_ends_soon() {
        let api = RuntimeApi::start().await.unwrap();
        let (messages, mut received) = mpsc::channel(1);
        let secret = api.registry.add(messages, 1).unwrap();
        let mut worker = connect(&api, &secret).await;
        let Some(Message::Next { give, .. }) = received.recv().await else {
            panic!("a worker asks");
        };

        for secret in ["", "0"] {
            let began = tokio::time::Instant::now();
            let mut stranger = connect(&api, secret).await;
            let mut read = Vec::new();
            stranger.read_to_end(&mut read).await.unwrap();
            assert!(read.starts_with(b"HTTP/1.1 404 "), "{read:?}");
            assert_eq!(began.elapsed().as_secs(), STRANGERS.as_secs());
        }

        tokio::time::sleep(STRANGERS).await;
        assert!(!give.is_closed(), "a worker may wait");
        give.send(Err(StateError::Transition)).unwrap();
        let mut read = [0; 13];
        worker.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"HTTP/1.1 403 ");
    }
}
