//! What a remembered token takes in memory.

use portcullis_token::KeyIdentity;

use super::Entry;

/// Blocks are of multiples of so many bytes, of which the allocator has some for itself.
const GRAIN: usize = 16;
const ALLOCATOR: usize = 8;
/// The two counters of an `Arc`.
const COUNTERS: usize = 16;

/// The bytes that `entry` takes besides its slot: itself, the text of its claims, and its `kid`.
///
/// The key's identity is shared by all tokens that it has signed, and not counted.
pub(super) fn weigh(entry: &Entry) -> usize {
    let claims = entry.token.claims();
    let members = claims.size() - size_of_val(claims);
    let own_kid = entry.token.kid().filter(|kid| {
        let key = entry.token.key().and_then(KeyIdentity::kid);
        Some(*kid) != key
    });
    let kid = own_kid.map_or(0, |kid| {
        block(COUNTERS + size_of::<String>()) + block(kid.len())
    });
    let entry = block(COUNTERS + size_of::<Entry>());
    entry + block(COUNTERS + members) + kid
}

fn block(bytes: usize) -> usize {
    (bytes + ALLOCATOR).next_multiple_of(GRAIN)
}

#[cfg(test)]
mod tests {
    use portcullis_token::{
        KeySet, Rules, Sender, SigningKey, TokenType, UnixTime, Unverified, Verified,
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::cache::bounded::OVERHEAD_BYTES;

    /// An RS256 token of `length` bytes, verified.
    fn verified(length: usize) -> Verified {
        let key = SigningKey::generate().unwrap();
        let keys = json!({ "keys": [key.public_jwk()] }).to_string();
        let keys = KeySet::parse(keys.as_bytes()).unwrap();
        let token = (0..length)
            .map(|padding| key.sign("JWT", &claims(padding)).unwrap())
            .find(|token| token.len() >= length)
            .unwrap();
        let rules = Rules::new(None, Some(vec!["api".to_owned()]));
        let token = Unverified::parse(&token, TokenType::Lenient, &mut ()).unwrap();
        let sender = Sender::default();
        rules
            .verify(&token, &keys, &sender, UnixTime(1_000), &mut ())
            .unwrap()
    }

    fn claims(padding: usize) -> Value {
        json!({
            "iss": "https://tenant.eu.auth0.com/",
            "sub": "auth0|64a1b2c3d4e5f60718293a4b",
            "aud": ["api", "https://tenant.eu.auth0.com/userinfo"],
            "iat": 1_000,
            "exp": 87_400,
            "azp": "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
            "scope": "openid profile email read:reports",
            "permissions": ["read:reports", "write:reports"],
            "https://example.com/padding": "p".repeat(padding),
        })
    }

    fn entry(verified: &Verified) -> Entry {
        Entry::new(verified, 0, 1)
    }

    #[test]
    fn a_hundred_thousand_tokens_of_a_kilobyte_take_64_mib() {
        let weight = weigh(&entry(&verified(1_024))) + OVERHEAD_BYTES;
        assert!(weight * 100_000 <= 64 * 1024 * 1024, "{weight} bytes each");
        assert!(weight >= 500, "{weight} bytes cannot be all");
    }

    #[test]
    fn each_byte_of_the_claims_is_weighed() {
        let weigh = |json: &str| {
            let answer = portcullis_token::Introspected::parse(json.as_bytes()).unwrap();
            block(answer.claims().size() - size_of_val(answer.claims()))
        };
        let long = |length: usize| format!(r#"{{"active":true,"x":"{}"}}"#, "x".repeat(length));
        for length in [1_000, 2_000, 10_000] {
            let more = weigh(&long(length)) - weigh(&long(0));
            assert!(
                (length - GRAIN..=length + GRAIN).contains(&more),
                "{more} for {length}"
            );
        }
        let zeros = format!(r#"{{"active":true,"x":[{}]}}"#, vec!["0"; 1_000].join(","));
        assert!(weigh(&zeros) >= 3_000, "a tag, a length and a digit each");
    }
}
