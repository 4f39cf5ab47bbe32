//! One connection to an upstream, and what is spoken on it.

use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio_rustls::TlsConnector;

use super::alarm::Alarm;
use super::places::Place;
use super::send_error::{SendError, is_by_tls};
use super::wire::Wire;
use crate::body::RequestBody;
use crate::this_thread::ThisThread;

/// The largest list of headers that is taken from an upstream over HTTP/2, in bytes.
const MAX_HEADER_LIST: u32 = 64 * 1024;

/// A connection that requests can be sent on.
pub(super) enum Connection {
    /// One request after the other.
    Http1 {
        sender: http1::SendRequest<RequestBody>,
        wire: Wire,
        /// When the wait for an answer is over.
        alarm: Alarm,
    },
    /// Many at the same time.
    Http2(http2::SendRequest<RequestBody>),
}

/// What `https` upstreams must prove: this name, by these rules.
pub(super) type Tls = (ServerName<'static>, Arc<ClientConfig>);

impl Connection {
    /// Connects, and begins HTTP/1.1. The name is looked up each time.
    ///
    /// The place is held until the connection ends, or is used for something else than HTTP.
    pub(super) async fn http1(
        host: (&str, u16),
        tls: Option<&Tls>,
        place: Option<Place>,
    ) -> Result<Self, SendError> {
        let wire = dial(host).await?;
        let sender = match tls {
            None => begin_http1(wire.clone(), place).await?,
            Some(tls) => begin_http1(encrypt(wire.clone(), tls).await?, place).await?,
        };
        Ok(Self::Http1 {
            sender,
            wire,
            alarm: Alarm::default(),
        })
    }

    /// Connects, and begins HTTP/2; over TLS, only where the upstream agrees to it.
    ///
    /// The place is held until the connection ends.
    pub(super) async fn http2(
        host: (&str, u16),
        tls: Option<&Tls>,
        place: Option<Place>,
    ) -> Result<Self, SendError> {
        let wire = dial(host).await?;
        let Some(tls) = tls else {
            return Ok(Self::Http2(begin_http2(wire, place).await?));
        };
        let stream = encrypt(wire, tls).await?;
        // RFC 9113 section 3.2: without `h2`, the other end expects HTTP/1.1.
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(SendError::NotHttp2);
        }
        Ok(Self::Http2(begin_http2(stream, place).await?))
    }

    /// Whether a request may be sent on it.
    pub(super) fn is_usable(&self) -> bool {
        match self {
            Self::Http1 { sender, wire, .. } => sender.is_ready() && wire.is_quiet(),
            Self::Http2(sender) => sender.is_ready(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Http1 { sender, .. } => sender.is_closed(),
            Self::Http2(sender) => sender.is_closed(),
        }
    }

    /// The timer of the connection; one of the request's own where it carries several.
    pub(super) fn take_alarm(&mut self) -> Alarm {
        match self {
            Self::Http1 { alarm, .. } => std::mem::take(alarm),
            Self::Http2(_) => Alarm::default(),
        }
    }

    /// Keeps the timer for the next request.
    pub(super) fn keep_alarm(&mut self, kept: Alarm) {
        if let Self::Http1 { alarm, .. } = self {
            *alarm = kept;
        }
    }

    /// Sends a request; the failure has it when nothing of it was written.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        match self {
            Self::Http1 { sender, .. } => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        }
    }
}

async fn dial(host: (&str, u16)) -> Result<Wire, SendError> {
    let stream = TcpStream::connect(host).await.map_err(SendError::Connect)?;
    stream.set_nodelay(true).map_err(SendError::Connect)?;
    Ok(Wire::new(stream))
}

async fn encrypt(
    wire: Wire,
    (name, config): &Tls,
) -> Result<tokio_rustls::client::TlsStream<Wire>, SendError> {
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(name.clone(), wire).await;
    stream.map_err(|error| {
        if is_by_tls(&error) {
            SendError::Tls(error)
        } else {
            SendError::Connect(error)
        }
    })
}

async fn begin_http1<S>(
    stream: S,
    place: Option<Place>,
) -> Result<http1::SendRequest<RequestBody>, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(SendError::Broken)?;
    spawn_local(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to an upstream ended");
        }
        drop(place);
    });
    Ok(sender)
}

async fn begin_http2<S>(
    stream: S,
    place: Option<Place>,
) -> Result<http2::SendRequest<RequestBody>, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = http2::Builder::new(ThisThread)
        .max_header_list_size(MAX_HEADER_LIST)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(SendError::Broken)?;
    spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to an upstream ended");
        }
        drop(place);
    });
    Ok(sender)
}
