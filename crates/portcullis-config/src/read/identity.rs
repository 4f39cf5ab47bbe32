use std::collections::HashSet;

use super::fields::{Entry, entries};
use super::reader::{Reader, Reported, all};
use crate::diagnostic::Diagnostic;

/// Headers that a claim must never be put into: RFC 9110 section 7.6.1, the framing of the
/// message, the caller's credentials, and what the gateway writes itself.
const FORBIDDEN_HEADERS: [&str; 22] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Reads `identity`: lower-case header names, and the claims whose values they carry.
pub(super) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<Vec<(String, String)>, Reported> {
    let headers = entries(reader.table(entry)?);
    let mut seen = HashSet::new();
    let pairs = headers
        .iter()
        .map(|header| {
            let claim = reader.nonempty(header);
            let name = read_header(reader, header, &mut seen);
            Ok((name?, claim?))
        })
        .collect();
    all(pairs)
}

fn read_header(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    seen: &mut HashSet<String>,
) -> Result<String, Reported> {
    let name = entry.name.to_ascii_lowercase();
    let message = if name.is_empty() || !name.bytes().all(is_token) {
        "a header's name is letters, digits and ``!#$%&'*+-.^_`|~``".to_owned()
    } else if FORBIDDEN_HEADERS.contains(&dashed(&name).as_str()) {
        format!("the header {entry} cannot carry a claim")
    } else if !seen.insert(dashed(&name)) {
        format!("the header {entry} is named twice")
    } else {
        return Ok(name);
    };
    Err(reader.refuse(Diagnostic::new(entry.key.clone(), message)))
}

/// The name as those servers read it that tell no punctuation apart: `x_user` is `x-user`.
fn dashed(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// A character of a token (RFC 9110 section 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
