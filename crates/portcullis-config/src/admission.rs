use std::time::Duration;

use portcullis_token::{Secret, UnixTime};
use url::Url;

/// An issuer's endpoint that says whether a token is active (RFC 7662).
#[derive(Clone, Debug)]
pub struct IntrospectionEndpoint {
    /// The endpoint: https, or http on this machine.
    pub url: Url,
    /// The name of this API at the issuer.
    pub client_id: String,
    /// What proves it.
    pub client_secret: Secret<String>,
    /// Whether it is asked about JSON Web Tokens too.
    pub always: bool,
    /// How long an active token is believed to be active; not at all when absent.
    pub cache: Duration,
}

/// Tokens that are refused although they have not expired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    /// By `jti`.
    pub tokens: Vec<String>,
    /// By `sid`.
    pub sessions: Vec<String>,
    /// By `sub`, where they were issued before the time.
    pub subjects: Vec<(String, UnixTime)>,
}

impl Revoked {
    /// How many things are revoked.
    pub fn len(&self) -> usize {
        self.tokens.len() + self.sessions.len() + self.subjects.len()
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
