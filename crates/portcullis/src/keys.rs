mod refresher;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_token::{KeySet, KeySetError, Reason, UnixTime};
use tokio::sync::{Notify, watch};
use url::Url;

use crate::discovery::discover;
use crate::{Clock, DiscoveryError, FetchError, KeyFetcher};

const MAX_BYTES: usize = 1024 * 1024;
/// How long keys are used after the last time they could be fetched.
const MAX_STALE: Duration = Duration::from_hours(24);
/// How long a request waits for keys that it needs.
const PATIENCE: Duration = Duration::from_secs(2);
/// At most one fetch in this time because of unknown key ids.
const COOLDOWN: Duration = Duration::from_secs(10);

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// The issuer's discovery document names its key set.
    Discovery(Url),
    /// The address of the key set itself.
    Jwks(Url),
}

/// Why an issuer's keys could not be fetched. Ours or the provider's fault: HTTP 503.
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

/// The keys of one issuer, kept fresh by one background task. Cheap to clone.
///
/// Readers never wait for known keys. An unknown key id joins the one fetch under way for at most
/// 2 s, and causes at most one fetch in 10 s, so that forged ids cannot drum on the provider.
/// When the provider fails, the last good keys serve for up to 24 h.
#[derive(Clone)]
pub struct Keys {
    shared: Arc<Shared>,
}

/// What the background task and its readers share.
struct Shared {
    source: KeySource,
    fetcher: Arc<dyn KeyFetcher>,
    clock: Arc<dyn Clock>,
    current: ArcSwap<Fetched>,
    attempts: watch::Sender<Attempts>,
    wake: Arc<Notify>,
    started: AtomicBool,
}

/// A key set and its age.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    set: KeySet,
    at: Option<UnixTime>,
}

/// The history of fetching, changed only under the channel's own short lock.
#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    in_flight: bool,
    finished: u64,
    /// Failures since the last success.
    failures: u32,
    finished_at: UnixTime,
    /// When an unknown key id last caused a fetch.
    asked_at: Option<UnixTime>,
}

impl Keys {
    /// Keys from `source`. Nothing is fetched until they are asked for, or [`Keys::start`].
    pub fn new(source: KeySource, fetcher: Arc<dyn KeyFetcher>, clock: Arc<dyn Clock>) -> Self {
        let shared = Shared {
            source,
            fetcher,
            clock,
            current: ArcSwap::default(),
            attempts: watch::Sender::default(),
            wake: Arc::default(),
            started: AtomicBool::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Starts the background task on the current tokio runtime; later calls change nothing.
    ///
    /// The task fetches at once, then before the keys grow old. It ends when the last clone of
    /// this is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(&self) {
        if !self.shared.started.swap(true, Ordering::AcqRel) {
            self.shared
                .attempts
                .send_modify(|attempts| attempts.in_flight = true);
            tokio::spawn(refresher::run(Arc::downgrade(&self.shared)));
        }
    }

    /// Waits until keys are there, or the first fetch has failed; at most 2 s.
    ///
    /// # Errors
    /// [`Reason::KeysUnavailable`].
    pub async fn ready(&self) -> Result<(), Reason> {
        if self.load().is_usable(self.shared.clock.now()) {
            return Ok(());
        }
        self.refreshed().await.map(drop)
    }

    /// The keys at this moment; the empty set when there are none, or only too old ones.
    pub(crate) fn load(&self) -> Arc<Fetched> {
        self.shared.current.load_full()
    }

    /// The keys after a fetch that an unknown key id may have made necessary.
    ///
    /// # Errors
    /// [`Reason::KeysUnavailable`] when the provider does not answer, [`Reason::KeyUnknown`] when
    /// the keys are fresh and nobody may fetch again yet.
    ///
    /// # Cancel safety
    /// Safe: the fetch belongs to the background task.
    pub(crate) async fn refreshed(&self) -> Result<Arc<Fetched>, Reason> {
        self.start();
        let mut attempts = self.shared.attempts.subscribe();
        let before = attempts.borrow_and_update().finished;
        if !self.ask() {
            let failing = self.shared.attempts.borrow().failures > 0;
            return Err(if failing {
                Reason::KeysUnavailable
            } else {
                Reason::KeyUnknown
            });
        }
        let finished = attempts.wait_for(|attempts| attempts.finished > before);
        let after = match tokio::time::timeout(PATIENCE, finished).await {
            Ok(Ok(attempts)) => *attempts,
            // Too slow, or the task's runtime has ended.
            Ok(Err(_)) | Err(_) => return Err(Reason::KeysUnavailable),
        };
        if after.failures == 0 {
            Ok(self.load())
        } else {
            Err(Reason::KeysUnavailable)
        }
    }

    /// Makes sure that a fetch is under way, if there may be one; tells whether there is.
    fn ask(&self) -> bool {
        let now = self.shared.clock.now();
        let has_keys = self.load().is_usable(now);
        let mut under_way = false;
        self.shared.attempts.send_if_modified(|attempts| {
            let starts = !attempts.in_flight && attempts.may_ask(now, has_keys);
            if starts {
                attempts.in_flight = true;
                attempts.asked_at = Some(now);
                self.shared.wake.notify_one();
            }
            under_way = attempts.in_flight;
            starts
        });
        under_way
    }
}

impl Fetched {
    /// The keys, as long as they are not too old at `now`.
    pub(crate) fn usable(&self, now: UnixTime) -> Option<&KeySet> {
        self.is_usable(now).then_some(&self.set)
    }

    fn is_usable(&self, now: UnixTime) -> bool {
        self.at.is_some_and(|at| now.since(at) < MAX_STALE)
    }
}

impl Attempts {
    /// Whether a request may cause a fetch at `now`.
    fn may_ask(&self, now: UnixTime, has_keys: bool) -> bool {
        let pause = if has_keys { COOLDOWN } else { self.back_off() };
        let last = if has_keys {
            self.asked_at
        } else {
            Some(self.finished_at)
        };
        last.is_none_or(|last| now.since(last) >= pause)
    }

    /// 1 s after the first failure, doubled by each further one, at most 60 s.
    fn back_off(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(6);
        Duration::from_secs((1 << doublings).min(60))
    }
}

impl Shared {
    /// Fetches the keys, by discovery where the source says so.
    async fn fetch(&self) -> Result<(KeySet, Option<Duration>), KeysError> {
        let (issuer, url) = match &self.source {
            KeySource::Jwks(url) => (None, url.clone()),
            KeySource::Discovery(issuer) => {
                let discovered = discover(&*self.fetcher, issuer).await?;
                (Some(discovered.issuer), discovered.jwks_uri)
            }
        };
        let document = self.fetcher.fetch(&url, MAX_BYTES).await?;
        let set = KeySet::parse(&document.body)?;
        let set = match issuer {
            Some(issuer) => set.of_issuer(issuer),
            None => set,
        };
        Ok((set, document.max_age))
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
