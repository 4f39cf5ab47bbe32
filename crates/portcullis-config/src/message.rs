use crate::api::ErrorBodies;

/// Other words for one reason in the bodies of one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The style.
    pub errors: ErrorBodies,
    /// The reason's code, as logs and `explain` name it.
    pub code: String,
    /// One printable line of at most 200 characters.
    pub text: String,
}

/// The codes of refusals that are not about a credential.
///
/// The gateway, which has the refusals, holds its own codes against these in a test.
pub const GATEWAY_CODES: &[&str] = &[
    "bad_path",
    "bad_host",
    "bad_framing",
    "bad_header",
    "bad_body",
    "head_too_large",
    "body_timeout",
    "request_timeout",
    "no_route",
    "body_too_large",
    "store_full",
    "upstream_unreachable",
    "upstream_timeout",
    "upstream_tls",
    "upstream_full",
    "function_failed",
    "function_timeout",
    "function_busy",
    "policy_missing",
    "policy_unknown",
    "policy_scopes",
    "policy_api",
    "policy_endpoint",
    "policy_expired",
    "policy_identity",
    "rate_exceeded",
    "quota_exceeded",
];
