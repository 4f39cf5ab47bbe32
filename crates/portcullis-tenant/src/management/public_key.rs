//! The public key of a client, from PEM to the JWK that its assertions are checked with.

use aws_lc_rs::rsa::PublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_token::{KeySet, base64url};
use serde_json::{Value, json};

/// The text is no key that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PEM block PUBLIC KEY of an RSA key of at least 2048 bits")]
pub(super) struct UnusableKey;

/// Reads a `PUBLIC KEY` block (RFC 7468 section 13); the `kid` is the RFC 7638 thumbprint.
pub(super) fn parse(pem: &str, algorithm: &str) -> Result<Value, UnusableKey> {
    let der = decode(pem).ok_or(UnusableKey)?;
    let key = PublicKey::from_der(&der).map_err(|_| UnusableKey)?;
    let mut jwk = json!({
        "kty": "RSA",
        "use": "sig",
        "alg": algorithm,
        "n": base64url::encode(key.modulus().big_endian_without_leading_zero()),
        "e": base64url::encode(key.exponent().big_endian_without_leading_zero()),
    });
    // What the set does not take, no assertion would be verified with.
    let set = json!({ "keys": [jwk] }).to_string();
    let set = KeySet::parse(set.as_bytes()).map_err(|_| UnusableKey)?;
    let key = set.keys().first().ok_or(UnusableKey)?;
    jwk["kid"] = base64url::encode(key.thumbprint()).into();
    Ok(jwk)
}

fn decode(pem: &str) -> Option<Vec<u8>> {
    let text = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?;
    let text = text.strip_suffix("-----END PUBLIC KEY-----")?;
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo\n\
        4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0/IzW7yWR7QkrmBL7jTKEn5u\n\
        +qKhbwKfBstIs+bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyeh\n\
        kd3qqGElvW/VDL5AaWTg0nLVkjRo9z+40RQzuVaE8AkAFmxZzow3x+VJYKdjykkJ\n\
        0iT9wCS0DRTXu269V264Vf/3jvredZiKRkgwlL9xNAwxXFg0x/XFw005UWVRIkdg\n\
        cKWTjpBP2dPwVZ4WWC+9aGVd+Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbc\n\
        mwIDAQAB\n-----END PUBLIC KEY-----\n";

    #[test]
    fn a_key_is_kept_by_its_thumbprint() {
        let jwk = parse(PEM, "RS256").unwrap();
        assert_eq!((&jwk["alg"], &jwk["e"]), (&"RS256".into(), &"AQAB".into()));
        assert_eq!(jwk["kid"].as_str().unwrap().len(), 43);
        assert_eq!(parse(PEM, "PS256").unwrap()["kid"], jwk["kid"]);
        for text in [
            "",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "AAAA",
        ] {
            assert_eq!(parse(text, "RS256"), Err(UnusableKey), "{text}");
        }
    }
}
