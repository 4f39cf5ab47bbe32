//! The provider through HTTP: each test has its own keys, server and clock.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod accounts;
mod authorize;
mod authorize_refusals;
mod client_authentication;
mod codes;
mod consent;
mod custom_claims;
mod devices;
mod discovery;
mod endings;
mod floods;
mod forms;
mod hostile;
mod keys;
mod login;
mod logout;
mod logs;
mod management;
mod pages;
mod password_grant;
mod refreshes;
mod refusals;
mod rows;
mod seed;
mod server;
mod site;
mod tokens;
mod userinfo;
