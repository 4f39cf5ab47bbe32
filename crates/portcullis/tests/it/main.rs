//! The library over its public interface: keys that come, change, fail and come back, and tokens
//! that are remembered, asked about and ended.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod cache;
mod dpop;
mod fixture;
mod introspection;
mod keys;
mod logs;
mod observe;
mod provider;
mod revocation;
mod start;
