use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac::Key as HmacKey;
use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::Value;

use super::{Unusable, jwk};
use crate::{Algorithm, Reason};

/// One key, prepared for one algorithm.
///
/// ```
/// use portcullis_token::{Algorithm, KeySet};
///
/// let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
/// let key = &keys.keys()[0];
/// assert_eq!((key.kid(), key.algorithm()), (Some("a"), Algorithm::EdDsa));
/// # Ok::<(), portcullis_token::KeySetError>(())
/// ```
pub struct VerifyingKey {
    pub(super) identity: Arc<KeyIdentity>,
    /// Whether the key was given, alone, without a `kid`: it is then the one that is meant.
    pub(super) any_kid: bool,
    pub(super) algorithm: Algorithm,
    pub(super) material: Material,
}

/// What tells a key from others; shared by all tokens that it has signed.
///
/// ```
/// use portcullis_token::{KeyIdentity, KeySet, Rules, Sender, UnixTime, Unverified};
///
/// let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
/// // {"alg":"EdDSA","kid":"a"}.{"sub":"ada","exp":100}
/// let token = "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJzdWIiOiJhZGEiLCJleHAiOjEwMH0.\
///     zMalPNIFxmuDDEidk8WJlxgov63tapv_QM5q5i21_jGJjs7z_tFiKNj89KGJMhAukfLUUbbH2nG_MEAikF5VBQ";
/// let rules = Rules::new(None, None);
/// let token = Unverified::parse(token, &rules, &mut ())?;
/// let token = rules.verify(&token, &keys, &Sender::default(), UnixTime(0), &mut ())?;
/// assert_eq!(token.key().and_then(KeyIdentity::kid), Some("a"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyIdentity {
    /// A thin pointer, since caches have one for each token.
    kid: Option<Arc<String>>,
    thumbprint: [u8; 32],
}

/// What signatures are checked with.
pub(super) enum Material {
    Public(ParsedPublicKey),
    Secret(Box<HmacKey>),
}

impl VerifyingKey {
    /// Prepares the public key that a `DPoP` proof carries for the algorithm that it names.
    pub(crate) fn from_jwk(jwk: &Value, algorithm: Algorithm) -> Result<Self, Unusable> {
        jwk::prepare_for(jwk, algorithm)
    }

    /// The key's id, as tokens name it.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, KeySet, Secret};
    ///
    /// let keys = KeySet::hmac(&Secret::new(vec![7; 32]), Algorithm::Hs256)?;
    /// assert_eq!(keys.keys()[0].kid(), None);
    /// # Ok::<(), portcullis_token::HmacError>(())
    /// ```
    pub fn kid(&self) -> Option<&str> {
        self.identity.kid()
    }

    /// The algorithm the key is prepared for.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, KeySet, Secret};
    ///
    /// let keys = KeySet::hmac(&Secret::new(vec![7; 64]), Algorithm::Hs512)?;
    /// assert_eq!(keys.keys()[0].algorithm(), Algorithm::Hs512);
    /// # Ok::<(), portcullis_token::HmacError>(())
    /// ```
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) const fn identity(&self) -> &Arc<KeyIdentity> {
        &self.identity
    }

    /// The SHA-256 thumbprint of RFC 7638, which is the key's identity.
    ///
    /// That of a shared secret is a keyed hash, from which the secret cannot be computed.
    ///
    /// ```
    /// use portcullis_token::{KeySet, base64url};
    ///
    /// // The key of RFC 8037 appendix A, and its thumbprint.
    /// let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519",
    ///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// let thumbprint = base64url::encode(keys.keys()[0].thumbprint());
    /// assert_eq!(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    /// # Ok::<(), portcullis_token::KeySetError>(())
    /// ```
    pub fn thumbprint(&self) -> &[u8; 32] {
        self.identity.thumbprint()
    }

    /// Checks a signature (RFC 7515 section 5.2). ECDSA signatures have the fixed-width form of
    /// RFC 7518 section 3.4 only.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Reason> {
        match &self.material {
            Material::Public(key) => key.verify_sig(message, signature),
            // In constant time, by the library.
            Material::Secret(key) => aws_lc_rs::hmac::verify(key, message, signature),
        }
        .map_err(|_| Reason::BadSignature)
    }
}

impl KeyIdentity {
    pub(crate) fn new(kid: Option<&str>, thumbprint: [u8; 32]) -> Arc<Self> {
        let kid = kid.map(|kid| Arc::new(kid.to_owned()));
        Arc::new(Self { kid, thumbprint })
    }

    /// The key's id, as tokens name it.
    ///
    /// ```
    /// # use portcullis_token::{KeySet, Rules, Sender, UnixTime, Unverified};
    /// # let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
    /// #     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// // {"alg":"EdDSA","kid":"a"}.{"sub":"ada","exp":100}
    /// let token = "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJzdWIiOiJhZGEiLCJleHAiOjEwMH0.\
    ///     zMalPNIFxmuDDEidk8WJlxgov63tapv_QM5q5i21_jGJjs7z_tFiKNj89KGJMhAukfLUUbbH2nG_MEAikF5VBQ";
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// # let token = Unverified::parse(token, &rules, &mut ())?;
    /// let token = rules.verify(&token, &keys, &sender, UnixTime(0), &mut ())?;
    /// let key = token.key().unwrap();
    /// assert_eq!(key.kid(), Some("a"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref().map(String::as_str)
    }

    /// The SHA-256 thumbprint of RFC 7638.
    ///
    /// ```
    /// # use portcullis_token::{KeySet, Rules, Sender, UnixTime, Unverified};
    /// # let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
    /// #     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// // {"alg":"EdDSA","kid":"a"}.{"sub":"ada","exp":100}
    /// let token = "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJzdWIiOiJhZGEiLCJleHAiOjEwMH0.\
    ///     zMalPNIFxmuDDEidk8WJlxgov63tapv_QM5q5i21_jGJjs7z_tFiKNj89KGJMhAukfLUUbbH2nG_MEAikF5VBQ";
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// # let token = Unverified::parse(token, &rules, &mut ())?;
    /// let token = rules.verify(&token, &keys, &sender, UnixTime(0), &mut ())?;
    /// let key = token.key().unwrap();
    /// assert!(keys.contains(key.thumbprint()));
    /// assert!(!KeySet::default().contains(key.thumbprint()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    pub(crate) fn shared_kid(&self) -> Option<Arc<String>> {
        self.kid.clone()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid())
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
