//! The `portcullis` program as people and programs use it: by its commands, over real sockets.

#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

mod admin;
mod administration;
mod applications;
mod commands;
mod device;
mod drain;
mod expenses;
mod explain;
mod export;
mod failures;
mod functions;
mod guides;
mod hello;
mod hosts;
mod identity_pool;
mod import;
mod import_tyk_oas;
mod keys;
mod large_bodies;
mod life_cycle;
mod neighbours;
mod new;
mod node;
mod observe;
mod people;
mod person;
mod policies;
mod program;
mod proxy;
mod readme;
mod real_issuer;
mod relying_parties;
mod rotation;
mod script;
mod secrets;
mod serve;
mod session;
mod signer;
mod single_page;
mod terminal;
mod token;
mod tyk;
mod web;
