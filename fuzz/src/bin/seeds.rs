//! Writes the seeds of `token` that need signatures, and the public keys that belong to them.
//!
//! Each run makes other keys and forgets the private ones. The seeds of the other targets are
//! written by hand.

use std::{fs, io};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use portcullis_fuzz::corpus;
use portcullis_token::{SigningKey, base64url};
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let keys = Keys::generate();
    let document = serde_json::to_string_pretty(&keys.document())?;
    fs::write(corpus::root().join("keys.json"), document + "\n")?;
    let folder = corpus::folder("token");
    fs::create_dir_all(&folder)?;
    for (name, token) in tokens(&keys) {
        fs::write(folder.join(name), token)?;
    }
    Ok(())
}

struct Keys {
    rs256: SigningKey,
    es256: EcdsaKeyPair,
    eddsa: Ed25519KeyPair,
}

impl Keys {
    fn generate() -> Self {
        let randomness = "the system gives randomness";
        Self {
            rs256: SigningKey::generate().expect(randomness),
            es256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect(randomness),
            eddsa: Ed25519KeyPair::generate().expect(randomness),
        }
    }

    fn document(&self) -> Value {
        // SEC 1 section 2.3.3: a byte 4, then the two coordinates.
        let (x, y) = self.es256.public_key().as_ref()[1..].split_at(32);
        let [x, y, ed] = [x, y, self.eddsa.public_key().as_ref()].map(base64url::encode);
        json!({ "keys": [
            self.rs256.public_jwk(),
            { "kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256", "kid": "es" },
            { "kty": "OKP", "crv": "Ed25519", "x": ed, "alg": "EdDSA", "kid": "ed" },
        ] })
    }
}

/// Rows 6 to 10, 14 to 20, 25 to 29 of the table of inputs and answers; each name begins with the
/// answer. The rows in between are about what was signed, and seeds of `signed_token`.
fn tokens(keys: &Keys) -> Vec<(&'static str, String)> {
    let rs256 = keys
        .rs256
        .sign("JWT", &claims())
        .expect("signing needs memory only");
    let es256 = keys.es256(&json!({ "alg": "ES256", "kid": "es" }));
    let eddsa = keys.eddsa(&json!({ "alg": "EdDSA", "kid": "ed" }));
    let mut seeds = shapes(&eddsa);
    seeds.extend(encodings(&eddsa));
    seeds.extend(keys.headers(&rs256));
    seeds.extend(signatures(&rs256, &es256, &eddsa));
    seeds.extend([
        ("ok-rs256", rs256),
        ("ok-es256", es256),
        ("ok-eddsa", eddsa),
    ]);
    seeds
}

fn claims() -> Value {
    json!({ "iss": "https://issuer.example/", "aud": "api", "exp": 1_060 })
}

/// Rows 6 to 9.
fn shapes(token: &str) -> Vec<(&'static str, String)> {
    vec![
        ("too_large-one_byte", "a".repeat(16 * 1024 + 1)),
        ("not_jwt-largest", "a".repeat(16 * 1024)),
        ("not_jwt-empty", String::new()),
        ("not_jwt-undefined", "undefined".to_owned()),
        ("not_jwt-null", "null".to_owned()),
        ("not_jwt-one_dot", "e30.e30".to_owned()),
        ("not_jwt-three_dots", format!("{token}.")),
        ("not_jwt-2000_dots", ".".repeat(2_000)),
        ("not_jwt-leading_dot", format!(".{token}")),
        ("not_jwt-empty_claims", "e30..AA".to_owned()),
        ("not_jwt-empty_signature", with_signature(token, "")),
        ("jwe_unsupported-five_segments", format!("{token}.AA.AA")),
    ]
}

/// Row 10.
fn encodings(token: &str) -> Vec<(&'static str, String)> {
    vec![
        ("bad_base64-padding", format!("{token}=")),
        ("bad_base64-plus", with_signature(token, "A+AA")),
        ("bad_base64-slash", with_signature(token, "A/AA")),
        ("bad_base64-trailing_bits", with_signature(token, "AB")),
        ("bad_base64-newline", format!("{token}\n")),
        ("bad_base64-space", format!(" {token}")),
        ("bad_base64-not_ascii", format!("{token}\u{e9}")),
    ]
}

impl Keys {
    fn es256(&self, header: &Value) -> String {
        sign(header, |input| {
            let signature = self.es256.sign(&SystemRandom::new(), input);
            signature
                .expect("signing needs memory only")
                .as_ref()
                .to_vec()
        })
    }

    fn eddsa(&self, header: &Value) -> String {
        sign(header, |input| self.eddsa.sign(input).as_ref().to_vec())
    }

    /// Rows 13 to 20 and 25, where the key matters.
    fn headers(&self, rs256: &str) -> Vec<(&'static str, String)> {
        let evil = Ed25519KeyPair::generate().expect("the system gives randomness");
        let x = base64url::encode(evil.public_key().as_ref());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        let embedded =
            json!({ "alg": "EdDSA", "kid": "ed", "jwk": jwk, "jku": "https://evil.example/" });
        let kid = self.rs256.kid();
        vec![
            (
                "alg_not_allowed-none",
                with_header(rs256, &json!({ "alg": "none" })),
            ),
            (
                "alg_not_allowed-hs256",
                with_header(rs256, &json!({ "alg": "HS256", "kid": kid })),
            ),
            (
                "alg_not_allowed-rs512",
                with_header(rs256, &json!({ "alg": "RS512", "kid": kid })),
            ),
            (
                "key_unknown-ps256",
                with_header(rs256, &json!({ "alg": "PS256", "kid": kid })),
            ),
            (
                "key_unknown-path",
                self.eddsa(&json!({ "alg": "EdDSA", "kid": "../../dev/null" })),
            ),
            (
                "key_unknown-sql",
                self.eddsa(&json!({ "alg": "EdDSA", "kid": "' or 1=1" })),
            ),
            (
                "bad_signature-jwk",
                sign(&embedded, |input| evil.sign(input).as_ref().to_vec()),
            ),
            (
                "typ_not_allowed-dpop",
                self.eddsa(&json!({ "alg": "EdDSA", "typ": "dpop+jwt" })),
            ),
        ]
    }
}

/// Row 29.
fn signatures(rs256: &str, es256: &str, eddsa: &str) -> Vec<(&'static str, String)> {
    let zeros = |length| base64url::encode(&vec![0; length]);
    let cut = |token: &str| {
        token
            .rsplit_once('.')
            .map(|(_, signature)| signature.to_owned())
    };
    let of_es256 = cut(es256).unwrap_or_default();
    let fixed = base64url::decode(of_es256.as_bytes()).unwrap_or_default();
    let (r, s) = fixed.split_at(fixed.len() / 2);
    vec![
        (
            "bad_signature-rs256_zero",
            with_signature(rs256, &zeros(256)),
        ),
        (
            "bad_signature-rs256_short",
            with_signature(rs256, &zeros(255)),
        ),
        (
            "bad_signature-rs256_long",
            with_signature(rs256, &zeros(257)),
        ),
        (
            "bad_signature-es256_zero",
            with_signature(es256, &zeros(64)),
        ),
        (
            "bad_signature-es256_short",
            with_signature(es256, &zeros(63)),
        ),
        (
            "bad_signature-es256_der",
            with_signature(es256, &base64url::encode(&der(r, s))),
        ),
        (
            "bad_signature-es256_order",
            with_signature(es256, &base64url::encode(&[r, &ORDER].concat())),
        ),
        (
            "bad_signature-es256_swapped",
            with_signature(es256, &base64url::encode(&[s, r].concat())),
        ),
        (
            "bad_signature-eddsa_zero",
            with_signature(eddsa, &zeros(64)),
        ),
        (
            "bad_signature-eddsa_other_key",
            with_signature(eddsa, &of_es256),
        ),
        ("bad_signature-one_byte", with_signature(eddsa, "AA")),
    ]
}

/// The order n of P-256 (FIPS 186-5), which is not a valid `s`.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The form of signatures that TLS uses and JOSE does not: a sequence of two integers.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integers = [r, s]
        .map(|number| [&[0x02, 0x21, 0x00], number].concat())
        .concat();
    [vec![0x30, 70], integers].concat()
}

fn sign(header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let [header, claims] =
        [header, &claims()].map(|json| base64url::encode(json.to_string().as_bytes()));
    let input = format!("{header}.{claims}");
    let signature = base64url::encode(&sign(input.as_bytes()));
    format!("{input}.{signature}")
}

fn with_signature(token: &str, signature: &str) -> String {
    let input = token.rsplit_once('.').map_or(token, |(input, _)| input);
    format!("{input}.{signature}")
}

fn with_header(token: &str, header: &Value) -> String {
    let rest = token.split_once('.').map_or(token, |(_, rest)| rest);
    format!(
        "{}.{rest}",
        base64url::encode(header.to_string().as_bytes())
    )
}
