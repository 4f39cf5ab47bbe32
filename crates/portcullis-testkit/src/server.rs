use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

/// A body as a [`TestServer`] sends it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http_body_util::BodyExt as _;
/// use portcullis_testkit::{Body, text};
///
/// let body: Body = text("hello");
/// assert_eq!(body.collect().await?.to_bytes(), "hello");
/// # Ok(())
/// # }
/// ```
pub type Body = BoxBody<Bytes, Infallible>;

/// A body of this text.
///
/// ```
/// use http_body::Body as _;
///
/// assert_eq!(portcullis_testkit::text("hello").size_hint().exact(), Some(5));
/// ```
pub fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed()
}

/// An HTTP/1.1 server on a free port of 127.0.0.1, which ends when it is dropped.
///
/// ```
/// use http::Response;
/// use portcullis_testkit::{TestServer, text};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = TestServer::start(|_| async { Response::new(text("{}")) }).await;
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// # }
/// ```
#[derive(Debug)]
pub struct TestServer {
    address: SocketAddr,
    task: AbortHandle,
}

impl TestServer {
    /// Answers every request by `handler`, on the current tokio runtime.
    ///
    /// ```
    /// # use http::{Request, Response};
    /// # use portcullis_testkit::conformance::Remote;
    /// # use portcullis_testkit::{TestServer, text};
    /// # use tower_service::Service as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = TestServer::start(|request| async move {
    ///     let mut answer = Response::new(text("{}"));
    ///     answer.headers_mut().insert("path", request.uri().path().parse().unwrap());
    ///     answer
    /// })
    /// .await;
    /// let request = Request::get("/reports").body(text(""))?;
    /// let answer = Remote::at(&server.url()).call(request).await?;
    /// assert_eq!(answer.headers()["path"], "/reports");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener.local_addr().expect("the listener is bound");
        let task = tokio::spawn(accept(listener, handler)).abort_handle();
        Self { address, task }
    }

    /// The address it listens on.
    ///
    /// ```
    /// # use http::Response;
    /// # use portcullis_testkit::{TestServer, text};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = TestServer::start(|_| async { Response::new(text("")) }).await;
    /// assert!(server.address().ip().is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    ///
    /// ```
    /// # use http::Response;
    /// # use portcullis_testkit::{TestServer, text};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = TestServer::start(|_| async { Response::new(text("")) }).await;
    /// assert_eq!(server.url(), format!("http://127.0.0.1:{}", server.address().port()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<H, F>(listener: TcpListener, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    // Dropped with this task, so that no connection outlives the server.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let handler = handler.clone();
        let service = service_fn(move |request| {
            let answer = handler(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        connections.spawn(async move {
            // A client that goes away is its own affair.
            drop(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
        while connections.try_join_next().is_some() {}
    }
}
