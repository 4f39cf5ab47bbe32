//! An identity pool as AWS's clients talk to it.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod logins;
mod roles;
mod sts;
mod world;
