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
    pub client_proof: ClientProof,
    /// Whether it is asked about JSON Web Tokens too; not when absent.
    pub mode: IntrospectionMode,
    /// How long an active token is believed to be active; not at all when absent.
    pub cache: Duration,
}

/// Which tokens an issuer is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntrospectionMode {
    /// Opaque ones only.
    #[default]
    Opaque,
    /// JSON Web Tokens too, after their own checks.
    Always,
    /// The same, but about each JSON Web Token at most once in this time.
    Interval(Duration),
}

/// How an API proves its name to the issuer that it asks.
#[derive(Clone, Debug)]
pub enum ClientProof {
    /// By a secret in the `Authorization` header (`client_secret_basic`, RFC 6749 section 2.3.1).
    Secret(Secret<String>),
    /// By a secret in the body (`client_secret_post`, RFC 6749 section 2.3.1).
    PostedSecret(Secret<String>),
    /// By a signature (`private_key_jwt`, RFC 7523 section 2.2).
    Key {
        /// A PEM file with the private key, relative to the configuration file.
        file: String,
        /// The `kid` under which the issuer knows the key; made from the key when absent.
        id: Option<String>,
    },
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
