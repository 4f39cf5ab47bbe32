//! Pure verification of JSON Web Tokens: bytes, keys and a time in, a verdict out.
//!
//! Nothing here reads a clock, a file or a socket, so the same code answers in the gateway, in a
//! service, in a fuzzer and in `portcullis explain`.
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
pub use token_source::{Credential, CrossSite, TokenSource, find_credential};
pub use token_type::{HeaderPolicy, TokenType};
pub use trace::{Outcome, Record, Recorder, Step, Trace};
pub use verified::{Remembered, Verified};
