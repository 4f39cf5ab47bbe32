//! The names of what the gateway tells the world about itself: constants, nothing else.

/// The target of the access log: one event for each answered request, at level debug.
///
/// Its fields are `request_id`, `method`, `path`, `status`, `reason` and `duration_us`.
pub const ACCESS: &str = "portcullis::access";

/// The header that carries a request's id to upstreams and callers.
pub(crate) const REQUEST_ID: &str = "x-request-id";
