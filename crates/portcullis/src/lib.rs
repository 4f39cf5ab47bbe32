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

mod chain;
mod clock;
mod credentials;
mod discovery;
mod fetch;
mod keys;
mod problem;
mod verifier;

pub use chain::Chain;
pub use clock::{Clock, SystemClock};
pub use credentials::Credentials;
pub use discovery::DiscoveryError;
#[cfg(feature = "reqwest")]
pub use fetch::HttpFetcher;
pub use fetch::{BoxFuture, Document, FetchError, KeyFetcher};
pub use keys::{KeySource, Keys, KeysError};
pub use problem::Problem;
pub use verifier::{BuildError, Issuer, Verifier, VerifierBuilder};
