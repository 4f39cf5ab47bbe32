//! What requests are counted by. Counting takes no lock, and memory only for what is seen first.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Method;

/// The ends of the buckets in microseconds: those of OpenTelemetry, and three for a gateway's own
/// work before them.
pub(super) const BOUNDS: [u64; 17] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000, 750_000,
    1_000_000, 2_500_000, 5_000_000, 7_500_000, 10_000_000,
];

/// Series of one route or upstream; statuses are an upstream's choice, and not without end.
const MOST_ANSWERS: usize = 48;
/// Series of one API, a few for each of its authorizers; of limits, a few for each policy.
const MOST_DECISIONS: usize = 512;

/// A method that is not of the standard's.
pub(super) const OTHER: &str = "_OTHER";

/// A list that only grows. What is in it is found without a lock.
#[derive(Debug)]
struct Growing<T> {
    first: Slot<T>,
}

type Slot<T> = OnceLock<Box<Node<T>>>;

#[derive(Debug)]
struct Node<T> {
    value: T,
    next: Slot<T>,
}

impl<T> Default for Growing<T> {
    fn default() -> Self {
        Self {
            first: OnceLock::new(),
        }
    }
}

impl<T> Growing<T> {
    /// The entry that is the one, made where there is none; none where the list has `most` others.
    fn find_or_add(
        &self,
        most: usize,
        is_it: impl Fn(&T) -> bool,
        make: impl Fn() -> T,
    ) -> Option<&T> {
        let mut slot = &self.first;
        for _ in 0..most {
            let node = slot.get_or_init(|| {
                Box::new(Node {
                    value: make(),
                    next: OnceLock::new(),
                })
            });
            if is_it(&node.value) {
                return Some(&node.value);
            }
            slot = &node.next;
        }
        None
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        let first = self.first.get();
        std::iter::successors(first, |node| node.next.get()).map(|node| &node.value)
    }
}

/// How long something took, in buckets.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum: AtomicU64,
}

impl Histogram {
    fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many there are in each bucket, the last of which has no end.
    pub(super) fn counts(&self) -> [u64; BOUNDS.len() + 1] {
        std::array::from_fn(|bucket| self.buckets[bucket].load(Ordering::Relaxed))
    }

    /// All of it, in microseconds.
    pub(super) fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) method: &'static str,
    /// Absent where there was no answer.
    pub(super) status: Option<u16>,
    /// `error.type` of OpenTelemetry; empty where all went well.
    pub(super) error: &'static str,
}

/// How long requests took, by how they were answered.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    by_answer: Growing<(Answered, Histogram)>,
    rest: Histogram,
}

impl Durations {
    pub(super) fn record(&self, answered: Answered, duration: Duration) {
        let found = self.by_answer.find_or_add(
            MOST_ANSWERS,
            |(own, _)| *own == answered,
            || (answered, Histogram::default()),
        );
        found
            .map_or(&self.rest, |(_, histogram)| histogram)
            .record(duration);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Answered, &Histogram)> {
        let rest = Answered {
            method: OTHER,
            status: None,
            error: OTHER,
        };
        let kept = self.by_answer.iter();
        kept.map(|(answered, histogram)| (*answered, histogram))
            .chain([(rest, &self.rest)])
    }
}

/// What was decided, how often.
#[derive(Debug)]
pub(super) struct Decision {
    /// The authorizer by whose word; empty where none was asked.
    pub(super) authorizer: Box<str>,
    pub(super) outcome: &'static str,
    /// Empty for a permitted request.
    pub(super) reason: &'static str,
    count: AtomicU64,
}

impl Decision {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// The decisions about one API's requests.
#[derive(Debug, Default)]
pub(crate) struct Decisions(Growing<Decision>);

impl Decisions {
    pub(super) fn count(&self, authorizer: &str, outcome: &'static str, reason: &'static str) {
        let found = self.0.find_or_add(
            MOST_DECISIONS,
            |own| own.outcome == outcome && own.reason == reason && *own.authorizer == *authorizer,
            || Decision {
                authorizer: authorizer.into(),
                outcome,
                reason,
                count: AtomicU64::new(0),
            },
        );
        if let Some(decision) = found {
            decision.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Decision> {
        self.0.iter()
    }
}

/// What became of requests at one limit of a policy.
#[derive(Debug)]
pub(super) struct LimitDecision {
    pub(super) policy: Box<str>,
    /// `rate` or `quota`.
    pub(super) limit: &'static str,
    pub(super) outcome: &'static str,
    count: AtomicU64,
}

impl LimitDecision {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// What became of requests at the limits of all policies.
#[derive(Debug, Default)]
pub(crate) struct LimitDecisions(Growing<LimitDecision>);

impl LimitDecisions {
    pub(crate) fn count(&self, policy: &str, limit: &'static str, outcome: &'static str) {
        let found = self.0.find_or_add(
            MOST_DECISIONS,
            |own| own.outcome == outcome && own.limit == limit && *own.policy == *policy,
            || LimitDecision {
                policy: policy.into(),
                limit,
                outcome,
                count: AtomicU64::new(0),
            },
        );
        if let Some(decision) = found {
            decision.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &LimitDecision> {
        self.0.iter()
    }
}

/// The method, where it is one of the standard's (RFC 9110, RFC 5789).
pub(super) fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "CONNECT" => "CONNECT",
        "DELETE" => "DELETE",
        "GET" => "GET",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "POST" => "POST",
        "PUT" => "PUT",
        "TRACE" => "TRACE",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Answered = Answered {
        method: "GET",
        status: Some(200),
        error: "",
    };

    #[test]
    fn a_duration_is_in_the_bucket_whose_end_it_does_not_pass() {
        for (micros, expected) in [
            (0, 0),
            (500, 0),
            (501, 1),
            (10_000_000, 16),
            (10_000_001, 17),
        ] {
            let histogram = Histogram::default();
            histogram.record(Duration::from_micros(micros));
            let bucket = histogram.counts().iter().position(|count| *count == 1);
            assert_eq!(bucket, Some(expected), "{micros}");
            assert_eq!(histogram.sum(), micros);
        }
    }

    #[test]
    fn answers_beyond_the_bound_share_one_series() {
        let durations = Durations::default();
        for status in 100..1000 {
            let answered = Answered {
                status: Some(status),
                ..OK
            };
            durations.record(answered, Duration::ZERO);
            durations.record(answered, Duration::ZERO);
        }
        let counts: Vec<u64> = durations
            .all()
            .map(|(_, histogram)| histogram.counts().iter().sum())
            .collect();
        assert_eq!(counts.len(), MOST_ANSWERS + 1);
        assert!(counts[..MOST_ANSWERS].iter().all(|count| *count == 2));
        assert_eq!(counts[MOST_ANSWERS], 2 * (900 - 48));
    }

    #[test]
    fn threads_that_add_the_same_series_at_once_count_in_one() {
        let (decisions, durations) = (Decisions::default(), Durations::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        decisions.count("user", "refused", "expired");
                        durations.record(OK, Duration::ZERO);
                    }
                });
            }
        });
        let counts: Vec<u64> = decisions.all().map(Decision::count).collect();
        assert_eq!(counts, [4_000]);
        let (_, histogram) = durations.all().next().unwrap();
        assert_eq!(histogram.counts()[0], 4_000);
    }

    #[test]
    fn a_method_of_the_callers_own_is_no_label() {
        for (method, expected) in [("GET", "GET"), ("get", OTHER), ("PURGE", OTHER)] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(method_label(&method), expected);
        }
    }
}
