//! Who asks a tenant that is measured: applications, people who log in, and their APIs.
//!
//! Everything here runs in one thread, so that it can be held to one core. Each connection comes
//! from a loopback address of its own, as each machine would: the tenant counts by address.

mod connection;
mod sign;
mod tokens;
mod user_info;

pub use connection::AskError;
pub use sign::sign;
pub use tokens::Tokens;
pub use user_info::{Latencies, UserInfo};
