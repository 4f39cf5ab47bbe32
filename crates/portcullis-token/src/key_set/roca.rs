//! The fingerprint of RSA keys that an Infineon library made factorable (CVE-2017-15361, ROCA).

/// Primes modulo which such a key is a power of 65537.
const PRIMES: [u32; 17] = [
    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
];

const GENERATOR: u32 = 65_537;

/// Whether a big-endian modulus has the fingerprint. One honest key in some hundred million does.
pub(super) fn has_fingerprint(modulus: &[u8]) -> bool {
    PRIMES
        .iter()
        .all(|prime| is_power(remainder(modulus, *prime), *prime))
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number
        .iter()
        .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

/// Whether `residue` is in the subgroup of 65537 modulo `prime`.
fn is_power(residue: u32, prime: u32) -> bool {
    let step = |power: &u32| Some(power * GENERATOR % prime);
    std::iter::successors(Some(1), step)
        .take(prime as usize)
        .any(|power| power == residue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SigningKey, base64url};

    /// 65537 to this power, big-endian: a multiplication is a shift by two bytes and an addition.
    fn power_of_generator(exponent: usize) -> Vec<u8> {
        let mut number = vec![1_u8];
        for _ in 0..exponent {
            let shifted = [number.as_slice(), &[0, 0]].concat();
            let padded = [&[0, 0], number.as_slice()].concat();
            let mut carry = 0;
            let mut sum: Vec<u8> = std::iter::zip(shifted, padded)
                .rev()
                .map(|(a, b)| {
                    let digit = u16::from(a) + u16::from(b) + carry;
                    carry = digit >> 8;
                    digit.to_be_bytes()[1]
                })
                .collect();
            sum.reverse();
            number = sum;
        }
        number
    }

    #[test]
    fn powers_of_the_generator_have_the_fingerprint() {
        for exponent in [0, 1, 2, 128] {
            assert!(has_fingerprint(&power_of_generator(exponent)), "{exponent}");
        }
        assert!(!has_fingerprint(&[2]));
    }

    #[test]
    fn a_published_key_that_has_it_is_not_used() {
        let n = base64url::encode(&power_of_generator(128));
        let jwk = serde_json::json!({ "kty": "RSA", "n": n, "e": "AQAB" });
        let result = super::super::jwk::prepare(&jwk).map(drop);
        assert_eq!(result, Err(super::super::Unusable::Roca));
    }

    #[test]
    fn an_honest_key_has_not() {
        let jwk = SigningKey::generate().unwrap().public_jwk();
        let n = base64url::decode(jwk["n"].as_str().unwrap().as_bytes()).unwrap();
        assert!(!has_fingerprint(&n));
    }
}
