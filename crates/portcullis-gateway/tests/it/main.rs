//! The gateway through HTTP: each test has its own issuer, clock, upstream and gateway.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod advisories;
mod anonymous_limits;
mod auth;
mod bodies;
mod bound_certificates;
mod broken_upstreams;
mod client;
mod conformance;
mod connections;
mod cors;
mod credentials;
mod dpop;
mod errors;
mod events;
mod explain;
mod fixture;
mod forms;
mod framing;
mod grpc;
mod headers;
mod http2;
mod keys;
mod life_cycle;
mod limits;
mod logins;
mod observe;
mod path_rules;
mod paths;
mod policies;
mod resource;
mod routing;
mod several_addresses;
mod slow_callers;
mod switching;
mod tls;
mod token_rules;
mod token_sources;
mod upstream;
mod upstream_limits;
mod upstream_protocols;
mod upstream_tls;
