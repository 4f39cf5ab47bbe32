//! What a gateway does at its start until it has keys.

use std::time::{Duration, Instant};

use portcullis::{Chain, NotReady};
use portcullis_config::{AuthorizerKind, Config, Start};
use portcullis_gateway::Plan;

use crate::terminal::Failure;

/// Waits for the keys of authorizers as the file says; fails where it says that nothing goes on
/// without them. The keys of all are fetched at the same time.
pub(super) async fn wait_for_keys(plan: &Plan, config: &Config) -> anyhow::Result<()> {
    let began = Instant::now();
    let left = |patience: Duration| patience.saturating_sub(began.elapsed());
    for (index, authorizer) in config.authorizers.iter().enumerate() {
        let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
        let name = &authorizer.name;
        match jwt.fetching.start {
            Start::Lazy => {}
            Start::Wait(patience) => {
                if let Err(error) = plan.wait_for_keys(index, Some(left(patience))).await {
                    let error = Chain(&error);
                    tracing::warn!(authorizer = name, %error, "listening without keys");
                }
            }
            Start::Fail(patience) => {
                let waited = plan.wait_for_keys(index, patience.map(left)).await;
                waited.map_err(|error| not_started(name, &error))?;
            }
        }
    }
    Ok(())
}

fn not_started(authorizer: &str, error: &NotReady) -> anyhow::Error {
    Failure::with_hint(
        format!(
            "the authorizer `{authorizer}` has no keys: {}",
            Chain(error)
        ),
        "check that the issuer can be reached from here; `start_wait` gives it time, and \
         `start = \"lazy\"` does without",
    )
}
