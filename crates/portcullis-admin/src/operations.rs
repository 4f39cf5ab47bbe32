use std::fmt;
use std::net::SocketAddr;

use http::HeaderMap;
use portcullis::{BoxFuture, KeyStatus};
use portcullis_token::UnixTime;
use serde_json::Value;

/// The target of the log's lines about changes: who, what and with which result.
pub const AUDIT: &str = "portcullis::audit";

/// What the admin listener may ask of a gateway.
pub trait Operations: Send + Sync + 'static {
    /// Whether requests should be sent here: once every authorizer has had its keys, and no longer
    /// when the gateway was told to end.
    fn is_ready(&self) -> bool;

    /// How the gateway is at this moment.
    fn health(&self) -> Health;

    /// What is counted, in Prometheus' text format, version 0.0.4.
    fn metrics(&self) -> String;

    /// The routes, as a program reads them.
    fn routes(&self) -> Value;

    /// Reads the file again; `peer` is who has asked.
    ///
    /// # Errors
    /// [`NotReloaded`]; the gateway serves as before.
    ///
    /// # Cancel safety
    /// Safe: what was begun goes on, and nobody is told how it ends.
    fn reload(&self, peer: Option<SocketAddr>) -> BoxFuture<'_, Result<Reloaded, NotReloaded>>;

    /// Decides about a request as the gateway would, and tells every step.
    fn explain(&self, question: Question) -> BoxFuture<'_, Value>;
}

/// How a gateway is.
#[derive(Clone, Debug)]
pub struct Health {
    /// The number of the configuration that serves; the one of the start is 1.
    pub generation: u64,
    /// Absent before the first one.
    pub last_reload: Option<LastReload>,
    /// In the order of the file.
    pub authorizers: Vec<AuthorizerKeys>,
    /// Those of each API.
    pub upstreams: Vec<UpstreamState>,
}

/// How one address of an upstream is.
#[derive(Clone, Debug)]
pub struct UpstreamState {
    /// The API's name in the file.
    pub api: String,
    /// Host and port.
    pub address: String,
    /// Whether requests are sent there as if nothing had happened.
    pub is_healthy: bool,
    /// How many requests in a row got no answer.
    pub failures: u32,
}

/// The keys of one authorizer.
#[derive(Clone, Debug)]
pub struct AuthorizerKeys {
    /// The authorizer's name in the file.
    pub name: String,
    /// The keys of each of its issuers.
    pub issuers: Vec<KeyStatus>,
}

/// How the file was last read again.
#[derive(Clone, Copy, Debug)]
pub struct LastReload {
    /// What caused it: `file`, `SIGHUP` or `admin`.
    pub trigger: &'static str,
    /// When it ended.
    pub at: UnixTime,
    /// Whether the gateway serves by what was read.
    pub succeeded: bool,
}

/// The gateway serves by the file as it is.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// The number of the configuration that serves.
    pub generation: u64,
    /// Settings that differ from what the process was started with, and take a restart.
    pub restart_needed: Vec<&'static str>,
}

/// Why the gateway serves as before.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotReloaded {
    /// The file has errors.
    #[error("the configuration has errors")]
    Invalid {
        /// Each with its line, as `portcullis check --format json` has them.
        diagnostics: Value,
    },
    /// A file cannot be read, or not be used on this machine.
    #[error("{0}")]
    Failed(String),
    /// The gateway is ending.
    #[error("the gateway is ending")]
    Ending,
}

/// A request to decide about. It is not sent anywhere.
#[derive(Clone)]
pub struct Question {
    /// The method, as in `GET`.
    pub method: String,
    /// The path, and the query where there is one, in which a token may be.
    pub target: String,
    /// All headers; those with credentials are marked as sensitive.
    pub headers: HeaderMap,
    /// The SHA-256 of the client certificate that the caller has shown.
    pub certificate: Option<[u8; 32]>,
}

/// Without the query and the headers, which may hold a token.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
