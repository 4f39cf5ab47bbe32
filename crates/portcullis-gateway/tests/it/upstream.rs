use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use portcullis_testkit::{Body, TestServer, text};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// An upstream that answers with what it was sent, as JSON, and remembers it.
pub(crate) struct Echo {
    server: TestServer,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Echo {
    pub(crate) async fn start() -> Self {
        let seen = Arc::<Mutex<Vec<Value>>>::default();
        let record = Arc::clone(&seen);
        let server = TestServer::start(move |request| {
            let record = Arc::clone(&record);
            async move {
                match describe(request).await {
                    Ok(description) => {
                        let answer = Response::new(text(description.to_string()));
                        record.lock().unwrap().push(description);
                        answer
                    }
                    Err(_) => aborted(),
                }
            }
        })
        .await;
        Self { server, seen }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The requests that arrived whole.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }
}

fn aborted() -> Response<Body> {
    let mut response = Response::new(text(""));
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response
}

async fn describe(request: Request<Incoming>) -> Result<Value, hyper::Error> {
    let (head, body) = request.into_parts();
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ok(json!({
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "version": format!("{:?}", head.version),
        "headers": lines(&head.headers),
        "trailers": lines(&trailers),
        "body": String::from_utf8_lossy(&collected.to_bytes()),
    }))
}

/// `name: value`, in the order of arrival.
fn lines(headers: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    headers.iter().map(line).collect()
}

/// The values of a header in what [`Echo`] saw.
pub(crate) fn values<'s>(seen: &'s Value, name: &str) -> Vec<&'s str> {
    let lines = seen["headers"].as_array().into_iter().flatten();
    lines
        .filter_map(|line| line.as_str()?.split_once(": "))
        .filter(|(own, _)| *own == name)
        .map(|(_, value)| value)
        .collect()
}

/// An upstream that does with each connection what its script says.
pub(crate) struct Scripted {
    address: SocketAddr,
    task: AbortHandle,
    connections: Arc<Mutex<usize>>,
}

impl Scripted {
    /// Runs `script` for each connection, which is told how many there were before.
    pub(crate) async fn start<S, F>(script: S) -> Self
    where
        S: Fn(Wire, usize) -> F + Send + 'static,
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<Mutex<usize>>::default();
        let count = Arc::clone(&connections);
        let accept = async move {
            let mut tasks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let index = {
                    let mut count = count.lock().unwrap();
                    *count += 1;
                    *count - 1
                };
                tasks.spawn(script(Wire::new(stream), index));
            }
        };
        Self {
            address,
            task: tokio::spawn(accept).abort_handle(),
            connections,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The upstream's end of a connection, in bytes.
pub(crate) struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Wire {
    const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            received: Vec::new(),
        }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Reads until `end` has come, and returns everything up to there.
    pub(crate) async fn read_to(&mut self, end: &str) -> io::Result<String> {
        loop {
            let found = self
                .received
                .windows(end.len())
                .position(|part| part == end.as_bytes());
            if let Some(start) = found {
                let read = self.received.drain(..start + end.len()).collect();
                return String::from_utf8(read).map_err(io::Error::other);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads a request's head.
    pub(crate) async fn head(&mut self) -> io::Result<String> {
        self.read_to("\r\n\r\n").await
    }

    /// Reads until the gateway closes the connection, and returns what came.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        // An abort by a reset is an end as well.
        while matches!(self.stream.read_buf(&mut self.received).await, Ok(1..)) {}
        self.received
    }
}
