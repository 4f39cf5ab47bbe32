use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_token::Secret;

use crate::open_id::OpenIdKey;

/// The keys of a pool, all made from secrets of 32 bytes.
///
/// Identities are made from the first secret for ever. Credentials are sealed by the first key of
/// the ring, and opened by all of them.
pub struct PoolKeys {
    pub(crate) identities: Key,
    pub(crate) open_id: OpenIdKey,
    pub(crate) ring: Vec<RingKey>,
}

/// One key of the ring.
pub(crate) struct RingKey {
    /// What tells it from the others in session tokens.
    pub(crate) id: [u8; 4],
    pub(crate) seal: RandomizedNonceKey,
    secrets: Key,
}

/// Why a pool's keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolKeysError {
    /// A secret is too short to make keys of.
    #[error("a secret of an identity pool has at least 32 bytes")]
    Short,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl PoolKeys {
    /// The keys of the pool called `name`.
    ///
    /// `ring` holds the secrets of credentials, the current one first; when it is empty, they are
    /// made from `secret` too.
    ///
    /// # Errors
    /// [`PoolKeysError`].
    pub fn new(
        name: &str,
        secret: &Secret<Vec<u8>>,
        ring: &[Secret<Vec<u8>>],
    ) -> Result<Self, PoolKeysError> {
        let identities = derive(secret, name, "identities")?;
        let ring = if ring.is_empty() {
            vec![RingKey::new(name, secret)?]
        } else {
            let keys = ring.iter().map(|secret| RingKey::new(name, secret));
            keys.collect::<Result<_, _>>()?
        };
        let open_id = OpenIdKey::derive(&derive(secret, name, "open id")?)?;
        Ok(Self {
            identities,
            open_id,
            ring,
        })
    }

    /// The key that seals.
    pub(crate) fn current(&self) -> &RingKey {
        self.ring.first().expect("`new` makes at least one key")
    }
}

impl RingKey {
    fn new(name: &str, secret: &Secret<Vec<u8>>) -> Result<Self, PoolKeysError> {
        let seal = derive(secret, name, "session tokens")?;
        let bytes = hmac::sign(&seal, b"key");
        let mut id = [0; 4];
        id.copy_from_slice(&hmac::sign(&seal, b"id").as_ref()[..4]);
        Ok(Self {
            id,
            seal: RandomizedNonceKey::new(&AES_256_GCM, bytes.as_ref())
                .map_err(|_| PoolKeysError::Crypto)?,
            secrets: derive(secret, name, "secret access keys")?,
        })
    }

    /// The secret that belongs to an access key: 40 characters.
    pub(crate) fn secret_access_key(&self, access_key: &str) -> Secret<String> {
        let tag = hmac::sign(&self.secrets, access_key.as_bytes());
        let mut text = STANDARD.encode(tag.as_ref());
        text.truncate(40);
        Secret::new(text)
    }
}

fn derive(secret: &Secret<Vec<u8>>, name: &str, purpose: &str) -> Result<Key, PoolKeysError> {
    if secret.expose().len() < 32 {
        return Err(PoolKeysError::Short);
    }
    let root = Key::new(HMAC_SHA256, secret.expose());
    let label = format!("portcullis identity pool\0{name}\0{purpose}");
    Ok(Key::new(
        HMAC_SHA256,
        hmac::sign(&root, label.as_bytes()).as_ref(),
    ))
}

impl fmt::Debug for PoolKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolKeys").finish_non_exhaustive()
    }
}
