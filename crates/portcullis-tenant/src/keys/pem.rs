//! PKCS #8 keys as text (RFC 7468 section 10), which people and `openssl` can look at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_token::Secret;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The width of RFC 7468 section 2.
const LINE: usize = 64;

/// Writes one block for each of `keys`, in their order.
pub(super) fn encode(keys: &[Secret<Vec<u8>>]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::new());
    for key in keys {
        let body = Zeroizing::new(STANDARD.encode(key.expose()));
        text.extend_from_slice(format!("{BEGIN}\n").as_bytes());
        for line in body.as_bytes().chunks(LINE) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        text.extend_from_slice(format!("{END}\n").as_bytes());
    }
    text
}

/// Reads the keys of all blocks; absent when there is anything but `PRIVATE KEY` blocks.
pub(super) fn decode(text: &[u8]) -> Option<Vec<Zeroizing<Vec<u8>>>> {
    let text = str::from_utf8(text).ok()?;
    let mut lines = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty());
    let mut keys = Vec::new();
    while let Some(line) = lines.next() {
        if line != BEGIN {
            return None;
        }
        keys.push(decode_block(&mut lines)?);
    }
    Some(keys)
}

/// Reads lines up to and including the end of a block.
fn decode_block<'t>(lines: &mut impl Iterator<Item = &'t str>) -> Option<Zeroizing<Vec<u8>>> {
    let mut body = Zeroizing::new(String::new());
    loop {
        match lines.next()? {
            END => return STANDARD.decode(body.as_bytes()).ok().map(Zeroizing::new),
            line => body.push_str(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(body: &str) -> String {
        format!("{BEGIN}\n{body}\n{END}\n")
    }

    #[test]
    fn blocks_are_read_as_they_were_written() {
        for length in [0, 1, 47, 48, 49, 1200] {
            let key = vec![7; length];
            let text = encode(&[Secret::new(key.clone()), Secret::new(vec![1])]);
            let keys = decode(&text).unwrap();
            assert_eq!(keys.len(), 2, "{length}");
            assert_eq!((&*keys[0], &*keys[1]), (&key, &vec![1]), "{length}");
            let longest = text.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
            assert!(longest <= Some(LINE), "{length}: {longest:?}");
        }
    }

    #[test]
    fn only_private_key_blocks_are_read() {
        let crlf = block("Zg==").replace('\n', "\r\n");
        for (name, text, expected) in [
            ("nothing", String::new(), Some(0)),
            ("one", block("Zg=="), Some(1)),
            ("line ends of Windows", crlf, Some(1)),
            ("a blank line", format!("\n{}", block("Zg==")), Some(1)),
            ("a preamble", format!("key:\n{}", block("Zg==")), None),
            (
                "another label",
                block("Zg==").replace("PRIVATE KEY", "RSA PRIVATE KEY"),
                None,
            ),
            ("no end", block("Zg==").replace(END, ""), None),
            ("no begin", block("Zg==").replace(BEGIN, ""), None),
            ("two begins", format!("{BEGIN}\n{}", block("Zg==")), None),
            ("not base64", block("Z*=="), None),
            ("no padding", block("Zg"), None),
            ("base64url", block("_-8="), None),
        ] {
            assert_eq!(
                decode(text.as_bytes()).map(|keys| keys.len()),
                expected,
                "{name}"
            );
        }
    }
}
