use std::borrow::Cow;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// What stands for a blank in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plus {
    /// Only `%20`: a `+` is a plus.
    Plus,
    /// `+` as well, as in forms.
    Blank,
}

/// RFC 3986 section 2.3: what is never encoded.
pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Appends `bytes`, all that is not unreserved as `%XX`, but for those that `keep` names.
pub(super) fn encode_to(out: &mut Vec<u8>, bytes: &[u8], keep: Option<u8>) {
    for &byte in bytes {
        if is_unreserved(byte) || Some(byte) == keep {
            out.push(byte);
        } else {
            out.push(b'%');
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
    }
}

/// The bytes behind `text`. A `%` without two digits stands for itself.
pub(super) fn decode(text: &str, plus: Plus) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    let is_special = |byte: &u8| *byte == b'%' || (*byte == b'+' && plus == Plus::Blank);
    if !bytes.iter().any(is_special) {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        match (byte, escaped(bytes, index)) {
            (b'%', Some(value)) => {
                decoded.push(value);
                index += 3;
                continue;
            }
            (b'+', _) if plus == Plus::Blank => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        index += 1;
    }
    Cow::Owned(decoded)
}

fn escaped(bytes: &[u8], index: usize) -> Option<u8> {
    Some(digit(*bytes.get(index + 1)?)? << 4 | digit(*bytes.get(index + 2)?)?)
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Appends `bytes` in lower-case hexadecimal digits.
pub(super) fn hex_to(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        out.push(HEX[usize::from(byte >> 4)].to_ascii_lowercase());
        out.push(HEX[usize::from(byte & 15)].to_ascii_lowercase());
    }
}

/// Reads lower-case hexadecimal digits, the one spelling that signatures have.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    pairs
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_and_encoded() {
        for (text, plus, expected) in [
            ("a", Plus::Plus, &b"a"[..]),
            ("a%20b+c", Plus::Plus, b"a b+c"),
            ("a%20b+c", Plus::Blank, b"a b c"),
            ("%", Plus::Plus, b"%"),
            ("%4", Plus::Plus, b"%4"),
            ("%zz%41", Plus::Plus, b"%zzA"),
            ("%c3%A9", Plus::Plus, b"\xc3\xa9"),
        ] {
            assert_eq!(&*decode(text, plus), expected, "{text}");
        }
        let mut out = Vec::new();
        encode_to(&mut out, b"/a b~%\xc3", Some(b'/'));
        assert_eq!(out, b"/a%20b~%25%C3");
    }

    #[test]
    fn signatures_have_one_spelling() {
        assert_eq!(unhex("00ff"), Some(vec![0, 255]));
        for text in ["0", "0g", "FF", "0x", "\u{e9}"] {
            assert_eq!(unhex(text), None, "{text}");
        }
        let mut out = Vec::new();
        hex_to(&mut out, &[0, 175]);
        assert_eq!(out, b"00af");
    }
}
