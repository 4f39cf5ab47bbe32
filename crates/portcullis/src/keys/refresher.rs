//! The one task that fetches an issuer's keys, so that there is never more than one fetch at once.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Fetched, Shared};
use crate::Chain;

/// How long keys are used before they are fetched again, when the provider does not say.
const DEFAULT_LIFE: Duration = Duration::from_mins(5);
const LEAST_LIFE: Duration = Duration::from_mins(1);
const MOST_LIFE: Duration = Duration::from_mins(15);

/// Fetches at once, then whenever the keys grow old or a request asks, until nobody holds them.
pub(super) async fn run(weak: Weak<Shared>) {
    loop {
        let Some(shared) = weak.upgrade() else { return };
        let pause = attempt(&shared).await;
        let wake = Arc::clone(&shared.wake);
        drop(shared);
        // Either way there is something to do: a request has asked, or the keys are old.
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Fetches once, and tells how long to wait until the next time.
async fn attempt(shared: &Shared) -> Duration {
    shared
        .attempts
        .send_modify(|attempts| attempts.in_flight = true);
    let result = shared.fetch().await;
    let now = shared.clock.now();
    let life = match result {
        Ok((set, max_age)) => {
            tracing::debug!(source = %shared.source, keys = set.keys().len(), "fetched keys");
            for skipped in set.skipped() {
                tracing::warn!(source = %shared.source, kid = skipped.kid, why = %skipped.why, "skipped a key");
            }
            shared
                .current
                .store(Arc::new(Fetched { set, at: Some(now) }));
            Some(max_age.unwrap_or(DEFAULT_LIFE).clamp(LEAST_LIFE, MOST_LIFE))
        }
        Err(error) => {
            tracing::warn!(source = %shared.source, error = %Chain(&error), "could not fetch keys");
            None
        }
    };
    let mut pause = Duration::ZERO;
    shared.attempts.send_modify(|attempts| {
        attempts.in_flight = false;
        attempts.finished += 1;
        attempts.finished_at = now;
        attempts.failures = if life.is_some() {
            0
        } else {
            attempts.failures.saturating_add(1)
        };
        pause = life.unwrap_or_else(|| attempts.back_off());
    });
    jittered(pause)
}

/// `pause`, up to a tenth shorter or longer, so that replicas do not ask all at once.
fn jittered(pause: Duration) -> Duration {
    // A `RandomState` is seeded by the operating system; nothing here needs more than that.
    let random = RandomState::new().hash_one(()) % 2_001;
    let percent = 90.0 + f64::from(u16::try_from(random).unwrap_or(1_000)) / 100.0;
    pause.mul_f64(percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_at_most_a_tenth() {
        for _ in 0..1_000 {
            let pause = jittered(Duration::from_secs(100)).as_secs_f64();
            assert!((89.99..=110.01).contains(&pause), "{pause}");
        }
    }
}
