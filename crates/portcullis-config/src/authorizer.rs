use std::time::Duration;

use portcullis_token::{Algorithm, ClaimRule, DuplicateClaims, TokenSource, TokenType};
use url::Url;

use crate::address::{AddressError, parse_secure_url};
use crate::admission::{IntrospectionEndpoint, Revoked};
use crate::policy::PolicyChoice;
use crate::position::Origin;
use crate::trusted_keys::{DistrustedKeys, Fetching, SharedSecret};

/// One way to prove who a caller is.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// The name that routes refer to.
    pub name: String,
    /// Where it was said.
    pub origin: Origin,
    /// How the proof is checked.
    pub kind: AuthorizerKind,
}

/// How an [`Authorizer`] checks its proof.
#[derive(Clone, Debug)]
pub enum AuthorizerKind {
    /// A JSON Web Token.
    Jwt(JwtAuthorizer),
}

/// What a token must say, and who must have signed it.
#[derive(Clone, Debug)]
pub struct JwtAuthorizer {
    /// Who must have issued the token.
    pub issuer: Check<IssuerUrl>,
    /// Where the issuer's keys come from.
    pub keys: KeySource,
    /// How they are kept, where they are fetched.
    pub fetching: Fetching,
    /// Which of them are not trusted; all are when absent.
    pub distrust: DistrustedKeys,
    /// Whom the token must be meant for: any one of these. Never empty.
    pub audience: Check<Vec<String>>,
    /// What the token may be signed with; [`Algorithm::DEFAULT`] when absent, or HS256 by a
    /// secret, for which it is one algorithm alone. Never empty.
    pub algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may be off; 5 seconds when absent, 5 minutes at most.
    pub leeway: Duration,
    /// The claims that hold scopes, the first one present counts; `scope`, then `scp` when absent.
    pub scope_claims: Vec<String>,
    /// How the policies of a token are found; none are imposed when absent.
    pub policy: Option<PolicyChoice>,
    /// The claims that tell callers apart, the first one present counts; `sub` when absent.
    pub identity: Vec<String>,
    /// Which `typ` a token may carry; absent, `JWT` or `at+jwt` when the file does not say.
    pub token_type: TokenType,
    /// Claims that a token must have besides `exp`: names, or JSON pointers.
    pub required_claims: Vec<String>,
    /// How long ago a token may have been issued; any time when absent.
    pub max_age: Option<Duration>,
    /// How long a token may be good for, from `iat` to `exp`; any time when absent.
    pub max_lifetime: Option<Duration>,
    /// How long a token may be in bytes; 16384 when absent, from 1024 to 65536.
    pub max_token_bytes: usize,
    /// What becomes of a token with a claim that stands twice; it is refused when absent.
    pub duplicate_claims: DuplicateClaims,
    /// Whether a bound token may come without its key or certificate; `false` when absent.
    pub ignores_confirmation: bool,
    /// Where a request may carry the token; in `Authorization` when absent. Never empty.
    pub sources: Vec<TokenSource>,
    /// Whether tokens may, or must, be bound to a key of the caller.
    pub dpop: Dpop,
    /// Whether each `DPoP` proof must carry a nonce of the gateway's.
    pub dpop_nonce: bool,
    /// What the token's claims must be like.
    pub claim_rules: Vec<ClaimRule>,
    /// Who is asked whether tokens are active; nobody when absent.
    pub introspection: Option<IntrospectionEndpoint>,
    /// What is refused although it has not expired; nothing when absent.
    pub revoked: Revoked,
}

/// Whether the scheme `DPoP` is spoken (RFC 9449).
///
/// A token that is bound to a key is never accepted without a proof of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dpop {
    /// It is an unknown scheme.
    #[default]
    Off,
    /// Beside `Bearer`.
    Accept,
    /// Bearer tokens are refused.
    Require,
}

/// Whether a claim is checked. Giving up a check takes a word in the file, and is a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check<T> {
    /// The file says `"any"`: whatever the token says is accepted.
    Any,
    /// The token must say this.
    Is(T),
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The issuer's discovery document names the key set.
    Discovery,
    /// The key set is at this address.
    Jwks(Url),
    /// The key set is in this file, relative to the project's folder.
    File(String),
    /// It is a secret that the issuer has too (RFC 7518 section 3.2).
    Secret(SharedSecret),
}

/// What is added to an issuer to find its discovery document (OpenID Connect Discovery 4).
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// The address of an issuer: https, or http on a loopback host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl {
    written: String,
    url: Url,
}

impl IssuerUrl {
    /// Reads an issuer, or the address of its discovery document, whose last part is removed.
    ///
    /// # Errors
    /// [`AddressError`] names the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let written = text.strip_suffix(DISCOVERY).unwrap_or(text);
        let url = parse_secure_url(written)?;
        Ok(Self {
            written: written.to_owned(),
            url,
        })
    }

    /// The issuer exactly as written, with or without its last slash: what `iss` is compared with.
    pub fn as_written(&self) -> &str {
        &self.written
    }

    /// The same as an address to connect to.
    pub const fn url(&self) -> &Url {
        &self.url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_as_it_is_written() {
        for (text, written) in [
            ("https://tenant.example.com", "https://tenant.example.com"),
            ("https://tenant.example.com/", "https://tenant.example.com/"),
            (
                "https://tenant.example.com/.well-known/openid-configuration",
                "https://tenant.example.com",
            ),
            (
                "https://example.com/realms/a",
                "https://example.com/realms/a",
            ),
            (
                "HTTPS://Tenant.example.com:443/",
                "HTTPS://Tenant.example.com:443/",
            ),
            ("http://localhost:4000/", "http://localhost:4000/"),
        ] {
            let issuer = IssuerUrl::parse(text).unwrap();
            assert_eq!(issuer.as_written(), written, "{text}");
            assert_eq!(issuer.url(), &Url::parse(written).unwrap(), "{text}");
        }
        assert_eq!(IssuerUrl::parse(DISCOVERY), Err(AddressError::NotAbsolute));
    }
}
