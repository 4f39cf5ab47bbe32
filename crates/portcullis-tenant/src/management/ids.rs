//! Identifiers and times as Auth0 writes them.

use aws_lc_rs::rand;
use portcullis_token::{NoRandomness, Secret, UnixTime, base64url};

use crate::id_token;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many random bytes a secret of 64 characters is made of.
const SECRET_BYTES: usize = 48;

/// `prefix` and `length` letters and digits: `rol_` and 16, nothing and 32 for a client.
pub(super) fn letters(prefix: &str, length: usize) -> Result<String, NoRandomness> {
    let mut id = prefix.to_owned();
    while id.len() < prefix.len() + length {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
        // 248 is the last multiple of 62 in a byte: those above would favour some letters.
        let fair = bytes.into_iter().filter(|byte| *byte < 248);
        let missing = prefix.len() + length - id.len();
        let letters = fair.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
        id.extend(letters.take(missing));
    }
    Ok(id)
}

/// A client's secret: 64 characters, 384 random bits.
pub(super) fn secret() -> Result<Secret<String>, NoRandomness> {
    let mut bytes = [0; SECRET_BYTES];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(Secret::new(base64url::encode(&bytes)))
}

/// A time as Auth0 shows it: `2026-11-24T14:00:00.000Z`.
pub(super) fn date(seconds: i64) -> String {
    id_token::iso(UnixTime(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_long_as_auth0_s() {
        let role = letters("rol_", 16).unwrap();
        assert_eq!(role.len(), 20);
        assert!(role.starts_with("rol_"));
        let client = letters("", 32).unwrap();
        assert!(client.len() == 32 && client.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(client, letters("", 32).unwrap());
        let user = crate::ids::object_id().unwrap();
        assert!(user.len() == 24 && user.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(secret().unwrap().expose().len(), 64);
        assert_eq!(date(1_700_000_000), "2023-11-14T22:13:20.000Z");
    }
}
