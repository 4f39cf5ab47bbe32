//! Signatures of every algorithm, whole and damaged.

use std::sync::LazyLock;

use portcullis_token::{Algorithm, KeySet, Reason, Sender, Unverified, base64url};
use proptest::prelude::*;
use serde_json::json;

use crate::rows::{NOW, claims, rules};
use crate::signer::Signer;

/// A good token and the keys that say so.
struct Sample {
    algorithm: Algorithm,
    keys: KeySet,
    token: String,
}

impl Sample {
    fn new(algorithm: Algorithm) -> Self {
        let signer = Signer::new(algorithm);
        Self {
            algorithm,
            keys: signer.keys(),
            token: signer.sign(&json!({}), &claims(&json!({}))),
        }
    }

    fn verify(&self, token: &str) -> Result<(), Reason> {
        let rules = rules(self.algorithm);
        let token = Unverified::parse(token, &rules, &mut ())?;
        let sender = Sender::default();
        rules
            .verify(&token, &self.keys, &sender, NOW, &mut ())
            .map(drop)
    }

    fn with_signature(&self, signature: &[u8]) -> String {
        let (input, _) = self.token.rsplit_once('.').unwrap();
        format!("{input}.{}", base64url::encode(signature))
    }

    fn signature(&self) -> Vec<u8> {
        let (_, signature) = self.token.rsplit_once('.').unwrap();
        base64url::decode(signature.as_bytes()).unwrap()
    }
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    [
        Algorithm::Es256,
        Algorithm::EdDsa,
        Algorithm::Ps256,
        Algorithm::Rs256,
        Algorithm::Hs256,
    ]
    .map(Sample::new)
    .into()
});

#[test]
fn every_algorithm_verifies_its_own_signatures() {
    for algorithm in Algorithm::ALL.into_iter().chain(Algorithm::HMAC) {
        let sample = Sample::new(algorithm);
        assert_eq!(sample.verify(&sample.token), Ok(()), "{algorithm}");
        let mut longer = sample.signature();
        longer.push(0);
        for length in 1..=longer.len() {
            let cut = &longer[..length];
            let expected = if length == longer.len() - 1 {
                Ok(())
            } else {
                Err(Reason::BadSignature)
            };
            let result = sample.verify(&sample.with_signature(cut));
            assert_eq!(result, expected, "{algorithm}, {length} bytes");
        }
    }
}

#[test]
fn an_ecdsa_signature_has_the_fixed_width_form_only() {
    /// The order of P-256 (SEC 2 section 2.4.2).
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
        0x25, 0x51,
    ];
    let sample = &SAMPLES[0];
    let signature = sample.signature();
    let (r, s) = signature.split_at(32);
    let zero = [0; 32];
    for (name, bytes) in [
        ("DER", der(r, s)),
        ("r is zero", [&zero, s].concat()),
        ("s is zero", [r, &zero].concat()),
        ("both are zero", [zero, zero].concat()),
        ("r is the order", [&ORDER, s].concat()),
        ("s is the order", [r, &ORDER].concat()),
        ("exchanged", [s, r].concat()),
    ] {
        let result = sample.verify(&sample.with_signature(&bytes));
        assert_eq!(result, Err(Reason::BadSignature), "{name}");
    }
}

/// The form of X9.62, which RFC 7518 section 3.4 does not use.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let sign: &[u8] = if number[0] >= 0x80 { &[0] } else { &[] };
        let content = [sign, number].concat();
        [
            &[2, u8::try_from(content.len()).unwrap()],
            content.as_slice(),
        ]
        .concat()
    };
    let content = [integer(r), integer(s)].concat();
    [
        &[0x30, u8::try_from(content.len()).unwrap()],
        content.as_slice(),
    ]
    .concat()
}

proptest! {
    #[test]
    fn a_single_changed_bit_is_always_refused(
        sample in 0..SAMPLES.len(),
        position in any::<prop::sample::Index>(),
        bit in 0..7_u8,
    ) {
        let sample = &SAMPLES[sample];
        let mut bytes = sample.token.clone().into_bytes();
        let index = position.index(bytes.len());
        bytes[index] ^= 1 << bit;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert!(sample.verify(&changed).is_err(), "{} byte {index} bit {bit}", sample.algorithm);
    }
}
