use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_token::{Algorithm, KeySet, Skipped, UnixTime, base64url};
use url::Url;

use super::{KeySource, Keys, Origin, Trigger};
use crate::Chain;

/// The keys of one issuer at one moment, for a page or a metric.
///
/// ```
/// use portcullis::{Issuer, Origin, Verifier};
///
/// let verifier = Verifier::builder()
///     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
///     .build()
///     .unwrap();
/// let [status] = verifier.key_status().try_into().unwrap();
/// assert_eq!(status.origin, Origin::Nowhere);
/// assert!(status.keys.is_empty() && !status.is_usable);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyStatus {
    /// Where the keys are fetched from; absent when they were given.
    pub source: Option<Url>,
    /// The issuer, as its discovery document spells it or else as configured.
    pub issuer: Option<String>,
    /// The keys in use.
    pub keys: Vec<KnownKey>,
    /// The published keys that are not used, and why.
    pub skipped: Vec<Skipped>,
    /// Where the keys came from.
    pub origin: Origin,
    /// When the provider last vouched for the keys.
    pub fetched_at: Option<UnixTime>,
    /// How long ago that was.
    pub age: Option<Duration>,
    /// Whether the keys may still be used: there are some, and they are not too old.
    pub is_usable: bool,
    /// Whether the provider has failed since the keys were fetched.
    pub is_stale: bool,
    /// Failures since the last success.
    pub failures: u32,
    /// What the last fetch failed with, causes included; absent when it succeeded.
    pub last_error: Option<String>,
    /// How many fetches there were for each trigger.
    pub fetches: Vec<FetchCount>,
}

/// One key in use.
///
/// ```
/// # use portcullis_testkit::TestIssuer;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis::KnownKey;
///
/// fn line(key: &KnownKey) -> String {
///     format!("{} {}", key.algorithm, if key.is_distrusted { "distrusted" } else { "trusted" })
/// }
///
/// let auth = TestIssuer::new().verifier("api").build()?;
/// auth.ready().await?;
/// let [status] = auth.key_status().try_into().unwrap();
/// assert_eq!(line(&status.keys[0]), "RS256 trusted");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownKey {
    /// The key's id, as tokens name it.
    pub kid: Option<String>,
    /// The algorithm the key is used with.
    pub algorithm: Algorithm,
    /// The RFC 7638 thumbprint in base64url.
    pub thumbprint: String,
    pub(crate) thumbprint_bytes: [u8; 32],
    /// Whether the [`DistrustList`](crate::DistrustList) concerns it.
    pub is_distrusted: bool,
}

/// How many fetches one trigger has caused, by their result.
///
/// ```
/// use portcullis::{FetchCount, Trigger};
///
/// let count = FetchCount { trigger: Trigger::Timer, fetched: 2, not_modified: 1, failed: 0 };
/// assert_eq!(count.total(), 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchCount {
    /// Why they were made.
    pub trigger: Trigger,
    /// Those that brought a key set.
    pub fetched: u64,
    /// Those that the provider answered with 304.
    pub not_modified: u64,
    /// Those that brought nothing usable.
    pub failed: u64,
}

impl FetchCount {
    /// All of them.
    ///
    /// ```
    /// use portcullis::{FetchCount, Trigger};
    ///
    /// let count = FetchCount { trigger: Trigger::Start, fetched: 1, not_modified: 0, failed: 4 };
    /// assert_eq!(count.total(), 5);
    /// ```
    pub const fn total(&self) -> u64 {
        self.fetched + self.not_modified + self.failed
    }
}

/// How a fetch ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum FetchResult {
    Fetched,
    NotModified,
    Failed,
}

impl FetchResult {
    /// The name in logs and metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fetched => "fetched",
            Self::NotModified => "not_modified",
            Self::Failed => "failed",
        }
    }
}

/// Counts fetches by trigger and result.
#[derive(Debug, Default)]
pub(super) struct FetchCounters([[AtomicU64; 3]; Trigger::ALL.len()]);

impl FetchCounters {
    pub(super) fn count(&self, trigger: Trigger, result: FetchResult) {
        let [fetched, not_modified, failed] = self.of(trigger);
        let counter = match result {
            FetchResult::Fetched => fetched,
            FetchResult::NotModified => not_modified,
            FetchResult::Failed => failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Vec<FetchCount> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let count = |trigger| {
            let [fetched, not_modified, failed] = self.of(trigger);
            FetchCount {
                trigger,
                fetched: read(fetched),
                not_modified: read(not_modified),
                failed: read(failed),
            }
        };
        Trigger::ALL.map(count).to_vec()
    }

    const fn of(&self, trigger: Trigger) -> &[AtomicU64; 3] {
        let [start, timer, key_id, signature] = &self.0;
        match trigger {
            Trigger::Start => start,
            Trigger::Timer => timer,
            Trigger::KeyId => key_id,
            Trigger::Signature => signature,
        }
    }
}

impl Keys {
    /// What there is to know about these keys at this moment.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{KeySource, Keys, Origin};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let source = KeySource::Discovery(provider.name().parse()?);
    /// let keys = Keys::new(source, Arc::new(provider), Arc::new(TestClock::default()));
    /// keys.ready().await?;
    /// let status = keys.status();
    /// assert_eq!((status.keys.len(), status.age), (1, Some(Duration::ZERO)));
    /// assert_eq!(status.origin, Origin::Provider);
    /// # Ok(())
    /// # }
    /// ```
    pub fn status(&self) -> KeyStatus {
        let fetched = self.load();
        let now = self.shared.clock.now();
        let attempts = self.shared.attempts.borrow().clone();
        let source = match &self.shared.source {
            KeySource::Discovery(url) | KeySource::Jwks(url) => url.clone(),
        };
        KeyStatus {
            source: Some(source),
            fetched_at: fetched.at,
            age: fetched.age(now),
            is_usable: fetched.usable(now).is_some(),
            is_stale: attempts.failures > 0,
            failures: attempts.failures,
            last_error: attempts.last_error.map(|error| Chain(&*error).to_string()),
            fetches: self.shared.counters.snapshot(),
            ..KeyStatus::of(&fetched.set, fetched.origin)
        }
    }
}

impl KeyStatus {
    /// The status of keys that are never fetched.
    pub(crate) fn of(set: &KeySet, origin: Origin) -> Self {
        let keys = set.keys().iter().map(|key| KnownKey {
            kid: key.kid().map(str::to_owned),
            algorithm: key.algorithm(),
            thumbprint: base64url::encode(key.thumbprint()),
            thumbprint_bytes: *key.thumbprint(),
            is_distrusted: false,
        });
        Self {
            source: None,
            issuer: set.issuer().map(str::to_owned),
            keys: keys.collect(),
            skipped: set.skipped().to_vec(),
            origin,
            fetched_at: None,
            age: None,
            is_usable: !set.is_empty(),
            is_stale: false,
            failures: 0,
            last_error: None,
            fetches: Vec::new(),
        }
    }
}
