pub(crate) mod bounded;
pub(crate) mod digest;
mod index;
mod weight;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_token::{KeyIdentity, Remembered, UnixTime, Verified};

use self::bounded::Bounded;
pub(crate) use self::digest::Digest;
use self::digest::Digester;
use self::weight::weigh;

/// The life of a cached answer, however long its token lives.
const MAX_LIFE: Duration = Duration::from_mins(5);

/// Remembers verified tokens, so that a repeated one costs a hash and a look-up.
///
/// Only good answers are kept, under a keyed hash and never under the token itself, until the
/// token expires and for at most 5 min. What may have changed is checked on every hit: the time,
/// the audience, what the token is bound to, revocation, and that its key is still among the
/// issuer's keys. A removed key, a distrusted one or another configuration takes effect on the
/// next request.
///
/// Clones share their room; verifiers that share it never see each other's answers.
///
/// ```
/// use portcullis::{Cache, Credentials};
/// use portcullis_testkit::TestIssuer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let cache = Cache::default();
/// let auth = issuer.verifier("api").cache(cache.clone()).build()?;
/// let token = issuer.token().audience("api").sign();
/// for _ in 0..3 {
///     auth.verify(&Credentials::bearer(&token)).await?;
/// }
/// let status = cache.status();
/// assert_eq!((status.misses, status.hits, status.entries), (1, 2, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cache {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Absent without randomness: nothing is then kept.
    digester: Option<Digester>,
    entries: Bounded<Entry>,
    owners: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    stale_keys: AtomicU64,
}

/// A verified token, and what its answer depends on.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) token: Remembered,
    /// Which of the verifier's issuers has accepted it.
    pub(crate) issuer: usize,
    /// The last generation of keys that had the key.
    pub(crate) generation: AtomicU64,
}

impl Entry {
    pub(crate) fn new(verified: &Verified, issuer: usize, generation: u64) -> Self {
        Self {
            token: verified.remember(),
            issuer,
            generation: AtomicU64::new(generation),
        }
    }

    /// Whether the keys of `generation` have its key; `look` looks when they are others than the
    /// last ones.
    pub(crate) fn has_key(&self, generation: u64, look: impl FnOnce(&[u8; 32]) -> bool) -> bool {
        if self.generation.load(Ordering::Relaxed) == generation {
            return true;
        }
        let thumbprint = self.token.key().map(KeyIdentity::thumbprint);
        let has_key = thumbprint.is_some_and(look);
        if has_key {
            self.generation.store(generation, Ordering::Relaxed);
        }
        has_key
    }
}

/// What a [`Cache`] holds and how it has served, at one moment.
///
/// ```
/// use portcullis::{Cache, CacheStatus};
///
/// assert_eq!(Cache::default().status(), CacheStatus::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatus {
    /// The tokens that are kept.
    pub entries: usize,
    /// What they take, as estimated; the bound is on this.
    pub bytes: usize,
    /// Look-ups that have saved a verification.
    pub hits: u64,
    /// Look-ups that have not.
    pub misses: u64,
    /// Tokens that had to make room for others.
    pub evictions: u64,
    /// Tokens whose key the issuer had removed; they count as misses too.
    pub stale_keys: u64,
}

impl Default for Cache {
    /// A cache of 20,000 tokens and 64 MiB.
    fn default() -> Self {
        Self::new(20_000, 64 * 1024 * 1024)
    }
}

impl Cache {
    /// A cache of at most so many tokens, and of at most so many bytes.
    ///
    /// ```
    /// // For a service of few clients.
    /// let cache = portcullis::Cache::new(1_000, 4 * 1024 * 1024);
    /// assert_eq!(cache.status().bytes, 0, "room is taken as it is needed");
    /// ```
    pub fn new(max_entries: usize, max_bytes: usize) -> Self {
        let shared = Shared {
            digester: Digester::new().ok(),
            entries: Bounded::new(max_entries, max_bytes),
            owners: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            stale_keys: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Forgets everything; the counters stay.
    ///
    /// ```
    /// # use portcullis::{Cache, Credentials};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let cache = Cache::default();
    /// let auth = issuer.verifier("api").cache(cache.clone()).build()?;
    /// let token = issuer.token().audience("api").sign();
    /// auth.verify(&Credentials::bearer(&token)).await?;
    /// cache.clear();
    /// assert_eq!((cache.status().entries, cache.status().misses), (0, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear(&self) {
        self.shared.entries.clear();
    }

    /// What it holds and how it has served, at this moment.
    ///
    /// ```
    /// let status = portcullis::Cache::default().status();
    /// let looked = status.hits + status.misses;
    /// assert_eq!((status.entries, looked), (0, 0));
    /// ```
    pub fn status(&self) -> CacheStatus {
        let Shared {
            entries,
            hits,
            misses,
            stale_keys,
            ..
        } = &*self.shared;
        CacheStatus {
            entries: entries.entries(),
            bytes: entries.bytes(),
            hits: hits.load(Ordering::Relaxed),
            misses: misses.load(Ordering::Relaxed),
            evictions: entries.evictions(),
            stale_keys: stale_keys.load(Ordering::Relaxed),
        }
    }

    /// The part of the cache that belongs to one verifier.
    pub(crate) fn owned(self) -> OwnedCache {
        let owner = self.shared.owners.fetch_add(1, Ordering::Relaxed);
        OwnedCache { cache: self, owner }
    }
}

/// A cache as one verifier uses it.
#[derive(Debug)]
pub(crate) struct OwnedCache {
    cache: Cache,
    owner: u64,
}

impl OwnedCache {
    pub(crate) fn digest(&self, token: &str) -> Option<Digest> {
        let digester = self.cache.shared.digester.as_ref()?;
        Some(digester.digest(self.owner, token))
    }

    pub(crate) fn find(&self, digest: &Digest, now: UnixTime) -> Option<Arc<Entry>> {
        self.cache.shared.entries.find(digest, now)
    }

    pub(crate) fn insert(&self, digest: Digest, entry: Entry, now: UnixTime) {
        let Some(expires_at) = entry.token.claims().expires_at() else {
            return;
        };
        let bytes = weigh(&entry);
        let until = expires_at.min(now.plus(MAX_LIFE));
        self.cache
            .shared
            .entries
            .insert(digest, Arc::new(entry), bytes, until, now);
    }

    /// The issuer has removed the key of this token.
    pub(crate) fn drop_stale(&self, digest: &Digest) {
        self.cache.shared.stale_keys.fetch_add(1, Ordering::Relaxed);
        self.cache.shared.entries.remove(digest);
    }

    pub(crate) fn count_hit(&self) {
        self.cache.shared.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_miss(&self) {
        self.cache.shared.misses.fetch_add(1, Ordering::Relaxed);
    }
}
