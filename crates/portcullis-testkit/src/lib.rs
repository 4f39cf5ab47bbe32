//! A test issuer, hostile tokens, a clock to move, and servers on port 0.
//!
//! ```
//! use std::sync::Arc;
//! use portcullis::{Issuer, Verifier};
//! use portcullis_testkit::{TestClock, TestIssuer};
//!
//! let issuer = TestIssuer::new();
//! let verifier = Verifier::builder()
//!     .issuer(Issuer::discover(issuer.name()).audience("api"))
//!     .fetcher(Arc::new(issuer.clone()))
//!     .clock(Arc::new(TestClock::default()))
//!     .build()
//!     .unwrap();
//! let token = issuer.token().audience("api").sign();
//! # let _ = (verifier, token);
//! ```

mod clock;
pub mod conformance;
mod hostile;
mod introspection;
mod issuer;
mod proof_key;
mod server;

pub use clock::TestClock;
pub use hostile::PublicKeyForm;
pub use introspection::TestIntrospection;
pub use issuer::{Answer, TestIssuer, TokenBuilder};
pub use proof_key::ProofKey;
pub use server::{Body, TestServer, text};
