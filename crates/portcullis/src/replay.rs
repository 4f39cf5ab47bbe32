use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_token::UnixTime;

use crate::BoxFuture;

/// Remembers which `DPoP` proofs were used, so that none is used twice (RFC 9449 section 11.1).
///
/// ```
/// use portcullis::{BoxFuture, ReplayError, ReplayStore, UnixTime};
///
/// /// For a service behind a gateway that has checked for replays already.
/// #[derive(Debug)]
/// struct Checked;
///
/// impl ReplayStore for Checked {
///     fn remember<'a>(
///         &'a self,
///         _proof: &'a [u8; 32],
///         _until: UnixTime,
///         _now: UnixTime,
///     ) -> BoxFuture<'a, Result<bool, ReplayError>> {
///         Box::pin(async { Ok(true) })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// assert!(Checked.remember(&[7; 32], UnixTime(300), UnixTime(0)).await?);
/// # Ok(())
/// # }
/// ```
pub trait ReplayStore: Send + Sync + fmt::Debug {
    /// Remembers `proof` until `until`, and tells whether it is the first time.
    ///
    /// Looking and remembering are one step: of two calls at once, one is the first. `proof` is
    /// a hash of the proof's key, `jti` and address.
    ///
    /// ```
    /// # use portcullis::{MemoryReplayStore, ReplayStore as _, UnixTime};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (store, proof) = (MemoryReplayStore::default(), [7; 32]);
    /// let until = UnixTime(300);
    /// assert!(store.remember(&proof, until, UnixTime(0)).await?);
    /// assert!(!store.remember(&proof, until, UnixTime(299)).await?, "a replay");
    /// assert!(store.remember(&proof, until, UnixTime(300)).await?, "forgotten");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReplayError`] when nothing can be remembered. The request is then refused with 503.
    fn remember<'a>(
        &'a self,
        proof: &'a [u8; 32],
        until: UnixTime,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<bool, ReplayError>>;

    /// Whether `proof` was used, without using it: for explanations, which must change nothing.
    ///
    /// By default no proof was, as far as anybody can tell.
    ///
    /// # Errors
    /// [`ReplayError`] when nothing can be looked up.
    fn is_used<'a>(
        &'a self,
        _proof: &'a [u8; 32],
        _now: UnixTime,
    ) -> BoxFuture<'a, Result<bool, ReplayError>> {
        Box::pin(async { Ok(false) })
    }
}

/// Why a proof could not be remembered. Not the caller's fault: HTTP 503.
///
/// ```
/// use portcullis::ReplayError;
///
/// assert_eq!(ReplayError::Full.to_string(), "no room for another proof");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// All room is taken by proofs that may still be replayed.
    #[error("no room for another proof")]
    Full,
    /// The store does not answer.
    #[error("the store of used proofs does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// Used proofs in the memory of this process. Clones are the same store.
///
/// A proof is good for a few minutes, and a process that restarts forgets: where several
/// processes serve one API, a store that they share sees every replay.
///
/// ```
/// use std::sync::Arc;
/// use portcullis::{Credentials, MemoryReplayStore, ProofOffer, Reason};
/// use portcullis_testkit::{ProofKey, TestIssuer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (issuer, key) = (TestIssuer::new(), ProofKey::new());
/// let store = Arc::new(MemoryReplayStore::new(1_000_000));
/// let auth = issuer.verifier("api").replays(store).build()?;
///
/// let token = issuer.token().audience("api").claim("cnf", key.confirmation()).sign();
/// let (method, url) = ("GET", "https://api.example.com/");
/// let proof = &key.proof(method, url, &token, &[]);
/// let credentials = Credentials::bearer(&token).proof(ProofOffer { proof, method, url });
/// assert!(auth.verify(&credentials).await.is_ok());
/// assert_eq!(auth.verify(&credentials).await.unwrap_err(), Reason::DpopReplay);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryReplayStore {
    max_entries: usize,
    used: Arc<Mutex<Used>>,
}

#[derive(Debug, Default)]
struct Used {
    proofs: HashSet<[u8; 32]>,
    by_end: BinaryHeap<Reverse<(UnixTime, [u8; 32])>>,
}

impl MemoryReplayStore {
    /// Room for so many proofs at once; about 100 bytes each, taken as they come.
    ///
    /// ```
    /// # use portcullis::{MemoryReplayStore, ReplayError, ReplayStore as _, UnixTime};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = MemoryReplayStore::new(1);
    /// assert!(store.remember(&[1; 32], UnixTime(300), UnixTime(0)).await?);
    /// let second = store.remember(&[2; 32], UnixTime(300), UnixTime(0)).await;
    /// assert!(matches!(second, Err(ReplayError::Full)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(max_entries: usize) -> Self {
        Self {
            max_entries,
            used: Arc::default(),
        }
    }

    fn remember_now(
        &self,
        proof: &[u8; 32],
        until: UnixTime,
        now: UnixTime,
    ) -> Result<bool, ReplayError> {
        let mut used = self.used();
        used.forget_ended(now);
        if used.proofs.contains(proof) {
            return Ok(false);
        }
        if used.proofs.len() >= self.max_entries {
            return Err(ReplayError::Full);
        }
        used.proofs.insert(*proof);
        used.by_end.push(Reverse((until, *proof)));
        Ok(true)
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        // Nothing panics while it holds the lock, and the lock is never held across an await.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryReplayStore {
    /// Room for 100,000 proofs.
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl ReplayStore for MemoryReplayStore {
    fn remember<'a>(
        &'a self,
        proof: &'a [u8; 32],
        until: UnixTime,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<bool, ReplayError>> {
        let answer = self.remember_now(proof, until, now);
        Box::pin(async move { answer })
    }

    fn is_used<'a>(
        &'a self,
        proof: &'a [u8; 32],
        now: UnixTime,
    ) -> BoxFuture<'a, Result<bool, ReplayError>> {
        let mut used = self.used();
        used.forget_ended(now);
        let answer = used.proofs.contains(proof);
        drop(used);
        Box::pin(async move { Ok(answer) })
    }
}

impl Used {
    fn forget_ended(&mut self, now: UnixTime) {
        while let Some(Reverse((until, proof))) = self.by_end.peek()
            && *until <= now
        {
            self.proofs.remove(proof);
            self.by_end.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_new_once_until_it_is_too_old_to_be_replayed() {
        let store = MemoryReplayStore::default();
        for (proof, now, expected) in [
            (1, 0, true),
            (1, 0, false),
            (2, 0, true),
            (1, 99, false),
            (1, 100, true),
            (1, 100, false),
        ] {
            let until = UnixTime(if now < 100 { 100 } else { 200 });
            let answer = store.remember_now(&[proof; 32], until, UnixTime(now));
            assert_eq!(answer.unwrap(), expected, "{proof} at {now}");
        }
    }

    #[test]
    fn a_full_store_says_so_until_a_proof_has_ended() {
        let store = MemoryReplayStore::new(2);
        let remember =
            |proof, now| store.remember_now(&[proof; 32], UnixTime(now + 10), UnixTime(now));
        assert!(remember(1, 0).unwrap() && remember(2, 5).unwrap());
        assert!(matches!(remember(3, 9), Err(ReplayError::Full)));
        assert!(!remember(1, 9).unwrap(), "a replay is still seen");
        assert!(remember(3, 10).unwrap());
    }
}
