//! The gateway through HTTP: each test has its own issuer, clock, upstream and gateway.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod advisories;
mod auth;
mod bodies;
mod broken_upstreams;
mod client;
mod conformance;
mod connections;
mod credentials;
mod dpop;
mod errors;
mod events;
mod explain;
mod fixture;
mod framing;
mod headers;
mod http2;
mod keys;
mod life_cycle;
mod limits;
mod logins;
mod observe;
mod paths;
mod policies;
mod routing;
mod slow_callers;
mod switching;
mod tls;
mod token_rules;
mod upstream;
mod upstream_protocols;
