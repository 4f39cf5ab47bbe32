//! The path of a request, as routing, policies and upstreams see it.

use crate::path::{PathError, canonical};

/// Finds the canonical form of a path.
///
/// # Panics
/// When a canonical form is not its own canonical form, or holds what upstreams read differently.
pub fn run(data: &[u8]) -> &'static str {
    let Ok(path) = str::from_utf8(data) else {
        return "not_text";
    };
    let canonical_path = match canonical(path) {
        Ok(path) => path,
        Err(error) => return name(error),
    };
    assert_eq!(canonical(&canonical_path).as_deref(), Ok(&*canonical_path));
    assert!(canonical_path.starts_with('/') && canonical_path.is_ascii());
    assert!(!canonical_path.contains(['\\', '?', '#', ' ', '\0']));
    let decoded = decode(canonical_path.as_bytes());
    assert_eq!(segments(&decoded), segments(canonical_path.as_bytes()));
    for segment in decoded.split(|byte| *byte == b'/') {
        let name = segment.split(|byte| *byte == b';').next();
        assert!(!matches!(name, Some(b"." | b"..")), "{path:?}");
    }
    "ok"
}

fn segments(path: &[u8]) -> usize {
    path.iter()
        .filter(|byte| matches!(byte, b'/' | b'\\'))
        .count()
}

/// What a server makes of the path that decodes every escape once.
fn decode(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = tail.get(..2).filter(|_| byte == b'%');
        let value = escape
            .and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(value.unwrap_or(byte));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

const fn name(error: PathError) -> &'static str {
    match error {
        PathError::NotAbsolute => "not_absolute",
        PathError::Character => "character",
        PathError::Encoding => "encoding",
        PathError::Ambiguous => "ambiguous",
        PathError::DotSegment => "dot_segment",
        PathError::EmptySegment => "empty_segment",
        // These two need a table of routes.
        PathError::Parameter => "parameter",
        PathError::Case => "case",
    }
}
