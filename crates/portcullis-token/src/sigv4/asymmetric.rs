use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use super::SignatureAlgorithm;

/// The order of P-256 minus two, the greatest number that one can be added to.
const ORDER_MINUS_TWO: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
];

/// The public half of the P-256 key that `SigV4a` makes of a secret.
#[derive(Clone)]
pub(super) struct PublicKey(Vec<u8>);

impl PublicKey {
    /// NIST SP 800-108 in counter mode, until a number fits: at once, but for one in 2^32.
    pub(super) fn derive(secret: &str, access_key: &str) -> Option<Self> {
        let key = Key::new(HMAC_SHA256, format!("AWS4A{secret}").as_bytes());
        let private = (1..=254_u8).find_map(|counter| {
            let mut input = vec![0, 0, 0, 1];
            input.extend_from_slice(SignatureAlgorithm::Ecdsa.name().as_bytes());
            input.push(0);
            input.extend_from_slice(access_key.as_bytes());
            input.push(counter);
            input.extend_from_slice(&256_u32.to_be_bytes());
            let mut number = [0; 32];
            number.copy_from_slice(hmac::sign(&key, &input).as_ref());
            (number <= ORDER_MINUS_TWO).then(|| plus_one(number))
        })?;
        let private = PrivateKey::from_private_key(&ECDH_P256, &private).ok()?;
        let public = private.compute_public_key().ok()?;
        Some(Self(public.as_ref().to_vec()))
    }

    /// Whether `signature`, in DER, is one of `message` under this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0);
        key.verify(message, signature).is_ok()
    }
}

fn plus_one(mut number: [u8; 32]) -> [u8; 32] {
    for byte in number.iter_mut().rev() {
        let (sum, carries) = byte.overflowing_add(1);
        *byte = sum;
        if !carries {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::super::percent::hex_to;
    use super::*;

    #[test]
    fn the_key_is_that_of_the_published_vector() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let key = PublicKey::derive(secret, "AKIDEXAMPLE").unwrap();
        let mut point = Vec::new();
        hex_to(&mut point, &key.0);
        let expected = "04\
            b6618f6a65740a99e650b33b6b4b5bd0d43b176d721a3edfea7e7d2d56d936b1\
            865ed22a7eadc9c5cb9d2cbaca1b3699139fedc5043dc6661864218330c8e518";
        assert_eq!(String::from_utf8(point).unwrap(), expected);
        assert!(!key.verifies(b"", b""));
    }

    #[test]
    fn one_is_added_with_its_carries() {
        let mut number = [0xff; 32];
        number[0] = 0;
        let mut expected = [0; 32];
        expected[0] = 1;
        assert_eq!(plus_one(number), expected);
    }
}
