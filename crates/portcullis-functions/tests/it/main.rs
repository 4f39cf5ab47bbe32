//! Functions as a gateway calls them: real processes, asked over the real Runtime API.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod failures;
mod languages;
mod life;
mod runtime_api;
mod watching;
mod world;
