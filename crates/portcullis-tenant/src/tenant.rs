use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Router, middleware};
use bytes::Bytes;
use portcullis::Clock;

use crate::host::Names;
use crate::registry::Registry;
use crate::settings::{Issuer, Settings, SettingsError};
use crate::{EndSession, KeyRing, LiveKeys, cors, discovery, guard, pages, token_endpoint};

/// An OpenID provider: its settings, checked and indexed, and its signing keys.
///
/// ```no_run
/// # use std::{path::Path, sync::Arc};
/// use portcullis::SystemClock;
/// use portcullis_tenant::{KeyRing, Settings, Tenant};
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = Settings {
///     issuer: "http://localhost:4000/".parse()?,
///     apis: Vec::new(),
///     applications: Vec::new(),
/// };
/// let keys = KeyRing::load_or_create(Path::new(".portcullis/tenant"))?;
/// let tenant = Tenant::new(settings, keys, Arc::new(SystemClock))?;
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
/// axum::serve(listener, tenant.router()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Tenant {
    pub(crate) issuer: Issuer,
    pub(crate) registry: Registry,
    pub(crate) keys: Arc<LiveKeys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) discovery: Bytes,
    names: Names,
}

impl Tenant {
    /// Checks `settings`. Tokens are dated by `clock`.
    ///
    /// # Errors
    /// The first thing in `settings` that cannot be meant, see [`SettingsError`].
    pub fn new(
        settings: Settings,
        keys: KeyRing,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let registry = Registry::new(settings.apis, settings.applications)?;
        let discovery = discovery::document(&settings.issuer).to_string().into();
        Ok(Self {
            issuer: settings.issuer,
            registry,
            keys: Arc::new(LiveKeys::new(keys)),
            clock,
            discovery,
            names: Names::Any,
        })
    }

    /// The keys, to be replaced while the tenant runs.
    pub fn keys(&self) -> Arc<LiveKeys> {
        Arc::clone(&self.keys)
    }

    /// Has the tenant answer 421 to requests for any host but this machine.
    ///
    /// For one that listens on a loopback address. A page of another site can have its own name
    /// lead there ("DNS rebinding"), and the browser would then let it read the answers; but it
    /// still sends that name.
    #[must_use]
    pub fn for_this_machine(mut self) -> Self {
        self.names = Names::ThisMachine;
        self
    }

    /// Has the discovery documents describe a tenant that people log in at.
    #[must_use]
    pub fn with_login(mut self, end_session: EndSession) -> Self {
        let document = discovery::login_document(&self.issuer, end_session);
        self.discovery = document.to_string().into();
        self
    }

    /// The provider's routes, to be served at the root of the issuer's host.
    pub fn router(self) -> Router {
        let names = self.names;
        let well_known = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(discovery::serve_document),
            )
            .route(
                "/.well-known/oauth-authorization-server",
                get(discovery::serve_document),
            )
            .route("/.well-known/jwks.json", get(discovery::serve_jwks))
            // Before the layer, which is to see preflights: the one below would come after it.
            .method_not_allowed_fallback(guard::method_not_allowed)
            .route_layer(middleware::from_fn(cors::for_anyone));
        Router::new()
            .merge(well_known)
            .route(pages::stylesheet_path(), get(pages::serve_stylesheet))
            .route("/oauth/token", post(token_endpoint::serve))
            .fallback(guard::not_found)
            .method_not_allowed_fallback(guard::method_not_allowed)
            .layer(middleware::from_fn_with_state(names, guard::apply))
            .with_state(Arc::new(self))
    }
}
