use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_token::UnixTime;

/// So many of each second pass.
const ALL_UNTIL: u64 = 10;
/// Of those that follow, one in so many does.
const ONE_IN: u64 = 100;

/// Chooses which events are logged, so that a flood of them does not fill a disk.
///
/// Two threads at the turn of a second may let a few more pass.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    second: AtomicU64,
    events: AtomicU64,
    suppressed: AtomicU64,
}

impl Sampler {
    /// Whether the event passes, with how many did not since the last one that did.
    pub(super) fn sample(&self, now: UnixTime) -> Option<u64> {
        if self.second.swap(now.0, Ordering::Relaxed) != now.0 {
            self.events.store(0, Ordering::Relaxed);
        }
        let event = self.events.fetch_add(1, Ordering::Relaxed);
        let passes = event < ALL_UNTIL || (event - ALL_UNTIL + 1).is_multiple_of(ONE_IN);
        if passes {
            Some(self.suppressed.swap(0, Ordering::Relaxed))
        } else {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_of_a_second_pass_and_then_one_of_a_hundred() {
        let sampler = Sampler::default();
        let passed = |second, events: usize| -> Vec<_> {
            let samples = (1..=events).map(|event| (event, sampler.sample(UnixTime(second))));
            let passed = samples.filter_map(|(event, sample)| Some((event, sample?)));
            passed.filter(|(event, _)| *event > 9).collect()
        };
        assert_eq!(passed(1, 250), [(10, 0), (110, 99), (210, 99)]);
        assert_eq!(passed(2, 11), [(10, 0)]);
        assert_eq!(sampler.sample(UnixTime(3)), Some(1));
        assert_eq!(sampler.sample(UnixTime(3)), Some(0));
    }
}
