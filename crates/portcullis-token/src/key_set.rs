mod der;
mod hmac;
mod jwk;
mod pem;
mod roca;
mod spki;
#[cfg(test)]
mod vectors;
mod verifying_key;

use serde_json::Value;

use crate::json::{NotJson, parse_value};
use crate::{Algorithm, Reason, Secret};
pub use hmac::HmacError;
pub use jwk::Unusable;
pub use pem::PemError;
use verifying_key::Material;
pub use verifying_key::{KeyIdentity, VerifyingKey};

/// More keys than any issuer publishes, and few enough to prepare at once.
const MAX_KEYS: usize = 100;

/// The keys of one issuer, prepared for checking signatures (RFC 7517 section 5).
///
/// The empty set, [`KeySet::default`], verifies nothing.
///
/// ```
/// use portcullis_token::{Algorithm, KeySet};
///
/// let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
/// assert!(keys.find(Some("a"), Algorithm::EdDsa).is_ok());
/// # Ok::<(), portcullis_token::KeySetError>(())
/// ```
#[derive(Debug, Default)]
pub struct KeySet {
    issuer: Option<String>,
    keys: Vec<VerifyingKey>,
    skipped: Vec<Skipped>,
}

/// A key of the document that is not used, and why.
///
/// ```
/// use portcullis_token::{KeySet, KeySetError, Unusable};
///
/// let set = KeySet::parse(br#"{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}"#);
/// let Err(KeySetError::Empty(skipped)) = set else { panic!("a secret was taken") };
/// assert_eq!(skipped[0].kid.as_deref(), Some("a"));
/// assert_eq!(skipped[0].why, Unusable::Symmetric);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The key's id, where it has a readable one.
    pub kid: Option<String>,
    /// Why it is not used.
    pub why: Unusable,
}

/// Why a document gives no keys at all. The provider's fault, not the caller's.
///
/// ```
/// use portcullis_token::{KeySet, KeySetError};
///
/// let page = KeySet::parse(b"<html>");
/// assert!(matches!(page, Err(KeySetError::Json { at: 0 })));
/// let discovery = KeySet::parse(br#"{"issuer":"https://a.example/"}"#);
/// assert!(matches!(discovery, Err(KeySetError::NotASet)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// The document is not JSON, is nested more than 64 deep, or larger than 4 MiB.
    #[error("not JSON from byte {at} on")]
    Json {
        /// The first byte that is not as it should be, counted from 0.
        at: usize,
    },
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
    ///
    /// ```
    /// use portcullis_token::{KeySet, Unusable};
    ///
    /// let keys = KeySet::parse(br#"{"keys":[
    ///     {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ///     {"kty":"OKP","crv":"X25519","kid":"b","x":"AAAA"}]}"#)?;
    /// assert_eq!(keys.keys()[0].kid(), Some("a"));
    /// assert_eq!(keys.skipped()[0].why, Unusable::Unsupported);
    /// # Ok::<(), portcullis_token::KeySetError>(())
    /// ```
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let document = parse_value(json).map_err(|NotJson { at }| KeySetError::Json { at })?;
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

    /// The one key of a PEM file, for `algorithm`, whatever `kid` tokens carry.
    ///
    /// The block is a `PUBLIC KEY`, an `RSA PUBLIC KEY` or a `CERTIFICATE`. Of a certificate only
    /// the key is used: neither its dates nor who signed it are looked at.
    ///
    /// # Errors
    /// [`PemError`], also for a private key and for one that is too weak.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, KeySet};
    ///
    /// let pem = "-----BEGIN PUBLIC KEY-----\n\
    ///     MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    ///     -----END PUBLIC KEY-----\n";
    /// let keys = KeySet::from_pem(pem, Algorithm::EdDsa)?;
    /// assert!(keys.find(Some("any"), Algorithm::EdDsa).is_ok());
    /// # Ok::<(), portcullis_token::PemError>(())
    /// ```
    pub fn from_pem(pem: &str, algorithm: Algorithm) -> Result<Self, PemError> {
        Ok(Self::of(pem::prepare(pem, algorithm)?))
    }

    /// A secret that is shared with the issuer, for one of [`Algorithm::HMAC`], whatever `kid`
    /// tokens carry.
    ///
    /// Whoever has the secret can make tokens, so this is for an issuer of one's own only. The
    /// rules must list the algorithm, or its tokens are refused all the same.
    ///
    /// # Errors
    /// [`HmacError`] for a secret shorter than the hash (RFC 7518 section 3.2) or another
    /// algorithm.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, HmacError, KeySet, Secret};
    ///
    /// let secret = Secret::new(vec![7; 32]);
    /// assert!(KeySet::hmac(&secret, Algorithm::Hs256).is_ok());
    /// let too_short = KeySet::hmac(&secret, Algorithm::Hs384);
    /// assert!(matches!(too_short, Err(HmacError::Short { needed: 48 })));
    /// ```
    pub fn hmac(secret: &Secret<Vec<u8>>, algorithm: Algorithm) -> Result<Self, HmacError> {
        Ok(Self::of(hmac::prepare(secret, algorithm)?))
    }

    fn of(key: VerifyingKey) -> Self {
        Self {
            keys: vec![key],
            ..Self::default()
        }
    }

    /// The set with the issuer's own spelling of its name, which tokens must then carry.
    ///
    /// ```
    /// use portcullis_token::{KeySet, Reason, Rules, Sender, UnixTime, Unverified};
    ///
    /// // Discovery has told that the issuer writes its name with a slash.
    /// let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519",
    ///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// let keys = keys.of_issuer("https://a.example/".to_owned());
    /// let rules = Rules::new(Some("https://a.example".to_owned()), None);
    /// // {"alg":"EdDSA"}.{"iss":"https://a.example","exp":100}
    /// let token = "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSIsImV4cCI6MTAwfQ.AA";
    /// let token = Unverified::parse(token, &rules, &mut ())?;
    /// let refused = rules.verify(&token, &keys, &Sender::default(), UnixTime(0), &mut ());
    /// assert_eq!(refused.map(drop), Err(Reason::IssUnknown));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of_issuer(self, issuer: String) -> Self {
        Self {
            issuer: Some(issuer),
            ..self
        }
    }

    /// The issuer as its discovery document spells it; absent when no document was read.
    ///
    /// ```
    /// use portcullis_token::KeySet;
    ///
    /// assert_eq!(KeySet::default().issuer(), None);
    /// let keys = KeySet::default().of_issuer("https://a.example/".to_owned());
    /// assert_eq!(keys.issuer(), Some("https://a.example/"));
    /// ```
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Whether there is no key, and so nothing that could be accepted.
    ///
    /// ```
    /// use portcullis_token::KeySet;
    ///
    /// assert!(KeySet::default().is_empty());
    /// ```
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that are used, one entry for each algorithm a key is good for.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, KeySet, SigningKey};
    ///
    /// // An RSA key is good for six algorithms, unless its `alg` says for which.
    /// let mut jwk = SigningKey::generate()?.public_jwk();
    /// let published = |jwk: &serde_json::Value| format!(r#"{{"keys":[{jwk}]}}"#);
    /// assert_eq!(KeySet::parse(published(&jwk).as_bytes())?.keys()[0].algorithm(), Algorithm::Rs256);
    /// jwk.as_object_mut().unwrap().remove("alg");
    /// assert_eq!(KeySet::parse(published(&jwk).as_bytes())?.keys().len(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// The keys that are not used.
    ///
    /// ```
    /// use portcullis_token::{KeySet, Unusable};
    ///
    /// let keys = KeySet::parse(br#"{"keys":[{"kty":"oct","kid":"b","k":"AAAA"},
    ///     {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// assert_eq!(keys.skipped()[0].kid.as_deref(), Some("b"));
    /// assert_eq!(keys.skipped()[0].why, Unusable::Symmetric);
    /// # Ok::<(), portcullis_token::KeySetError>(())
    /// ```
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The one key that `kid` and `algorithm` choose; without a `kid`, the only one that fits.
    ///
    /// # Errors
    /// [`Reason::KeyUnknown`], or [`Reason::KeyAmbiguous`] when different keys fit.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, KeySet, Reason};
    ///
    /// let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
    ///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// assert_eq!(keys.find(None, Algorithm::EdDsa)?.kid(), Some("a"));
    /// assert_eq!(keys.find(Some("b"), Algorithm::EdDsa).map(drop), Err(Reason::KeyUnknown));
    /// // The algorithm is the key's, whatever a token says.
    /// assert_eq!(keys.find(Some("a"), Algorithm::Rs256).map(drop), Err(Reason::KeyUnknown));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&VerifyingKey, Reason> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.algorithm == algorithm && (kid.is_none() || key.any_kid || key.kid() == kid)
        });
        let key = fitting.next().ok_or(Reason::KeyUnknown)?;
        // The same key published twice is still one key.
        if fitting.all(|other| other.thumbprint() == key.thumbprint()) {
            Ok(key)
        } else {
            Err(Reason::KeyAmbiguous)
        }
    }

    /// Whether a key of this thumbprint is in the set, as a token that was verified earlier asks.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, KeySet, Secret};
    ///
    /// let keys = KeySet::hmac(&Secret::new(vec![7; 32]), Algorithm::Hs256)?;
    /// let earlier = *keys.keys()[0].thumbprint();
    /// assert!(keys.contains(&earlier));
    /// let rotated = KeySet::hmac(&Secret::new(vec![8; 32]), Algorithm::Hs256)?;
    /// assert!(!rotated.contains(&earlier));
    /// # Ok::<(), portcullis_token::HmacError>(())
    /// ```
    pub fn contains(&self, thumbprint: &[u8; 32]) -> bool {
        self.keys.iter().any(|key| key.thumbprint() == thumbprint)
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
            Err(KeySetError::Json { at: 0 })
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
    fn a_given_key_is_meant_whatever_the_kid() {
        let secret = KeySet::hmac(&Secret::new(vec![7; 64]), Algorithm::Hs512).unwrap();
        for kid in [None, Some("a")] {
            assert!(secret.find(kid, Algorithm::Hs512).is_ok(), "{kid:?}");
        }
        let other = secret.find(None, Algorithm::Hs256).unwrap_err();
        assert_eq!(other, Reason::KeyUnknown);
        let thumbprint = *secret.keys()[0].thumbprint();
        assert!(secret.contains(&thumbprint));
        assert!(!secret.contains(&[0; 32]));
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
