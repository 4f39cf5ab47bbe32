use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::Tenant;
use crate::settings::{GrantType, Issuer};

/// Long enough to spare the tenant a crowd, short enough that a replaced key is out of every
/// cache a quarter of a minute later. Planned rotation needs no haste: the next key is published
/// long before it signs.
const CACHING: &str = "public, max-age=15";

/// The provider's description (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).
///
/// It names only what works. Discovery 1.0 requires `authorization_endpoint` and
/// `response_types_supported`; RFC 8414 section 2 makes the first optional where no grant type
/// uses it, and its section 3.2 has members without elements left out.
pub(crate) fn document(issuer: &Issuer) -> Value {
    json!({
        "issuer": issuer.as_str(),
        "token_endpoint": issuer.endpoint("oauth/token"),
        "jwks_uri": issuer.endpoint(".well-known/jwks.json"),
        "grant_types_supported": GrantType::ALL.map(GrantType::name),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "subject_types_supported": ["public"],
        // Auth0's own SDKs take this list for the algorithms of access tokens, too.
        "id_token_signing_alg_values_supported": ["RS256"],
        // Absent would mean true (Discovery 1.0 section 3).
        "request_uri_parameter_supported": false,
        "request_parameter_supported": false,
    })
}

pub(crate) async fn serve_document(State(tenant): State<Arc<Tenant>>) -> impl IntoResponse {
    cacheable(tenant.discovery.clone())
}

pub(crate) async fn serve_jwks(State(tenant): State<Arc<Tenant>>) -> impl IntoResponse {
    cacheable(tenant.jwks.clone())
}

fn cacheable(json: Bytes) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, CACHING)],
        json,
    )
}
