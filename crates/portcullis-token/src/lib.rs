//! Pure verification of JSON Web Tokens: bytes, keys and a time in, a verdict out.
//!
//! This is for a program that has its issuer's keys at hand. A web service wants the crate
//! `portcullis` instead, which fetches them, keeps them fresh, and has a Tower layer and an axum
//! extractor around what is here.
//!
//! ```
//! use portcullis_token::{
//!     KeySet, Reason, Requirement, Rules, Sender, UnixTime, Unverified, Verified, bearer_token,
//! };
//! # use portcullis_token::SigningKey;
//! # use serde_json::json;
//!
//! /// Lets in who may read the reports.
//! fn admit(
//!     header: &[u8],
//!     keys: &KeySet,
//!     rules: &Rules,
//!     now: UnixTime,
//! ) -> Result<Verified, Reason> {
//!     let token = Unverified::parse(bearer_token([header])?, rules, &mut ())?;
//!     let token = rules.verify(&token, keys, &Sender::default(), now, &mut ())?;
//!     Requirement::from("read:reports").check(&token, &mut ())?;
//!     Ok(token)
//! }
//!
//! # let issuer = SigningKey::generate()?;
//! # let published = json!({ "keys": [issuer.public_jwk()] }).to_string();
//! // What the issuer publishes at its `jwks_uri`, and what its tokens must be like.
//! let keys = KeySet::parse(published.as_bytes())?;
//! let rules = Rules::new(
//!     Some("https://tenant.eu.auth0.com/".to_owned()),
//!     Some(vec!["https://expenses-api".to_owned()]),
//! );
//!
//! # let claims = json!({
//! #     "iss": "https://tenant.eu.auth0.com/", "aud": "https://expenses-api",
//! #     "sub": "ada", "scope": "read:reports", "exp": 1_790_003_600,
//! # });
//! # let header = format!("Bearer {}", issuer.sign("JWT", &claims)?);
//! // For each request: the value of its `Authorization` header, and the time.
//! let now = UnixTime(1_790_000_000);
//! let token = admit(header.as_bytes(), &keys, &rules, now)?;
//! assert_eq!(token.subject(), Some("ada"));
//!
//! let refused = admit(b"Bearer undefined", &keys, &rules, now).unwrap_err();
//! assert_eq!((refused, refused.status()), (Reason::NotJwt, 401));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here reads a clock, a file or a socket, so the same code answers in the gateway, in a
//! service, in a fuzzer and in `portcullis explain`. The `&mut ()` is for a [`Trace`] of the steps,
//! such as a [`Recorder`], where somebody wants to know why.
//!
//! # The order of checks
//!
//! A token is refused at the first step it fails, with one [`Reason`]:
//!
//! 1. [`find_credential`] or [`bearer_token`]: exactly one token, in a place that may carry it;
//! 2. [`Unverified::parse`]: size, three strict base64url segments, the JOSE header, the claims'
//!    types;
//! 3. [`Rules::verify`]: issuer, algorithm and hard expiry before any key is looked for, then the
//!    key, the signature, and last the claims that only a signed token is believed about, and
//!    whether a bound token is in the right hands;
//! 4. [`Requirement::check`], [`Verified::check_claims`] and [`StepUp::check`]: whether a good
//!    token is enough for this route.
//!
//! Whatever is read from a token comes from one parse of the bytes that were signed.

pub mod base64url;

mod address;
mod algorithm;
mod binding;
mod claim_rule;
mod claims;
mod credential;
mod duplicate_claims;
mod header;
mod introspected;
mod json;
mod key_set;
mod nonce;
mod proof;
mod reason;
mod requirement;
mod rules;
mod secret;
mod sender;
mod signing;
mod step_up;
mod time;
mod times;
mod token;
mod token_source;
mod token_type;
mod trace;
mod verified;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use claim_rule::{ClaimRule, OnFail, PatternError};
pub use claims::Claims;
pub use credential::bearer_token;
pub use duplicate_claims::DuplicateClaims;
pub use header::Header;
pub use introspected::Introspected;
pub use json::ClaimValue;
pub use key_set::{
    HmacError, KeyIdentity, KeySet, KeySetError, PemError, Skipped, Unusable, VerifyingKey,
};
pub use nonce::{NoRandomness, NonceIssuer};
pub use proof::{AcceptedProof, ProofRules};
pub use reason::Reason;
pub use requirement::Requirement;
pub use rules::Rules;
pub use secret::Secret;
pub use sender::{ProofOffer, Sender};
pub use signing::{SigningError, SigningKey};
pub use step_up::StepUp;
pub use time::UnixTime;
pub use token::{MAX_TOKEN_BYTES, Unverified};
pub use token_source::{Credential, CrossSite, TokenSource, find_credential, may_carry_form};
pub use token_type::{ParsePolicy, TokenType};
pub use trace::{Outcome, Record, Recorder, Step, Trace};
pub use verified::{Remembered, Verified};
