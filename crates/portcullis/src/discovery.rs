//! From an issuer to the address of its keys (OpenID Connect Discovery 1.0, RFC 8414).

use serde::Deserialize;
use url::Url;

use crate::fetch::is_secure;
use crate::{FetchError, KeyFetcher};

const MAX_BYTES: usize = 512 * 1024;

/// What a discovery document says of its issuer.
#[derive(Clone, Debug)]
pub(crate) struct Discovered {
    /// The issuer in its own spelling, which its tokens carry as `iss`.
    pub(crate) issuer: String,
    /// Where its keys are.
    pub(crate) jwks_uri: Url,
}

/// Why discovery found no keys. The provider's fault, or a wrong `issuer`.
///
/// ```
/// use portcullis::DiscoveryError;
///
/// let error = DiscoveryError::Issuer { found: "https://other.example/".to_owned() };
/// assert_eq!(error.to_string(), "the discovery document is that of `https://other.example/`");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// Neither well-known address gave a document.
    #[error("no discovery document")]
    Fetch(#[from] FetchError),
    /// The document is not JSON with `issuer` and `jwks_uri`.
    #[error("the discovery document is not valid")]
    Document(#[source] serde_json::Error),
    /// The document is that of another issuer (OpenID Connect Discovery 1.0 section 4.3).
    #[error("the discovery document is that of `{found}`")]
    Issuer {
        /// The issuer that the document names.
        found: String,
    },
    /// `jwks_uri` is neither https nor on this machine, or carries credentials.
    #[error("`jwks_uri` is neither https nor on this machine, or has a user name in it")]
    JwksUri,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Url,
}

/// Reads the issuer's discovery document.
pub(crate) async fn discover(
    fetcher: &dyn KeyFetcher,
    issuer: &Url,
) -> Result<Discovered, DiscoveryError> {
    let document = match fetcher
        .fetch(&openid_configuration(issuer), MAX_BYTES)
        .await
    {
        Err(FetchError::Status { status: 404, .. }) => {
            fetcher
                .fetch(&oauth_authorization_server(issuer), MAX_BYTES)
                .await
        }
        answer => answer,
    }?;
    let metadata: Metadata =
        serde_json::from_slice(&document.body).map_err(DiscoveryError::Document)?;
    if without_slash(&metadata.issuer) != without_slash(issuer.as_str()) {
        return Err(DiscoveryError::Issuer {
            found: metadata.issuer,
        });
    }
    let jwks_uri = metadata.jwks_uri;
    if !is_secure(&jwks_uri) || !jwks_uri.username().is_empty() || jwks_uri.password().is_some() {
        return Err(DiscoveryError::JwksUri);
    }
    Ok(Discovered {
        issuer: metadata.issuer,
        jwks_uri,
    })
}

/// OpenID Connect Discovery 1.0 section 4: the well-known path is appended.
pub(crate) fn openid_configuration(issuer: &Url) -> Url {
    let mut url = issuer.clone();
    let path = without_slash(issuer.path());
    url.set_path(&format!("{path}/.well-known/openid-configuration"));
    url
}

/// RFC 8414 section 3.1: the well-known path is inserted before the issuer's own.
fn oauth_authorization_server(issuer: &Url) -> Url {
    let mut url = issuer.clone();
    let path = without_slash(issuer.path());
    url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    url
}

/// The document may spell the issuer with or without the one slash at its end.
fn without_slash(text: &str) -> &str {
    text.strip_suffix('/').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_addresses_are_those_of_the_standards() {
        for (issuer, openid, oauth) in [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://a.example/tenant/",
                "https://a.example/tenant/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/tenant",
            ),
        ] {
            let issuer = Url::parse(issuer).unwrap();
            assert_eq!(openid_configuration(&issuer).as_str(), openid);
            assert_eq!(oauth_authorization_server(&issuer).as_str(), oauth);
        }
    }
}
