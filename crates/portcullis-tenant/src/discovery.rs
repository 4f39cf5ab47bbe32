use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::uri::{Authority, Scheme};
use http::{Extensions, HeaderMap};
use serde_json::{Value, json};

use crate::Tenant;
use crate::settings::{GrantType, Issuer};

/// Long enough to spare the tenant a crowd, short enough that a replaced key is out of every
/// cache a quarter of a minute later. Planned rotation needs no haste: the next key is published
/// long before it signs.
const CACHING: &str = "public, max-age=15";

/// The endpoints that programs call themselves; browsers are sent to the others.
const CALLED: [&str; 5] = [
    "token_endpoint",
    "device_authorization_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "revocation_endpoint",
];

/// The document, as it is for those who ask by the issuer's name.
#[derive(Debug)]
pub(crate) struct Discovery {
    document: Value,
    json: Bytes,
}

impl Discovery {
    pub(crate) fn new(document: Value) -> Self {
        let json = document.to_string().into();
        Self { document, json }
    }

    /// The document for a program that reaches the tenant at `origin` only, such as a container.
    ///
    /// The issuer stays, for tokens have it, and so does what its users' browsers are sent to.
    fn called_at(&self, issuer: &Issuer, origin: &str) -> Value {
        let mut document = self.document.clone();
        for name in CALLED {
            let endpoint = self.document[name].as_str();
            let path = endpoint.and_then(|endpoint| endpoint.strip_prefix(issuer.as_str()));
            if let Some(path) = path {
                document[name] = format!("{origin}{path}").into();
            }
        }
        document
    }
}

/// The root by which the tenant was asked, where that is one of its aliases'.
///
/// Nothing but a port is taken from the request: whoever writes `Host` must not choose where
/// clients send their secrets.
fn alias_origin(
    issuer: &Issuer,
    aliases: &[String],
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let authority: Authority = host.parse().ok()?;
    let mut aliases = aliases.iter();
    let alias = aliases.find(|alias| alias.eq_ignore_ascii_case(authority.host()))?;
    let is_secure = match extensions.get::<Scheme>() {
        Some(scheme) => *scheme == Scheme::HTTPS,
        None => issuer.as_str().starts_with("https:"),
    };
    let scheme = if is_secure { "https" } else { "http" };
    Some(match authority.port_u16() {
        Some(port) => format!("{scheme}://{alias}:{port}/"),
        None => format!("{scheme}://{alias}/"),
    })
}

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

pub(crate) async fn serve_document(
    State(tenant): State<Arc<Tenant>>,
    request: Request,
) -> impl IntoResponse {
    let (issuer, aliases) = (&tenant.issuer, &tenant.aliases);
    let origin = alias_origin(issuer, aliases, request.headers(), request.extensions());
    cacheable(match origin {
        Some(origin) => tenant
            .discovery
            .called_at(issuer, &origin)
            .to_string()
            .into(),
        None => tenant.discovery.json.clone(),
    })
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
    fn who_asks_by_an_alias_calls_that_alias() {
        let issuer: Issuer = "https://tenant.example/".parse().unwrap();
        let aliases = ["portcullis".to_owned()];
        for (host, scheme, expected) in [
            ("portcullis:4000", None, Some("https://portcullis:4000/")),
            (
                "Portcullis:4000",
                Some(Scheme::HTTP),
                Some("http://portcullis:4000/"),
            ),
            (
                "portcullis",
                Some(Scheme::HTTPS),
                Some("https://portcullis/"),
            ),
            ("tenant.example", None, None),
            ("evil.example", None, None),
            ("portcullis.evil.example", None, None),
            ("portcullis@evil.example", None, None),
            ("portcullis:x", None, Some("https://portcullis/")),
            ("", None, None),
        ] {
            let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            let mut extensions = Extensions::new();
            if let Some(scheme) = scheme {
                extensions.insert(scheme);
            }
            let origin = alias_origin(&issuer, &aliases, &headers, &extensions);
            assert_eq!(origin.as_deref(), expected, "{host}");
        }
        let discovery = Discovery::new(login_document(&issuer, EndSession::Published));
        let document = discovery.called_at(&issuer, "http://portcullis:4000/");
        for (member, expected) in [
            ("issuer", "https://tenant.example/"),
            ("authorization_endpoint", "https://tenant.example/authorize"),
            ("end_session_endpoint", "https://tenant.example/oidc/logout"),
            ("token_endpoint", "http://portcullis:4000/oauth/token"),
            (
                "device_authorization_endpoint",
                "http://portcullis:4000/oauth/device/code",
            ),
            ("userinfo_endpoint", "http://portcullis:4000/userinfo"),
            ("jwks_uri", "http://portcullis:4000/.well-known/jwks.json"),
            ("revocation_endpoint", "http://portcullis:4000/oauth/revoke"),
        ] {
            assert_eq!(document[member], expected, "{member}");
        }
        let bare = Discovery::new(super::document(&issuer));
        let bare = bare.called_at(&issuer, "http://portcullis:4000/");
        assert_eq!(bare.get("userinfo_endpoint"), None);
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
