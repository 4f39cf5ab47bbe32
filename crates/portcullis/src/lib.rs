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
mod fetch;
mod introspection;
mod issuer;
mod keys;
mod problem;
mod replay;
mod revocation;
mod verifier;

pub use cache::{Cache, CacheStatus};
pub use chain::Chain;
pub use clock::{Clock, SystemClock};
pub use credentials::Credentials;
pub use discovery::DiscoveryError;
#[cfg(feature = "reqwest")]
pub use fetch::HttpFetcher;
pub use fetch::{BoxFuture, Document, FetchError, KeyFetcher, Revalidated};
#[cfg(feature = "reqwest")]
pub use introspection::HttpIntrospector;
pub use introspection::{Introspection, IntrospectionError, Introspector};
pub use issuer::Issuer;
pub use keys::{
    DistrustList, Distrusted, FetchCount, KeySettings, KeySource, KeyStatus, Keys, KeysError,
    KnownKey, Origin, SnapshotError, SnapshotFile, Trigger,
};
pub use portcullis_token::{Algorithm, Secret};
pub use problem::Problem;
pub use replay::{MemoryReplayStore, ReplayError, ReplayStore};
pub use revocation::{
    OnFailure, Revocation, RevocationList, RevocationListFull, Revocations, RevocationsError,
};
pub use verifier::{BuildError, NotReady, Verifier, VerifierBuilder};
