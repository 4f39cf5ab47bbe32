//! Keys of every kind that sign whatever they are given, right or wrong.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use portcullis_token::{Algorithm, KeySet, Secret, base64url};
use serde_json::{Value, json};

/// A key for one algorithm.
pub(crate) struct Signer {
    pub(crate) algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Hmac(Box<hmac::Key>, Secret<Vec<u8>>),
}

impl Signer {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let ec = |parameters| Pair::Ec(Box::new(EcdsaKeyPair::generate(parameters).unwrap()));
        let secret = |scheme, length| {
            let secret = vec![7; length];
            Pair::Hmac(
                Box::new(hmac::Key::new(scheme, &secret)),
                Secret::new(secret),
            )
        };
        let pair = match algorithm {
            Algorithm::Es256 => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::Es512 => ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDsa => Pair::Ed25519(Box::new(Ed25519KeyPair::generate().unwrap())),
            Algorithm::Hs256 => secret(hmac::HMAC_SHA256, 32),
            Algorithm::Hs384 => secret(hmac::HMAC_SHA384, 48),
            Algorithm::Hs512 => secret(hmac::HMAC_SHA512, 64),
            _ => Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
        };
        Self { algorithm, pair }
    }

    /// The bare public key as a JWK without `kid`, `use` and `alg`.
    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero();
                let e = public.exponent().big_endian_without_leading_zero();
                json!({ "kty": "RSA", "n": base64url::encode(n), "e": base64url::encode(e) })
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match self.algorithm {
                    Algorithm::Es256 => "P-256",
                    Algorithm::Es384 => "P-384",
                    _ => "P-521",
                };
                json!({
                    "kty": "EC",
                    "crv": curve,
                    "x": base64url::encode(x),
                    "y": base64url::encode(y),
                })
            }
            Pair::Ed25519(pair) => {
                let x = base64url::encode(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
            }
            Pair::Hmac(_, secret) => {
                json!({ "kty": "oct", "k": base64url::encode(secret.expose()) })
            }
        }
    }

    /// The set an issuer with this key has; its `kid` is `k`.
    pub(crate) fn keys(&self) -> KeySet {
        match &self.pair {
            Pair::Hmac(_, secret) => KeySet::hmac(secret, self.algorithm).unwrap(),
            _ => KeySet::parse(self.key_set().to_string().as_bytes()).unwrap(),
        }
    }

    /// The same as the document that is published.
    pub(crate) fn key_set(&self) -> Value {
        let mut jwk = self.jwk();
        jwk["kid"] = json!("k");
        jwk["alg"] = json!(self.algorithm.name());
        json!({ "keys": [jwk] })
    }

    pub(crate) fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding: &dyn signature::RsaEncoding = match self.algorithm {
                    Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
                    Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
                    _ => &signature::RSA_PSS_SHA512,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Hmac(key, _) => hmac::sign(key, message).as_ref().to_vec(),
        }
    }

    /// A token of exactly these bytes of JSON, or of what is not JSON at all.
    pub(crate) fn sign_raw(&self, header: &[u8], claims: &[u8]) -> String {
        let input = format!(
            "{}.{}",
            base64url::encode(header),
            base64url::encode(claims)
        );
        let signature = self.signature(input.as_bytes());
        format!("{input}.{}", base64url::encode(&signature))
    }

    /// A token with a header of `alg` and `kid`, changed by `header`.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let mut full = json!({ "alg": self.algorithm.name(), "kid": "k" });
        change(&mut full, header);
        self.sign_raw(full.to_string().as_bytes(), claims.to_string().as_bytes())
    }
}

/// Replaces members or, by `null`, removes them.
pub(crate) fn change(object: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            object[name] = value.clone();
        }
    }
}
