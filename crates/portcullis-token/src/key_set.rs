mod jwk;

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::Value;

use crate::{Algorithm, Reason};
pub use jwk::Unusable;

/// More keys than any issuer publishes, and few enough to prepare at once.
const MAX_KEYS: usize = 100;

/// The keys of one issuer, prepared for checking signatures (RFC 7517 section 5).
///
/// The empty set, [`KeySet::default`], verifies nothing.
#[derive(Debug, Default)]
pub struct KeySet {
    issuer: Option<String>,
    keys: Vec<VerifyingKey>,
    skipped: Vec<Skipped>,
}

/// One public key, prepared for one algorithm.
pub struct VerifyingKey {
    kid: Option<String>,
    algorithm: Algorithm,
    thumbprint: [u8; 32],
    public: ParsedPublicKey,
}

/// A key of the document that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The key's id, where it has a readable one.
    pub kid: Option<String>,
    /// Why it is not used.
    pub why: Unusable,
}

/// Why a document gives no keys at all. The provider's fault, not the caller's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// The document is not JSON.
    #[error("not JSON")]
    Json(#[source] serde_json::Error),
    /// The document has no array `keys` (RFC 7517 section 5.1).
    #[error("not a JWK set: it has no array `keys`")]
    NotASet,
    /// More than a hundred keys.
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
    /// No key of the set can be used.
    #[error("none of its keys can be used")]
    Empty(Vec<Skipped>),
}

impl KeySet {
    /// Reads a JWK set. A key that cannot be used is skipped, so that one odd key does not take
    /// the others down.
    ///
    /// # Errors
    /// [`KeySetError`], also when no usable key is left.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let document: Value = serde_json::from_slice(json).map_err(KeySetError::Json)?;
        let jwks = document
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(KeySetError::NotASet)?;
        if jwks.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let mut set = Self::default();
        for jwk in jwks {
            match jwk::prepare(jwk) {
                Ok(keys) => set.keys.extend(keys),
                Err(why) => set.skipped.push(Skipped {
                    kid: jwk::kid(jwk),
                    why,
                }),
            }
        }
        if set.keys.is_empty() {
            Err(KeySetError::Empty(set.skipped))
        } else {
            Ok(set)
        }
    }

    /// The set with the issuer's own spelling of its name, which tokens must then carry.
    #[must_use]
    pub fn of_issuer(self, issuer: String) -> Self {
        Self {
            issuer: Some(issuer),
            ..self
        }
    }

    /// The issuer as its discovery document spells it; absent when no document was read.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Whether there is no key, and so nothing that could be accepted.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that are used, one entry for each algorithm a key is good for.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// The keys that are not used.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The one key that `kid` and `algorithm` choose; without a `kid`, the only one that fits.
    ///
    /// # Errors
    /// [`Reason::KeyUnknown`], or [`Reason::KeyAmbiguous`] when different keys fit.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&VerifyingKey, Reason> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.algorithm == algorithm && (kid.is_none() || key.kid.as_deref() == kid)
        });
        let key = fitting.next().ok_or(Reason::KeyUnknown)?;
        // The same key published twice is still one key.
        if fitting.all(|other| other.thumbprint == key.thumbprint) {
            Ok(key)
        } else {
            Err(Reason::KeyAmbiguous)
        }
    }
}

impl VerifyingKey {
    /// The key's id, as tokens name it.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm the key is prepared for.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The SHA-256 thumbprint of RFC 7638, which is the key's identity.
    pub const fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// Checks a signature (RFC 7515 section 5.2). ECDSA signatures have the fixed-width form of
    /// RFC 7518 section 3.4 only.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Reason> {
        self.public
            .verify_sig(message, signature)
            .map_err(|_| Reason::BadSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::SigningKey;

    fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    /// The public key of a fresh signing key, with members replaced or, by `null`, removed.
    fn rsa(changes: &Value) -> Value {
        let mut jwk = SigningKey::generate().unwrap().public_jwk();
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                jwk.as_object_mut().unwrap().remove(name);
            } else {
                jwk[name] = value.clone();
            }
        }
        jwk
    }

    #[test]
    fn a_document_that_gives_no_key_is_an_error() {
        assert!(matches!(
            KeySet::parse(b"<html>"),
            Err(KeySetError::Json(_))
        ));
        for json in ["{}", "[]", r#"{"keys":{}}"#, "null"] {
            assert!(
                matches!(KeySet::parse(json.as_bytes()), Err(KeySetError::NotASet)),
                "{json}"
            );
        }
        assert!(matches!(set(&[]), Err(KeySetError::Empty(_))));
        assert!(matches!(
            set(&vec![json!({}); 101]),
            Err(KeySetError::TooMany)
        ));
        assert!(matches!(
            set(&vec![json!({}); 100]),
            Err(KeySetError::Empty(_))
        ));
    }

    #[test]
    fn a_key_is_bound_to_its_algorithm() {
        let bound = set(&[rsa(&json!({ "kid": "a" }))]).unwrap();
        assert!(bound.find(Some("a"), Algorithm::Rs256).is_ok());
        for other in [Algorithm::Rs384, Algorithm::Ps256, Algorithm::Es256] {
            assert_eq!(
                bound.find(Some("a"), other).unwrap_err(),
                Reason::KeyUnknown,
                "{other}"
            );
        }
        let free = set(&[rsa(&json!({ "kid": "a", "alg": null }))]).unwrap();
        for algorithm in [Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps384] {
            assert!(free.find(Some("a"), algorithm).is_ok(), "{algorithm}");
        }
        assert_eq!(
            free.find(Some("a"), Algorithm::EdDsa).unwrap_err(),
            Reason::KeyUnknown
        );
    }

    #[test]
    fn a_key_is_chosen_only_when_it_is_the_only_one() {
        let (a, b) = (rsa(&json!({ "kid": "a" })), rsa(&json!({ "kid": "b" })));
        let mut a_again = b.clone();
        a_again["kid"] = json!("a");

        let two = set(&[a.clone(), b]).unwrap();
        assert!(two.find(Some("b"), Algorithm::Rs256).is_ok());
        assert_eq!(
            two.find(Some("c"), Algorithm::Rs256).unwrap_err(),
            Reason::KeyUnknown
        );
        assert_eq!(
            two.find(None, Algorithm::Rs256).unwrap_err(),
            Reason::KeyAmbiguous
        );

        let one = set(std::slice::from_ref(&a)).unwrap();
        assert!(one.find(None, Algorithm::Rs256).is_ok());
        let twice = set(&[a.clone(), a.clone()]).unwrap();
        assert!(twice.find(Some("a"), Algorithm::Rs256).is_ok());
        let clash = set(&[a, a_again]).unwrap();
        assert_eq!(
            clash.find(Some("a"), Algorithm::Rs256).unwrap_err(),
            Reason::KeyAmbiguous
        );
    }
}
