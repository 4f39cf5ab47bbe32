//! A map of bounded size that many threads read at once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use portcullis_token::UnixTime;

use super::Digest;
use super::index::{Index, MAX_PLACES};

/// Few enough to share the bounds fairly, many enough that two cores rarely meet.
const MAX_SHARDS: usize = 64;
const ENTRIES_PER_SHARD: usize = 64;
/// Room for several entries of the largest size.
const BYTES_PER_SHARD: usize = 256 * 1024;
/// What an entry takes besides its value, at most: its slot of 56 bytes and an eighth of that to
/// grow, and 4 bytes of an index that doubles when it is three quarters full.
pub(super) const OVERHEAD_BYTES: usize = 74;

/// Values by digest, of at most so many entries and bytes, each until its time.
///
/// Entries are spread over shards, each with an equal part of the bounds, a lock of its own that
/// is held for a look-up only, and a clock hand (CLOCK, the second-chance algorithm) that chooses
/// what has to go.
#[derive(Debug)]
pub(crate) struct Bounded<V> {
    shards: Box<[Shard<V>]>,
}

#[derive(Debug)]
struct Shard<V> {
    slots: RwLock<Slots<V>>,
    evictions: AtomicU64,
}

#[derive(Debug)]
struct Slots<V> {
    /// Places in the ring, by a digest's first bytes.
    index: Index,
    ring: Vec<Slot<V>>,
    hand: usize,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Slot<V> {
    digest: Digest,
    value: Arc<V>,
    bytes: u32,
    until: UnixTime,
    /// Whether it was used since the hand passed it.
    used: AtomicBool,
}

impl<V> Bounded<V> {
    pub(crate) fn new(max_entries: usize, max_bytes: usize) -> Self {
        let shards = (max_entries / ENTRIES_PER_SHARD)
            .min(max_bytes / BYTES_PER_SHARD)
            .clamp(1, MAX_SHARDS);
        let shard = |_| Shard {
            slots: RwLock::new(Slots {
                index: Index::default(),
                ring: Vec::new(),
                hand: 0,
                bytes: 0,
                max_entries: (max_entries / shards).min(MAX_PLACES),
                max_bytes: max_bytes / shards,
            }),
            evictions: AtomicU64::new(0),
        };
        Self {
            shards: (0..shards).map(shard).collect(),
        }
    }

    /// The value of `digest`, unless its time has come.
    pub(crate) fn find(&self, digest: &Digest, now: UnixTime) -> Option<Arc<V>> {
        let slots = self.shard(digest).read();
        let slot = &slots.ring[slots.place(digest)?];
        if now >= slot.until {
            return None;
        }
        // Most look-ups find it set, and need not take the line from other cores.
        if !slot.used.load(Ordering::Relaxed) {
            slot.used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&slot.value))
    }

    /// Keeps `value`, which takes `bytes`, until `until`. What is larger than a shard is not kept.
    pub(crate) fn insert(
        &self,
        digest: Digest,
        value: Arc<V>,
        bytes: usize,
        until: UnixTime,
        now: UnixTime,
    ) {
        let Ok(bytes) = u32::try_from(bytes.saturating_add(OVERHEAD_BYTES)) else {
            return;
        };
        let shard = self.shard(&digest);
        let slot = Slot {
            digest,
            value,
            bytes,
            until,
            used: AtomicBool::new(false),
        };
        let evicted = shard.write().insert(slot, now);
        shard.evictions.fetch_add(evicted, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, digest: &Digest) {
        let mut slots = self.shard(digest).write();
        if let Some(place) = slots.place(digest) {
            slots.remove(place);
        }
    }

    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut slots = shard.write();
            slots.index.clear();
            slots.ring.clear();
            slots.bytes = 0;
        }
    }

    pub(crate) fn entries(&self) -> usize {
        let entries = |shard: &Shard<V>| shard.read().ring.len();
        self.shards.iter().map(entries).sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        let bytes = |shard: &Shard<V>| shard.read().bytes;
        self.shards.iter().map(bytes).sum()
    }

    /// How many entries had to make room for others before their time.
    pub(crate) fn evictions(&self) -> u64 {
        let evictions = |shard: &Shard<V>| shard.evictions.load(Ordering::Relaxed);
        self.shards.iter().map(evictions).sum()
    }

    fn shard(&self, digest: &Digest) -> &Shard<V> {
        &self.shards[usize::from(digest.last_byte()) % self.shards.len()]
    }
}

impl<V> Shard<V> {
    // Nothing panics while it holds a lock, and an entry is good or not by itself.
    fn read(&self) -> RwLockReadGuard<'_, Slots<V>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Slots<V>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Slots<V> {
    /// Returns how many entries had to go before their time.
    fn insert(&mut self, slot: Slot<V>, now: UnixTime) -> u64 {
        if let Some(place) = self.place(&slot.digest) {
            self.remove(place);
        }
        let bytes = length(slot.bytes);
        if bytes > self.max_bytes || self.max_entries == 0 {
            return 0;
        }
        let mut evicted = 0;
        while self.ring.len() >= self.max_entries || self.bytes + bytes > self.max_bytes {
            evicted += u64::from(self.evict(now));
        }
        self.bytes += bytes;
        // A vector by itself would double, and leave half of that empty.
        if self.ring.len() == self.ring.capacity() {
            self.ring.reserve_exact(1 + self.ring.len() / 8);
        }
        let place = self.ring.len();
        self.ring.push(slot);
        let ring = &self.ring;
        self.index
            .insert(place, |place| ring[place].digest.first_bytes());
        evicted
    }

    fn place(&self, digest: &Digest) -> Option<usize> {
        self.index.find(digest.first_bytes(), |place| {
            self.ring[place].digest == *digest
        })
    }

    /// Removes the first entry from the hand on that is past its time or was not used since the
    /// hand passed it. Tells whether its time had not come. There must be an entry.
    fn evict(&mut self, now: UnixTime) -> bool {
        loop {
            self.hand = if self.hand < self.ring.len() {
                self.hand
            } else {
                0
            };
            let slot = &self.ring[self.hand];
            let expired = now >= slot.until;
            if expired || !slot.used.swap(false, Ordering::Relaxed) {
                self.remove(self.hand);
                return !expired;
            }
            self.hand += 1;
        }
    }

    fn remove(&mut self, place: usize) {
        let ring = &self.ring;
        let hash = |place: usize| ring[place].digest.first_bytes();
        self.index.remove(place, hash);
        let last = ring.len() - 1;
        if last != place {
            self.index.rename(last, place, hash(last));
        }
        let removed = self.ring.swap_remove(place);
        self.bytes -= length(removed.bytes);
    }
}

/// A number of bytes, which is kept in 32 bits to save room.
fn length(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_000);
    const LATER: UnixTime = UnixTime(1_010);

    fn digest(number: u64) -> Digest {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Digest::from(bytes)
    }

    fn insert(map: &Bounded<u64>, number: u64, bytes: usize) {
        map.insert(digest(number), Arc::new(number), bytes, LATER, NOW);
    }

    fn find(map: &Bounded<u64>, number: u64) -> Option<u64> {
        map.find(&digest(number), NOW).map(|value| *value)
    }

    #[test]
    fn an_entry_is_found_until_its_time() {
        let map = Bounded::new(10, 10_000);
        insert(&map, 1, 0);
        for (now, expected) in [(1_000, Some(1)), (1_009, Some(1)), (1_010, None)] {
            let found = map.find(&digest(1), UnixTime(now)).map(|value| *value);
            assert_eq!(found, expected, "at {now}");
        }
        map.remove(&digest(1));
        assert_eq!(find(&map, 1), None);
        assert_eq!((map.entries(), map.bytes()), (0, 0));
    }

    #[test]
    fn digests_that_differ_anywhere_are_different() {
        let map = Bounded::new(10, 10_000);
        insert(&map, 1, 0);
        for place in 0..32 {
            let mut bytes = *digest(1).as_bytes();
            bytes[place] ^= 1;
            assert!(
                map.find(&Digest::from(bytes), NOW).is_none(),
                "byte {place}"
            );
        }
    }

    #[test]
    fn neither_bound_is_ever_passed() {
        for (max_entries, max_bytes, bytes) in [(10, 100_000, 0), (1_000, 10_000, 276), (0, 100, 0)]
        {
            let map = Bounded::new(max_entries, max_bytes);
            for number in 0..500 {
                insert(&map, number, bytes);
                assert!(map.entries() <= max_entries, "{} entries", map.entries());
                assert!(map.bytes() <= max_bytes, "{} bytes", map.bytes());
            }
            assert_eq!(map.evictions() > 0, max_entries > 0);
        }
    }

    #[test]
    fn what_is_larger_than_the_bound_is_not_kept_and_nothing_goes_for_it() {
        let map = Bounded::new(10, 1_000);
        insert(&map, 1, 100);
        insert(&map, 2, 1_000 - OVERHEAD_BYTES + 1);
        assert_eq!((find(&map, 1), find(&map, 2)), (Some(1), None));
        insert(&map, 3, 1_000 - OVERHEAD_BYTES);
        assert_eq!((find(&map, 1), find(&map, 3)), (None, Some(3)));
    }

    #[test]
    fn what_is_used_stays_and_what_is_past_its_time_goes_first() {
        let map = Bounded::new(3, 10_000);
        for number in 1..=3 {
            insert(&map, number, 0);
        }
        find(&map, 1);
        insert(&map, 4, 0);
        assert_eq!(find(&map, 1), Some(1), "it was used");
        assert_eq!(map.evictions(), 1);

        let map = Bounded::new(2, 10_000);
        map.insert(digest(1), Arc::new(1), 0, UnixTime(1_001), NOW);
        insert(&map, 2, 0);
        map.insert(digest(3), Arc::new(3), 0, LATER, UnixTime(1_001));
        assert_eq!((find(&map, 2), map.evictions()), (Some(2), 0));
    }
}
