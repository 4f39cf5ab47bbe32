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
///
/// A request that is charged to shared counters too holds the locks of both, in ascending order.
#[derive(Default)]
struct Shard {
    counters: HashMap<CounterKey, Counter>,
    /// Before this there is no use in looking for counters that are full again. Since 1970.
    next_sweep: Duration,
}

/// Where one counter is.
struct Place {
    shard: usize,
    key: CounterKey,
}

/// The shards that a request is charged in, by their numbers.
struct Locked<'s>(Vec<(usize, MutexGuard<'s, Shard>)>);

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
        let places = places(caller, limits);
        let mut locked = self.lock(&places);
        let looked = locked.look(&places, limits, now);
        let standings: Vec<_> = looked.iter().map(|(standing, _)| *standing).collect();
        let charge = Charge { standings };
        if !charge.is_allowed() {
            return Ok(charge.with_nothing_charged(&locked, &places, limits, now));
        }
        locked.make_room(&places, self.capacity, now)?;
        for ((place, limit), (_, state)) in places.iter().zip(limits).zip(looked) {
            let full_again = limit.allowance.full_again(state);
            let counter = Counter { state, full_again };
            if let Some(shard) = locked.shard_mut(place.shard) {
                shard.counters.insert(place.key, counter);
            }
        }
        Ok(charge)
    }

    /// What a request at `now` would find, charging nothing.
    pub fn peek(&self, caller: &CallerKey, limits: &[PolicyLimit<'_>], now: Duration) -> Charge {
        let places = places(caller, limits);
        let looked = self.lock(&places).look(&places, limits, now);
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

    /// Locks the shards of these places: all in one order, so that nobody waits in a circle.
    fn lock(&self, places: &[Place]) -> Locked<'_> {
        let mut numbers: Vec<usize> = places.iter().map(|place| place.shard).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let numbered = numbers
            .into_iter()
            .map(|number| (number, lock(&self.shards[number])));
        Locked(numbered.collect())
    }
}

/// Where the counters of these limits are.
fn places(caller: &CallerKey, limits: &[PolicyLimit<'_>]) -> Vec<Place> {
    let place = |limit: &PolicyLimit<'_>| {
        let counted = limit.counted(caller);
        Place {
            shard: usize::from(counted.first_byte()) % SHARDS,
            key: counted.counter(limit),
        }
    };
    limits.iter().map(place).collect()
}

impl Locked<'_> {
    fn shard(&self, number: usize) -> Option<&Shard> {
        let mut shards = self.0.iter();
        let (_, shard) = shards.find(|(own, _)| *own == number)?;
        Some(shard)
    }

    fn shard_mut(&mut self, number: usize) -> Option<&mut Shard> {
        let mut shards = self.0.iter_mut();
        let (_, shard) = shards.find(|(own, _)| *own == number)?;
        Some(shard)
    }

    fn counter(&self, place: &Place) -> Option<&Counter> {
        self.shard(place.shard)?.counters.get(&place.key)
    }

    fn look(
        &self,
        places: &[Place],
        limits: &[PolicyLimit<'_>],
        now: Duration,
    ) -> Vec<(Standing, State)> {
        let look = |(place, limit): (&Place, &PolicyLimit<'_>)| {
            let state = self.counter(place).map(|counter| counter.state);
            limit.allowance.charge(state, now)
        };
        places.iter().zip(limits).map(look).collect()
    }

    /// Sees to it that the counters of these places fit in, before any of them is written.
    fn make_room(
        &mut self,
        places: &[Place],
        capacity: usize,
        now: Duration,
    ) -> Result<(), StoreError> {
        for (number, shard) in &mut self.0 {
            let own = places.iter().filter(|place| place.shard == *number);
            let keys: Vec<_> = own.map(|place| place.key).collect();
            shard.make_room(&keys, capacity, now)?;
        }
        Ok(())
    }
}

impl Charge {
    /// The limits that would have let the request pass did not count it after all.
    fn with_nothing_charged(
        mut self,
        locked: &Locked<'_>,
        places: &[Place],
        limits: &[PolicyLimit<'_>],
        now: Duration,
    ) -> Self {
        for ((standing, place), limit) in self.standings.iter_mut().zip(places).zip(limits) {
            if standing.allowed {
                standing.remaining = standing.remaining.saturating_add(1);
                standing.retry_after = Duration::ZERO;
                let counter = locked.counter(place);
                let until = counter.map_or(now, |counter| counter.full_again);
                standing.reset_after = until.saturating_sub(now).min(limit.allowance.period());
            }
        }
        self
    }
}

impl Shard {
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
