//! A secret shared with the issuer (RFC 7518 section 3.2).

use aws_lc_rs::hmac;

use super::{KeyIdentity, Material, VerifyingKey};
use crate::algorithm::Scheme;
use crate::{Algorithm, Secret};

/// Why a secret cannot be used. The configuration's fault.
///
/// ```
/// use portcullis_token::{Algorithm, HmacError, KeySet, Secret};
///
/// let secret = Secret::new(b"changeme".to_vec());
/// let short = KeySet::hmac(&secret, Algorithm::Hs256).map(drop);
/// assert_eq!(short, Err(HmacError::Short { needed: 32 }));
/// let public = KeySet::hmac(&secret, Algorithm::Rs256).map(drop);
/// assert_eq!(public, Err(HmacError::Algorithm(Algorithm::Rs256)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HmacError {
    /// An algorithm outside of [`Algorithm::HMAC`].
    #[error("{0} is not an algorithm of a shared secret")]
    Algorithm(Algorithm),
    /// A secret that is easier to guess than the hash.
    #[error("the secret is shorter than {needed} bytes")]
    Short {
        /// The length of the hash in bytes.
        needed: usize,
    },
}

/// Prepares `secret` for `algorithm`.
pub(super) fn prepare(
    secret: &Secret<Vec<u8>>,
    algorithm: Algorithm,
) -> Result<VerifyingKey, HmacError> {
    let Scheme::Hmac(scheme) = algorithm.scheme() else {
        return Err(HmacError::Algorithm(algorithm));
    };
    let needed = scheme.digest_algorithm().output_len();
    if secret.expose().len() < needed {
        return Err(HmacError::Short { needed });
    }
    Ok(VerifyingKey {
        identity: KeyIdentity::new(None, identity(secret.expose())),
        any_kid: true,
        algorithm,
        material: Material::Secret(Box::new(hmac::Key::new(scheme, secret.expose()))),
    })
}

/// Instead of RFC 7638's thumbprint, which its section 7 warns to publish for a secret.
fn identity(secret: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, b"portcullis: identity of a shared secret");
    let mut identity = [0; 32];
    identity.copy_from_slice(tag.as_ref());
    identity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_at_least_as_long_as_its_hash() {
        for (algorithm, length, expected) in [
            (Algorithm::Hs256, 32, Ok(())),
            (Algorithm::Hs256, 31, Err(HmacError::Short { needed: 32 })),
            (Algorithm::Hs384, 48, Ok(())),
            (Algorithm::Hs384, 47, Err(HmacError::Short { needed: 48 })),
            (Algorithm::Hs512, 64, Ok(())),
            (Algorithm::Hs512, 63, Err(HmacError::Short { needed: 64 })),
            (
                Algorithm::Rs256,
                512,
                Err(HmacError::Algorithm(Algorithm::Rs256)),
            ),
        ] {
            let result = prepare(&Secret::new(vec![1; length]), algorithm);
            assert_eq!(result.map(drop), expected, "{algorithm}, {length} bytes");
        }
    }
}
