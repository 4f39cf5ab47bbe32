//! A server of the control plane: the embedded tenant, the admin listener.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::Router;
use http::Request;
use http::uri::Scheme;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;

/// How long a caller may take to send a request's head, or to begin the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a caller may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many connections are open at once; others wait in the system's queue.
const MAX_CONNECTIONS: usize = 1024;

/// The tenant and the fetching of keys have threads of their own, apart from the data plane's.
pub(crate) fn control_plane() -> anyhow::Result<Runtime> {
    let mut builder = runtime::Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .thread_name("control")
        .enable_all();
    builder
        .build()
        .context("the threads of the control plane cannot be started")
}

/// A router, listening. It finds the caller's [`SocketAddr`] in the extensions of a request.
pub(crate) struct ControlServer {
    address: SocketAddr,
    router: Arc<ArcSwap<Router>>,
    draining: watch::Sender<bool>,
    /// Closed when the last connection has ended.
    ended: mpsc::Receiver<Infallible>,
}

impl ControlServer {
    /// Serves `router` on the current runtime.
    ///
    /// # Errors
    /// When the listener has no address.
    pub(crate) fn start(listener: TcpListener, router: Router) -> io::Result<Self> {
        Self::start_with(listener, None, router)
    }

    /// The same, by TLS as well where another listener is given for it.
    ///
    /// # Errors
    /// When a listener has no address.
    pub(crate) fn start_with(
        listener: TcpListener,
        secure: Option<(TcpListener, TlsAcceptor)>,
        router: Router,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let router = Arc::new(ArcSwap::from_pointee(router));
        let draining = watch::Sender::new(false);
        let (alive, ended) = mpsc::channel(1);
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let served = Arc::clone(&router);
        let server = Serving {
            router: served,
            room,
            draining: draining.subscribe(),
            _alive: alive,
        };
        if let Some((listener, acceptor)) = secure {
            tokio::spawn(accept(listener, Some(acceptor), server.clone()));
        }
        tokio::spawn(accept(listener, None, server));
        Ok(Self {
            address,
            router,
            draining,
            ended,
        })
    }

    /// Answers by `router` from the next request on.
    pub(crate) fn replace(&self, router: Router) {
        self.router.store(Arc::new(router));
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Finishes requests under way, for at most `patience`.
    pub(crate) async fn stop(mut self, patience: Duration) {
        self.draining.send_replace(true);
        // What is not finished then ends with the runtime.
        drop(tokio::time::timeout(patience, self.ended.recv()).await);
    }
}

/// What the listeners of a server share.
#[derive(Clone)]
struct Serving {
    router: Arc<ArcSwap<Router>>,
    room: Arc<Semaphore>,
    draining: watch::Receiver<bool>,
    /// Dropped with the last connection.
    _alive: mpsc::Sender<Infallible>,
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, mut server: Serving) {
    loop {
        let accepted = tokio::select! {
            accepted = accept_into(&listener, &server.room) => accepted,
            () = begun(&mut server.draining) => return,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let (acceptor, server) = (acceptor.clone(), server.clone());
                tokio::spawn(async move {
                    serve(stream, acceptor, peer, &server).await;
                    drop((server, place));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a server of the control plane could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    peer: SocketAddr,
    server: &Serving,
) {
    let (router, draining) = (Arc::clone(&server.router), server.draining.clone());
    let Some(acceptor) = acceptor else {
        return speak(stream, (Scheme::HTTP, peer), router, draining).await;
    };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => speak(stream, (Scheme::HTTPS, peer), router, draining).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake with the control plane failed");
        }
        Err(_) => tracing::debug!("a TLS handshake with the control plane took too long"),
    }
}

/// Accepts a connection when there is a place for one.
async fn accept_into(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned();
    let place = place.await.expect("nobody closes the semaphore");
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (scheme, peer): (Scheme, SocketAddr),
    router: Arc<ArcSwap<Router>>,
    mut draining: watch::Receiver<bool>,
) {
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        // Which of the two it is, a request's own URI does not say.
        request.extensions_mut().insert(scheme.clone());
        TowerToHyperService::new(Router::clone(&router.load())).call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = begun(&mut draining) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to the control plane ended badly");
    }
}

/// Waits until the server is to stop, or is dropped.
async fn begun(draining: &mut watch::Receiver<bool>) {
    drop(draining.wait_for(|draining| *draining).await);
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn ask(address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        stream
    }

    async fn is_answered(stream: &mut TcpStream, patience: Duration) -> bool {
        let mut version = [0; 8];
        let read = stream.read_exact(&mut version);
        let read = tokio::time::timeout(patience, read).await;
        matches!(read, Ok(Ok(_)))
    }

    #[tokio::test]
    async fn connections_wait_for_a_place() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let draining = watch::Sender::new(false);
        let (alive, _ended) = mpsc::channel(1);
        let room = Arc::new(Semaphore::new(2));
        let server = Serving {
            router: Arc::new(ArcSwap::from_pointee(Router::new())),
            room,
            draining: draining.subscribe(),
            _alive: alive,
        };
        tokio::spawn(accept(listener, None, server));

        let (mut first, mut second) = (ask(address).await, ask(address).await);
        let long = Duration::from_secs(20);
        assert!(is_answered(&mut first, long).await);
        assert!(is_answered(&mut second, long).await);
        let mut third = ask(address).await;
        assert!(!is_answered(&mut third, Duration::from_millis(200)).await);
        drop(first);
        assert!(is_answered(&mut third, long).await);
    }
}
