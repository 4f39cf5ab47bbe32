//! One issuer, compiled: its rules, its keys, and whom to ask about its tokens.

use std::sync::Arc;

use portcullis_token::{KeySet, Reason, Rules, Sender, Trace, UnixTime, Unverified, Verified};

use crate::cache::Entry;
use crate::introspection::Asking;
use crate::keys::{Fetched, Newer};
use crate::{Clock, KeyStatus, Keys, Origin, Trigger};

#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) rules: Rules,
    pub(super) keys: KeyHolder,
    pub(super) introspection: Option<Arc<Asking>>,
}

/// Keys that are fetched, or that were given.
#[derive(Clone, Debug)]
pub(super) enum KeyHolder {
    Fetched(Keys),
    Fixed(Arc<KeySet>),
}

/// A verified token, and the generation of keys that had its key where one has signed it.
#[derive(Debug)]
pub(super) struct Proven {
    pub(super) verified: Verified,
    pub(super) generation: Option<u64>,
}

impl Trusted {
    /// Decides about `token`, with keys that are fetched first where that can change the answer.
    pub(super) async fn verify(
        &self,
        token: &Unverified<'_>,
        sender: &Sender<'_>,
        clock: &dyn Clock,
        trace: &mut impl Trace,
    ) -> Result<Proven, Reason> {
        let now = clock.now();
        let keys = match &self.keys {
            KeyHolder::Fixed(set) => return self.verify_with(token, set, 0, sender, now, trace),
            KeyHolder::Fetched(keys) => keys,
        };
        let mut fetched = keys.load();
        let mut answer = self.verify_fetched(token, &fetched, sender, now, trace);
        // Twice, since the first keys that come may be those of a snapshot.
        for _ in 0..2 {
            let trigger = match answer {
                Err(Reason::KeyUnknown) => Trigger::KeyId,
                Err(Reason::BadSignature) => Trigger::Signature,
                decided => return decided,
            };
            match keys.newer_than(&fetched, trigger).await {
                Newer::Keys(newer) => {
                    fetched = newer;
                    answer = self.verify_fetched(token, &fetched, sender, now, trace);
                }
                Newer::Unavailable if trigger == Trigger::KeyId => {
                    return Err(Reason::KeysUnavailable);
                }
                Newer::Same | Newer::Unavailable => return answer,
            }
        }
        answer
    }

    fn verify_fetched(
        &self,
        token: &Unverified<'_>,
        fetched: &Fetched,
        sender: &Sender<'_>,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Proven, Reason> {
        let none = KeySet::default();
        let set = fetched.usable(now).unwrap_or(&none);
        self.verify_with(token, set, fetched.generation(), sender, now, trace)
    }

    fn verify_with(
        &self,
        token: &Unverified<'_>,
        set: &KeySet,
        generation: u64,
        sender: &Sender<'_>,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Proven, Reason> {
        let verified = self.rules.verify(token, set, sender, now, trace)?;
        Ok(Proven {
            verified,
            generation: Some(generation),
        })
    }

    /// Whether the key of a cached token is still one of the issuer's; nothing when its keys are
    /// too old to tell.
    pub(super) fn still_has_key(&self, entry: &Entry, now: UnixTime) -> Option<bool> {
        let keys = match &self.keys {
            KeyHolder::Fixed(_) => return Some(true),
            KeyHolder::Fetched(keys) => keys.peek(),
        };
        let set = keys.usable(now)?;
        Some(entry.has_key(keys.generation(), |thumbprint| {
            set.keys().iter().any(|key| key.thumbprint() == thumbprint)
        }))
    }

    #[cfg(feature = "utoipa")]
    pub(super) fn discovery_document(&self) -> Option<url::Url> {
        match &self.keys {
            KeyHolder::Fetched(keys) => keys.discovery_document(),
            KeyHolder::Fixed(_) => None,
        }
    }

    pub(super) fn status(&self) -> KeyStatus {
        let status = match &self.keys {
            KeyHolder::Fetched(keys) => keys.status(),
            KeyHolder::Fixed(set) => KeyStatus::of(set, Origin::Given),
        };
        KeyStatus {
            issuer: status.issuer.or_else(|| self.rules.issuer.clone()),
            ..status
        }
    }
}
