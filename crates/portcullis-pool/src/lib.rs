//! An identity pool: temporary credentials from an OpenID login, as AWS's clients ask for them.
//!
//! It keeps nothing: ids of identities, secrets and session tokens are made from the pool's keys,
//! so that every process with the same keys gives, and takes, the same ones.

mod credentials;
mod fault;
mod identity;
mod keys;
mod login;
mod open_id;
mod pool;
mod role;
mod router;
mod session_token;
mod sts;
mod wire;

pub use keys::{PoolKeys, PoolKeysError};
pub use login::Provider;
pub use pool::{Pool, Settings};
pub use role::{Ambiguity, Comparison, Role, Rule};
