//! Whether an address of an upstream is well, as requests and checks find it. Threads share it, and
//! no lock.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which an address is left out.
const FAILURES: u32 = 3;
/// How long it is left out first; twice as long after each trial that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What requests and checks have found out about one address.
#[derive(Debug)]
pub(crate) struct Health {
    began: Instant,
    /// In a row; an answer ends the row.
    failures: AtomicU32,
    /// In milliseconds since it began; nought while the address is not left out.
    out_until: AtomicU64,
    /// How often in a row it was left out.
    pauses: AtomicU32,
    /// Whether the checks say that it is not well.
    check_failed: AtomicBool,
}

/// Whether requests are sent to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    In,
    /// One of them is, to find out.
    Trial,
    Out,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            failures: AtomicU32::new(0),
            out_until: AtomicU64::new(0),
            pauses: AtomicU32::new(0),
            check_failed: AtomicBool::new(false),
        }
    }
}

impl Health {
    pub(super) fn standing(&self) -> Standing {
        match self.out_until.load(Ordering::Relaxed) {
            _ if self.check_failed.load(Ordering::Relaxed) => Standing::Out,
            0 => Standing::In,
            until if self.now() < until => Standing::Out,
            _ => Standing::Trial,
        }
    }

    /// Takes the one trial for the caller; somebody else may have had it already.
    pub(super) fn take_trial(&self) -> bool {
        // A trial that never ends is followed by another one.
        let next = self.now() + millis(pause(self.pauses.load(Ordering::Relaxed)));
        let is_due = |until| until != 0 && until <= self.now();
        let order = Ordering::Relaxed;
        let taken = self
            .out_until
            .fetch_update(order, order, |until| is_due(until).then_some(next));
        taken.is_ok()
    }

    /// An answer came, whatever it says. Whether the address was left out until then.
    pub(super) fn succeeded(&self) -> bool {
        // Nearly always so, and then nothing is written that other threads read.
        self.failures.load(Ordering::Relaxed) != 0 && self.recover()
    }

    /// No answer came. How long the address is left out from now on, where that begins here.
    pub(super) fn failed(&self, standing: Standing) -> Option<Duration> {
        let failures = self
            .failures
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let until = self.out_until.load(Ordering::Relaxed);
        // Those that were under way when it was left out tell nothing more.
        let is_last = failures == FAILURES || (until != 0 && until <= self.now());
        if !is_last && standing != Standing::Trial {
            return None;
        }
        let pauses = self
            .pauses
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let pause = pause(pauses);
        let until = self.now() + millis(pause);
        self.out_until.store(until, Ordering::Relaxed);
        Some(pause)
    }

    /// The checks agree on this. Whether they said something else before.
    pub(super) fn checked(&self, is_well: bool) -> bool {
        if is_well {
            self.recover();
        }
        self.check_failed.swap(!is_well, Ordering::Relaxed) == is_well
    }

    /// Whether requests are sent to it as if nothing had happened.
    pub(crate) fn is_well(&self) -> bool {
        self.standing() == Standing::In
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    fn recover(&self) -> bool {
        self.failures.store(0, Ordering::Relaxed);
        self.pauses.store(0, Ordering::Relaxed);
        self.out_until.swap(0, Ordering::Relaxed) != 0
    }

    /// Never nought, which means that it is not left out.
    fn now(&self) -> u64 {
        millis(self.began.elapsed()).saturating_add(1)
    }
}

fn pause(pauses: u32) -> Duration {
    let doubled = 1_u32
        .checked_shl(pauses.saturating_sub(1))
        .unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_leave_an_address_out_and_one_request_tries_it_again() {
        let health = Health::default();
        assert_eq!(health.failed(Standing::In), None);
        assert_eq!(health.failed(Standing::In), None);
        assert!(!health.succeeded(), "it was never out");
        for expected in [None, None, Some(SECOND), None, None] {
            assert_eq!(health.failed(Standing::In), expected);
        }
        assert_eq!(health.standing(), Standing::Out);
        assert!(!health.take_trial());

        advance(Duration::from_millis(999)).await;
        assert_eq!(health.standing(), Standing::Out);
        advance(Duration::from_millis(1)).await;
        assert_eq!(health.standing(), Standing::Trial);
        assert!(!health.is_well());
        assert!(health.take_trial());
        assert_eq!(health.standing(), Standing::Out, "for everybody else");
        assert!(!health.take_trial());
        assert!(health.succeeded());
        assert_eq!((health.standing(), health.failures()), (Standing::In, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn each_trial_that_fails_doubles_the_pause_up_to_a_minute() {
        let health = Health::default();
        let mut pauses = Vec::new();
        for _ in 0..2 {
            health.failed(Standing::In);
        }
        pauses.extend(health.failed(Standing::In));
        for _ in 0..8 {
            advance(*pauses.last().unwrap()).await;
            assert!(health.take_trial());
            pauses.extend(health.failed(Standing::Trial));
        }
        let seconds: Vec<u64> = pauses.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(health.succeeded());
        for expected in [None, None, Some(SECOND)] {
            assert_eq!(health.failed(Standing::In), expected, "from the beginning");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_whose_caller_leaves_is_followed_by_another() {
        let health = Health::default();
        for _ in 0..3 {
            health.failed(Standing::In);
        }
        advance(SECOND).await;
        assert!(health.take_trial());
        advance(SECOND).await;
        assert!(health.take_trial());
    }

    #[tokio::test(start_paused = true)]
    async fn checks_decide_against_requests() {
        let health = Health::default();
        assert!(!health.checked(true));
        assert!(health.checked(false));
        assert!(!health.checked(false));
        assert!(!health.succeeded());
        assert_eq!(health.standing(), Standing::Out);
        for _ in 0..3 {
            health.failed(Standing::Out);
        }
        assert!(health.checked(true));
        assert_eq!(
            health.standing(),
            Standing::In,
            "whatever requests said before"
        );
    }
}
