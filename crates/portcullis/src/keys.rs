mod attempts;
mod distrust;
mod fetched;
mod provider;
mod refresher;
mod restart;
mod snapshot;
mod status;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use portcullis_token::{KeySet, KeySetError, Reason, UnixTime};
use tokio::sync::{Notify, watch};
use url::Url;

use self::attempts::Attempts;
pub use self::attempts::Trigger;
pub use self::distrust::{DistrustList, Distrusted};
pub(crate) use self::fetched::Fetched;
pub use self::fetched::Origin;
pub use self::snapshot::{SnapshotError, SnapshotFile};
use self::status::FetchCounters;
pub use self::status::{FetchCount, KeyStatus, KnownKey};
#[cfg(feature = "utoipa")]
use crate::discovery::openid_configuration;
use crate::{Clock, DiscoveryError, FetchError, KeyFetcher};

/// How long a request waits for keys that it needs.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where an issuer's keys come from.
///
/// ```
/// use portcullis::KeySource;
///
/// let source = KeySource::Discovery("https://tenant.eu.auth0.com/".parse().unwrap());
/// assert_eq!(source.to_string(), "https://tenant.eu.auth0.com/");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// The issuer's discovery document names its key set.
    Discovery(Url),
    /// The address of the key set itself.
    Jwks(Url),
}

/// Why an issuer's keys could not be fetched. Ours or the provider's fault: HTTP 503.
///
/// ```
/// use portcullis::{Chain, FetchError, KeysError};
///
/// let url = "https://issuer.example/jwks.json".parse().unwrap();
/// let error = KeysError::from(FetchError::Status { url, status: 500 });
/// assert_eq!(
///     Chain(&error).to_string(),
///     "the key set could not be fetched: https://issuer.example/jwks.json answered 500",
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The discovery document did not lead to a key set.
    #[error("discovery failed")]
    Discovery(#[from] DiscoveryError),
    /// The key set could not be fetched.
    #[error("the key set could not be fetched")]
    Fetch(#[from] FetchError),
    /// The document is not a key set, or has no usable key.
    #[error("the key set is not usable")]
    Parse(#[from] KeySetError),
}

/// How an issuer's keys are kept.
///
/// ```
/// use std::time::Duration;
/// use portcullis::KeySettings;
///
/// let settings = KeySettings { max_stale: Duration::from_hours(1), ..KeySettings::default() };
/// assert!(settings.snapshot.is_none());
/// ```
#[derive(Clone, Debug)]
pub struct KeySettings {
    /// How long keys are used after the provider last vouched for them. Default 24 h.
    ///
    /// Zero keeps them only until shortly after they should have been fetched again.
    pub max_stale: Duration,
    /// Where the last good keys are kept over a restart. Default: nowhere.
    pub snapshot: Option<SnapshotFile>,
}

/// The keys of one issuer, kept fresh by one background task. Cheap to clone.
///
/// Readers never wait for known keys. An unknown key id joins the one fetch under way for at most
/// 2 s, and causes at most one fetch in 10 s, so that forged ids cannot drum on the provider; a
/// bad signature does so for keys older than 5 min, at most once in 5 min. When the provider
/// fails, the last good keys serve for up to 24 h.
///
/// ```
/// use std::sync::Arc;
/// use portcullis::{Issuer, KeySource, Keys, SystemClock, Verifier};
/// use portcullis_testkit::TestIssuer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Two APIs of one issuer, each with its own audience, and one fetch for both.
/// let provider = TestIssuer::new();
/// let source = KeySource::Discovery(provider.name().parse()?);
/// let keys = Keys::new(source, Arc::new(provider.clone()), Arc::new(SystemClock));
/// let verifier = |audience: &str| {
///     let issuer = Issuer::sharing(keys.clone()).named(provider.name()).audience(audience);
///     Verifier::builder().issuer(issuer).build()
/// };
/// let (expenses, travel) = (verifier("https://expenses-api")?, verifier("https://travel-api")?);
/// expenses.ready().await?;
/// assert!(travel.is_ready());
/// assert_eq!(provider.key_fetches(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Keys {
    shared: Arc<Shared>,
}

/// What the background task and its readers share.
struct Shared {
    source: KeySource,
    settings: KeySettings,
    fetcher: Arc<dyn KeyFetcher>,
    clock: Arc<dyn Clock>,
    current: ArcSwap<Fetched>,
    attempts: watch::Sender<Attempts>,
    counters: FetchCounters,
    wake: Arc<Notify>,
    started: AtomicBool,
}

/// What asking the provider again has brought.
#[derive(Debug)]
pub(crate) enum Newer {
    /// Other keys than those that were seen.
    Keys(Arc<Fetched>),
    /// The keys are the provider's own, and nobody may ask again yet.
    Same,
    /// The provider does not answer.
    Unavailable,
}

impl Keys {
    /// Keys from `source`. Nothing is fetched until they are asked for, or [`Keys::start`].
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{KeySource, Keys};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// let provider = TestIssuer::new();
    /// let source = KeySource::Discovery(provider.name().parse()?);
    /// let keys = Keys::new(source, Arc::new(provider.clone()), Arc::new(TestClock::default()));
    /// assert!(!keys.is_usable());
    /// assert!(provider.fetched().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(source: KeySource, fetcher: Arc<dyn KeyFetcher>, clock: Arc<dyn Clock>) -> Self {
        Self::with(source, fetcher, clock, KeySettings::default())
    }

    /// The same with other settings than the default ones.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{KeySettings, KeySource, Keys};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (provider, clock) = (TestIssuer::new(), TestClock::default());
    /// let source = KeySource::Discovery(provider.name().parse()?);
    /// let settings = KeySettings { max_stale: Duration::from_hours(1), ..KeySettings::default() };
    /// let keys = Keys::with(source, Arc::new(provider), Arc::new(clock.clone()), settings);
    /// keys.ready().await?;
    /// clock.advance(Duration::from_hours(1));
    /// assert!(!keys.is_usable());
    /// # Ok(())
    /// # }
    /// ```
    pub fn with(
        source: KeySource,
        fetcher: Arc<dyn KeyFetcher>,
        clock: Arc<dyn Clock>,
        settings: KeySettings,
    ) -> Self {
        let shared = Shared {
            source,
            settings,
            fetcher,
            clock,
            current: ArcSwap::default(),
            attempts: watch::Sender::default(),
            counters: FetchCounters::default(),
            wake: Arc::default(),
            started: AtomicBool::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Starts the background task on the current tokio runtime; later calls change nothing.
    ///
    /// The task reads the snapshot, fetches at once, then before the keys grow old. It ends when
    /// the last clone of this is dropped.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{KeySource, Keys};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let source = KeySource::Discovery(provider.name().parse()?);
    /// let keys = Keys::new(source, Arc::new(provider.clone()), Arc::new(TestClock::default()));
    /// keys.start();
    /// keys.ready().await?;
    /// assert_eq!(provider.key_fetches(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(&self) {
        if !self.shared.started.swap(true, Ordering::AcqRel) {
            self.shared.attempts.send_modify(|attempts| {
                attempts.in_flight = true;
                attempts.trigger = Trigger::Start;
            });
            tokio::spawn(refresher::run(Arc::downgrade(&self.shared)));
        }
    }

    /// Waits until keys are there, or the first fetch has failed; at most 2 s.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{KeySource, Keys, Reason};
    /// # use portcullis_testkit::{Answer, TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// provider.answer(Answer::Status(503));
    /// let source = KeySource::Discovery(provider.name().parse()?);
    /// let keys = Keys::new(source, Arc::new(provider), Arc::new(TestClock::default()));
    /// assert_eq!(keys.ready().await, Err(Reason::KeysUnavailable));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Reason::KeysUnavailable`].
    pub async fn ready(&self) -> Result<(), Reason> {
        if self.is_usable() {
            return Ok(());
        }
        match self.newer_than(&self.load(), Trigger::KeyId).await {
            Newer::Keys(_) => Ok(()),
            Newer::Same | Newer::Unavailable => Err(Reason::KeysUnavailable),
        }
    }

    /// Whether there are keys that are not too old.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{KeySource, Keys};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let source = KeySource::Discovery(provider.name().parse()?);
    /// let keys = Keys::new(source, Arc::new(provider), Arc::new(TestClock::default()));
    /// assert!(!keys.is_usable());
    /// keys.ready().await?;
    /// assert!(keys.is_usable());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_usable(&self) -> bool {
        self.load().usable(self.shared.clock.now()).is_some()
    }

    /// Waits until keys are there, however often the provider has to be asked.
    ///
    /// # Cancel safety
    /// Safe: the fetches belong to the background task.
    pub(crate) async fn until_usable(&self) {
        self.until(Attempts::has_keys).await;
    }

    /// Waits until keys are there, or a fetch has failed.
    ///
    /// # Cancel safety
    /// Safe: the fetch belongs to the background task.
    pub(crate) async fn until_tried(&self) {
        self.until(|attempts| attempts.has_keys() || attempts.failures > 0)
            .await;
    }

    async fn until(&self, holds: impl FnMut(&Attempts) -> bool) {
        self.start();
        let mut attempts = self.shared.attempts.subscribe();
        // The sender lives as long as `self`.
        drop(attempts.wait_for(holds).await);
    }

    /// The keys at this moment; the empty set when there are none.
    pub(crate) fn load(&self) -> Arc<Fetched> {
        self.shared.current.load_full()
    }

    /// The same without counting another owner, for a look that ends before the next await.
    pub(crate) fn peek(&self) -> Guard<Arc<Fetched>> {
        self.shared.current.load()
    }

    pub(crate) fn last_error(&self) -> Option<Arc<KeysError>> {
        self.shared.attempts.borrow().last_error.clone()
    }

    pub(crate) fn source(&self) -> &KeySource {
        &self.shared.source
    }

    /// The address of the issuer's discovery document, where the keys are found by it.
    #[cfg(feature = "utoipa")]
    pub(crate) fn discovery_document(&self) -> Option<Url> {
        match &self.shared.source {
            KeySource::Discovery(issuer) => Some(openid_configuration(issuer)),
            KeySource::Jwks(_) => None,
        }
    }

    /// Other keys than those `seen`, when a fetch that a token made necessary brings some.
    ///
    /// # Cancel safety
    /// Safe: the fetch belongs to the background task.
    pub(crate) async fn newer_than(&self, seen: &Fetched, trigger: Trigger) -> Newer {
        self.start();
        let mut attempts = self.shared.attempts.subscribe();
        let before = attempts.borrow_and_update().finished;
        let generation = seen.generation();
        let current = self.load();
        if current.generation() != generation {
            return Newer::Keys(current);
        }
        if !self.ask(trigger, &current) {
            // A fetch may have ended since the look above: then nothing is under way any more.
            let current = self.load();
            if current.generation() != generation {
                return Newer::Keys(current);
            }
            let failing = self.shared.attempts.borrow().failures > 0;
            return if failing {
                Newer::Unavailable
            } else {
                Newer::Same
            };
        }
        let changed = attempts
            .wait_for(|attempts| attempts.finished > before || attempts.generation != generation);
        // Too slow, or the task's runtime has ended.
        let succeeded = match tokio::time::timeout(PATIENCE, changed).await {
            Ok(Ok(attempts)) => attempts.failures == 0,
            Ok(Err(_)) | Err(_) => false,
        };
        let current = self.load();
        if current.generation() != generation {
            Newer::Keys(current)
        } else if succeeded {
            Newer::Same
        } else {
            Newer::Unavailable
        }
    }

    /// Makes sure that a fetch is under way, if there may be one; tells whether to wait for it.
    fn ask(&self, trigger: Trigger, current: &Fetched) -> bool {
        let now = self.shared.clock.now();
        let age = current.usable_age(now);
        let mut under_way = false;
        self.shared.attempts.send_if_modified(|attempts| {
            let begins = attempts.begin(trigger, now, age);
            if begins {
                self.shared.wake.notify_one();
            }
            under_way = attempts.in_flight && Attempts::is_worth_waiting(trigger, age);
            begins
        });
        under_way
    }
}

impl Shared {
    /// Puts `set` in the place of the keys; `life` is how long they are fresh from `at` on.
    ///
    /// A fetch that has brought them ends in the same step: whoever sees these keys must not wait
    /// for it as if it could bring others.
    fn store(&self, set: Arc<KeySet>, origin: Origin, at: UnixTime, life: Duration) {
        let generation = self.current.load().generation + 1;
        let fetched = Arc::new(Fetched {
            set,
            at: Some(at),
            usable_for: self.usable_for(life),
            origin,
            generation,
        });
        self.attempts.send_modify(|attempts| {
            self.current.store(fetched);
            attempts.generation = generation;
            if origin == Origin::Provider {
                attempts.finish(at, None);
            }
        });
    }

    /// The provider vouches for the same keys from `at` on, which ends the fetch.
    fn extend(&self, at: UnixTime, life: Duration) {
        let current = self.current.load_full();
        let fetched = Arc::new(Fetched {
            set: Arc::clone(&current.set),
            at: Some(at),
            usable_for: self.usable_for(life),
            origin: Origin::Provider,
            generation: current.generation,
        });
        self.attempts.send_modify(|attempts| {
            self.current.store(fetched);
            attempts.finish(at, None);
        });
    }

    /// At least as long as the next fetch may take to come, jitter included.
    fn usable_for(&self, life: Duration) -> Duration {
        self.settings.max_stale.max(life + life / 5)
    }
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            max_stale: Duration::from_hours(24),
            snapshot: None,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The background task holds no strong reference while it sleeps: let it see the end.
        self.wake.notify_one();
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("source", &self.shared.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Discovery(url) | Self::Jwks(url)) = self;
        url.fmt(f)
    }
}
