use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use bytes::Bytes;
use http::Response;
use tokio::sync::{mpsc, oneshot};

use crate::MAX_PAYLOAD;
use crate::call::Call;
use crate::event;
use crate::invoke_error::InvokeError;
use crate::output::Output;
use crate::runner::Job;

/// How long a request may wait for a worker, before its function's own time begins.
const QUEUED: Duration = Duration::from_secs(30);

/// A function that can be called. Its workers end when the last copy of this is gone.
#[derive(Clone)]
pub struct Function {
    pub(crate) name: Arc<str>,
    pub(crate) timeout: Duration,
    pub(crate) jobs: mpsc::Sender<Job>,
}

impl Function {
    /// Has the function answer a request.
    ///
    /// # Errors
    /// [`InvokeError`], when there is no answer.
    ///
    /// # Cancel safety
    /// A request that waits is forgotten; one that has begun goes on, and its answer is dropped.
    pub async fn call(&self, call: &Call) -> Result<Response<Output>, InvokeError> {
        let trace = trace_id(call.time);
        let event = event::of(call, &trace).to_string();
        if event.len() > MAX_PAYLOAD {
            return Err(InvokeError::EventTooLarge);
        }
        let (answer, answered) = oneshot::channel();
        let job = Job {
            request_id: Arc::from(call.request_id.as_str()),
            event: Bytes::from(event),
            trace,
            answer,
        };
        let ending = |_| InvokeError::Ending;
        let waiting = async {
            self.jobs.send(job).await.map_err(|_| InvokeError::Ending)?;
            answered.await.map_err(ending)?
        };
        let waiting = tokio::time::timeout(QUEUED + self.timeout, waiting);
        waiting.await.unwrap_or(Err(InvokeError::Busy))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Function").field(&self.name).finish()
    }
}

/// `Root=1-TIME-RANDOM`, as X-Ray has them.
fn trace_id(time: Duration) -> String {
    let mut bytes = [0; 12];
    // It tells requests apart and guards nothing: zeros will do.
    if rand::fill(&mut bytes).is_err() {
        bytes = [0; 12];
    }
    let random = bytes
        .iter()
        .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let seconds = time.as_secs() & u64::from(u32::MAX);
    format!("Root=1-{seconds:08x}-{random:024x}")
}
