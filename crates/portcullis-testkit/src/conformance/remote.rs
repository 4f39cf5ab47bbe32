use std::task::{Context, Poll};

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portcullis::BoxFuture;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::Body;

/// A service that is reached by plain HTTP, for [`run`](super::run).
///
/// ```
/// use http::Response;
/// use portcullis::{Clock as _, SystemClock};
/// use portcullis_testkit::conformance::{self, Remote, Route};
/// use portcullis_testkit::{TestIssuer, TestServer, text};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Here it is a server that lets everybody in; it may be any service, in any language.
/// let server = TestServer::start(|_| async { Response::new(text("open")) }).await;
/// let issuer = TestIssuer::new();
/// let route = Route::get("/", &issuer).audience("https://expenses-api").at(SystemClock.now());
/// let report = conformance::run(Remote::at(&server.url()), &route).await;
/// assert_eq!(report.differences().len(), report.cases() - 2, "but for good tokens");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Remote {
    authority: Authority,
}

/// Why a remote service did not answer.
///
/// ```
/// # use portcullis_testkit::text;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis_testkit::conformance::{Remote, RemoteError};
/// use tower_service::Service as _;
///
/// // A port that was free a moment ago.
/// let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// let answer = Remote::at(&format!("http://{address}")).call(http::Request::new(text(""))).await;
/// assert!(matches!(answer, Err(RemoteError::Connect(_))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// No connection.
    #[error("could not connect")]
    Connect(#[source] std::io::Error),
    /// The connection broke, or the answer is not HTTP/1.1.
    #[error("no answer")]
    Answer(#[from] hyper::Error),
}

impl Remote {
    /// The service at `http://HOST:PORT`.
    ///
    /// ```
    /// # use http::{Request, Response};
    /// # use portcullis_testkit::conformance::Remote;
    /// # use portcullis_testkit::{TestServer, text};
    /// # use tower_service::Service as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = TestServer::start(|_| async { Response::new(text("hello")) }).await;
    /// let mut remote = Remote::at(&server.url());
    /// assert_eq!(remote.call(Request::new(text(""))).await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the address is not plain HTTP with a host and a port.
    pub fn at(base: &str) -> Self {
        let uri: Uri = base.parse().expect("the address is one");
        let authority = uri.authority().expect("the address has a host").clone();
        assert!(
            uri.scheme_str() == Some("http") && authority.port().is_some(),
            "the address is `http://HOST:PORT`, not `{base}`"
        );
        Self { authority }
    }
}

impl Service<Request<Body>> for Remote {
    type Response = Response<Incoming>;
    type Error = RemoteError;
    type Future = BoxFuture<'static, Result<Response<Incoming>, RemoteError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RemoteError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let authority = self.authority.clone();
        Box::pin(async move {
            let stream = TcpStream::connect(authority.as_str()).await;
            let stream = stream.map_err(RemoteError::Connect)?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            // It ends with the answer; what it says at its end is of no interest.
            tokio::spawn(async move { drop(connection.await) });
            let host = HeaderValue::from_str(authority.as_str());
            let host = host.expect("an authority is visible ASCII");
            request.headers_mut().insert(HOST, host);
            Ok(sender.send_request(request).await?)
        })
    }
}
