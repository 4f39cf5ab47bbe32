//! Texts that mean nothing and cannot be guessed.

use aws_lc_rs::rand;
use portcullis_token::{NoRandomness, Secret, base64url};

/// An access token without an audience, 32 characters of base64url: 192 random bits.
///
/// Refresh tokens, codes and session ids may be such texts, too. Only its hash is kept.
///
/// # Errors
/// [`NoRandomness`] when the system has none to give.
pub fn opaque_token() -> Result<Secret<String>, NoRandomness> {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(Secret::new(base64url::encode(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opaque_token_is_32_characters_of_its_own() {
        let (one, other) = (opaque_token().unwrap(), opaque_token().unwrap());
        assert_eq!(one.expose().len(), 32);
        assert!(base64url::decode(one.expose().as_bytes()).is_ok());
        assert_ne!(one, other);
    }
}
