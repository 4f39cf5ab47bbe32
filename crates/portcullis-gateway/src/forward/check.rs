//! Asks the addresses of upstreams how they are, on the control plane and with nobody's credentials.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri, Version};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis::Chain;
use portcullis_config::{HealthCheck, Protocol};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::upstream::{Address, Upstream};

/// How the gateway calls itself.
const NAME: HeaderValue = HeaderValue::from_static("portcullis-health");

/// Why an address is not well.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("could not connect")]
    Connect(#[source] io::Error),
    #[error("the connection broke before an answer came")]
    Broken(#[source] hyper::Error),
    #[error("no answer in time")]
    Timeout,
    #[error("the answer was {0}")]
    Status(u16),
    #[error("the question cannot be asked")]
    Question(#[source] http::Error),
}

/// Asks each address until the upstream is gone; nobody where the file does not say how, and where
/// somebody does already.
///
/// # Panics
/// Outside of a tokio runtime, where the file says how.
pub(crate) fn start(upstream: &Arc<Upstream>) {
    if upstream.config.health.is_none() || upstream.is_checked.swap(true, Ordering::Relaxed) {
        return;
    }
    for index in 0..upstream.addresses.len() {
        tokio::spawn(check(Arc::downgrade(upstream), index));
    }
}

/// How many answers in a row were as good as the last one.
#[derive(Debug, Default)]
struct Row {
    is_good: bool,
    length: u32,
}

impl Row {
    /// Adds an answer; what the row says, when it is long enough.
    fn add(&mut self, is_good: bool, check: &HealthCheck) -> Option<bool> {
        if self.is_good != is_good {
            *self = Self { is_good, length: 0 };
        }
        self.length = self.length.saturating_add(1);
        let enough = if is_good {
            check.healthy
        } else {
            check.unhealthy
        };
        (self.length >= enough).then_some(is_good)
    }
}

async fn check(upstream: Weak<Upstream>, index: usize) {
    let mut row = Row::default();
    // Whoever has no plan with the upstream any more lets it go.
    while let Some(upstream) = upstream.upgrade() {
        let (Some(check), Some(address)) = (&upstream.config.health, upstream.addresses.get(index))
        else {
            return;
        };
        let asked = timeout(check.timeout, ask(&upstream, address, &check.path)).await;
        let answer = asked.unwrap_or(Err(CheckError::Timeout));
        if let Some(is_well) = row.add(answer.is_ok(), check)
            && address.health.checked(is_well)
        {
            tell(&upstream, address, &answer);
        }
        let every = check.every;
        drop(upstream);
        sleep(every).await;
    }
}

fn tell(upstream: &Upstream, address: &Address, answer: &Result<(), CheckError>) {
    let address = &address.authority;
    match answer {
        Ok(()) => tracing::info!(?upstream, %address, "an address of an upstream is well again"),
        Err(error) => {
            let error = Chain(error);
            tracing::warn!(?upstream, %address, %error, "an address of an upstream is not well");
        }
    }
}

async fn ask(upstream: &Upstream, address: &Address, path: &str) -> Result<(), CheckError> {
    let host = (address.host.as_str(), address.port);
    let stream = TcpStream::connect(host)
        .await
        .map_err(CheckError::Connect)?;
    let answer = match &address.tls {
        None => exchange(stream, upstream, address, path).await?,
        Some((name, config)) => {
            let connector = TlsConnector::from(Arc::clone(config));
            let stream = connector.connect(name.clone(), stream).await;
            exchange(
                stream.map_err(CheckError::Connect)?,
                upstream,
                address,
                path,
            )
            .await?
        }
    };
    match answer.status().as_u16() {
        200..=399 => Ok(()),
        status => Err(CheckError::Status(status)),
    }
}

async fn exchange<S>(
    stream: S,
    upstream: &Upstream,
    address: &Address,
    path: &str,
) -> Result<Response<Incoming>, CheckError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let question = question(upstream, address, path).map_err(CheckError::Question)?;
    match upstream.config.protocol {
        Protocol::Http1 => {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(CheckError::Broken)?;
            drive(connection, sender.send_request(question)).await
        }
        Protocol::Http2 => {
            let (mut sender, connection) =
                http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                    .await
                    .map_err(CheckError::Broken)?;
            drive(connection, sender.send_request(question)).await
        }
    }
}

/// Waits for the answer, as long as the connection does its part.
async fn drive(
    connection: impl Future<Output = Result<(), hyper::Error>>,
    answer: impl Future<Output = Result<Response<Incoming>, hyper::Error>>,
) -> Result<Response<Incoming>, CheckError> {
    let mut answer = std::pin::pin!(answer);
    let answer = tokio::select! {
        answer = &mut answer => answer,
        // The answer may be the last thing that it has brought.
        ended = connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(error),
        },
    };
    answer.map_err(CheckError::Broken)
}

fn question(
    upstream: &Upstream,
    address: &Address,
    path: &str,
) -> Result<Request<Empty<Bytes>>, http::Error> {
    let question = Request::get(path).header(USER_AGENT, NAME);
    let question = match upstream.config.protocol {
        Protocol::Http1 => question.header(HOST, address.host_header.clone()),
        Protocol::Http2 => {
            let uri = Uri::builder()
                .scheme(upstream.scheme())
                .authority(address.authority.clone())
                .path_and_query(path)
                .build()?;
            question.uri(uri).version(Version::HTTP_2)
        }
    };
    question.body(Empty::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_a_row_decide() {
        let check = HealthCheck {
            path: "/".to_owned(),
            every: HealthCheck::EVERY,
            timeout: HealthCheck::TIMEOUT,
            healthy: 2,
            unhealthy: 3,
        };
        let mut row = Row::default();
        for (is_good, expected) in [
            (false, None),
            (false, None),
            (true, None),
            (false, None),
            (false, None),
            (false, Some(false)),
            (false, Some(false)),
            (true, None),
            (true, Some(true)),
            (false, None),
        ] {
            assert_eq!(row.add(is_good, &check), expected);
        }
    }
}
