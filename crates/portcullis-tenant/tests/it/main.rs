//! The provider through HTTP: each test has its own keys, server and clock.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod discovery;
mod hostile;
mod keys;
mod logs;
mod pages;
mod refusals;
mod seed;
mod server;
mod tokens;
