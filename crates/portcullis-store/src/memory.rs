use std::collections::HashMap;
use std::fmt;
use std::future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::arithmetic::{Standing, State};
use crate::key::{CallerKey, CounterKey};
use crate::limits::{Charge, Limits, PolicyLimit, StoreError};

const SHARDS: usize = 256;
/// Counters of a store by default: two for each of a million callers.
const CAPACITY: usize = 1 << 21;
/// How long a full shard waits before it looks for places again.
const SWEEP_GAP: Duration = Duration::from_millis(10);

/// Counters in this process's memory: exact for one gateway, gone when it ends.
///
/// It holds at most its capacity of counters. A shard without a free place first drops those that
/// are full again, which mean nothing any more. When there is none either, callers that have a
/// counter go on, and others are refused with [`StoreError::Full`]: no counter is ever forgotten
/// early, so nobody gets past a limit by making many callers.
pub struct MemoryLimits {
    shards: Box<[Mutex<Shard>]>,
    /// Counters of one shard.
    capacity: usize,
}

/// The counters of some callers; all those of one caller are in one shard, under one lock.
#[derive(Default)]
struct Shard {
    counters: HashMap<CounterKey, Counter>,
    /// Before this there is no use in looking for counters that are full again. Since 1970.
    next_sweep: Duration,
}

#[derive(Clone, Copy)]
struct Counter {
    state: State,
    /// Since 1970; from then on the state means nothing.
    full_again: Duration,
}

impl MemoryLimits {
    /// A store of at most `capacity` counters, and 256 at least.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            capacity: (capacity / SHARDS).max(1),
        }
    }

    /// The same as [`Limits::charge`], at once.
    ///
    /// # Errors
    /// [`StoreError::Full`], when a counter is missing and there is no place for it.
    pub fn charge_now(
        &self,
        caller: &CallerKey,
        limits: &[PolicyLimit<'_>],
        now: Duration,
    ) -> Result<Charge, StoreError> {
        let keys: Vec<_> = limits.iter().map(|limit| caller.counter(limit)).collect();
        let mut shard = self.shard(caller);
        let looked = shard.look(&keys, limits, now);
        let standings: Vec<_> = looked.iter().map(|(standing, _)| *standing).collect();
        let charge = Charge { standings };
        if !charge.is_allowed() {
            return Ok(charge.with_nothing_charged(&shard, &keys, limits, now));
        }
        shard.make_room(&keys, self.capacity, now)?;
        for ((key, limit), (_, state)) in keys.into_iter().zip(limits).zip(looked) {
            let full_again = limit.allowance.full_again(state);
            shard.counters.insert(key, Counter { state, full_again });
        }
        Ok(charge)
    }

    /// What a request at `now` would find, charging nothing.
    pub fn peek(&self, caller: &CallerKey, limits: &[PolicyLimit<'_>], now: Duration) -> Charge {
        let keys: Vec<_> = limits.iter().map(|limit| caller.counter(limit)).collect();
        let looked = self.shard(caller).look(&keys, limits, now);
        Charge {
            standings: looked.into_iter().map(|(standing, _)| standing).collect(),
        }
    }

    /// How many counters it holds.
    pub fn len(&self) -> usize {
        let lengths = self.shards.iter().map(|shard| lock(shard).counters.len());
        lengths.sum()
    }

    /// Whether it holds no counter.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, caller: &CallerKey) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(caller.first_byte()) % SHARDS])
    }
}

impl Charge {
    /// The limits that would have let the request pass did not count it after all.
    fn with_nothing_charged(
        mut self,
        shard: &Shard,
        keys: &[CounterKey],
        limits: &[PolicyLimit<'_>],
        now: Duration,
    ) -> Self {
        for ((standing, key), limit) in self.standings.iter_mut().zip(keys).zip(limits) {
            if standing.allowed {
                standing.remaining = standing.remaining.saturating_add(1);
                standing.retry_after = Duration::ZERO;
                let counter = shard.counters.get(key);
                let until = counter.map_or(now, |counter| counter.full_again);
                standing.reset_after = until.saturating_sub(now).min(limit.allowance.period());
            }
        }
        self
    }
}

impl Shard {
    fn look(
        &self,
        keys: &[CounterKey],
        limits: &[PolicyLimit<'_>],
        now: Duration,
    ) -> Vec<(Standing, State)> {
        let look = |(key, limit): (&CounterKey, &PolicyLimit<'_>)| {
            let state = self.counters.get(key).map(|counter| counter.state);
            limit.allowance.charge(state, now)
        };
        keys.iter().zip(limits).map(look).collect()
    }

    /// Sees to it that the counters of these keys fit in.
    fn make_room(
        &mut self,
        keys: &[CounterKey],
        capacity: usize,
        now: Duration,
    ) -> Result<(), StoreError> {
        let missing = |shard: &Self| {
            let absent = keys.iter().filter(|key| !shard.counters.contains_key(key));
            absent.count()
        };
        if self.counters.len() + missing(self) > capacity && now >= self.next_sweep {
            self.sweep(now);
        }
        let missing = missing(self);
        if missing == 0 || self.counters.len() + missing <= capacity {
            Ok(())
        } else {
            Err(StoreError::Full)
        }
    }

    fn sweep(&mut self, now: Duration) {
        self.counters.retain(|_, counter| counter.full_again > now);
        let earliest = self
            .counters
            .values()
            .map(|counter| counter.full_again)
            .min();
        self.next_sweep = earliest.unwrap_or(now).max(now + SWEEP_GAP);
    }
}

impl Limits for MemoryLimits {
    fn charge(
        &self,
        caller: &CallerKey,
        limits: &[PolicyLimit<'_>],
        now: Duration,
    ) -> impl Future<Output = Result<Charge, StoreError>> + Send {
        future::ready(self.charge_now(caller, limits, now))
    }
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl fmt::Debug for MemoryLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLimits")
            .field("capacity", &(self.capacity * SHARDS))
            .finish_non_exhaustive()
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // Counters are whole after every step, whoever panicked.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
