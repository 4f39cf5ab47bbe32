use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use url::Url;

use crate::control_server::ControlServer;

/// The embedded tenant, listening.
pub(crate) struct TenantServer {
    server: ControlServer,
    issuer: Url,
}

impl TenantServer {
    /// Serves `router` on the current runtime.
    ///
    /// # Errors
    /// When the listener has no address.
    pub(crate) fn start(
        listener: TcpListener,
        issuer: Url,
        router: Router,
    ) -> std::io::Result<Self> {
        let server = ControlServer::start(listener, router)?;
        Ok(Self { server, issuer })
    }

    /// Answers by `router` from the next request on.
    pub(crate) fn replace(&self, router: Router) {
        self.server.replace(router);
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its name, and its address as people type it.
    pub(crate) const fn issuer(&self) -> &Url {
        &self.issuer
    }

    /// Finishes requests under way, for at most `patience`.
    pub(crate) async fn stop(self, patience: Duration) {
        self.server.stop(patience).await;
    }
}
