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

/// What clients do to log a user out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndSession {
    /// `end_session_endpoint` is published, and `/oidc/logout` is used.
    #[default]
    Published,
    /// It is not, and Auth0's SDKs use `/v2/logout`: the toggle
    /// `oidc_logout.rp_logout_end_session_endpoint_discovery` is off.
    Hidden,
}

/// What a tenant that people log in at describes (OpenID Connect Discovery 1.0 section 3,
/// RFC 8414 section 2).
///
/// The list is Auth0's without what this tenant does not do: no PKCE method `plain`, no response
/// type with an access token, no algorithm but RS256.
pub(crate) fn login_document(issuer: &Issuer, end_session: EndSession) -> Value {
    let mut document = json!({
        "issuer": issuer.as_str(),
        "authorization_endpoint": issuer.endpoint("authorize"),
        "token_endpoint": issuer.endpoint("oauth/token"),
        "device_authorization_endpoint": issuer.endpoint("oauth/device/code"),
        "userinfo_endpoint": issuer.endpoint("userinfo"),
        "jwks_uri": issuer.endpoint(".well-known/jwks.json"),
        "revocation_endpoint": issuer.endpoint("oauth/revoke"),
        "scopes_supported": [
            "openid", "profile", "offline_access", "name", "given_name", "family_name", "nickname",
            "email", "email_verified", "picture",
        ],
        // Spelled and ordered as clients compare them.
        "response_types_supported": ["code", "id_token", "code id_token"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": [
            "authorization_code", "implicit", "refresh_token", "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        // Auth0's own SDKs take this list for the algorithms of access tokens, too.
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic", "client_secret_post", "private_key_jwt", "none",
        ],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "claims_supported": [
            "aud", "auth_time", "email", "email_verified", "exp", "family_name", "given_name",
            "iat", "iss", "name", "nickname", "picture", "sid", "sub", "updated_at",
        ],
        // Absent would mean true (Discovery 1.0 section 3).
        "request_uri_parameter_supported": false,
        "request_parameter_supported": false,
    });
    if end_session == EndSession::Published {
        document["end_session_endpoint"] = issuer.endpoint("oidc/logout").into();
    }
    document
}

/// What a tenant that nobody logs in at describes.
///
/// It names only what works. Discovery 1.0 requires `authorization_endpoint` and
/// `response_types_supported`; RFC 8414 section 2 makes the first optional where no grant type
/// uses it, and its section 3.2 has members without elements left out.
pub(crate) fn document(issuer: &Issuer) -> Value {
    json!({
        "issuer": issuer.as_str(),
        "token_endpoint": issuer.endpoint("oauth/token"),
        "jwks_uri": issuer.endpoint(".well-known/jwks.json"),
        "grant_types_supported": [GrantType::ClientCredentials.name()],
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
    cacheable(tenant.keys.load().jwks.clone())
}

fn cacheable(json: Bytes) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, CACHING)],
        json,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What openid-client and express-openid-connect look for, literally.
    #[test]
    fn a_login_is_described_for_the_clients_that_check_it() {
        let issuer = "https://tenant.example/".parse().unwrap();
        let document = login_document(&issuer, EndSession::Published);
        for (member, value) in [
            ("id_token_signing_alg_values_supported", "RS256"),
            ("response_types_supported", "code id_token"),
            ("response_types_supported", "id_token"),
            ("response_types_supported", "code"),
            ("response_modes_supported", "form_post"),
            ("code_challenge_methods_supported", "S256"),
            ("token_endpoint_auth_methods_supported", "none"),
        ] {
            let list = document[member].as_array().unwrap();
            assert!(list.contains(&value.into()), "{member} lacks {value}");
        }
        for (member, path) in [
            ("issuer", ""),
            ("authorization_endpoint", "authorize"),
            ("token_endpoint", "oauth/token"),
            ("device_authorization_endpoint", "oauth/device/code"),
            ("userinfo_endpoint", "userinfo"),
            ("jwks_uri", ".well-known/jwks.json"),
            ("revocation_endpoint", "oauth/revoke"),
            ("end_session_endpoint", "oidc/logout"),
        ] {
            assert_eq!(document[member], issuer.endpoint(path), "{member}");
        }
        assert!(!document.to_string().contains("plain"));
        assert!(!document.to_string().contains("HS256"));
    }

    #[test]
    fn the_end_of_a_session_can_be_hidden() {
        let issuer = "https://tenant.example/".parse().unwrap();
        let mut published = login_document(&issuer, EndSession::Published);
        let hidden = login_document(&issuer, EndSession::Hidden);
        assert_ne!(published, hidden);
        published
            .as_object_mut()
            .unwrap()
            .remove("end_session_endpoint");
        assert_eq!(published, hidden);
    }
}
