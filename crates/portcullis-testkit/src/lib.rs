//! A test issuer, hostile tokens, a clock to move, and servers on port 0.
//!
//! Nothing here needs an account, a network or a real clock:
//!
//! ```
//! use portcullis::{Credentials, Reason};
//! use portcullis_testkit::TestIssuer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = TestIssuer::new();
//! let auth = issuer.verifier("https://expenses-api").build()?;
//!
//! let token = || issuer.token().audience("https://expenses-api");
//! let good = token().sign();
//! assert_eq!(auth.verify(&Credentials::bearer(&good)).await?.subject(), Some("ada"));
//! let forged = token().tamper();
//! let refused = auth.verify(&Credentials::bearer(&forged)).await;
//! assert_eq!(refused.unwrap_err(), Reason::BadSignature);
//! # Ok(())
//! # }
//! ```
//!
//! [`conformance`] fires every hostile token we know at one's own service.

mod accepted;
mod clock;
pub mod conformance;
mod hostile;
mod introspection;
mod issuer;
mod proof_key;
mod server;
mod token_builder;

pub use clock::TestClock;
pub use hostile::PublicKeyForm;
pub use introspection::TestIntrospection;
pub use issuer::{Answer, TestIssuer};
pub use proof_key::ProofKey;
pub use server::{Body, TestServer, text};
pub use token_builder::TokenBuilder;
