//! A header and claims that the issuer did sign, so that everything behind the signature is fuzzed.

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use portcullis_token::{KeySet, Reason, base64url};
use serde_json::{Value, json};

use super::token::{AUDIENCE, ISSUER, NOW, decide};

pub(crate) static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
    // A key for this program alone: the same on every machine, so that a finding can be repeated.
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("every 32 bytes are a key")
});

pub(crate) static KEY_SET: LazyLock<KeySet> = LazyLock::new(|| {
    let x = base64url::encode(KEY.public_key().as_ref());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "kid": "key" });
    let document = json!({ "keys": [jwk] }).to_string();
    KeySet::parse(document.as_bytes()).expect("the key is a good key")
});

/// Signs a header and claims, which are divided by the first line feed, and decides about them.
///
/// # Panics
/// When a token passes although another reader of JSON finds a rule broken.
pub fn run(data: &[u8]) -> &'static str {
    let at = data.iter().position(|byte| *byte == b'\n');
    let Some((header, [_, claims @ ..])) = at.and_then(|at| data.split_at_checked(at)) else {
        return "not_a_pair";
    };
    match decide(&sign(header, claims), &KEY_SET) {
        Ok(()) => {
            check_header(header);
            check_claims(claims);
            "ok"
        }
        Err(reason) => {
            assert_ne!(reason, Reason::BadSignature);
            reason.code()
        }
    }
}

pub(crate) fn sign(header: &[u8], claims: &[u8]) -> String {
    let [header, claims] = [header, claims].map(base64url::encode);
    let input = format!("{header}.{claims}");
    let signature = base64url::encode(KEY.sign(input.as_bytes()).as_ref());
    format!("{input}.{signature}")
}

fn check_header(json: &[u8]) {
    let header: Value = serde_json::from_slice(json).expect("an accepted header is JSON");
    assert_eq!(header["alg"], "EdDSA");
    for name in ["crit", "b64", "zip", "enc"] {
        assert!(header.get(name).is_none(), "{header}");
    }
}

fn check_claims(json: &[u8]) {
    let claims: Value = serde_json::from_slice(json).expect("accepted claims are JSON");
    assert_eq!(claims["iss"], ISSUER);
    let audience = &claims["aud"];
    let items = audience
        .as_array()
        .is_some_and(|items| items.contains(&json!(AUDIENCE)));
    assert!(audience == AUDIENCE || items, "{claims}");
    let now = json!(NOW.0).as_f64();
    assert!(
        claims["exp"].as_f64().map(|expiry| expiry + 5.0) > now,
        "{claims}"
    );
    for name in ["nbf", "iat"] {
        let begins = claims
            .get(name)
            .map(|time| time.as_f64().map(|time| time.floor() - 5.0));
        assert!(
            begins.is_none_or(|time| time.is_some() && time <= now),
            "{claims}"
        );
    }
    for name in ["cnf", "nonce", "at_hash", "c_hash"] {
        assert!(claims.get(name).is_none(), "{claims}");
    }
}
