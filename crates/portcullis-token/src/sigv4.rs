//! AWS Signature Version 4, verified: a request, a secret's key and a time in, a verdict out.
//!
//! ```
//! use portcullis_token::UnixTime;
//! use portcullis_token::sigv4::{DerivedKey, Leniency, Request, Signature, sha256};
//!
//! // The example of AWS's documentation of the signing process.
//! let authorization = "AWS4-HMAC-SHA256 \
//!     Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
//!     SignedHeaders=content-type;host;x-amz-date, \
//!     Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
//! let headers = [
//!     ("host", &b"iam.amazonaws.com"[..]),
//!     ("content-type", b"application/x-www-form-urlencoded; charset=utf-8"),
//!     ("x-amz-date", b"20150830T123600Z"),
//!     ("authorization", authorization.as_bytes()),
//! ];
//! let request = Request {
//!     method: "GET",
//!     path: "/",
//!     query: Some("Action=ListUsers&Version=2010-05-08"),
//!     headers: &headers,
//! };
//!
//! let signature = Signature::parse(&request)?;
//! signature.check_scope("us-east-1", "iam")?;
//! signature.check_time(UnixTime(1_440_938_160))?;
//! let key = DerivedKey::of("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &signature)?;
//! let verified = signature.verify(&request, &sha256(b""), &key, Leniency::Strict);
//! assert!(verified.is_ok());
//! # Ok::<(), portcullis_token::sigv4::SignatureRefusal>(())
//! ```
//!
//! # The order of checks
//!
//! 1. [`Signature::parse`]: one signature in one place, whole, and over every header that counts;
//! 2. [`Signature::check_scope`] and [`Signature::check_time`]: for this service, now;
//! 3. whose it is, and the key of their secret: [`DerivedKey`];
//! 4. [`Signature::verify`]: over the request as it was received, with the hash of its real body.

mod amz_date;
mod asymmetric;
mod canonical;
mod derived_key;
mod percent;
mod principal;
mod refusal;
mod request;
mod signature;
mod verification;

pub use canonical::{Leniency, sha256};
pub use derived_key::DerivedKey;
pub use principal::{Principal, Trusted};
pub use refusal::SignatureRefusal;
pub use request::Request;
pub use signature::{Signature, SignatureAlgorithm};
pub use verification::{Difference, Mismatch};

#[cfg(test)]
mod tests;
