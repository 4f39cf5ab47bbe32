use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use portcullis_token::KeySet;
use tokio::sync::watch;

use super::KeyRing;

/// The keys of a running tenant, all of which change at one moment.
///
/// Whoever signs takes the ring once and keeps it for the request, so that nobody waits for a
/// rotation.
pub struct LiveKeys {
    published: ArcSwap<Published>,
    changes: watch::Sender<()>,
}

/// A ring and the key set that belongs to it.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) ring: KeyRing,
    /// The key set as JSON.
    pub(crate) jwks: Bytes,
    /// The same, to check what comes back to us.
    pub(crate) key_set: KeySet,
}

impl LiveKeys {
    /// Publishes `ring`.
    pub fn new(ring: KeyRing) -> Self {
        Self {
            published: ArcSwap::from_pointee(Published::of(ring)),
            changes: watch::Sender::new(()),
        }
    }

    /// Publishes `ring` in place of the one before, once it is kept somewhere.
    ///
    /// Clients learn of it within the 15 seconds for which they may keep the key set.
    pub fn replace(&self, ring: KeyRing) {
        self.published.store(Arc::new(Published::of(ring)));
        self.changes.send_replace(());
    }

    /// The key set as JSON (RFC 7517 section 5), as it is served.
    pub fn jwks(&self) -> Bytes {
        self.load().jwks.clone()
    }

    /// Tells of each [`replace`](Self::replace) from here on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(crate) fn load(&self) -> Arc<Published> {
        self.published.load_full()
    }
}

impl Published {
    fn of(ring: KeyRing) -> Self {
        let jwks: Bytes = ring.jwks().to_string().into();
        let key_set = KeySet::parse(&jwks).expect("the ring writes a JWK set");
        Self {
            ring,
            jwks,
            key_set,
        }
    }
}

impl fmt::Debug for LiveKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().ring.fmt(f)
    }
}
