use std::fmt;
use std::hash::{Hash, Hasher};

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::rand;

/// One block of SHA-256, so that its state with the key is computed once.
const KEY_BYTES: usize = 64;

/// 256 bits that stand for a token, and tell nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

/// Makes digests of tokens with a key that never leaves the process.
///
/// SHA-256 over one secret block, the owner's number and the token. Callers choose tokens, so the
/// digest must resist collisions even from someone who knows the key: that rules `SipHash` out.
/// Of the two that remain, BLAKE3 takes 0.9 µs for a 1 KiB token and HMAC 0.75 µs, this 0.6 µs.
/// HMAC's outer hash guards digests that others see and may extend; these are seen by nobody.
#[derive(Clone)]
pub(crate) struct Digester {
    keyed: Context,
}

/// The system has no randomness to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness to give")]
pub(crate) struct NoRandomness;

impl Digester {
    pub(crate) fn new() -> Result<Self, NoRandomness> {
        let mut key = [0; KEY_BYTES];
        rand::fill(&mut key).map_err(|_| NoRandomness)?;
        let mut keyed = Context::new(&SHA256);
        keyed.update(&key);
        Ok(Self { keyed })
    }

    /// The digest of `token` for the owner of this number.
    pub(crate) fn digest(&self, owner: u64, token: &str) -> Digest {
        let mut context = self.keyed.clone();
        // Of fixed width, so that no owner and token can be read as another pair.
        context.update(&owner.to_le_bytes());
        context.update(token.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Digest(bytes)
    }
}

impl Digest {
    pub(super) const fn last_byte(self) -> u8 {
        self.0[31]
    }

    pub(crate) fn first_bytes(self) -> u64 {
        let bytes = self.0.first_chunk().copied().unwrap_or_default();
        u64::from_le_bytes(bytes)
    }
}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.first_bytes());
    }
}

#[cfg(test)]
impl Digest {
    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digester(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_key_owner_and_token() {
        let digester = Digester::new().unwrap();
        let digest = digester.digest(1, "token");
        assert_eq!(digest, digester.clone().digest(1, "token"));
        assert_ne!(digest, digester.digest(2, "token"));
        assert_ne!(digest, digester.digest(1, "tokens"));
        assert_ne!(digest, Digester::new().unwrap().digest(1, "token"));
        assert_eq!(
            format!("{digest:?} {digester:?}"),
            "Digest(..) Digester(..)"
        );
    }
}
