//! Pure verification of JSON Web Tokens: bytes, keys and a time in, a verdict out.

pub mod base64url;
mod algorithm;
mod secret;
mod signing;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use secret::Secret;
pub use signing::{SigningError, SigningKey};
