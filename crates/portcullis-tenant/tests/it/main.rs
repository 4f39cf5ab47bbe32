//! The provider through HTTP: each test has its own keys, server and clock.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod client_authentication;
mod codes;
mod devices;
mod discovery;
mod hostile;
mod keys;
mod logs;
mod pages;
mod password_grant;
mod refreshes;
mod refusals;
mod rows;
mod seed;
mod server;
mod tokens;
