use std::time::Duration;

/// The most that clocks may be allowed to differ.
pub(super) const MAX_LEEWAY: Duration = Duration::from_mins(5);
/// The limits of [`max_token_bytes`](super::VerifierBuilder::max_token_bytes), in bytes.
pub(super) const SHORTEST_LIMIT: usize = 1024;
pub(crate) const LONGEST_TOKEN: usize = 64 * 1024;

/// Why a verifier could not be built. The configuration's fault.
///
/// ```
/// use portcullis::{BuildError, Issuer, Verifier};
///
/// let open_door = Issuer::discover("https://tenant.eu.auth0.com/");
/// let error = Verifier::builder().issuer(open_door).build().unwrap_err();
/// assert!(matches!(error, BuildError::NoAudience));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No issuer was given, so every token would be refused.
    #[error("a verifier needs at least one issuer")]
    NoIssuer,
    /// The address is not an absolute URL.
    #[error("`{address}` is not a URL")]
    Address {
        /// The text that was given.
        address: String,
        /// What is wrong with it.
        #[source]
        cause: url::ParseError,
    },
    /// The address is neither https nor on this machine, or has a user name, query or fragment.
    #[error(
        "`{address}` must be https, or http on this machine, without user name, query and fragment"
    )]
    Unsafe {
        /// The text that was given.
        address: String,
    },
    /// Without an audience, any API's token would be accepted.
    #[error("an issuer needs an audience: a token for another API must not be good here")]
    NoAudience,
    /// Without an algorithm, every token would be refused.
    #[error("an issuer needs at least one algorithm")]
    NoAlgorithm,
    /// An algorithm with a shared secret beside another one, or for keys that are fetched.
    #[error("an algorithm with a shared secret must be the only one, of keys that are given")]
    SharedSecret,
    /// More than five minutes of leeway.
    #[error("a leeway of more than {} s is not allowed", MAX_LEEWAY.as_secs())]
    Leeway,
    /// A limit on tokens that would refuse good ones, or is none.
    #[error("tokens of {SHORTEST_LIMIT} to {LONGEST_TOKEN} bytes are allowed as the limit")]
    TokenBytes,
    /// Two issuers of one name: which rules apply would depend on their order.
    #[error("the issuer `{0}` is there twice")]
    Duplicate(String),
    /// No fetcher was given, and the crate was built without its own.
    #[error("fetching keys needs a `KeyFetcher`, or the feature `reqwest`")]
    NoFetcher,
    /// The system has no randomness to give.
    #[error("the system has no randomness to give")]
    NoRandomness,
    /// TLS cannot be set up on this machine.
    #[cfg(feature = "reqwest")]
    #[error("TLS cannot be set up")]
    Tls(#[source] reqwest::Error),
}
