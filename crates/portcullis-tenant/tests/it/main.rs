//! The provider through HTTP: each test has its own keys, server and clock.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod accounts;
mod authorize;
mod authorize_refusals;
mod consent;
mod discovery;
mod forms;
mod hostile;
mod keys;
mod login;
mod logout;
mod logs;
mod management;
mod pages;
mod refusals;
mod server;
mod site;
mod tokens;
mod userinfo;
