use std::time::Duration;

use crate::arithmetic::{Allowance, Standing};
use crate::key::CallerKey;

/// A limit by the policy that imposes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyLimit<'p> {
    /// The policy's name: its callers are counted apart from those of others.
    pub policy: &'p str,
    /// What it allows.
    pub allowance: Allowance,
    /// What all callers use up together; absent where each has the allowance for itself.
    pub shared: Option<CallerKey>,
}

impl<'p> PolicyLimit<'p> {
    /// What `policy` allows.
    pub const fn new(policy: &'p str, allowance: Allowance) -> Self {
        Self {
            policy,
            allowance,
            shared: None,
        }
    }

    /// What `policy` allows all callers together, whose requests count as those of `shared`.
    pub const fn shared(policy: &'p str, allowance: Allowance, shared: CallerKey) -> Self {
        Self {
            policy,
            allowance,
            shared: Some(shared),
        }
    }

    /// Whose counter it has, when it is `caller` who asks.
    pub(crate) const fn counted<'c>(&'c self, caller: &'c CallerKey) -> &'c CallerKey {
        match &self.shared {
            Some(shared) => shared,
            None => caller,
        }
    }
}

/// What a request found, a standing for each limit in the order they were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Where the caller stands: after the request if it was allowed, or else as before it.
    pub standings: Vec<Standing>,
}

impl Charge {
    /// Whether every limit lets the request pass.
    pub fn is_allowed(&self) -> bool {
        self.standings.iter().all(|standing| standing.allowed)
    }

    /// How long a refused caller should wait: as long as the slowest of the limits that refused.
    pub fn retry_after(&self) -> Duration {
        let refused = self.standings.iter().filter(|standing| !standing.allowed);
        refused
            .map(|standing| standing.retry_after)
            .max()
            .unwrap_or_default()
    }
}

/// Why a store cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Every place holds a counter in use: a caller without one cannot be counted.
    #[error("the store of limits is full")]
    Full,
}

/// Where the counters of all callers are.
pub trait Limits {
    /// Charges one request at `now`, since 1970, to all of `limits`, or to none of them.
    ///
    /// A refused request consumes nothing.
    ///
    /// # Cancel safety
    /// A dropped call has charged everything or nothing.
    fn charge(
        &self,
        caller: &CallerKey,
        limits: &[PolicyLimit<'_>],
        now: Duration,
    ) -> impl Future<Output = Result<Charge, StoreError>> + Send;
}
