//! The one canonicaliser: routing, logging and forwarding all use the bytes it returns.

// By its whole name, since `fuzz` includes this file from elsewhere.
#[path = "path/lenient.rs"]
pub(crate) mod lenient;

use std::borrow::Cow;

/// Why a path has no canonical form. The caller's fault: HTTP 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The target is not a path, as in `OPTIONS *` and `CONNECT host:port`.
    #[error("the target is not a path")]
    NotAbsolute,
    /// A byte that RFC 3986 section 3.3 does not allow as it is.
    #[error("the path holds a character that must be percent-encoded")]
    Character,
    /// `%` without two hexadecimal digits.
    #[error("the path holds a `%` without two hexadecimal digits")]
    Encoding,
    /// `%00`, `%2F`, `%5C`, or `%25` before the digits of `/`, `\` or `.`: upstreams differ in
    /// what they make of them.
    #[error("the path holds an encoding that servers read differently")]
    Ambiguous,
    /// A segment `.` or `..`, also when it is encoded.
    #[error("the path holds a `.` or `..` segment")]
    DotSegment,
    /// `//` inside the path.
    #[error("the path holds an empty segment")]
    EmptySegment,
    /// A `;` parameter in a segment, without which another route would answer.
    #[error("the path holds a `;` that leads some servers to another route")]
    Parameter,
    /// A letter whose case leads servers that ignore case to another route.
    #[error("the path holds a letter whose case leads some servers to another route")]
    Case,
}

/// The one spelling of `path`: unreserved characters as themselves, other escapes in upper case.
///
/// What has no spelling that every server reads alike is refused, never repaired: a rule would
/// then guard another path than the one that is served. One slash at the end is kept.
///
/// # Errors
/// [`PathError`], for the first offence.
pub(crate) fn canonical(path: &str) -> Result<Cow<'_, str>, PathError> {
    if !path.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    let canonical = if path.contains('%') {
        decode_with(path, Slash::Refuse)?.into()
    } else {
        Cow::Borrowed(path)
    };
    check_characters(path)?;
    check_segments(&canonical)?;
    Ok(canonical)
}

/// What becomes of a slash that is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slash {
    Refuse,
    /// It stays as it is, part of its segment.
    Keep,
}

/// Decodes escaped unreserved characters (RFC 3986 section 6.2.2.2), upper-cases other escapes.
fn decode_with(path: &str, slash: Slash) -> Result<String, PathError> {
    let bytes = path.as_bytes();
    let mut decoded = String::with_capacity(path.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        if byte != b'%' {
            decoded.push(char::from(byte));
            index += 1;
            continue;
        }
        let value = escaped(bytes, index).ok_or(PathError::Encoding)?;
        match value {
            b'/' if slash == Slash::Keep => decoded.push_str("%2F"),
            0 | b'/' | b'\\' => return Err(PathError::Ambiguous),
            _ if is_unreserved(value) => decoded.push(char::from(value)),
            _ => decoded.extend(['%', upper_digit(value >> 4), upper_digit(value & 15)]),
        }
        index += 3;
    }
    // Of the result, since decoding may complete an escape: `%25%32%65` becomes `%252e`.
    let hides = |(index, _)| {
        let twice = twice_escaped(decoded.as_bytes(), index);
        matches!(twice, Some(0 | b'/' | b'\\' | b'.'))
    };
    if decoded.match_indices("%25").any(hides) {
        return Err(PathError::Ambiguous);
    }
    Ok(decoded)
}

/// The byte that the escape at `index` stands for.
fn escaped(bytes: &[u8], index: usize) -> Option<u8> {
    let digit = |offset: usize| {
        let byte = *bytes.get(index + offset)?;
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(1)? * 16 + digit(2)?)
}

/// One of the sixteen upper-case hexadecimal digits.
fn upper_digit(value: u8) -> char {
    let digit = char::from_digit(u32::from(value), 16).unwrap_or('0');
    digit.to_ascii_uppercase()
}

/// The byte that the digits after the `%25` at `index` stand for, once that is decoded.
fn twice_escaped(bytes: &[u8], index: usize) -> Option<u8> {
    escaped(bytes, index + 2)
}

/// RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 section 3.3: `pchar` and the slash between segments.
fn check_characters(path: &str) -> Result<(), PathError> {
    let allowed = |byte: u8| is_unreserved(byte) || b"%!$&'()*+,;=:@/".contains(&byte);
    if path.bytes().all(allowed) {
        Ok(())
    } else {
        Err(PathError::Character)
    }
}

fn check_segments(canonical: &str) -> Result<(), PathError> {
    let mut segments = canonical.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        // Parameters do not hide a dot segment: some servers cut them off first.
        match without_parameter(segment) {
            "." | ".." => return Err(PathError::DotSegment),
            "" if segments.peek().is_some() || !segment.is_empty() => {
                return Err(PathError::EmptySegment);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The canonical path as servers read it that cut parameters off, where it has any.
pub(crate) fn without_parameters(canonical: &str) -> Option<String> {
    if !canonical.contains(';') && !canonical.contains("%3B") {
        return None;
    }
    let bare: Vec<_> = canonical.split('/').map(without_parameter).collect();
    Some(bare.join("/"))
}

/// The segment up to its first `;` (RFC 3986 section 3.3), also when that is encoded.
fn without_parameter(segment: &str) -> &str {
    let name = segment.split(';').next().unwrap_or(segment);
    name.split("%3B").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        for (path, expected) in [
            ("/", "/"),
            ("/hello/world", "/hello/world"),
            ("/hello/", "/hello/"),
            ("/%68ello", "/hello"),
            ("/a%7eb", "/a~b"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%20b", "/a%20b"),
            ("/100%25", "/100%25"),
            ("/a%2541", "/a%2541"),
            ("/a;x=1/b", "/a;x=1/b"),
            ("/a:b@c,d", "/a:b@c,d"),
            ("/...", "/..."),
            ("/.well-known/x", "/.well-known/x"),
        ] {
            assert_eq!(canonical(path).as_deref(), Ok(expected), "{path}");
            assert_eq!(
                canonical(expected).as_deref(),
                Ok(expected),
                "{expected} is its own form"
            );
        }
    }

    #[test]
    fn what_servers_read_differently_is_refused() {
        for (path, expected) in [
            ("", PathError::NotAbsolute),
            ("*", PathError::NotAbsolute),
            ("hello", PathError::NotAbsolute),
            ("/a b", PathError::Character),
            ("/a\\b", PathError::Character),
            ("/a\"b", PathError::Character),
            ("/a\u{e9}", PathError::Character),
            ("/a\u{7f}", PathError::Character),
            ("/a|b", PathError::Character),
            ("/%", PathError::Encoding),
            ("/%4", PathError::Encoding),
            ("/%zz", PathError::Encoding),
            ("/%+4", PathError::Encoding),
            ("/a%00", PathError::Ambiguous),
            ("/a%2fb", PathError::Ambiguous),
            ("/a%2Fb", PathError::Ambiguous),
            ("/a%5cb", PathError::Ambiguous),
            ("/a%252fb", PathError::Ambiguous),
            ("/%252e%252e/b", PathError::Ambiguous),
            ("/%25%32%65%252%65/b", PathError::Ambiguous),
            ("/a%25%32%66b", PathError::Ambiguous),
            ("/a%25%35cb", PathError::Ambiguous),
            ("/a%25%30%30", PathError::Ambiguous),
            ("/a%255Cb", PathError::Ambiguous),
            ("/public/../admin", PathError::DotSegment),
            ("/public/%2e%2e/admin", PathError::DotSegment),
            ("/public/.%2E/admin", PathError::DotSegment),
            ("/public/..;x/admin", PathError::DotSegment),
            ("/public/..%3bx/admin", PathError::DotSegment),
            ("/.", PathError::DotSegment),
            ("/a/.", PathError::DotSegment),
            ("//", PathError::EmptySegment),
            ("//evil.example/a", PathError::EmptySegment),
            ("/a//b", PathError::EmptySegment),
            ("/a//", PathError::EmptySegment),
            ("/a/;x/b", PathError::EmptySegment),
            ("/a/%3bx/b", PathError::EmptySegment),
        ] {
            assert_eq!(canonical(path), Err(expected), "{path}");
        }
    }

    #[test]
    fn parameters_are_cut_off_in_either_spelling() {
        for (path, expected) in [
            ("/", None),
            ("/a/b/", None),
            ("/a;x=1/b", Some("/a/b")),
            ("/a%3Bx;y/b;/c", Some("/a/b/c")),
        ] {
            assert_eq!(without_parameters(path).as_deref(), expected, "{path}");
        }
    }
}
