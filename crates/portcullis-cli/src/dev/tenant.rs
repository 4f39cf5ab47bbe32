use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use portcullis_store::tenant::Database;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::control_server::ControlServer;

/// How long the database may take to write its log into its file.
const CLOSE: Duration = Duration::from_millis(300);

/// What answers for the tenant, and what it must close.
pub(crate) struct Provider {
    pub(crate) router: Router,
    pub(crate) database: Database,
}

/// The embedded tenant, listening.
pub(crate) struct TenantServer {
    server: ControlServer,
    database: Database,
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
    /// Serves `provider` on the current runtime.
    ///
    /// # Errors
    /// When a listener has no address.
    pub(crate) fn start(
        listener: TcpListener,
        secure: Option<(Secure, TcpListener, TlsAcceptor)>,
        issuer: Url,
        provider: Provider,
    ) -> std::io::Result<Self> {
        let (secure, by_tls) = match secure {
            Some((secure, listener, acceptor)) => (Some(secure), Some((listener, acceptor))),
            None => (None, None),
        };
        let server = ControlServer::start_with(listener, by_tls, provider.router)?;
        Ok(Self {
            server,
            database: provider.database,
            issuer,
            secure,
        })
    }

    /// By TLS; absent where the file does not ask for it.
    pub(crate) const fn secure(&self) -> Option<&Secure> {
        self.secure.as_ref()
    }

    /// Answers by `provider` from the next request on.
    pub(crate) fn replace(&mut self, provider: Provider) {
        self.server.replace(provider.router);
        // The former one's is closed with the last request that it answers.
        self.database = provider.database;
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its name, and its address as people type it.
    pub(crate) const fn issuer(&self) -> &Url {
        &self.issuer
    }

    /// Finishes requests under way, for at most `patience`, and closes the database.
    pub(crate) async fn stop(self, patience: Duration) {
        self.server.stop(patience).await;
        if tokio::time::timeout(CLOSE, self.database.close())
            .await
            .is_err()
        {
            tracing::debug!(
                "the tenant's database was left open: its log is read at the next start"
            );
        }
    }
}
