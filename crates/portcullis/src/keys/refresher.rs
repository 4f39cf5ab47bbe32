//! The one task that fetches an issuer's keys, so that there is never more than one fetch at once.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Weak};
use std::time::Duration;

use portcullis_token::{KeySetError, Skipped, Unusable};

use super::provider::{News, Provider};
use super::restart::Restart;
use super::status::FetchResult;
use super::{KeysError, Origin, Shared, Trigger};
use crate::Chain;

/// How long keys are used before they are fetched again, when the provider does not say.
const DEFAULT_LIFE: Duration = Duration::from_mins(5);
const LEAST_LIFE: Duration = Duration::from_mins(1);
const MOST_LIFE: Duration = Duration::from_mins(15);

/// Fetches at once, then whenever the keys grow old or a request asks, until nobody holds them.
pub(super) async fn run(weak: Weak<Shared>) {
    let mut provider = Provider::default();
    let mut restart = Restart::default();
    if let Some(shared) = weak.upgrade() {
        restart = Restart::restore(&shared).await;
    }
    loop {
        let Some(shared) = weak.upgrade() else { return };
        let pause = attempt(&shared, &mut provider, &mut restart).await;
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
async fn attempt(shared: &Shared, provider: &mut Provider, restart: &mut Restart) -> Duration {
    let trigger = begin(shared);
    let result = provider
        .fetch(&shared.source, &*shared.fetcher, shared.clock.now())
        .await;
    let now = shared.clock.now();
    match result {
        Ok(News::Keys(keys)) => {
            report_skipped(shared, keys.set.skipped());
            let life = life(keys.max_age);
            restart.keep(shared, &keys, now);
            report(shared, trigger, FetchResult::Fetched, keys.set.keys().len());
            shared.store(Arc::new(keys.set), Origin::Provider, now, life);
            restart.save().await;
            jittered(life)
        }
        Ok(News::Unchanged { max_age }) => {
            let life = life(max_age);
            restart.renew(now);
            let keys = shared.current.load().set.keys().len();
            report(shared, trigger, FetchResult::NotModified, keys);
            shared.extend(now, life);
            restart.save().await;
            jittered(life)
        }
        Err(error) => {
            // A set of nothing but private keys is the worst one, and no set.
            if let KeysError::Parse(KeySetError::Empty(skipped)) = &error {
                report_skipped(shared, skipped);
            }
            jittered(fail(shared, trigger, error))
        }
    }
}

/// Why this fetch is made: because a request has asked, or else because it is time.
fn begin(shared: &Shared) -> Trigger {
    let mut trigger = Trigger::Timer;
    shared.attempts.send_modify(|attempts| {
        if attempts.in_flight {
            trigger = attempts.trigger;
        }
        attempts.in_flight = true;
        attempts.trigger = trigger;
    });
    trigger
}

fn report(shared: &Shared, trigger: Trigger, result: FetchResult, keys: usize) {
    shared.counters.count(trigger, result);
    tracing::debug!(
        source = %shared.source,
        trigger = trigger.name(),
        result = result.name(),
        keys,
        "fetched keys"
    );
}

/// Notes a failure, and tells how long to wait until the next try.
fn fail(shared: &Shared, trigger: Trigger, error: KeysError) -> Duration {
    let age = shared.current.load().age(shared.clock.now());
    tracing::warn!(
        source = %shared.source,
        trigger = trigger.name(),
        result = FetchResult::Failed.name(),
        age_seconds = age.map(|age| age.as_secs()),
        error = %Chain(&error),
        "could not fetch keys"
    );
    let now = shared.clock.now();
    let mut pause = Duration::ZERO;
    shared.counters.count(trigger, FetchResult::Failed);
    shared.attempts.send_modify(|attempts| {
        attempts.finish(now, Some(Arc::new(error)));
        pause = attempts.back_off();
    });
    pause
}

fn report_skipped(shared: &Shared, all: &[Skipped]) {
    for skipped in all {
        let (source, kid) = (&shared.source, skipped.kid.as_deref());
        if skipped.why == Unusable::Private {
            tracing::error!(%source, kid, "the issuer has published a private key");
        } else {
            tracing::warn!(%source, kid, why = %skipped.why, "skipped a key");
        }
    }
}

fn life(max_age: Option<Duration>) -> Duration {
    max_age.unwrap_or(DEFAULT_LIFE).clamp(LEAST_LIFE, MOST_LIFE)
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
