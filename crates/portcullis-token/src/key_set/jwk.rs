//! From one JWK to the keys it prepares (RFC 7517, RFC 7518 section 6, RFC 8037 section 2).

use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{EcdsaVerificationAlgorithm, ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::spki::PublicKey;
use super::{KeyIdentity, Material, VerifyingKey, roca};
use crate::algorithm::{Curve, Scheme};
use crate::{Algorithm, base64url};

/// Why a key of a JWK set is not used.
///
/// ```
/// use portcullis_token::{KeySet, KeySetError, Unusable};
///
/// let set = KeySet::parse(br#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#);
/// let Err(KeySetError::Empty(skipped)) = set else { panic!("a short modulus was taken") };
/// assert_eq!(skipped[0].why, Unusable::Weak);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// Not a JSON object whose members have the types of RFC 7517.
    #[error("not a JWK")]
    NotAKey,
    /// A symmetric key has no place in a published set.
    #[error("a symmetric key")]
    Symmetric,
    /// The private key was published: the issuer has lost it.
    #[error("it contains private members")]
    Private,
    /// `kty`, `crv` or `alg` names something that is not supported.
    #[error("its type or algorithm is not supported")]
    Unsupported,
    /// `use` or `key_ops` says that it is not for checking signatures.
    #[error("it is not for signatures")]
    Usage,
    /// The members do not make a valid public key.
    #[error("its members are not a valid public key")]
    Malformed,
    /// An RSA modulus outside of 2048 to 8192 bits, or an unsafe exponent.
    #[error("its RSA modulus or exponent is too weak or too large")]
    Weak,
    /// An RSA modulus with the fingerprint of CVE-2017-15361: it can be factored.
    #[error("its RSA modulus can be factored (ROCA)")]
    Roca,
    /// `x5c` is not a list of certificates, or its first one is of another key (RFC 7517
    /// section 4.7).
    #[error("its certificate is of another key")]
    Certificate,
}

/// The key's id, where it has a readable one.
pub(super) fn kid(jwk: &Value) -> Option<String> {
    text(jwk, "kid").map(str::to_owned)
}

/// Prepares `jwk` for each algorithm that it may be used with.
pub(super) fn prepare(jwk: &Value) -> Result<Vec<VerifyingKey>, Unusable> {
    if !jwk.is_object() || jwk.get("kid").is_some_and(|kid| !kid.is_string()) {
        return Err(Unusable::NotAKey);
    }
    refuse_secrets(jwk)?;
    check_usage(jwk)?;
    check_certificate(jwk)?;
    let algorithms = algorithms(jwk)?;
    let identity = KeyIdentity::new(text(jwk, "kid"), thumbprint(jwk)?);
    algorithms
        .into_iter()
        .map(|algorithm| {
            let public = public_key(jwk, algorithm)?;
            Ok(VerifyingKey {
                identity: Arc::clone(&identity),
                any_kid: false,
                algorithm,
                material: Material::Public(public),
            })
        })
        .collect()
}

/// Prepares `jwk` for `algorithm` alone, whatever its `kid`.
pub(super) fn prepare_for(jwk: &Value, algorithm: Algorithm) -> Result<VerifyingKey, Unusable> {
    refuse_secrets(jwk)?;
    if !algorithms(jwk)?.contains(&algorithm) {
        return Err(Unusable::Unsupported);
    }
    Ok(VerifyingKey {
        identity: KeyIdentity::new(None, thumbprint(jwk)?),
        any_kid: true,
        algorithm,
        material: Material::Public(public_key(jwk, algorithm)?),
    })
}

fn text<'j>(jwk: &'j Value, name: &str) -> Option<&'j str> {
    jwk.get(name).and_then(Value::as_str)
}

fn bytes(jwk: &Value, name: &str) -> Result<Vec<u8>, Unusable> {
    let text = text(jwk, name).ok_or(Unusable::Malformed)?;
    base64url::decode(text.as_bytes()).map_err(|_| Unusable::Malformed)
}

fn refuse_secrets(jwk: &Value) -> Result<(), Unusable> {
    if text(jwk, "kty") == Some("oct") || jwk.get("k").is_some() {
        return Err(Unusable::Symmetric);
    }
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth"];
    if private.iter().any(|name| jwk.get(*name).is_some()) {
        return Err(Unusable::Private);
    }
    Ok(())
}

/// RFC 7517 section 4.7: the first certificate of `x5c` is of this very key.
///
/// Some readers of a set believe the certificate and others the numbers; they must not differ.
fn check_certificate(jwk: &Value) -> Result<(), Unusable> {
    let Some(chain) = jwk.get("x5c") else {
        return Ok(());
    };
    let leaf = chain
        .get(0)
        .and_then(Value::as_str)
        .ok_or(Unusable::Certificate)?;
    let der = STANDARD.decode(leaf).map_err(|_| Unusable::Certificate)?;
    let key = PublicKey::from_certificate(&der).map_err(|_| Unusable::Certificate)?;
    let certified = key.to_jwk();
    let same_text = |name: &&str| text(&certified, name) == text(jwk, name);
    let same_number = |name: &&str| {
        bytes(jwk, name).map(without_leading_zeros)
            == bytes(&certified, name).map(without_leading_zeros)
    };
    let (texts, numbers): (&[&str], &[&str]) = match key {
        PublicKey::Rsa { .. } => (&["kty"], &["n", "e"]),
        PublicKey::Ec { .. } => (&["kty", "crv", "x", "y"], &[]),
        PublicKey::Ed25519 { .. } => (&["kty", "crv", "x"], &[]),
    };
    if texts.iter().all(same_text) && numbers.iter().all(same_number) {
        Ok(())
    } else {
        Err(Unusable::Certificate)
    }
}

/// Twice as many as RFC 7517 section 4.3 has, so that each may be compared with all others.
const MAX_OPERATIONS: usize = 16;

/// RFC 7517 sections 4.2 and 4.3.
fn check_usage(jwk: &Value) -> Result<(), Unusable> {
    let signs = jwk.get("use").is_none_or(|usage| usage == "sig");
    let verifies = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) if operations.len() <= MAX_OPERATIONS => {
            let distinct = |(index, operation)| !operations[..index].contains(operation);
            operations.iter().any(|operation| operation == "verify")
                && operations.iter().enumerate().all(distinct)
        }
        Some(_) => false,
    };
    if signs && verifies {
        Ok(())
    } else {
        Err(Unusable::Usage)
    }
}

/// The algorithms that fit the key's type, narrowed to `alg` where the key has one.
fn algorithms(jwk: &Value) -> Result<Vec<Algorithm>, Unusable> {
    let (kty, crv) = (text(jwk, "kty"), text(jwk, "crv"));
    let fits = |algorithm: &Algorithm| match algorithm.scheme() {
        Scheme::Rsa(_) => kty == Some("RSA"),
        Scheme::Ec(curve, _) => (kty, crv) == (Some("EC"), Some(curve.name())),
        Scheme::Ed25519(_) => (kty, crv) == (Some("OKP"), Some("Ed25519")),
        Scheme::Hmac(_) => false,
    };
    let named = |algorithm: &Algorithm| match jwk.get("alg") {
        None => true,
        Some(alg) => alg == algorithm.name(),
    };
    let algorithms: Vec<_> = Algorithm::ALL
        .into_iter()
        .filter(|a| fits(a) && named(a))
        .collect();
    if algorithms.is_empty() {
        Err(Unusable::Unsupported)
    } else {
        Ok(algorithms)
    }
}

fn public_key(jwk: &Value, algorithm: Algorithm) -> Result<ParsedPublicKey, Unusable> {
    match algorithm.scheme() {
        Scheme::Rsa(parameters) => {
            let (n, e) = (modulus(jwk)?, exponent(jwk)?);
            RsaPublicKeyComponents { n, e }
                .to_parsed_public_key(parameters)
                .map_err(|_| Unusable::Malformed)
        }
        Scheme::Ec(curve, parameters) => point(jwk, curve, parameters),
        Scheme::Ed25519(parameters) => {
            let x = bytes(jwk, "x")?;
            if x.len() != 32 {
                return Err(Unusable::Malformed);
            }
            ParsedPublicKey::new(parameters, x).map_err(|_| Unusable::Malformed)
        }
        Scheme::Hmac(_) => Err(Unusable::Symmetric),
    }
}

/// RFC 7518 section 3.3 asks for 2048 bits; 8192 bound the time of one check.
fn modulus(jwk: &Value) -> Result<Vec<u8>, Unusable> {
    let n = without_leading_zeros(bytes(jwk, "n")?);
    let (Some(first), Some(last)) = (n.first(), n.last()) else {
        return Err(Unusable::Malformed);
    };
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    let odd = last % 2 == 1;
    if !odd || !(2048..=8192).contains(&bits) {
        Err(Unusable::Weak)
    } else if roca::has_fingerprint(&n) {
        Err(Unusable::Roca)
    } else {
        Ok(n)
    }
}

/// Odd, at least 3, at most 32 bits: the range that FIPS 186-5 and fast checks have in common.
fn exponent(jwk: &Value) -> Result<Vec<u8>, Unusable> {
    let e = without_leading_zeros(bytes(jwk, "e")?);
    let odd = e.last().is_some_and(|last| last % 2 == 1);
    if odd && e != [1] && e.len() <= 4 {
        Ok(e)
    } else {
        Err(Unusable::Weak)
    }
}

/// Some issuers keep the sign byte of their big-number library, against RFC 7518 section 2.
fn without_leading_zeros(mut bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    bytes
}

/// The uncompressed point of SEC 1 section 2.3.3; the library checks that it is on the curve.
fn point(
    jwk: &Value,
    curve: Curve,
    parameters: &'static EcdsaVerificationAlgorithm,
) -> Result<ParsedPublicKey, Unusable> {
    let width = curve.width();
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != width || y.len() != width {
        return Err(Unusable::Malformed);
    }
    let point = [&[0x04], x.as_slice(), y.as_slice()].concat();
    ParsedPublicKey::new(parameters, point).map_err(|_| Unusable::Malformed)
}

/// RFC 7638 section 3: the required members in lexicographic order, hashed with SHA-256.
fn thumbprint(jwk: &Value) -> Result<[u8; 32], Unusable> {
    let required: &[&str] = match text(jwk, "kty") {
        Some("RSA") => &["e", "kty", "n"],
        Some("EC") => &["crv", "kty", "x", "y"],
        _ => &["crv", "kty", "x"],
    };
    let members = required
        .iter()
        .map(|name| {
            let value = text(jwk, name).ok_or(Unusable::Malformed)?;
            Ok(format!("\"{name}\":{}", Value::from(value)))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let canonical = format!("{{{}}}", members.join(","));
    let hash = digest::digest(&digest::SHA256, canonical.as_bytes());
    hash.as_ref().try_into().map_err(|_| Unusable::Malformed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const P256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const P256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    #[test]
    fn each_kind_of_key_is_prepared_for_what_it_fits() {
        let n = base64url::encode(&[0xff; 256]);
        for (jwk, expected) in [
            (
                json!({"kty":"RSA","n":n,"e":"AQAB","alg":"PS256"}),
                vec![Algorithm::Ps256],
            ),
            (
                json!({"kty":"RSA","n":n,"e":"AQAB"}),
                Algorithm::ALL[..6].to_vec(),
            ),
            (
                json!({"kty":"EC","crv":"P-256","x":P256_X,"y":P256_Y}),
                vec![Algorithm::Es256],
            ),
            (
                json!({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
                vec![Algorithm::EdDsa],
            ),
        ] {
            let keys = prepare(&jwk).unwrap_or_else(|why| panic!("{why}: {jwk}"));
            let algorithms: Vec<_> = keys.iter().map(VerifyingKey::algorithm).collect();
            assert_eq!(algorithms, expected, "{jwk}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_trusted_is_skipped_with_its_reason() {
        let n = base64url::encode(&[0xff; 256]);
        let with = |name: &str, value: Value| {
            let mut jwk = json!({"kty":"RSA","n":n,"e":"AQAB"});
            jwk[name] = value;
            jwk
        };
        let even = base64url::encode(&[vec![0xff; 255], vec![0xfe]].concat());
        for (jwk, expected) in [
            (json!("RSA"), Unusable::NotAKey),
            (with("kid", json!(1)), Unusable::NotAKey),
            (json!({"kty":"oct","k":"AAAA"}), Unusable::Symmetric),
            (with("d", json!("AQAB")), Unusable::Private),
            (with("use", json!("enc")), Unusable::Usage),
            (with("key_ops", json!(["sign"])), Unusable::Usage),
            (
                with("key_ops", json!(["verify", "verify"])),
                Unusable::Usage,
            ),
            (with("key_ops", json!("verify")), Unusable::Usage),
            (with("key_ops", operations(MAX_OPERATIONS)), Unusable::Usage),
            (with("alg", json!("ES256")), Unusable::Unsupported),
            (with("alg", json!("none")), Unusable::Unsupported),
            (with("alg", json!(256)), Unusable::Unsupported),
            (with("kty", json!("rsa")), Unusable::Unsupported),
            (
                json!({"kty":"EC","crv":"P-521","x":P256_X,"y":P256_Y}),
                Unusable::Malformed,
            ),
            (
                json!({"kty":"EC","crv":"secp256k1","x":P256_X,"y":P256_Y}),
                Unusable::Unsupported,
            ),
            (with("n", json!("AQAB=")), Unusable::Malformed),
            (
                with("n", json!(base64url::encode(&[0xff; 255]))),
                Unusable::Weak,
            ),
            (
                with("n", json!(base64url::encode(&[0xff; 1025]))),
                Unusable::Weak,
            ),
            (with("n", json!(even)), Unusable::Weak),
            (with("e", json!("AQ")), Unusable::Weak),
            (with("e", json!("AQAA")), Unusable::Weak),
            (with("e", json!("AQAAAAE")), Unusable::Weak),
            (
                json!({"kty":"EC","crv":"P-256","x":P256_X,"y":P256_X}),
                Unusable::Malformed,
            ),
            (
                json!({"kty":"EC","crv":"P-256","x":P256_X}),
                Unusable::Malformed,
            ),
            (
                json!({"kty":"OKP","crv":"Ed25519","x":"AAAA"}),
                Unusable::Malformed,
            ),
        ] {
            assert_eq!(prepare(&jwk).map(|_| ()), Err(expected), "{jwk}");
        }
    }

    /// `verify` and so many others.
    fn operations(others: usize) -> Value {
        let others = (0..others).map(|number| json!(number.to_string()));
        others.chain([json!("verify")]).collect()
    }

    #[test]
    fn a_key_may_have_as_many_operations_as_there_are_and_more() {
        let n = base64url::encode(&[0xff; 256]);
        let mut jwk = json!({"kty":"RSA","n":n,"e":"AQAB"});
        jwk["key_ops"] = operations(MAX_OPERATIONS - 1);
        assert!(prepare(&jwk).is_ok());
    }

    #[test]
    fn a_sign_byte_before_the_modulus_is_forgiven() {
        let n = base64url::encode(&[vec![0], vec![0xff; 256]].concat());
        assert!(prepare(&json!({"kty":"RSA","n":n,"e":"AQAB"})).is_ok());
    }
}
