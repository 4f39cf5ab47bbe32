use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use url::Url;

/// How long a caller may take to send a request's head, or to begin the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The embedded tenant, listening.
#[derive(Debug)]
pub(crate) struct TenantServer {
    issuer: Url,
    draining: watch::Sender<bool>,
    /// Closed when the last connection has ended.
    ended: mpsc::Receiver<Infallible>,
}

impl TenantServer {
    /// Serves `router` on the current runtime.
    pub(crate) fn start(listener: TcpListener, issuer: Url, router: Router) -> Self {
        let draining = watch::Sender::new(false);
        let (alive, ended) = mpsc::channel(1);
        tokio::spawn(accept(listener, router, draining.subscribe(), alive));
        Self {
            issuer,
            draining,
            ended,
        }
    }

    /// Its name, and its address.
    pub(crate) const fn issuer(&self) -> &Url {
        &self.issuer
    }

    /// Finishes requests under way, for at most `patience`.
    pub(crate) async fn stop(mut self, patience: Duration) {
        self.draining.send_replace(true);
        // What is not finished then ends with the runtime.
        drop(tokio::time::timeout(patience, self.ended.recv()).await);
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    mut draining: watch::Receiver<bool>,
    alive: mpsc::Sender<Infallible>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = begun(&mut draining) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, draining, alive) = (router.clone(), draining.clone(), alive.clone());
                tokio::spawn(async move {
                    serve(stream, router, draining).await;
                    drop(alive);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the tenant could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, router: Router, mut draining: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = begun(&mut draining) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to the tenant ended badly");
    }
}

/// Waits until the tenant is to stop, or is dropped.
async fn begun(draining: &mut watch::Receiver<bool>) {
    drop(draining.wait_for(|draining| *draining).await);
}
