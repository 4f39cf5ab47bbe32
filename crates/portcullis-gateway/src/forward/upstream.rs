//! An upstream, compiled: its addresses, and what is known of each.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::HeaderValue;
use http::uri::Authority;
use portcullis_config::Protocol;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use url::Url;

use super::connection::{Connection, Tls};
use super::health::Health;
use super::places::{Place, Places};
use super::send_error::SendError;
use crate::tls::{ClientTls, TlsError};

/// Where requests are sent, compiled once.
///
/// It outlives the plan where the next one has the same: with it, connections and what is known of
/// the addresses.
pub(crate) struct Upstream {
    pub(crate) config: portcullis_config::Upstream,
    /// At least one.
    pub(crate) addresses: Box<[Address]>,
    /// The beginning of every path, without a slash at its end.
    pub(crate) base: String,
    /// The limit of connections, where there is one.
    pub(super) places: Option<Arc<Places>>,
    /// Of the files that TLS needs.
    tls_digest: Arc<str>,
    /// Whether somebody asks it already how it is.
    pub(super) is_checked: AtomicBool,
}

/// One of the places where an upstream is.
#[derive(Debug)]
pub(crate) struct Address {
    /// Protocol, scheme, host, port and identity: what connections are kept by.
    ///
    /// Whatever makes two connections differ belongs here.
    pub(super) key: Arc<str>,
    pub(crate) authority: Authority,
    /// What the `Host` header says: the authority.
    pub(crate) host_header: HeaderValue,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<Tls>,
    pub(crate) health: Health,
}

/// The address of an upstream cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the upstream `{0}` has no host that can be connected to")]
pub struct BadUpstream(pub(crate) Url);

/// Why an upstream could not be prepared. The configuration's or the machine's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(BadUpstream),
    /// TLS cannot be set up on this machine, or not with these files.
    #[error("TLS cannot be set up")]
    Tls(#[source] TlsError),
}

impl Upstream {
    /// Prepares the upstream; `tls` is asked for only when it is https.
    pub(crate) fn new(
        config: &portcullis_config::Upstream,
        tls: impl FnOnce() -> Result<ClientTls, TlsError>,
    ) -> Result<Self, UpstreamError> {
        let is_https = config.urls.iter().any(|url| url.scheme() == "https");
        let tls = is_https.then(tls).transpose().map_err(UpstreamError::Tls)?;
        let addresses = config.urls.iter();
        let addresses = addresses
            .map(|url| {
                let address = Address::new(config, url, tls.as_ref());
                address.ok_or_else(|| UpstreamError::Address(BadUpstream(url.clone())))
            })
            .collect::<Result<_, _>>()?;
        let base = config.urls.first().map_or("", Url::path);
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            addresses,
            places: config
                .max_connections
                .map(|most| Arc::new(Places::new(most))),
            tls_digest: tls.map_or_else(Arc::default, |tls| tls.digest),
            is_checked: AtomicBool::new(false),
            config: config.clone(),
        })
    }

    /// The scheme of its addresses.
    pub(crate) fn scheme(&self) -> &'static str {
        let is_https = self.addresses.iter().any(|address| address.tls.is_some());
        if is_https { "https" } else { "http" }
    }

    /// Whether it is the same, files and all.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.config == other.config && self.tls_digest == other.tls_digest
    }

    /// Connects to one of its addresses; the place is held until the connection ends.
    pub(super) async fn connect(
        &self,
        address: &Address,
        place: Option<Place>,
    ) -> Result<Connection, SendError> {
        let patience = self.config.connect_timeout;
        match timeout(patience, self.dial(address, place)).await {
            Ok(connection) => connection,
            Err(_) => Err(SendError::ConnectTimeout(patience)),
        }
    }

    async fn dial(&self, address: &Address, place: Option<Place>) -> Result<Connection, SendError> {
        let host = (address.host.as_str(), address.port);
        let tls = address.tls.as_ref();
        match self.config.protocol {
            Protocol::Http1 => Connection::http1(host, tls, place).await,
            Protocol::Http2 => Connection::http2(host, tls, place).await,
        }
    }
}

impl Address {
    fn new(
        config: &portcullis_config::Upstream,
        url: &Url,
        tls: Option<&ClientTls>,
    ) -> Option<Self> {
        // `url` writes an IPv6 address in brackets; a socket address has none.
        let host = url.host_str()?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = config.tls.server_name.as_deref().unwrap_or(host);
        let identity = tls.map_or_else(String::new, |tls| format!(" {} {name}", tls.digest));
        let origin = url.origin().ascii_serialization();
        let tls = match tls {
            None => None,
            Some(tls) => {
                let name = ServerName::try_from(name.to_owned()).ok()?;
                Some((name, Arc::clone(&tls.config)))
            }
        };
        Some(Self {
            key: format!("{:?} {origin}{identity}", config.protocol).into(),
            authority: url.authority().parse().ok()?,
            host_header: HeaderValue::from_str(url.authority()).ok()?,
            host: host.to_owned(),
            port: url.port_or_known_default()?,
            tls,
            health: Health::default(),
        })
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.config.protocol, self.config)
    }
}
