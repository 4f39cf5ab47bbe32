//! Connections to one upstream: kept per thread, so that a request takes no lock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::body::{Body, RequestBody, Timed};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an upstream may take to answer once it has the whole request.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// Kept per thread and upstream; more are closed after use.
const MAX_IDLE: usize = 64;
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);

/// Where requests are sent, compiled once.
pub(crate) struct Upstream {
    /// Scheme, host and port: what connections are kept by.
    origin: Arc<str>,
    /// What the `Host` header says.
    pub(crate) authority: String,
    /// The beginning of every path, without a slash at its end.
    pub(crate) base: String,
    host: String,
    port: u16,
    tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
}

/// Why no answer came from an upstream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("could not connect")]
    Connect(#[source] std::io::Error),
    #[error("could not connect in {} s", CONNECT_TIMEOUT.as_secs())]
    ConnectTimeout,
    #[error("the connection broke before an answer came")]
    Broken(#[source] hyper::Error),
    #[error("no answer in {} s", ANSWER_TIMEOUT.as_secs())]
    AnswerTimeout,
    #[error("the upstream switched to a protocol that nobody asked for")]
    Switched,
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
    /// Prepares the address; `tls` is asked for only when it is https.
    pub(crate) fn new(
        url: &Url,
        tls: impl FnOnce() -> Result<Arc<ClientConfig>, rustls::Error>,
    ) -> Result<Self, UpstreamError> {
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
        Ok(Self {
            origin: url.origin().ascii_serialization().into(),
            authority: url.authority().to_owned(),
            base: url.path().trim_end_matches('/').to_owned(),
            host,
            port,
            tls,
        })
    }

    async fn connect(&self) -> Result<SendRequest<RequestBody>, SendError> {
        match timeout(CONNECT_TIMEOUT, self.dial()).await {
            Ok(sender) => sender,
            Err(_) => Err(SendError::ConnectTimeout),
        }
    }

    async fn dial(&self) -> Result<SendRequest<RequestBody>, SendError> {
        let address = (self.host.as_str(), self.port);
        let stream = TcpStream::connect(address)
            .await
            .map_err(SendError::Connect)?;
        stream.set_nodelay(true).map_err(SendError::Connect)?;
        match &self.tls {
            None => handshake(stream).await,
            Some((name, config)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), stream).await;
                handshake(stream.map_err(SendError::Connect)?).await
            }
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

async fn handshake<S>(stream: S) -> Result<SendRequest<RequestBody>, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(SendError::Broken)?;
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to an upstream ended");
        }
    });
    Ok(sender)
}

/// One thread's connections to all upstreams.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    by_origin: RefCell<HashMap<Arc<str>, Rc<Pool>>>,
}

/// One thread's idle connections to one upstream; the one used last comes first.
#[derive(Default)]
struct Pool {
    idle: RefCell<Vec<Idle>>,
}

struct Idle {
    sender: SendRequest<RequestBody>,
    since: Instant,
}

/// A connection in use, which goes back to its pool when the answer's body has ended.
///
/// Dropped before that, it is closed: what is left on it is not the beginning of an answer.
pub(crate) struct Lease {
    pool: Rc<Pool>,
    sender: Option<SendRequest<RequestBody>>,
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
            let Failed { error, unsent } = match pool.send_on(kept, request).await {
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
        let answer = pool.send_on(fresh, request).await;
        answer.map_err(|failed| failed.error)
    }

    fn pool(&self, upstream: &Upstream) -> Rc<Pool> {
        let mut pools = self.by_origin.borrow_mut();
        if let Some(pool) = pools.get(&upstream.origin) {
            return Rc::clone(pool);
        }
        Rc::clone(pools.entry(Arc::clone(&upstream.origin)).or_default())
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
    last_progress: impl Fn() -> Instant,
) -> Option<F::Output> {
    loop {
        let deadline = last_progress() + ANSWER_TIMEOUT;
        match timeout_at(deadline, &mut answer).await {
            Ok(output) => return Some(output),
            Err(_) if last_progress() + ANSWER_TIMEOUT > deadline => {}
            Err(_) => return None,
        }
    }
}

impl Pool {
    fn take(&self) -> Option<SendRequest<RequestBody>> {
        let mut idle = self.idle.borrow_mut();
        let usable = |idle: &Idle| idle.sender.is_ready() && idle.since.elapsed() < MAX_IDLE_TIME;
        let index = idle.iter().rposition(usable)?;
        Some(idle.remove(index).sender)
    }

    fn put(&self, sender: SendRequest<RequestBody>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= MAX_IDLE {
            idle.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < MAX_IDLE_TIME);
        }
        if idle.len() < MAX_IDLE && !sender.is_closed() {
            idle.push(Idle {
                sender,
                since: Instant::now(),
            });
        }
    }

    /// Sends the request on this connection, which the answer then holds until it has ended.
    async fn send_on(
        self: &Rc<Self>,
        mut sender: SendRequest<RequestBody>,
        request: Request<RequestBody>,
    ) -> Result<Response<Body>, Failed> {
        let progress = request.body().progress();
        let answer = std::pin::pin!(sender.try_send_request(request));
        match answer_in_time(answer, || progress.last()).await {
            None => Err(SendError::AnswerTimeout.into()),
            // Nobody is asked to switch: `Upgrade` is removed from every request.
            Some(Ok(response)) if response.status().is_informational() => {
                Err(SendError::Switched.into())
            }
            Some(Ok(response)) => Ok(self.lease(sender, response)),
            Some(Err(mut error)) => Err(Failed {
                unsent: error.take_message().map(Box::new),
                error: SendError::Broken(error.into_error()),
            }),
        }
    }

    fn lease(
        self: &Rc<Self>,
        sender: SendRequest<RequestBody>,
        mut response: Response<Incoming>,
    ) -> Response<Body> {
        let mut lease = Lease {
            pool: Rc::clone(self),
            sender: Some(sender),
        };
        // RFC 9112 section 2.3: the version is that of this hop.
        *response.version_mut() = Version::HTTP_11;
        response.map(|body| {
            if body.is_end_stream() {
                lease.end();
            }
            Body::Upstream {
                body: Timed::new(body),
                lease,
            }
        })
    }
}

impl Lease {
    /// The answer has ended: the connection may carry another request.
    pub(crate) fn end(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.pool.put(sender);
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
        write!(f, "{}{}", self.origin, self.base)
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
            .field("ended", &self.sender.is_none())
            .finish_non_exhaustive()
    }
}
