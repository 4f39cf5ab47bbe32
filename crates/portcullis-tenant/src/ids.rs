//! Names for rows, and the hashes by which secrets are kept.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use portcullis_store::tenant::Hash;
use portcullis_token::NoRandomness;

/// The SHA-256 of a code, a token or a cookie, all of which are random, or of names.
pub(crate) fn sha256(secret: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

/// 24 random hexadecimal digits, as the ids of Auth0's objects are.
pub(crate) fn object_id() -> Result<String, NoRandomness> {
    let mut bytes = [0; 12];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(hexadecimal(&bytes))
}

/// 24 digits for what has these names: the same ones each time.
pub(crate) fn object_id_of(names: &[&str]) -> String {
    let mut id = hexadecimal(&sha256(&names.join("\n")));
    id.truncate(24);
    id
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        digits.push_str(&format!("{byte:02x}"));
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_24_digits_of_its_own() {
        let (one, other) = (object_id().unwrap(), object_id().unwrap());
        assert_eq!(one.len(), 24);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, other);
    }
}
