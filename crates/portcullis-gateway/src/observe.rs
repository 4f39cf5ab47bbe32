//! What the gateway tells the world about itself, and the names it has for that.

mod access;
mod instruments;
mod observation;
mod observed;
mod render;
mod series;
mod span;
mod trace_context;
mod verifications;

pub(crate) use self::instruments::Instruments;
pub use self::instruments::Metrics;
pub(crate) use self::observation::{Observation, Watch};
pub(crate) use self::observed::Observed;
pub use self::span::{Batch, Spans};
pub(crate) use self::trace_context::TraceIds;

/// The target of the access log: one event for each answered request, at level debug.
///
/// Its fields are `request_id`, `trace_id`, `method`, `host`, `route`, `path`, `status`, `bytes`,
/// `duration_us`, `upstream_status`, `upstream_duration_us`, `api`, `authorizer`, `issuer`,
/// `subject`, `client_id`, `policy` and `reason`; those that a request does not have are left out.
pub const ACCESS: &str = "portcullis::access";

/// The header that carries a request's id to upstreams and callers.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// The names of metrics, as Prometheus has them.
pub(crate) mod metric {
    pub(crate) const SERVER_DURATION: &str = "http_server_request_duration_seconds";
    pub(crate) const CLIENT_DURATION: &str = "http_client_request_duration_seconds";
    pub(crate) const DECISIONS: &str = "portcullis_decisions_total";
    pub(crate) const LIMIT_DECISIONS: &str = "portcullis_limit_decisions_total";
    pub(crate) const JWKS_FETCHES: &str = "portcullis_jwks_fetch_total";
    pub(crate) const JWKS_AGE: &str = "portcullis_jwks_age_seconds";
    pub(crate) const JWKS_KEYS: &str = "portcullis_jwks_keys";
    pub(crate) const JWKS_STALE: &str = "portcullis_jwks_stale";
    pub(crate) const VERIFICATIONS: &str = "portcullis_verifications_total";
    pub(crate) const VERIFICATION_DURATION: &str = "portcullis_verification_duration_seconds";
    pub(crate) const CACHE_LOOKUPS: &str = "portcullis_token_cache_lookups_total";
    pub(crate) const CACHE_EVICTIONS: &str = "portcullis_token_cache_evictions_total";
    pub(crate) const CACHE_ENTRIES: &str = "portcullis_token_cache_entries";
    pub(crate) const CONNECTIONS: &str = "portcullis_connections_open";
    pub(crate) const UPSTREAM_HEALTHY: &str = "portcullis_upstream_healthy";
    pub(crate) const GENERATION: &str = "portcullis_config_generation";
    pub(crate) const RELOADED: &str = "portcullis_config_last_reload_successful";
    pub(crate) const LOST_SPANS: &str = "portcullis_spans_lost_total";
    pub(crate) const LOST_LINES: &str = "portcullis_log_lines_lost_total";
}
