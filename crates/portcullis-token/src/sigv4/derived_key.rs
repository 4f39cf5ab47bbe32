use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};

use super::asymmetric::PublicKey;
use super::{Signature, SignatureAlgorithm, SignatureRefusal};

/// The key that a secret gives for one day, region and service: all that a cache needs to keep.
///
/// ```
/// use portcullis_token::sigv4::{DerivedKey, Signature, SignatureRefusal};
///
/// fn key(signature: &Signature) -> Result<DerivedKey, SignatureRefusal> {
///     DerivedKey::of("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", signature)
/// }
/// ```
#[derive(Clone)]
pub struct DerivedKey(pub(super) Kind);

#[derive(Clone)]
pub(super) enum Kind {
    Hmac(Box<Key>),
    Ecdsa(PublicKey),
}

impl DerivedKey {
    /// Derives the key that `signature` must have been made with.
    ///
    /// # Errors
    /// [`SignatureRefusal::Mismatch`], when the secret gives no key, which no secret in use does.
    ///
    /// ```
    /// # use portcullis_token::sigv4::{DerivedKey, Signature};
    /// fn is_made(signature: &Signature) -> bool {
    ///     DerivedKey::of("secret", signature).is_ok()
    /// }
    /// ```
    pub fn of(secret: &str, signature: &Signature) -> Result<Self, SignatureRefusal> {
        let scope = &signature.scope;
        Ok(Self(match signature.algorithm {
            SignatureAlgorithm::Hmac => Kind::Hmac(Box::new(derive(
                secret,
                &[&scope.day, &scope.region, &scope.service, "aws4_request"],
            ))),
            SignatureAlgorithm::Ecdsa => Kind::Ecdsa(
                PublicKey::derive(secret, &scope.access_key).ok_or(SignatureRefusal::Mismatch)?,
            ),
        }))
    }
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DerivedKey").finish_non_exhaustive()
    }
}

fn derive(secret: &str, scope: &[&str]) -> Key {
    let mut start = Vec::with_capacity(4 + secret.len());
    start.extend_from_slice(b"AWS4");
    start.extend_from_slice(secret.as_bytes());
    let first = Key::new(HMAC_SHA256, &start);
    scope.iter().fold(first, |key, piece| {
        Key::new(HMAC_SHA256, hmac::sign(&key, piece.as_bytes()).as_ref())
    })
}
