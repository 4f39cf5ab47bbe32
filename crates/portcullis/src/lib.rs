//! Secures HTTP APIs with JSON Web Tokens from Auth0 or any OpenID Connect provider.
//!
//! A [`Verifier`] finds its issuer's keys by discovery, keeps them fresh in the background, and
//! answers for each token whether it is good here and at this time:
//!
//! ```no_run
//! use portcullis::{Credentials, Issuer, Verifier};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = Verifier::builder()
//!     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
//!     .build()?;
//! let verified = verifier.verify(&Credentials::bearer("eyJhbGciOi…")).await?;
//! println!("{:?}", verified.claims().subject());
//! # Ok(())
//! # }
//! ```
//!
//! The checks themselves, and their order, are those of [`portcullis_token`].

mod cache;
mod chain;
mod clock;
mod credentials;
mod discovery;
mod extract;
mod fetch;
mod hosts;
mod introspection;
mod issuer;
mod keys;
mod layer;
mod metadata;
mod observe;
mod problem;
mod rejection;
mod replay;
mod revocation;
mod scoped;
#[cfg(feature = "tonic")]
mod tonic;
mod verifier;

pub use cache::{Cache, CacheStatus};
pub use chain::Chain;
pub use clock::{Clock, SystemClock};
pub use credentials::Credentials;
pub use discovery::DiscoveryError;
pub use extract::AccessToken;
#[cfg(feature = "axum")]
pub use extract::{AccessTokenRejection, FindVerifier};
#[cfg(feature = "reqwest")]
pub use fetch::HttpFetcher;
pub use fetch::{BoxFuture, Document, FetchError, KeyFetcher, Revalidated, is_loopback};
pub use hosts::{is_this_machine, names_only};
#[cfg(feature = "reqwest")]
pub use introspection::HttpIntrospector;
pub use introspection::{Introspection, IntrospectionError, Introspector};
pub use issuer::Issuer;
pub use keys::{
    DistrustList, Distrusted, FetchCount, KeySettings, KeySource, KeyStatus, Keys, KeysError,
    KnownKey, Origin, SnapshotError, SnapshotFile, Trigger,
};
pub use layer::{
    Answering, AuthLayer, AuthService, ClientCertificate, Grpc, NotAThumbprint, ResponseFuture,
    Unmatched, Web,
};
pub use metadata::Metadata;
pub use observe::{Observer, ObserverStatus, Stage, StageStatus};
pub use portcullis_token::{
    Algorithm, ClaimRule, Claims, CrossSite, OnFail, Reason, Requirement, Secret, TokenSource,
    Verified,
};
pub use problem::Problem;
pub use rejection::{Answers, ErrorDetail, ErrorProfile, ErrorStyle, Form, Rejection};
pub use replay::{MemoryReplayStore, ReplayError, ReplayStore};
pub use revocation::{
    OnFailure, Revocation, RevocationList, RevocationListFull, Revocations, RevocationsError,
};
pub use scoped::ScopeSet;
#[cfg(feature = "axum")]
pub use scoped::Scoped;
pub use verifier::{BuildError, NotReady, Verifier, VerifierBuilder};

/// Asks for any one of these, each of which may be several scopes between spaces.
///
/// ```
/// use portcullis::any;
///
/// assert_eq!(any(["reports:admin", "a b"]).to_string(), "reports:admin or a b");
/// ```
pub fn any<'s>(sets: impl IntoIterator<Item = &'s str>) -> Requirement {
    Requirement::any(sets)
}
