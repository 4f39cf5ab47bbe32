//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use portcullis_config::Limits;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::activity::{Activity, Answer, Expired, Waits};
use super::preface::{self, Begun, Protocol};
use super::{Phase, Shared, reached};
use crate::body::Body;
use crate::client_certificate;
use crate::patience::Patient;
use crate::request::{self, Deps, Peer};
use crate::this_thread::ThisThread;

/// How long a connection without a request is kept when the gateway drains: the next request may
/// be on its way, and closing would answer it with a reset.
const LINGER: Duration = Duration::from_millis(250);
/// How long a caller is given to take the answer that ends its connection.
const FAREWELL: Duration = Duration::from_secs(1);

/// The head that hyper's parser takes without memory of its own for each request.
const COUNT_WITHOUT_COST: usize = 100;
const STREAMS: u32 = 100;
const FRAME: u32 = 16 * 1024;
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that the caller reset before they were looked at, and those that we had to reset.
const RESETS_UNSEEN: usize = 20;
const RESETS_OF_OURS: usize = 100;
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Everything that a connection needs.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) shared: Arc<Shared>,
    pub(super) deps: Rc<Deps>,
    pub(super) phase: watch::Receiver<Phase>,
    /// How many TLS handshakes of this thread may be under way.
    pub(super) handshakes: Rc<tokio::sync::Semaphore>,
}

/// Why a connection ended before it should.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("the connection broke")]
    Io(#[from] io::Error),
    #[error("the caller took too long for its handshake or its first bytes")]
    Slow(#[from] tokio::time::error::Elapsed),
    #[error("the connection did not keep to HTTP")]
    Http(#[from] hyper::Error),
    #[error("the caller cancels its requests")]
    Abused,
}

pub(super) async fn serve(context: Context, stream: TcpStream, peer: IpAddr) {
    let _open = context.deps.instruments.open_connection();
    let result = match stream.set_nodelay(true) {
        Ok(()) => serve_stream(&context, stream, peer).await,
        Err(error) => Err(error.into()),
    };
    if let Err(error) = result {
        tracing::debug!(error = %portcullis::Chain(&error), "a connection ended badly");
    }
}

async fn serve_stream(
    context: &Context,
    stream: TcpStream,
    address: IpAddr,
) -> Result<(), ConnectionError> {
    let limits = context.shared.plan.load().limits.clone();
    let stream = Patient::new(stream);
    let Some(tls) = context.shared.tls.load_full() else {
        return serve_clear(context, &limits, stream, address).await;
    };
    let handshake = async {
        let place = context.handshakes.acquire().await;
        let stream = TlsAcceptor::from(tls.server_config()).accept(stream).await;
        drop(place);
        stream
    };
    let stream = tokio::select! {
        stream = timeout(limits.head_timeout, handshake) => stream??,
        () = leave_silent(context.phase.clone()) => return Ok(()),
    };
    let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let chain = stream.get_ref().1.peer_certificates();
    let leaf = chain.and_then(|chain| chain.first());
    let certificate = leaf.and_then(|leaf| client_certificate::thumbprint(leaf));
    let peer = Peer::new(address, "https").with_certificate(certificate);
    let activity = Activity::begin();
    let stream = Begun::new(Vec::new(), stream, Arc::clone(&activity));
    if speaks_http2 {
        serve_http2(context, &limits, stream, peer, activity).await
    } else {
        serve_http1(context, &limits, stream, peer, activity).await
    }
}

/// Without TLS, the first bytes say what is spoken ("prior knowledge", RFC 9113 section 3.3).
async fn serve_clear(
    context: &Context,
    limits: &Limits,
    mut stream: Patient<TcpStream>,
    address: IpAddr,
) -> Result<(), ConnectionError> {
    let detected = tokio::select! {
        detected = timeout(limits.head_timeout, preface::detect(&mut stream)) => detected??,
        () = leave_silent(context.phase.clone()) => return Ok(()),
    };
    let (protocol, first) = detected;
    let (activity, peer) = (Activity::begin(), Peer::new(address, "http"));
    let stream = Begun::new(first, stream, Arc::clone(&activity));
    match protocol {
        Protocol::Http1 => serve_http1(context, limits, stream, peer, activity).await,
        Protocol::Http2 => serve_http2(context, limits, stream, peer, activity).await,
    }
}

async fn leave_silent(phase: watch::Receiver<Phase>) {
    reached(phase, Phase::Draining).await;
    tokio::time::sleep(LINGER).await;
}

async fn serve_http1<S>(
    context: &Context,
    limits: &Limits,
    stream: Begun<S>,
    peer: Peer,
    activity: Arc<Activity>,
) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    let bytes = usize::try_from(limits.headers).unwrap_or(usize::MAX);
    builder.header_read_timeout(None).max_header_size(bytes);
    if limits.header_count != COUNT_WITHOUT_COST {
        builder.max_headers(limits.header_count);
    }
    let service = service(context, peer, &activity);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = connection.with_upgrades();
    let ended = drive(Pin::new(&mut connection), context, limits, &activity).await?;
    // Behind half an answer, another one would be taken for its rest.
    if ended == Some(Expired::Head)
        && !activity.is_blocked()
        && let Some(parts) = connection.into_parts()
    {
        let mut stream = parts.io.into_inner().into_inner();
        let farewell = async {
            stream.write_all(REQUEST_TIMEOUT).await?;
            stream.shutdown().await
        };
        timeout(FAREWELL, farewell).await??;
    }
    Ok(())
}

async fn serve_http2<S>(
    context: &Context,
    limits: &Limits,
    stream: Begun<S>,
    peer: Peer,
    activity: Arc<Activity>,
) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut builder = http2::Builder::new(ThisThread);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(limits.headers)
        .max_frame_size(FRAME)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS_UNSEEN)
        .max_local_error_reset_streams(RESETS_OF_OURS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    let service = service(context, peer, &activity);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = drive(connection.as_mut(), context, limits, &activity).await?;
    if ended.is_some() {
        connection.as_mut().shut_down();
        timeout(FAREWELL, connection).await??;
    }
    Ok(())
}

fn service(
    context: &Context,
    peer: Peer,
    activity: &Arc<Activity>,
) -> impl HttpService<Incoming, ResBody = Answer, Error = Infallible, Future: 'static> + use<> {
    let (shared, deps) = (Arc::clone(&context.shared), Rc::clone(&context.deps));
    let activity = Arc::clone(activity);
    service_fn(move |request: Request<Incoming>| {
        let under_way = activity.request();
        let (plan, deps) = (shared.plan.load_full(), Rc::clone(&deps));
        let activity = Arc::clone(&activity);
        async move {
            let version = request.version();
            let total = plan.limits.request_timeout;
            let deadline = total.map(|total| Instant::now() + total);
            let answer = request::serve(&plan, &deps, request, peer, deadline).await;
            let (mut response, seen) = answer;
            if activity.drains() && version < Version::HTTP_2 {
                announce_end(&mut response);
            }
            Ok(response.map(|body| Answer::new(under_way, seen, body, deadline)))
        }
    })
}

/// Tells the caller not to send another request here (RFC 9112 section 9.6).
fn announce_end(response: &mut Response<Body>) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
}

/// Runs the connection until it ends, or has waited for its caller for long enough.
///
/// # Errors
/// When the connection broke, or the caller abuses it.
async fn drive<C: Connection>(
    mut connection: Pin<&mut C>,
    context: &Context,
    limits: &Limits,
    activity: &Activity,
) -> Result<Option<Expired>, ConnectionError> {
    let waits = Waits {
        head: limits.head_timeout,
        idle: limits.idle_timeout,
    };
    let phase = context.phase.clone();
    let mut draining = pin!(reached(phase.clone(), Phase::Draining));
    let mut is_watched = false;
    let mut shut_down = false;
    let mut timer = pin!(sleep_until(Instant::now() + waits.head.min(waits.idle)));
    poll_fn(|poll| {
        // Polled once, it wakes this task when there is something to see: each time takes a lock.
        let may_drain = !is_watched || !matches!(phase.has_changed(), Ok(false));
        is_watched = true;
        if !activity.drains() && may_drain && draining.as_mut().poll(poll).is_ready() {
            activity.drain();
        }
        if let Poll::Ready(result) = connection.as_mut().poll(poll) {
            return Poll::Ready(result.map(|()| None).map_err(Into::into));
        }
        if activity.is_abused() {
            return Poll::Ready(Err(ConnectionError::Abused));
        }
        loop {
            let expiry = activity.deadline(waits);
            let leave = (activity.drains() && !shut_down)
                .then(|| leaving::<C>(activity))
                .flatten();
            if leave.is_some_and(|leave| leave <= Instant::now()) {
                connection.as_mut().shut_down();
                shut_down = true;
                if let Poll::Ready(result) = connection.as_mut().poll(poll) {
                    return Poll::Ready(result.map(|()| None).map_err(Into::into));
                }
                continue;
            }
            let next = leave.into_iter().chain(expiry.map(|(at, _)| at)).min();
            if let Some(next) = next
                && next < timer.deadline()
            {
                timer.as_mut().reset(next);
            }
            if timer.as_mut().poll(poll).is_pending() {
                return Poll::Pending;
            }
            if let Some((at, why)) = activity.deadline(waits)
                && at <= Instant::now()
            {
                return Poll::Ready(Ok(Some(why)));
            }
            let latest = Instant::now() + waits.head.max(waits.idle);
            timer
                .as_mut()
                .reset(next.filter(|next| *next > Instant::now()).unwrap_or(latest));
        }
    })
    .await
}

/// When a connection is told that the gateway drains.
fn leaving<C: Connection>(activity: &Activity) -> Option<Instant> {
    match C::PROTOCOL {
        Protocol::Http2 => Some(activity.idle_since()),
        // Its answer will say so, and ends the connection.
        Protocol::Http1 => activity.is_idle().then(|| activity.idle_since() + LINGER),
    }
}

/// What the two versions of HTTP have in common.
trait Connection: Future<Output = hyper::Result<()>> {
    const PROTOCOL: Protocol;
    fn shut_down(self: Pin<&mut Self>);
}

impl<I, S> Connection for http1::UpgradeableConnection<I, S>
where
    S: HttpService<Incoming, ResBody = Answer, Error = Infallible>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    const PROTOCOL: Protocol = Protocol::Http1;

    fn shut_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Connection for http2::Connection<I, S, ThisThread>
where
    S: HttpService<Incoming, ResBody = Answer, Error = Infallible, Future: 'static>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    const PROTOCOL: Protocol = Protocol::Http2;

    fn shut_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
