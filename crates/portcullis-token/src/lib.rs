//! Pure verification of JSON Web Tokens: bytes, keys and a time in, a verdict out.
//!
//! Nothing here reads a clock, a file or a socket, so the same code answers in the gateway, in a
//! service, in a fuzzer and in `portcullis explain`.
//!
//! # The order of checks
//!
//! A token is refused at the first step it fails, with one [`Reason`]:
//!
//! 1. [`bearer_token`]: exactly one `Authorization` header of RFC 6750's form;
//! 2. [`Unverified::parse`]: size, three strict base64url segments, the JOSE header, the claims'
//!    types;
//! 3. [`Rules::verify`]: issuer, algorithm and hard expiry before any key is looked for, then the
//!    key, the signature, and last the claims that only a signed token is believed about.
//!
//! Whatever is read from a token comes from one parse of the bytes that were signed.

pub mod base64url;

mod algorithm;
mod claims;
mod credential;
mod header;
mod json;
mod key_set;
mod reason;
mod requirement;
mod rules;
mod secret;
mod sender;
mod signing;
mod time;
mod times;
mod token;
mod trace;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use claims::Claims;
pub use credential::bearer_token;
pub use header::{Header, TokenType};
pub use key_set::{KeySet, KeySetError, Skipped, Unusable, VerifyingKey};
pub use reason::Reason;
pub use requirement::Requirement;
pub use rules::{Rules, Verified};
pub use secret::Secret;
pub use sender::{ProofOffer, Sender};
pub use signing::{SigningError, SigningKey};
pub use time::UnixTime;
pub use token::{MAX_TOKEN_BYTES, Unverified};
pub use trace::{Outcome, Record, Recorder, Step, Trace};
