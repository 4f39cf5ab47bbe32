//! Base64url as JOSE uses it: no padding, no white space, no trailing bits (RFC 7515 section 2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text is not strict base64url.
///
/// ```
/// use portcullis_token::base64url::{NotBase64Url, decode};
///
/// // `Zg` is the one spelling of `f`: the last two bits of `Zh` are not zero.
/// assert_eq!(decode(b"Zh"), Err(NotBase64Url));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding")]
pub struct NotBase64Url;

/// Encodes `bytes` without padding.
///
/// ```
/// assert_eq!(portcullis_token::base64url::encode(b"f"), "Zg");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes `text`, which must be the one canonical encoding of its bytes.
///
/// # Errors
/// [`NotBase64Url`] for padding, foreign characters, an impossible length or non-zero trailing
/// bits: two spellings of one token would be two tokens to a cache and one to a verifier.
///
/// ```
/// use portcullis_token::base64url::{NotBase64Url, decode};
///
/// assert_eq!(decode(b"Zg"), Ok(b"f".to_vec()));
/// assert_eq!(decode(b"Zg=="), Err(NotBase64Url));
/// ```
pub fn decode(text: &[u8]) -> Result<Vec<u8>, NotBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64Url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_read() {
        assert_eq!(decode(b"").unwrap(), b"");
        assert_eq!(decode(b"Zg").unwrap(), b"f");
        assert_eq!(decode(b"_-8").unwrap(), [0xff, 0xef]);
        for text in ["Zg==", "Zh", "Z", "Zg\n", " Zg", "Z+8", "Z/8", "Z\u{e9}"] {
            assert_eq!(decode(text.as_bytes()), Err(NotBase64Url), "{text:?}");
        }
    }
}
