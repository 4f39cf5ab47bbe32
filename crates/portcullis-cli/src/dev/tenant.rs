use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::control_server::ControlServer;

/// The embedded tenant, listening.
pub(crate) struct TenantServer {
    server: ControlServer,
    issuer: Url,
    secure: Option<Secure>,
}

/// Where the tenant is reached by TLS, and whom to trust there.
#[derive(Clone, Debug)]
pub(crate) struct Secure {
    pub(crate) url: Url,
    /// The file with the authority's certificate.
    pub(crate) authority: PathBuf,
}

impl TenantServer {
    /// Serves `router` on the current runtime.
    ///
    /// # Errors
    /// When a listener has no address.
    pub(crate) fn start(
        listener: TcpListener,
        secure: Option<(Secure, TcpListener, TlsAcceptor)>,
        issuer: Url,
        router: Router,
    ) -> std::io::Result<Self> {
        let (secure, by_tls) = match secure {
            Some((secure, listener, acceptor)) => (Some(secure), Some((listener, acceptor))),
            None => (None, None),
        };
        let server = ControlServer::start_with(listener, by_tls, router)?;
        Ok(Self {
            server,
            issuer,
            secure,
        })
    }

    /// By TLS; absent where the file does not ask for it.
    pub(crate) const fn secure(&self) -> Option<&Secure> {
        self.secure.as_ref()
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
