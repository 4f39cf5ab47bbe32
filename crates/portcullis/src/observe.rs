//! What a verifier tells about its work: counters, a span, and a line for each refusal.

mod denial;
mod glance;
mod hint;
mod sampler;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_token::{Reason, UnixTime};

use self::denial::Denials;
pub(crate) use self::denial::Refused;
pub(crate) use self::glance::{Glance, Identifier};
use crate::cache::digest::Digester;

/// The upper ends of all buckets of [`StageStatus::buckets`] but the last, which has none.
const BOUNDS: [Duration; 7] = [
    Duration::from_micros(1),
    Duration::from_micros(10),
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
];
const BUCKETS: usize = BOUNDS.len() + 1;

/// Watches verifiers: it counts and times their answers, and has them logged.
///
/// A verifier without one does none of this. With one, each answer
///
/// - is counted, for [`Observer::status`];
/// - is a span `auth.verify` at the level `DEBUG`, where a subscriber takes those, with `reason`
///   (`ok` for a good token), `issuer`, `alg` and `kid`;
/// - is a line `token refused` at the level `DEBUG` when it is a refusal, with the same fields and
///   `token_id`, `hint` and, once the signature was checked, `jti`. Of each reason the first 10 of
///   a second are logged and then one of 100; `suppressed` says how many were not.
///
/// `kid` and `token_id` are 12 hexadecimal digits of a hash whose key never leaves the process:
/// they tell that two lines are about the same, and nothing else. `issuer` is the name of one of
/// the verifier's issuers, or `unknown`. Clones are the same observer.
///
/// ```
/// use portcullis::{Credentials, Observer, Reason};
/// use portcullis_testkit::TestIssuer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let observer = Observer::default();
/// let auth = issuer.verifier("api").observer(observer.clone()).build()?;
/// let good = issuer.token().audience("api").sign();
/// auth.verify(&Credentials::bearer(&good)).await?;
/// let bad = issuer.token().audience("another").sign();
/// assert!(auth.verify(&Credentials::bearer(&bad)).await.is_err());
///
/// let status = observer.status();
/// assert_eq!(status.accepted, 1);
/// assert!(status.refused.contains(&(Reason::AudMismatch, 1)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Observer {
    shared: Arc<Shared>,
    /// Whether lines are left to whoever asks for them.
    silent: bool,
}

#[derive(Debug)]
struct Shared {
    accepted: AtomicU64,
    /// In the order of [`Reason::ALL`].
    refused: [AtomicU64; Reason::ALL.len()],
    stages: [Times; Stage::ALL.len()],
    denials: Denials,
    /// Absent without randomness: nothing is then identified.
    digester: Option<Digester>,
}

#[derive(Debug, Default)]
struct Times {
    buckets: [AtomicU64; BUCKETS],
    nanoseconds: AtomicU64,
}

/// How an answer came about.
///
/// ```
/// assert_eq!(portcullis::Stage::Cached.name(), "cached");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The token was remembered, and only what may have changed was checked.
    Cached,
    /// Everything was checked, which may have taken a fetch of keys or a question to the issuer.
    Full,
}

/// What an [`Observer`] has seen, at one moment. Counters only ever grow.
///
/// [`Cache::status`](crate::Cache::status) and
/// [`Verifier::key_status`](crate::Verifier::key_status) have the counters of the cache and of
/// key fetches.
///
/// ```
/// use portcullis::{Observer, Reason, Stage};
///
/// let status = Observer::default().status();
/// assert!(status.refused.iter().all(|(_, count)| *count == 0));
/// assert_eq!(status.refused[0].0, Reason::Missing);
/// assert_eq!(status.stages[0].stage, Stage::Cached);
/// assert_eq!(status.stages[0].count(), 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObserverStatus {
    /// Tokens that were good.
    pub accepted: u64,
    /// How often each reason refused one; all reasons, in the order of checks.
    ///
    /// A token that is good, but not good enough for the route of a layer or of a handler, is
    /// counted here and among the accepted ones.
    pub refused: Vec<(Reason, u64)>,
    /// How long the answers of each stage took, good or bad.
    pub stages: Vec<StageStatus>,
}

/// How long the answers of one stage took: a histogram.
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Observer, StageStatus};
///
/// let status = Observer::default().status();
/// assert_eq!(StageStatus::bounds()[0], Duration::from_micros(1));
/// assert_eq!(status.stages[1].buckets.len(), StageStatus::bounds().len() + 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageStatus {
    /// Which stage.
    pub stage: Stage,
    /// How many answers took at most each of [`StageStatus::bounds`] and longer than the one
    /// before; the last number is of those that took longer than all.
    pub buckets: Vec<u64>,
    /// How long all of them took together.
    pub sum: Duration,
}

impl Stage {
    /// Both, in the order of [`ObserverStatus::stages`].
    ///
    /// ```
    /// use portcullis::{Observer, Stage};
    ///
    /// let stages = Observer::default().status().stages;
    /// for (status, stage) in stages.iter().zip(Stage::ALL) {
    ///     assert_eq!(status.stage, stage);
    /// }
    /// ```
    pub const ALL: [Self; 2] = [Self::Cached, Self::Full];

    /// The name as a metric's label.
    ///
    /// ```
    /// assert_eq!(portcullis::Stage::ALL.map(portcullis::Stage::name), ["cached", "full"]);
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Full => "full",
        }
    }
}

impl StageStatus {
    /// The upper ends of the buckets, from 1 µs to 1 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::StageStatus;
    ///
    /// assert_eq!(StageStatus::bounds().first(), Some(&Duration::from_micros(1)));
    /// assert_eq!(StageStatus::bounds().last(), Some(&Duration::from_secs(1)));
    /// ```
    pub const fn bounds() -> &'static [Duration] {
        &BOUNDS
    }

    /// How many answers there were.
    ///
    /// ```
    /// # use portcullis::{Credentials, Observer};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let observer = Observer::default();
    /// let auth = issuer.verifier("api").observer(observer.clone()).build()?;
    /// assert!(auth.verify(&Credentials::bearer("not a token")).await.is_err());
    /// let [cached, full] = observer.status().stages.try_into().unwrap();
    /// assert_eq!((cached.count(), full.count()), (0, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl Observer {
    /// The same observer, which writes no lines unless
    /// [`Verifier::log_refusal`](crate::Verifier::log_refusal) asks for one.
    ///
    /// For whoever asks several verifiers about one token: that one of them refuses it says
    /// nothing yet.
    ///
    /// ```
    /// use portcullis::{Issuer, Observer, Verifier};
    ///
    /// let observer = Observer::default();
    /// let issuer = Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api");
    /// let verifier = Verifier::builder().issuer(issuer).observer(observer.clone().without_lines());
    /// # let _ = verifier;
    /// ```
    #[must_use]
    pub fn without_lines(self) -> Self {
        Self {
            silent: true,
            ..self
        }
    }

    /// What it has seen until now.
    ///
    /// ```
    /// # use portcullis::{Credentials, Observer};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let observer = Observer::default();
    /// let auth = TestIssuer::new().verifier("api").observer(observer.clone()).build()?;
    /// assert!(auth.verify(&Credentials::bearer("not a token")).await.is_err());
    /// let refusals: u64 = observer.status().refused.iter().map(|(_, count)| count).sum();
    /// assert_eq!(refusals, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn status(&self) -> ObserverStatus {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Shared {
            accepted,
            refused,
            stages,
            ..
        } = &*self.shared;
        let stages = Stage::ALL.into_iter().zip(stages);
        ObserverStatus {
            accepted: load(accepted),
            refused: Reason::ALL
                .into_iter()
                .zip(refused.iter().map(load))
                .collect(),
            stages: stages
                .map(|(stage, times)| StageStatus {
                    stage,
                    buckets: times.buckets.iter().map(load).collect(),
                    sum: Duration::from_nanos(load(&times.nanoseconds)),
                })
                .collect(),
        }
    }

    pub(crate) fn count(&self, refusal: Option<Reason>, stage: Stage, took: Duration) {
        let shared = &*self.shared;
        let counter = match refusal {
            None => &shared.accepted,
            Some(reason) => &shared.refused[place(reason)],
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let times = &shared.stages[usize::from(stage == Stage::Full)];
        let bucket = BOUNDS.iter().position(|bound| took <= *bound);
        times.buckets[bucket.unwrap_or(BOUNDS.len())].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        times.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Counts a good token that is not good enough for a route.
    pub(crate) fn count_forbidden(&self, reason: Reason) {
        self.shared.refused[place(reason)].fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it logs the refusals that it sees.
    pub(crate) const fn writes_lines(&self) -> bool {
        !self.silent
    }

    /// Logs a refusal, unless there are too many of its reason.
    pub(crate) fn log(&self, refused: &Refused<'_>, now: UnixTime) {
        self.shared.denials.log(refused, self, now);
    }

    /// What stands for a token in logs.
    pub(crate) fn token_id(&self, token: &str) -> Option<Identifier> {
        Some(self.shared.digester.as_ref()?.digest(0, token).into())
    }

    /// What stands for the id of a key in logs.
    pub(crate) fn key_id(&self, kid: &str) -> Option<Identifier> {
        Some(self.shared.digester.as_ref()?.digest(1, kid).into())
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            accepted: AtomicU64::new(0),
            refused: std::array::from_fn(|_| AtomicU64::new(0)),
            stages: Default::default(),
            denials: Denials::default(),
            digester: Digester::new().ok(),
        }
    }
}

/// The place in [`Reason::ALL`], which has every reason.
fn place(reason: Reason) -> usize {
    let place = Reason::ALL.iter().position(|other| *other == reason);
    place.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_counted_in_the_bucket_of_its_time() {
        let observer = Observer::default();
        for (nanoseconds, bucket) in [
            (0, 0),
            (1_000, 0),
            (1_001, 1),
            (10_000, 1),
            (1_000_000_000, 6),
            (1_000_000_001, 7),
        ] {
            let count = || observer.status().stages[1].buckets[bucket];
            let before = count();
            observer.count(None, Stage::Full, Duration::from_nanos(nanoseconds));
            assert_eq!(count(), before + 1, "{nanoseconds} ns");
        }
        observer.count(Some(Reason::StepUp), Stage::Cached, Duration::ZERO);
        let status = observer.status();
        assert_eq!(status.accepted, 6);
        assert_eq!(status.refused.last(), Some(&(Reason::StepUp, 1)));
        let refused: u64 = status.refused.iter().map(|(_, count)| count).sum();
        assert_eq!(refused, 1);
        assert_eq!(status.stages[0].count(), 1);
        assert_eq!(status.stages[1].sum, Duration::from_nanos(2_000_012_002));
    }
}
