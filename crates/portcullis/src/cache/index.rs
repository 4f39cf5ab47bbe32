//! Finds places in a vector by what they hold, at four bytes a bucket.

/// A bucket has one number more than its place in its lower bits, and zero where it is empty.
const PLACE_BITS: u32 = 24;
const PLACE: u32 = (1 << PLACE_BITS) - 1;
/// How many places can be told apart: 16,777,214.
pub(super) const MAX_PLACES: usize = (1 << PLACE_BITS) - 2;
const MIN_BUCKETS: usize = 8;

/// A hash table of open addressing, with linear probing, for values that stand elsewhere.
///
/// Eight bits of the hash stand beside each place, so that a value is looked at when it is the
/// right one and in one of 256 cases else. Hashes must be as good as random.
#[derive(Debug, Default)]
pub(super) struct Index {
    buckets: Box<[u32]>,
    places: usize,
}

impl Index {
    /// The place of this hash that `is_it`.
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let tag = tag(hash);
        self.probe(hash)
            .map(|at| self.buckets[at])
            .take_while(|bucket| *bucket != 0)
            .filter(|bucket| bucket & !PLACE == tag)
            .map(place)
            .find(|place| is_it(*place))
    }

    /// Adds a place, which must not be there yet and be less than [`MAX_PLACES`]. `hash` gives the
    /// hash of each place, this one included.
    pub(super) fn insert(&mut self, place: usize, hash: impl Fn(usize) -> u64) {
        if (self.places + 1) * 4 > self.buckets.len() * 3 {
            self.grow(&hash);
        }
        self.put(bucket(place, hash(place)), hash(place));
        self.places += 1;
    }

    /// Removes a place that is there.
    pub(super) fn remove(&mut self, place: usize, hash: impl Fn(usize) -> u64) {
        let Some(mut hole) = self.position(place, hash(place)) else {
            return;
        };
        self.places -= 1;
        // Those that had to go further because of it come back, so that no tombstone is needed.
        let mask = self.buckets.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let bucket = self.buckets[at];
            if bucket == 0 {
                break;
            }
            let home = self.home(hash(self::place(bucket)));
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.buckets[hole] = bucket;
                hole = at;
            }
        }
        self.buckets[hole] = 0;
    }

    /// What stood at place `from`, with this hash, stands at `to`.
    pub(super) fn rename(&mut self, from: usize, to: usize, hash: u64) {
        if let Some(at) = self.position(from, hash) {
            self.buckets[at] = bucket(to, hash);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn grow(&mut self, hash: impl Fn(usize) -> u64) {
        let buckets = (self.buckets.len() * 2).max(MIN_BUCKETS);
        let old = std::mem::replace(&mut self.buckets, vec![0; buckets].into());
        for bucket in old.into_iter().filter(|bucket| *bucket != 0) {
            self.put(bucket, hash(place(bucket)));
        }
    }

    fn put(&mut self, bucket: u32, hash: u64) {
        let empty = self.probe(hash).find(|at| self.buckets[*at] == 0);
        if let Some(at) = empty {
            self.buckets[at] = bucket;
        }
    }

    fn position(&self, place: usize, hash: u64) -> Option<usize> {
        let sought = bucket(place, hash);
        self.probe(hash)
            .take_while(|at| self.buckets[*at] != 0)
            .find(|at| self.buckets[*at] == sought)
    }

    /// Every bucket once, from where the hash belongs on.
    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let (home, buckets) = (self.home(hash), self.buckets.len());
        (home..buckets).chain(0..home)
    }

    fn home(&self, hash: u64) -> usize {
        let mask = self.buckets.len().saturating_sub(1);
        usize::try_from(hash & u64::from(u32::MAX)).unwrap_or_default() & mask
    }
}

fn bucket(place: usize, hash: u64) -> u32 {
    let number = u32::try_from(place + 1).unwrap_or_default() & PLACE;
    tag(hash) | number
}

fn place(bucket: u32) -> usize {
    usize::try_from(bucket & PLACE).unwrap_or_default() - 1
}

/// The highest eight bits, since the lowest ones choose the bucket.
fn tag(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or_default() & !PLACE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds by the number that stands at a place.
    fn find(index: &Index, values: &[u64], value: u64) -> Option<usize> {
        index.find(value, |place| values[place] == value)
    }

    #[test]
    fn what_is_added_is_found_until_it_is_removed() {
        // Of a multiple of a large odd number all bits differ; of the others, many share a home.
        for spread in [1, 256, 1 << 56, 0x9e37_79b9_7f4a_7c15] {
            let mut values: Vec<u64> = Vec::new();
            let mut index = Index::default();
            assert_eq!(find(&index, &values, 1), None, "empty");
            for number in 0..200_u64 {
                values.push(number.wrapping_mul(spread));
                index.insert(values.len() - 1, |place| values[place]);
            }
            for (place, value) in values.iter().enumerate() {
                assert_eq!(find(&index, &values, *value), Some(place), "{spread}");
            }
            while values.len() > 1 {
                let place = values.len() / 3;
                let (gone, last) = (values[place], values.len() - 1);
                index.remove(place, |place| values[place]);
                if last != place {
                    index.rename(last, place, values[last]);
                }
                values.swap_remove(place);
                assert_eq!(find(&index, &values, gone), None, "{spread}");
                for (place, value) in values.iter().enumerate().step_by(7) {
                    assert_eq!(find(&index, &values, *value), Some(place), "{spread}");
                }
            }
            assert_eq!(index.places, 1);
        }
    }

    #[test]
    fn it_is_three_quarters_full_at_most_and_so_takes_11_bytes_a_place() {
        let mut index = Index::default();
        for place in 0..10_000_usize {
            index.insert(place, |place| {
                (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            });
            assert!(index.places * 4 <= index.buckets.len() * 3);
            assert!(
                place < 6 || index.buckets.len() * 4 <= index.places * 11,
                "{place}"
            );
        }
    }

    #[test]
    fn the_last_place_can_be_told_from_an_empty_bucket() {
        assert_eq!(place(bucket(MAX_PLACES, u64::MAX)), MAX_PLACES);
        assert_ne!(bucket(MAX_PLACES, 0), 0);
    }
}
