//! What is fuzzed, with what it starts from, and a runner that needs no nightly compiler.
//!
//! A target is a function from bytes to the name of the answer; it panics when one of the
//! promises of the code under test does not hold. `docs/fuzzing.md` tells how to run them.
#![forbid(unsafe_code)]

pub mod corpus;
pub mod mutation;
pub mod targets;

/// The gateway's own file: the canonicaliser is nobody else's business, and its crate is large.
#[expect(
    unreachable_pub,
    dead_code,
    reason = "another crate exports and makes its errors"
)]
#[path = "../../crates/portcullis-gateway/src/path.rs"]
mod path;
