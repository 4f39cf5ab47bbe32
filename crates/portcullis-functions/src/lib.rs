//! Functions: Lambda-style handlers in processes of their own, asked with API Gateway's event.
//!
//! A [`Call`] becomes an event (`event`), waits in its function's queue (`runner`) for a worker
//! (`worker`), which fetches it over the Lambda Runtime API (`runtime_api`) and posts its answer
//! there; that becomes an HTTP response (`answer`). `build` finds out what a handler is started
//! with, and `sources` when that must be done again. `guard` is what is left when a gateway is
//! killed, and ends the workers.

mod answer;
mod build;
mod call;
mod event;
mod function;
mod functions;
mod guard;
mod invoke_error;
mod journal;
mod mask;
mod output;
mod runner;
mod runtime_api;
mod sources;
mod worker;

pub use call::{Call, Caller};
pub use function::Function;
pub use functions::{Functions, Options};
pub use guard::guard;
pub use invoke_error::{ErrorReport, InvokeError};
pub use journal::{Invoked, Line, Log, Report, Stream};
pub use output::{Output, OutputBroken};

/// The largest event and the largest answer that is not streamed, as on Lambda: 6 MiB.
pub const MAX_PAYLOAD: usize = 6 << 20;
