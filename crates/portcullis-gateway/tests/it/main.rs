//! The gateway through HTTP: each test has its own issuer, clock, upstream and gateway.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod auth;
mod bodies;
mod broken_upstreams;
mod client;
mod conformance;
mod connections;
mod credentials;
mod dpop;
mod explain;
mod fixture;
mod framing;
mod headers;
mod life_cycle;
mod logins;
mod paths;
mod routing;
mod token_rules;
mod upstream;
