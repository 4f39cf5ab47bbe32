//! Changes to inputs, the same ones on every machine.

use std::ops::Range;

/// Random numbers that depend on nothing but the seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Random(u64);

/// Pieces of the formats that are read, which chance alone would not find.
const PIECES: [&[u8]; 26] = [
    b".",
    b"=",
    b"-",
    b"%2e",
    b"%",
    b"%32",
    b"%25",
    b"/..",
    b"//",
    b";",
    b"\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\"",
    b"\\u0000",
    b"{",
    b"}",
    b"[",
    b"]",
    b":null",
    b",\"alg\":\"none\"",
    b",\"exp\":1e300",
    b"9007199254740993",
    b"AAAA",
    b"${NAME}",
];

/// No mutated input is longer: past the limit of tokens, short of what takes long.
const LONGEST: usize = 20_000;
/// What is cut out or copied is no longer.
const PART: usize = 64;

impl Random {
    /// The numbers that belong to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        let number = self.next().checked_rem(end).unwrap_or(0);
        usize::try_from(number).unwrap_or(0)
    }

    /// One of `items`.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }

    /// A part of `length` bytes that is at most `longest` bytes long.
    fn range(&mut self, length: usize, longest: usize) -> Range<usize> {
        let start = self.below(length + 1);
        let longest = longest.min(length - start);
        start..start + self.below(longest + 1)
    }
}

/// Changes `input` in one to four places; `other` is an input to take parts from.
pub fn mutate(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut bytes, other, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(7) {
        0 => flip_a_bit(bytes, random),
        1 => insert(bytes, at, PIECES[random.below(PIECES.len())]),
        2 => drop(bytes.drain(random.range(bytes.len(), PART))),
        3 => {
            let copy = bytes[random.range(bytes.len(), PART)].to_vec();
            insert(bytes, at, &copy);
        }
        4 => insert(bytes, at, &other[random.range(other.len(), PART)]),
        5 => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        _ => repeat(bytes, random),
    }
}

fn flip_a_bit(bytes: &mut [u8], random: &mut Random) {
    let at = random.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

/// Writes a short part many times over, as for nested arrays and long names.
fn repeat(bytes: &mut Vec<u8>, random: &mut Random) {
    let range = random.range(bytes.len(), 8);
    let copies = bytes[range.clone()].repeat(random.below(300));
    insert(bytes, range.end, &copies);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        let run = |seed| {
            let mut random = Random::new(seed);
            let mut input = b"{\"keys\":[]}".to_vec();
            for _ in 0..200 {
                input = mutate(&input, b"other", &mut random);
            }
            input
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn any_input_can_be_changed_and_none_grows_past_the_limit() {
        let mut random = Random::new(3);
        for length in [0, 1, 2, 9, LONGEST, LONGEST + 1] {
            for _ in 0..200 {
                let input = vec![b'a'; length];
                assert!(
                    mutate(&input, b"", &mut random).len() <= LONGEST,
                    "{length}"
                );
            }
        }
    }
}
