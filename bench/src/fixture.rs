//! Keys, and tokens of the size that is measured.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    ParsedPublicKey, RSA_PKCS1_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use portcullis::{Clock as _, SystemClock};
use portcullis_token::{Algorithm, KeySet, base64url};
use serde_json::{Value, json};

/// Who issues the tokens.
pub const ISSUER: &str = "https://issuer.example/";
/// Whom they are for.
pub const AUDIENCE: &str = "https://expenses-api";
const KID: &str = "NzbLsXh8uDCcd-6MNwXF4";
/// What Auth0's access tokens for an API with a few permissions have.
pub(crate) const TOKEN_BYTES: usize = 900;

/// A pair of keys of one algorithm.
pub(crate) enum Key {
    Rs256(Box<rsa::KeyPair>),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Key {
    pub(crate) fn generate(algorithm: Algorithm) -> Self {
        let randomness = "the system gives randomness";
        match algorithm {
            Algorithm::Rs256 => {
                let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect(randomness);
                Self::Rs256(Box::new(pair))
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
                Self::Es256(pair.expect(randomness))
            }
            Algorithm::EdDsa => Self::EdDsa(Ed25519KeyPair::generate().expect(randomness)),
            other => panic!("nothing is measured with {other}"),
        }
    }

    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rs256(_) => Algorithm::Rs256,
            Self::Es256(_) => Algorithm::Es256,
            Self::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    /// The public key as aws-lc-rs alone would keep it.
    pub(crate) fn prepared(&self) -> ParsedPublicKey {
        let prepared = match self {
            Self::Rs256(_) => {
                let (n, e) = self.components();
                RsaPublicKeyComponents { n, e }
                    .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
            }
            Self::Es256(pair) => {
                ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, pair.public_key())
            }
            Self::EdDsa(pair) => ParsedPublicKey::new(&signature::ED25519, pair.public_key()),
        };
        prepared.expect("a key that was made is a good key")
    }

    /// Modulus and exponent, for RSA.
    pub(crate) fn components(&self) -> (Vec<u8>, Vec<u8>) {
        let Self::Rs256(pair) = self else {
            return Default::default();
        };
        let public = pair.public_key();
        (
            public.modulus().big_endian_without_leading_zero().to_vec(),
            public.exponent().big_endian_without_leading_zero().to_vec(),
        )
    }

    /// The public key in PEM (RFC 7468 section 13), for RSA.
    pub(crate) fn pem(&self) -> String {
        let Self::Rs256(pair) = self else {
            return String::new();
        };
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a key has a DER form");
        let text = BASE64_STANDARD.encode(der.as_ref());
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        )
    }

    /// A key set with this key alone, as an issuer publishes it.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk(KID)] })
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let mut jwk = match self {
            Self::Rs256(_) => {
                let (n, e) = self.components();
                json!({ "kty": "RSA", "n": base64url::encode(&n), "e": base64url::encode(&e) })
            }
            Self::Es256(pair) => {
                // SEC 1 section 2.3.3: a byte 4, then the two coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let [x, y] = [x, y].map(base64url::encode);
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
            }
            Self::EdDsa(pair) => {
                let x = base64url::encode(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
            }
        };
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm().name());
        jwk["kid"] = json!(kid);
        jwk
    }

    pub(crate) fn key_set(&self) -> KeySet {
        let document = self.jwks().to_string();
        KeySet::parse(document.as_bytes()).expect("a key that was made is a good key")
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let failed = "signing needs memory and randomness only";
        match self {
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect(failed);
                signature
            }
            Self::Es256(pair) => pair.sign(&random, message).expect(failed).as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token of `length` bytes, good until `expires_at`, about the user of this `number`.
    pub(crate) fn token(&self, length: usize, expires_at: u64, number: u32) -> String {
        let header = json!({ "alg": self.algorithm().name(), "typ": "JWT", "kid": KID });
        let mut note = String::new();
        loop {
            let claims = claims(expires_at, number, &note);
            let [header, claims] =
                [&header, &claims].map(|json| base64url::encode(json.to_string().as_bytes()));
            let input = format!("{header}.{claims}");
            let signature = base64url::encode(&self.sign(input.as_bytes()));
            let token = format!("{input}.{signature}");
            let missing = length.saturating_sub(token.len());
            if missing == 0 {
                return token;
            }
            note.push_str(&"n".repeat(missing.div_ceil(4) * 3));
        }
    }
}

/// The claims of an access token of Auth0; `note` makes them as long as they must be.
fn claims(expires_at: u64, number: u32, note: &str) -> Value {
    json!({
        "iss": ISSUER,
        "sub": format!("auth0|507f1f77bcf86cd7{number:08}"),
        "aud": [AUDIENCE, "https://issuer.example/userinfo"],
        "iat": expires_at - 86_400,
        "exp": expires_at,
        "azp": "my_client_id",
        "scope": "openid profile read:reports",
        "https://expenses.example/note": note,
    })
}

/// Seconds since 1970, of the clock that jsonwebtoken reads too.
pub(crate) fn now() -> u64 {
    SystemClock.now().0
}
