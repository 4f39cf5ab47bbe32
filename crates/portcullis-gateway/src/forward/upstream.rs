//! Connections to one upstream: kept per thread, so that a request takes no lock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use portcullis_config::Protocol;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::connection::{Connection, Tls};
use super::websocket;
use crate::body::{Body, BodyError, RequestBody, Timed};

/// Kept per thread and upstream; more are closed after use.
const MAX_IDLE: usize = 64;
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);
/// `WebSocket`s of one thread at the same time, to all upstreams.
const MAX_WEBSOCKETS: usize = 4096;

/// Where requests are sent, compiled once.
pub(crate) struct Upstream {
    /// Protocol, scheme, host and port: what connections are kept by.
    ///
    /// Whatever makes two connections differ belongs here.
    key: Arc<str>,
    /// What the `Host` header says.
    pub(crate) authority: HeaderValue,
    /// The beginning of every path, without a slash at its end.
    pub(crate) base: String,
    pub(crate) protocol: Protocol,
    /// Whether the caller's `Host` is kept instead of `authority`.
    pub(crate) preserve_host: bool,
    host: String,
    port: u16,
    tls: Option<Tls>,
    connect_timeout: Duration,
    /// How long it may take to answer once it has the whole request.
    answer_timeout: Duration,
    /// How long it may send nothing in the middle.
    pub(super) idle_timeout: Duration,
}

/// Why no answer came from an upstream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("could not connect")]
    Connect(#[source] std::io::Error),
    #[error("could not connect in {} ms", .0.as_millis())]
    ConnectTimeout(Duration),
    #[error("the upstream does not speak HTTP/2")]
    NotHttp2,
    #[error("the connection broke before an answer came")]
    Broken(#[source] hyper::Error),
    #[error("no answer in {} ms", .0.as_millis())]
    AnswerTimeout(Duration),
    #[error("the upstream switched to a protocol that nobody asked for")]
    Switched,
    #[error("{MAX_WEBSOCKETS} WebSockets are open on this thread")]
    Full,
}

/// A request that got no answer on one connection.
struct Failed {
    error: SendError,
    /// The request, when nothing of it was written.
    unsent: Option<Box<Request<RequestBody>>>,
}

impl From<SendError> for Failed {
    fn from(error: SendError) -> Self {
        Self {
            error,
            unsent: None,
        }
    }
}

/// The address of an upstream cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the upstream `{0}` has no host that can be connected to")]
pub struct BadUpstream(pub(crate) Url);

impl Upstream {
    /// Prepares the upstream; `tls` is asked for only when it is https.
    pub(crate) fn new(
        config: &portcullis_config::Upstream,
        tls: impl FnOnce() -> Result<Arc<ClientConfig>, rustls::Error>,
    ) -> Result<Self, UpstreamError> {
        let url = &config.url;
        let bad = || UpstreamError::Address(BadUpstream(url.clone()));
        let host = url.host_str().ok_or_else(bad)?;
        // `url` writes an IPv6 address in brackets; a socket address has none.
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let port = url.port_or_known_default().ok_or_else(bad)?;
        let tls = match url.scheme() {
            "https" => {
                let name = ServerName::try_from(host.clone()).map_err(|_| bad())?;
                Some((name, tls().map_err(UpstreamError::Tls)?))
            }
            _ => None,
        };
        let origin = url.origin().ascii_serialization();
        Ok(Self {
            key: format!("{:?} {origin}", config.protocol).into(),
            authority: HeaderValue::from_str(url.authority()).map_err(|_| bad())?,
            base: url.path().trim_end_matches('/').to_owned(),
            protocol: config.protocol,
            preserve_host: config.preserve_host,
            host,
            port,
            tls,
            connect_timeout: config.connect_timeout,
            answer_timeout: config.answer_timeout,
            idle_timeout: config.idle_timeout,
        })
    }

    /// The scheme of its address.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    async fn connect(&self) -> Result<Connection, SendError> {
        match timeout(self.connect_timeout, self.dial()).await {
            Ok(connection) => connection,
            Err(_) => Err(SendError::ConnectTimeout(self.connect_timeout)),
        }
    }

    async fn dial(&self) -> Result<Connection, SendError> {
        let host = (self.host.as_str(), self.port);
        match self.protocol {
            Protocol::Http1 => Connection::http1(host, self.tls.as_ref()).await,
            Protocol::Http2 => Connection::http2(host, self.tls.as_ref()).await,
        }
    }
}

/// Why an upstream could not be prepared. The configuration's or the machine's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(BadUpstream),
    /// TLS cannot be set up on this machine.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// One thread's connections to all upstreams.
#[derive(Debug)]
pub(crate) struct Pools {
    by_key: RefCell<HashMap<Arc<str>, Rc<Pool>>>,
    websockets: Arc<Semaphore>,
}

impl Default for Pools {
    fn default() -> Self {
        Self {
            by_key: RefCell::default(),
            websockets: Arc::new(Semaphore::new(MAX_WEBSOCKETS)),
        }
    }
}

/// One thread's connections to one upstream that may carry another request.
#[derive(Default)]
struct Pool {
    /// Those that carry none; the one used last comes first.
    idle: RefCell<Vec<Idle>>,
    /// The one that carries several at the same time.
    shared: RefCell<Option<http2::SendRequest<RequestBody>>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// A connection in use, which goes back to its pool when the answer's body has ended.
///
/// Dropped before that, it is closed: what is left on it is not the beginning of an answer.
pub(crate) struct Lease {
    pool: Rc<Pool>,
    connection: Option<Connection>,
}

/// What an upstream answered to one that asks for `WebSocket`.
pub(super) enum Switch {
    /// It switches: bytes from here on. The place is held as long.
    Agreed(Response<Incoming>, OwnedSemaphorePermit),
    /// It answers as it would answer any request.
    Declined(Response<Body>),
}

impl Pools {
    /// Sends `request`, on a kept connection where there is one.
    ///
    /// A kept connection may have been closed by the upstream in the meantime. A request of which
    /// nothing was written is then sent on another connection, and so is one that may be repeated
    /// (RFC 9110 section 9.2.2), once and on a fresh connection.
    pub(crate) async fn send(
        &self,
        upstream: &Upstream,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Body>, SendError> {
        let pool = self.pool(upstream);
        while let Some(kept) = pool.take() {
            let copy = repeatable(&request);
            let Failed { error, unsent } = match pool.send_on(upstream, kept, request).await {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            match (unsent, copy) {
                (Some(unsent), _) => request = *unsent,
                (None, Some(copy)) if error.is_end() => {
                    request = copy;
                    break;
                }
                _ => return Err(error),
            }
        }
        let fresh = upstream.connect().await?;
        pool.share(&fresh);
        let answer = pool.send_on(upstream, fresh, request).await;
        answer.map_err(|failed| failed.error)
    }

    /// Sends a request to switch to `WebSocket`, on a connection that carries nothing else, ever.
    pub(super) async fn switch(
        &self,
        upstream: &Upstream,
        request: Request<RequestBody>,
    ) -> Result<Switch, SendError> {
        let place = Arc::clone(&self.websockets).try_acquire_owned();
        let place = place.map_err(|_| SendError::Full)?;
        let mut connection = upstream.connect().await?;
        let answer = connection.answer(request, upstream.answer_timeout).await;
        let response = answer.map_err(|failed| failed.error)?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && websocket::switches(response.headers())
        {
            return Ok(Switch::Agreed(response, place));
        }
        // A pool that nobody knows: the connection is closed when the answer has ended.
        let nowhere = Rc::new(Pool::default());
        let answer = nowhere.respond(upstream, connection, response);
        answer.map(Switch::Declined)
    }

    fn pool(&self, upstream: &Upstream) -> Rc<Pool> {
        let mut pools = self.by_key.borrow_mut();
        if let Some(pool) = pools.get(&upstream.key) {
            return Rc::clone(pool);
        }
        Rc::clone(pools.entry(Arc::clone(&upstream.key)).or_default())
    }
}

/// A copy of the request, when sending it twice does what sending it once does.
fn repeatable(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(RequestBody::empty());
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    Some(copy)
}

/// Waits for `answer`, as long as the request's own body moves and a while after that.
async fn answer_in_time<F: Future + Unpin>(
    mut answer: F,
    patience: Duration,
    last_progress: impl Fn() -> Instant,
) -> Option<F::Output> {
    loop {
        let deadline = last_progress() + patience;
        match timeout_at(deadline, &mut answer).await {
            Ok(output) => return Some(output),
            Err(_) if last_progress() + patience > deadline => {}
            Err(_) => return None,
        }
    }
}

impl Connection {
    async fn answer(
        &mut self,
        request: Request<RequestBody>,
        patience: Duration,
    ) -> Result<Response<Incoming>, Failed> {
        let progress = request.body().progress();
        let answer = std::pin::pin!(self.send(request));
        match answer_in_time(answer, patience, || progress.last()).await {
            None => Err(SendError::AnswerTimeout(patience).into()),
            Some(Ok(response)) => Ok(response),
            Some(Err(mut error)) => Err(Failed {
                unsent: error.take_message().map(Box::new),
                error: SendError::Broken(error.into_error()),
            }),
        }
    }
}

impl Pool {
    /// A connection for one more request, when there is one.
    fn take(&self) -> Option<Connection> {
        if let Some(shared) = self.shared.borrow().clone() {
            return Some(Connection::Http2(shared)).filter(Connection::is_usable);
        }
        let mut idle = self.idle.borrow_mut();
        // Whatever is not usable now never will be: it ended, is too old, or says what nobody asked.
        while let Some(Idle { connection, since }) = idle.pop() {
            if since.elapsed() < MAX_IDLE_TIME && connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    fn put(&self, connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= MAX_IDLE {
            idle.retain(|idle| {
                !idle.connection.is_closed() && idle.since.elapsed() < MAX_IDLE_TIME
            });
        }
        if idle.len() < MAX_IDLE && !connection.is_closed() {
            idle.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }

    /// Lets others use the connection at the same time, where its protocol can do that.
    fn share(&self, connection: &Connection) {
        if let Connection::Http2(sender) = connection {
            self.shared.replace(Some(sender.clone()));
        }
    }

    /// Sends the request on this connection, which the answer then holds until it has ended.
    async fn send_on(
        self: &Rc<Self>,
        upstream: &Upstream,
        mut connection: Connection,
        request: Request<RequestBody>,
    ) -> Result<Response<Body>, Failed> {
        match connection.answer(request, upstream.answer_timeout).await {
            Ok(response) => Ok(self.respond(upstream, connection, response)?),
            Err(failed) => {
                // The connection may be at fault: others go another way. A caller whose body is at
                // fault must not take the connection away from the others.
                if BodyError::find_in(&failed.error).is_none() {
                    self.shared.replace(None);
                }
                Err(failed)
            }
        }
    }

    fn respond(
        self: &Rc<Self>,
        upstream: &Upstream,
        connection: Connection,
        mut response: Response<Incoming>,
    ) -> Result<Response<Body>, SendError> {
        // `Upgrade` is removed from every request that is not to become a WebSocket.
        if response.status().is_informational() {
            return Err(SendError::Switched);
        }
        let mut lease = Lease {
            pool: Rc::clone(self),
            connection: match connection {
                Connection::Http1 { .. } => Some(connection),
                // The pool has it already.
                Connection::Http2(_) => None,
            },
        };
        // RFC 9112 section 2.3: the version is that of this hop.
        *response.version_mut() = Version::HTTP_11;
        Ok(response.map(|body| {
            if body.is_end_stream() {
                lease.end();
            }
            Body::Upstream {
                body: Timed::new(body, upstream.idle_timeout),
                lease,
            }
        }))
    }
}

impl Lease {
    /// The answer has ended: the connection may carry another request.
    pub(crate) fn end(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.put(connection);
        }
    }
}

impl SendError {
    /// Whether the connection ended where an answer should begin.
    fn is_end(&self) -> bool {
        matches!(self, Self::Broken(error) if !error.is_parse())
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.key, self.base)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} idle", self.idle.borrow().len())
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("ended", &self.connection.is_none())
            .finish_non_exhaustive()
    }
}
