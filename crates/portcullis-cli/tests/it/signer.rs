//! Tokens by the `jsonwebtoken` crate, which shares no code with the program.

use std::fs;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::program::World;

/// A private RSA key that signs whatever it is given.
pub(crate) struct Signer {
    key: EncodingKey,
    kid: String,
    /// The public key as issuers publish it for other tools, in PEM.
    public: String,
}

impl Signer {
    /// A signer with a key of its own.
    pub(crate) fn generate(kid: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let private = pem("PRIVATE KEY", private.as_ref());
        Self {
            key: EncodingKey::from_rsa_pem(private.as_bytes()).unwrap(),
            kid: kid.to_owned(),
            public: pem("PUBLIC KEY", public.as_ref()),
        }
    }

    /// A signer with the current key of the world's tenant, which has run before.
    pub(crate) fn of_tenant(world: &World) -> Self {
        let tenant = world.project().join(".portcullis/tenant");
        let keys = portcullis_tenant::KeyRing::load(&tenant).unwrap().jwks();
        let file = fs::read_to_string(tenant.join("signing-keys.pem")).unwrap();
        let end = "-----END PRIVATE KEY-----\n";
        let (current, _) = file.split_once(end).unwrap();
        Self {
            key: EncodingKey::from_rsa_pem(format!("{current}{end}").as_bytes()).unwrap(),
            kid: keys["keys"][0]["kid"].as_str().unwrap().to_owned(),
            public: String::new(),
        }
    }

    /// The public key (RFC 7517).
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        serde_json::to_value(jwk).unwrap()
    }

    /// Signs `claims` with RS256.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        encode(&self.header(Algorithm::RS256), claims, &self.key).unwrap()
    }

    /// The token with `alg` `none`, and the signature of another one (RFC 8725 section 2.1).
    pub(crate) fn alg_none(&self, claims: &Value) -> String {
        let header = json!({ "alg": "none", "typ": "JWT", "kid": self.kid });
        let signed = self.sign(claims);
        let (_, rest) = signed.split_once('.').unwrap();
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    /// The token signed with HS256, the public key taken for the secret (RFC 8725 section 2.1).
    pub(crate) fn hs256_with_public_key(&self, claims: &Value) -> String {
        let key = EncodingKey::from_secret(self.public.as_bytes());
        encode(&self.header(Algorithm::HS256), claims, &key).unwrap()
    }

    fn header(&self, algorithm: Algorithm) -> Header {
        Header {
            kid: Some(self.kid.clone()),
            ..Header::new(algorithm)
        }
    }
}

/// Claims that are good for an hour, or that were until an hour ago.
pub(crate) fn claims(issuer: &str, audience: &str, lifetime: Lifetime) -> Value {
    let now = jsonwebtoken::get_current_timestamp();
    let (iat, exp) = match lifetime {
        Lifetime::Running => (now, now + 3600),
        Lifetime::Over => (now - 7200, now - 3600),
    };
    json!({ "iss": issuer, "sub": "ada", "aud": audience, "iat": iat, "exp": exp })
}

#[derive(Clone, Copy)]
pub(crate) enum Lifetime {
    Running,
    Over,
}

/// `token` with one character changed in the middle of the segment with this number.
pub(crate) fn changed(token: &str, segment: usize) -> String {
    let mut segments: Vec<String> = token.split('.').map(str::to_owned).collect();
    let text = &mut segments[segment];
    let middle = text.len() / 2;
    let other = if text.as_bytes()[middle] == b'A' {
        "B"
    } else {
        "A"
    };
    text.replace_range(middle..=middle, other);
    segments.join(".")
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
