use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::rand;
use tokio::sync::mpsc;

use crate::runner::Message;

/// The workers there are, by their secrets.
pub(crate) struct Registry {
    address: SocketAddr,
    seats: Mutex<HashMap<String, Seat>>,
}

/// Who a worker is.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(super) messages: mpsc::Sender<Message>,
    pub(super) worker: u64,
}

impl Registry {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            seats: Mutex::default(),
        }
    }

    /// Makes a secret for a worker.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub(crate) fn add(
        &self,
        messages: mpsc::Sender<Message>,
        worker: u64,
    ) -> Result<String, &'static str> {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).map_err(|_| "the system has no randomness")?;
        let secret = format!("{:032x}", u128::from_be_bytes(bytes));
        let seat = Seat { messages, worker };
        self.seats().insert(secret.clone(), seat);
        Ok(secret)
    }

    pub(crate) fn remove(&self, secret: &str) {
        self.seats().remove(secret);
    }

    pub(super) fn find(&self, secret: &str) -> Option<Seat> {
        self.seats().get(secret).cloned()
    }

    /// Where the worker with this secret asks for work.
    pub(crate) fn address(&self, secret: &str) -> String {
        format!("{}/{secret}", self.address)
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<String, Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
