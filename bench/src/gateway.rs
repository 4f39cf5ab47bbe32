//! What stands around a proxy that is measured: tokens, an upstream, callers, and a plain proxy.
//!
//! Each runs in one thread, so that it can be held to one core.

pub(crate) mod load;
mod proxy;
mod tokens;
mod upstream;

pub use load::{Load, LoadError, Measured};
pub use proxy::run as run_proxy;
pub use tokens::write as write_tokens;
pub use upstream::run as run_upstream;

pub use crate::fixture::{AUDIENCE, ISSUER};
