//! The admin listener: where those who run a gateway ask it about itself.
//!
//! | request | token | answer |
//! | --- | --- | --- |
//! | `GET /live` | no | 200 as long as the process answers |
//! | `GET /ready` | no | 200, or 503 until every authorizer has had keys and from the first signal to end on |
//! | `GET /health` | yes | generation, last reload, the state of each authorizer's keys |
//! | `GET /keys` | yes | every key in use, and the published ones that are not used, and why |
//! | `GET /routes` | yes | the routes, who may call them and what answers |
//! | `POST /reload` | yes | 200 with the generation, or 422 with what is wrong with the file |
//! | `POST /explain` | yes | the decision about a request, step by step |
//!
//! It sees the gateway through [`Operations`] only. What changes something is a POST and leaves a
//! line in the log under [`AUDIT`].

mod guard;
mod hosts;
mod operations;
mod question;
mod refuse;
mod router;
mod status;
mod token;

pub use hosts::Hosts;
pub use operations::{
    AUDIT, AuthorizerKeys, Health, LastReload, NotReloaded, Operations, Question, Reloaded,
    UpstreamState,
};
pub use router::Admin;
pub use token::{AdminToken, TokenError};
