//! The pure core as a service uses it: tokens, keys and a time in, a verdict out.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod aws_signatures;
mod certificates;
mod differential;
mod hostile;
mod proofs;
mod rows;
mod rules;
mod signatures;
mod signer;
