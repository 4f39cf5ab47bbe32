//! Secures HTTP APIs with JSON Web Tokens from Auth0 or any OpenID Connect provider.
//!
//! A [`Verifier`] finds its issuer's keys by discovery, keeps them fresh in the background, and
//! answers for each token whether it is good here and at this time. In front of a handler it is a
//! `tower` layer, and the verified token an argument:
//!
//! ```
//! use axum::{Router, routing::get};
//! use portcullis::{AccessToken, Issuer, Verifier};
//!
//! async fn list(token: AccessToken) -> String {
//!     format!("the expenses of {:?}", token.subject())
//! }
//!
//! # fn main() -> Result<(), portcullis::BuildError> {
//! let auth = Verifier::builder()
//!     .issuer(Issuer::discover("https://tenant.eu.auth0.com").audience("https://expenses-api"))
//!     .build()?; // no I/O: every mistake is found here
//! let app = Router::new()
//!     .route("/", get(list).layer(auth.require("read:expenses"))) // or 401 and 403
//!     .merge(auth.well_known()); // where clients get a token
//! # let _: Router = app;
//! assert_eq!(auth.well_known().path(), "/.well-known/oauth-protected-resource");
//! # Ok(())
//! # }
//! ```
//!
//! Without HTTP it is one call, as for messages of a queue. Here the issuer is a test's:
//!
//! ```
//! use portcullis::{Credentials, Reason};
//! use portcullis_testkit::TestIssuer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = TestIssuer::new();
//! let auth = issuer.verifier("https://expenses-api").build()?;
//! let good = issuer.token().audience("https://expenses-api").sign();
//! assert_eq!(auth.verify(&Credentials::bearer(&good)).await?.subject(), Some("ada"));
//! let other = issuer.token().audience("https://travel-api").sign();
//! let refused = auth.verify(&Credentials::bearer(&other)).await;
//! assert_eq!(refused.unwrap_err(), Reason::AudMismatch);
//! # Ok(())
//! # }
//! ```
//!
//! | you need | see |
//! | --- | --- |
//! | a check in front of a service | [`Verifier::layer`], [`Verifier::require`], [`Verifier::optional`] |
#![cfg_attr(
    feature = "axum",
    doc = "| the token in a handler | [`AccessToken`], [`Scoped`] |"
)]
#![cfg_attr(
    not(feature = "axum"),
    doc = "| the token in a handler | [`AccessToken`] |"
)]
//! | rules for an issuer's tokens | [`Issuer`], [`ClaimRule`] |
//! | refusals in other words | [`Answers`], [`ErrorStyle`] |
//! | a start that waits for the issuer | [`Verifier::ready_within`], [`SnapshotFile`] |
//! | speed for repeated tokens | [`Cache`] |
//! | tokens that end before their time | [`RevocationList`], [`Introspection`], [`DistrustList`] |
//! | numbers and logs | [`Observer`], [`Verifier::key_status`] |
//!
//! # Features
//!
//! `axum` (extractors) and `reqwest` (`HttpFetcher`) are on. Without them the layer guards every
//! `tower` service, and keys come from a [`KeyFetcher`]. `tonic` adds refusals as `tonic::Status`,
//! `utoipa` the verifier as a security scheme of an `OpenAPI` document.
//!
//! The checks themselves, and their order, are those of [`portcullis_token`].

mod cache;
mod chain;
mod clock;
mod credentials;
mod discovery;
mod extract;
mod fetch;
mod form_body;
mod forwarded;
mod hosts;
mod introspection;
mod issuer;
mod keys;
mod layer;
mod metadata;
mod observe;
#[cfg(feature = "utoipa")]
mod openapi;
mod private;
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
pub use form_body::FormBody;
pub use forwarded::{caller_address, caller_network};
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
// What a public function here takes or gives, so that a service needs one crate.
#[cfg(feature = "utoipa")]
pub use openapi::OpenApiSecurity;
pub use portcullis_token::{
    Algorithm, ClaimRule, ClaimValue, Claims, CrossSite, DuplicateClaims, KeySet, NonceIssuer,
    OnFail, PatternError, ProofOffer, ProofRules, Reason, Requirement, Secret, TokenSource,
    TokenType, UnixTime, Verified, may_carry_form,
};
pub use private::keep_private;
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
