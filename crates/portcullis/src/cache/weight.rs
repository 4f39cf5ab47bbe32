//! What claims take in memory.

use std::fmt;

use portcullis_token::Verified;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A `serde_json::Value`.
const VALUE: usize = 32;
/// A member of an object: its name, its value, and its part of a node that may be half empty.
const MEMBER: usize = 2 * (24 + VALUE) + 24;
/// What the allocator adds to a block, and the rounding of its size.
const BLOCK: usize = 24;
/// A verified token besides its claims, and the cache's own notes on it.
const VERIFIED: usize = 512;

/// An upper estimate of the bytes that `verified` takes.
pub(super) fn weigh(verified: &Verified) -> Option<usize> {
    let Weight(claims) = verified.deserialize().ok()?;
    Some(VERIFIED + claims)
}

/// The heap that a JSON value takes, besides itself.
struct Weight(usize);

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Weigh)
    }
}

struct Weigh;

impl<'de> Visitor<'de> for Weigh {
    type Value = Weight;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Weight, E> {
        Ok(Weight(0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Weight, E> {
        Ok(Weight(0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Weight, E> {
        Ok(Weight(0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Weight, E> {
        Ok(Weight(0))
    }

    fn visit_unit<E>(self) -> Result<Weight, E> {
        Ok(Weight(0))
    }

    fn visit_str<E>(self, text: &str) -> Result<Weight, E> {
        Ok(Weight(BLOCK + text.len()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Weight, A::Error> {
        let mut bytes = BLOCK;
        while let Some(Weight(item)) = items.next_element()? {
            // A vector that has just grown is half empty.
            bytes += 2 * VALUE + item;
        }
        Ok(Weight(bytes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Weight, A::Error> {
        // The first node has room for eleven members, however few there are.
        let mut bytes = 11 * MEMBER / 2 + BLOCK;
        let mut count = 0;
        while let Some((Weight(name), Weight(value))) = members.next_entry()? {
            count += 1;
            bytes += name + value;
            if count > 11 {
                bytes += MEMBER;
            }
        }
        Ok(Weight(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_more_weighs_more() {
        let weigh = |json: &str| {
            let Weight(bytes) = serde_json::from_str(json).unwrap();
            bytes
        };
        let zeros = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert_eq!(weigh("0") + weigh("null") + weigh("true"), 0);
        assert!(weigh(r#""abc""#) >= 3);
        assert!(
            weigh(&zeros(1_000)) >= 1_000 * VALUE,
            "small text, large vector"
        );
        let members = |count: usize| {
            let members: Vec<_> = (0..count).map(|n| format!("\"{n}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(weigh("{}") >= 11 * (24 + VALUE));
        assert!(weigh(&members(100)) >= 100 * (24 + VALUE));
    }
}
