//! The gateway: match, identify, permit, forward.
//!
//! # Life of a request
//!
//! A thread accepts a connection (`server`), and each request on it goes through `request`:
//!
//! 0. `cors`: a preflight of a browser is answered, and goes no further;
//! 1. `route`: the canonical path (`path`) and the method choose the route;
//! 2. `authn`: the route's authorizers say who is calling, a `Caller`;
//! 3. `authz`: the scopes and the caller's policies (`policy`) say whether they may, a `Permit`;
//! 4. `limit`: the request is charged to the limits of the policies;
//! 5. `rewrite`: credentials and forged identity out, what we vouch for in;
//! 6. `forward`: the target answers, and consumes the permit.
//!
//! Any of them may refuse the request, and `refuse` says how that looks. `explain` takes the
//! first three steps with a recorder in hand.

mod authn;
mod authz;
mod body;
mod client_certificate;
mod cors;
mod explain;
mod form;
mod forward;
mod hosts;
mod limit;
mod observe;
mod path;
mod patience;
mod plan;
mod policy;
mod ready;
mod refuse;
mod request;
mod request_id;
mod rewrite;
mod route;
mod server;
mod signed;
mod this_thread;
mod tls;
mod token_places;

pub use explain::{Explanation, Inquiry, Permitted, explain};
pub use forward::function::{
    FunctionAnswer, FunctionBody, FunctionCall, FunctionFailure, FunctionFailureKind,
    FunctionTarget,
};
pub use forward::upstream::UpstreamError;
pub use observe::{ACCESS, Batch, Metrics, Spans};
pub use path::PathError;
pub use plan::{Environment, Plan, PlanError, ProofMemory, UpstreamHealth};
pub use policy::PolicyRefusal;
pub use refuse::{Limited, Refusal};
pub use server::{Gateway, Listeners};
pub use signed::{SignedBy, SignedRefusal, Signers};
pub use tls::{Tls, TlsError};
