use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis::MemoryReplayStore;
use portcullis_token::{NoRandomness, NonceIssuer};

/// What is remembered of `DPoP` proofs, for longer than any one plan.
///
/// Each authorizer has its own memory, by its name: a proof that was used stays used, and a nonce
/// that was given out stays good, when the file is read again. Clones are the same memory.
#[derive(Clone, Debug, Default)]
pub struct ProofMemory {
    authorizers: Arc<Mutex<HashMap<String, Proofs>>>,
}

/// The memory of one authorizer.
#[derive(Clone, Debug)]
pub(super) struct Proofs {
    pub(super) used: MemoryReplayStore,
    pub(super) nonces: Arc<NonceIssuer>,
}

impl ProofMemory {
    /// The memory of the authorizer of this name; a fresh one when there is none.
    pub(super) fn of(&self, name: &str) -> Result<Proofs, NoRandomness> {
        let mut authorizers = self
            .authorizers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = authorizers.get(name) {
            return Ok(known.clone());
        }
        let fresh = Proofs {
            used: MemoryReplayStore::default(),
            nonces: Arc::new(NonceIssuer::random()?),
        };
        authorizers.insert(name.to_owned(), fresh.clone());
        Ok(fresh)
    }

    /// Forgets authorizers that a plan which serves does not have: names must not pile up.
    pub(super) fn keep(&self, is_known: impl Fn(&str) -> bool) {
        self.authorizers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|name, _| is_known(name));
    }
}
