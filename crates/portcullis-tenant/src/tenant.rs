use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::routing::get;
use axum::{Router, middleware};
use portcullis::Clock;
use portcullis_store::tenant::{Database, DatabaseError};

use crate::address_rate::{AddressLimits, Unproven};
use crate::caller::{Caller, Proxies};
use crate::discovery::Discovery;
use crate::host::Names;
use crate::keys::kept;
use crate::passwords::{PasswordError, Passwords};
use crate::registry::Registry;
use crate::settings::{Issuer, Options, Settings, SettingsError};
use crate::token_rate::{TokenLimits, TooMany};
use crate::{
    KeptError, KeyRing, LiveKeys, Sealer, activation, authorize, cors, database_connections,
    discovery, guard, logout, management, pages, password_reset, purging, seed, token_endpoint,
    userinfo,
};

/// How many passwords are checked at once: one core of the usual two is left for the rest.
const PASSWORDS_AT_ONCE: NonZeroUsize = NonZeroUsize::MIN;

/// An OpenID provider: its settings, its database and its signing keys.
///
/// ```no_run
/// # use std::{path::Path, sync::Arc};
/// use portcullis::SystemClock;
/// use portcullis_store::tenant::Database;
/// use portcullis_tenant::{KeyRing, Options, People, Settings, Tenant};
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = Settings {
///     issuer: "http://localhost:4000/".parse()?,
///     apis: Vec::new(),
///     applications: Vec::new(),
///     people: People::default(),
///     options: Options::default(),
/// };
/// let keys = KeyRing::load_or_create(Path::new(".portcullis/tenant"))?;
/// let database = Database::open("sqlite://.portcullis/tenant/tenant.db").await?;
/// let tenant = Tenant::open(settings, keys, database, Arc::new(SystemClock)).await?;
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
/// axum::serve(listener, tenant.router()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Tenant {
    pub(crate) issuer: Issuer,
    pub(crate) keys: Arc<LiveKeys>,
    pub(crate) database: Database,
    /// Of logins.
    pub(crate) passwords: Passwords,
    /// Of people who choose one.
    pub(crate) new_passwords: Passwords,
    /// Of applications, where somebody chose them.
    pub(crate) client_secrets: Passwords,
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) discovery: Discovery,
    /// Other names of its host.
    pub(crate) aliases: Vec<String>,
    /// What seals the keys in the database; absent where they are not there.
    pub(crate) sealer: Option<Sealer>,
    pub(crate) token_limits: TokenLimits,
    address_limits: AddressLimits,
    pub(crate) proxies: Proxies,
    names: Names,
}

/// Why a tenant cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// Something in the settings cannot be meant.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// What the settings say could not be written.
    #[error("the tenant's database cannot be used")]
    Database(#[from] DatabaseError),
    /// No password could be hashed.
    #[error("no password can be hashed on this machine")]
    Passwords(#[from] PasswordError),
    /// A user's password could not be hashed.
    #[error("the password of {email:?} cannot be used")]
    Password {
        /// The user.
        email: String,
        /// Why.
        #[source]
        cause: PasswordError,
    },
}

impl Tenant {
    /// Checks `settings`, and writes the APIs, applications and users that they name into `database`.
    ///
    /// What is there already and has the same identifiers is replaced. What earlier settings named
    /// and these do not is deleted, with its sessions and tokens; the rest stays. Tokens are
    /// dated by `clock`. It takes the time of one password's hash, and of one more for each user.
    ///
    /// # Errors
    /// See [`TenantError`]. Settings are checked before anything is written.
    pub async fn open(
        settings: Settings,
        keys: KeyRing,
        database: Database,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TenantError> {
        Registry::new(&settings.apis, &settings.applications)?;
        let passwords = Passwords::new(PASSWORDS_AT_ONCE)?;
        seed::write(&database, &settings, &passwords, clock.now()).await?;
        management::write_system(&database, &settings.issuer, clock.now()).await?;
        let discovery = Discovery::new(discovery::document(&settings.issuer));
        Ok(Self {
            issuer: settings.issuer,
            keys: Arc::new(LiveKeys::new(keys)),
            database,
            new_passwords: passwords.beside(),
            client_secrets: passwords.beside(),
            passwords,
            address_limits: AddressLimits::new(settings.options.address_rates),
            proxies: Proxies::default(),
            token_limits: TokenLimits::new(settings.options.token_rate),
            options: settings.options,
            clock,
            discovery,
            aliases: Vec::new(),
            sealer: None,
            names: Names::Any,
        })
    }

    /// The keys, to be replaced while the tenant runs.
    pub fn keys(&self) -> Arc<LiveKeys> {
        Arc::clone(&self.keys)
    }

    /// Keeps the signing keys in the database, sealed, so that they can be rotated there.
    ///
    /// The first time, those with which the tenant was opened are put there; from then on, those
    /// of the database are used.
    ///
    /// # Errors
    /// [`KeptError`] when the keys that are there cannot be had.
    pub async fn with_kept_keys(self, sealer: Sealer) -> Result<Self, KeptError> {
        let now = i64::try_from(self.clock.now().0).unwrap_or(i64::MAX);
        let keys = kept::load(&self.database, &sealer, &self.keys.load().ring, now).await?;
        self.keys.replace(keys);
        Ok(Self {
            sealer: Some(sealer),
            ..self
        })
    }

    /// Where the tenant keeps what it knows.
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// Who hashes and checks its users' passwords.
    pub const fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// Seconds since 1970, as the database counts them.
    pub(crate) fn now(&self) -> i64 {
        i64::try_from(self.clock.now().0).unwrap_or(i64::MAX)
    }

    /// Whether only people at this machine can ask, who may be told what helps them to mend it.
    pub(crate) fn is_local(&self) -> bool {
        self.names.are_local()
    }

    /// Has the tenant answer 421 to requests for any host but this machine and those of `others`.
    ///
    /// For one that listens on a loopback address. A page of another site can have its own name
    /// lead there ("DNS rebinding"), and the browser would then let it read the answers; but it
    /// still sends that name.
    #[must_use]
    pub fn for_this_machine(mut self, others: Vec<String>) -> Self {
        self.names = Names::ThisMachine(others.into());
        self
    }

    /// Has the tenant believe what these peers say in `X-Forwarded-For` of where a request is from.
    ///
    /// Attempts are counted by that address; without it, everybody behind a proxy is one place.
    #[must_use]
    pub fn behind(mut self, is_proxy: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        self.proxies = Proxies::new(is_proxy);
        self
    }

    /// Counts what is to be written for a caller who has proven nothing.
    pub(crate) fn charge(&self, what: Unproven, caller: &Caller) -> Result<(), TooMany> {
        let now = self.clock.now_exact();
        self.address_limits.charge(what, &caller.ip, now)
    }

    /// Has the discovery documents describe a tenant that people log in at.
    #[must_use]
    pub fn with_login(mut self) -> Self {
        let document = discovery::login_document(&self.issuer, self.options.end_session);
        self.discovery = Discovery::new(document);
        self
    }

    /// Has the discovery documents name an alias to those who ask by it, where programs call.
    ///
    /// For programs to which the issuer's host is another one, as `localhost` is to a container.
    #[must_use]
    pub fn with_aliases(self, aliases: Vec<String>) -> Self {
        Self { aliases, ..self }
    }

    /// The provider's routes, to be served at the root of the issuer's host.
    ///
    /// A task of the runtime deletes what has ended, as long as the router is there.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn router(self) -> Router {
        let tenant = Arc::new(self);
        tokio::spawn(purging::run(Arc::downgrade(&tenant)));
        let names = tenant.names.clone();
        let management = management::router(&tenant.issuer);
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
            .merge(management)
            .merge(authorize::routes())
            .merge(userinfo::routes(&tenant))
            .merge(logout::routes())
            .merge(database_connections::routes(&tenant))
            .merge(password_reset::routes())
            .route(pages::stylesheet_path(), get(pages::serve_stylesheet))
            .merge(token_endpoint::router(&tenant))
            .merge(activation::routes())
            .fallback(guard::not_found)
            .method_not_allowed_fallback(guard::method_not_allowed)
            .layer(middleware::from_fn_with_state(names, guard::apply))
            .with_state(tenant)
    }
}
