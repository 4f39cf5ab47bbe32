//! When the provider may be asked, and how it went.

use std::sync::Arc;
use std::time::Duration;

use portcullis_token::UnixTime;

use super::KeysError;

/// At most one fetch in this time because of unknown key ids.
const KEY_ID_COOLDOWN: Duration = Duration::from_secs(10);
/// At most one fetch in this time because of bad signatures, and only of keys as old as this.
const SIGNATURE_COOLDOWN: Duration = Duration::from_mins(5);

/// Why keys are fetched.
///
/// ```
/// use portcullis::Trigger;
///
/// assert_eq!(Trigger::default(), Trigger::Start);
/// assert_eq!(Trigger::KeyId.name(), "kid");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// Nothing was fetched yet.
    #[default]
    Start,
    /// The keys have grown old, or the last fetch has failed.
    Timer,
    /// A token names a key that is not known.
    KeyId,
    /// A signature by a known key is bad: the issuer may have changed the key and kept its id.
    Signature,
}

impl Trigger {
    /// Every trigger, in the order of their declaration.
    ///
    /// ```
    /// use portcullis::Trigger;
    ///
    /// assert_eq!(Trigger::ALL.map(Trigger::name), ["start", "timer", "kid", "sig"]);
    /// ```
    pub const ALL: [Self; 4] = [Self::Start, Self::Timer, Self::KeyId, Self::Signature];

    /// The name in logs and metrics.
    ///
    /// ```
    /// assert_eq!(portcullis::Trigger::Signature.name(), "sig");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Timer => "timer",
            Self::KeyId => "kid",
            Self::Signature => "sig",
        }
    }
}

/// The history of fetching, changed only under the channel's own short lock.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempts {
    pub(super) in_flight: bool,
    /// Why the fetch under way, or else the last one, was made.
    pub(super) trigger: Trigger,
    pub(super) finished: u64,
    /// Failures since the last success.
    pub(super) failures: u32,
    pub(super) finished_at: UnixTime,
    /// Of the keys that are there.
    pub(super) generation: u64,
    pub(super) last_error: Option<Arc<KeysError>>,
    /// When an unknown key id last caused a fetch.
    asked_at: Option<UnixTime>,
    /// When a bad signature last caused a fetch.
    doubted_at: Option<UnixTime>,
}

impl Attempts {
    /// Begins a fetch for `trigger` if there may be one. Tells whether it has begun.
    ///
    /// `age` is that of the keys, where there are usable ones.
    pub(super) fn begin(&mut self, trigger: Trigger, now: UnixTime, age: Option<Duration>) -> bool {
        if self.in_flight || !self.may_ask(trigger, now, age) {
            return false;
        }
        self.in_flight = true;
        self.trigger = trigger;
        match trigger {
            Trigger::KeyId => self.asked_at = Some(now),
            Trigger::Signature => self.doubted_at = Some(now),
            Trigger::Start | Trigger::Timer => {}
        }
        true
    }

    /// Notes how the fetch under way has ended.
    pub(super) fn finish(&mut self, now: UnixTime, error: Option<Arc<KeysError>>) {
        self.in_flight = false;
        self.finished += 1;
        self.finished_at = now;
        self.failures = match error {
            Some(_) => self.failures.saturating_add(1),
            None => 0,
        };
        self.last_error = error;
    }

    /// Whether there were keys at any time.
    pub(super) const fn has_keys(&self) -> bool {
        self.generation > 0
    }

    /// Whether waiting for a fetch that is under way may change the answer about a token.
    pub(super) fn is_worth_waiting(trigger: Trigger, age: Option<Duration>) -> bool {
        trigger != Trigger::Signature || age.is_none_or(|age| age >= SIGNATURE_COOLDOWN)
    }

    /// 1 s after the first failure, doubled by each further one, at most 60 s.
    pub(super) fn back_off(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(6);
        Duration::from_secs((1 << doublings).min(60))
    }

    /// Whether a request may cause a fetch at `now`.
    fn may_ask(&self, trigger: Trigger, now: UnixTime, age: Option<Duration>) -> bool {
        let passed = |last: UnixTime, pause| now.since(last) >= pause;
        if age.is_none() {
            return passed(self.finished_at, self.back_off());
        }
        match trigger {
            Trigger::Start | Trigger::Timer => true,
            Trigger::KeyId => self
                .asked_at
                .is_none_or(|asked_at| passed(asked_at, KEY_ID_COOLDOWN)),
            Trigger::Signature => {
                Self::is_worth_waiting(trigger, age)
                    && self
                        .doubted_at
                        .is_none_or(|doubted_at| passed(doubted_at, SIGNATURE_COOLDOWN))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FetchError;

    const fn at(seconds: u64) -> UnixTime {
        UnixTime(1_000_000 + seconds)
    }

    #[test]
    fn each_trigger_has_its_own_cooldown() {
        for (trigger, cooldown) in [(Trigger::KeyId, 10), (Trigger::Signature, 300)] {
            let mut attempts = Attempts::default();
            let old = Some(Duration::from_mins(5));
            assert!(attempts.begin(trigger, at(0), old), "{trigger:?}");
            assert!(
                !attempts.begin(trigger, at(0), old),
                "{trigger:?} under way"
            );
            attempts.finish(at(0), None);
            for (seconds, expected) in [(cooldown - 1, false), (cooldown, true)] {
                let may = attempts.begin(trigger, at(seconds), old);
                assert_eq!(may, expected, "{trigger:?} after {seconds} s");
            }
        }
    }

    #[test]
    fn a_bad_signature_does_not_make_young_keys_doubtful() {
        for (age, expected) in [(299, false), (300, true)] {
            let age = Some(Duration::from_secs(age));
            let began = Attempts::default().begin(Trigger::Signature, at(0), age);
            assert_eq!(began, expected, "{age:?}");
        }
    }

    #[test]
    fn without_keys_the_pause_grows_from_a_second_to_a_minute() {
        let mut attempts = Attempts::default();
        let url = "https://issuer.example/".parse().unwrap();
        let error = Arc::new(KeysError::Fetch(FetchError::Insecure { url }));
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(attempts.begin(Trigger::KeyId, at(1_000), None));
            attempts.finish(at(0), Some(Arc::clone(&error)));
            assert_eq!(attempts.back_off(), Duration::from_secs(expected));
            assert!(!attempts.begin(Trigger::KeyId, at(expected - 1), None));
        }
    }
}
