use aws_lc_rs::digest;

use super::percent::{self, Plus, encode_to, hex_to};
use super::signature::Place;
use super::{Request, Signature};

/// By which rules a signature may have been made.
///
/// ```
/// use portcullis_token::sigv4::Leniency;
///
/// assert_eq!(Leniency::default(), Leniency::Clients);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leniency {
    /// By AWS's alone.
    Strict,
    /// Also as Amplify 6 (`+` is a blank) and old `curl` (nothing is encoded or sorted) sign.
    #[default]
    Clients,
}

/// One way to write a request down before it is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The path encoded once more, the query decoded, encoded and sorted.
    Standard,
    /// The same, with `+` for a blank in the query.
    PlusIsBlank,
    /// Path and query as they were sent.
    Literal,
}

impl Leniency {
    /// The forms in the order they are tried.
    ///
    /// A path with an encoded `%` is, as it was sent, what the standard form makes of another
    /// one: `/a%2520b` of `/a%20b`, whose signature must not open it.
    pub(super) fn forms(self, path: &str) -> &'static [Form] {
        match self {
            Self::Strict => &[Form::Standard],
            Self::Clients if path.contains("%25") => &[Form::Standard, Form::PlusIsBlank],
            Self::Clients => &[Form::Standard, Form::PlusIsBlank, Form::Literal],
        }
    }
}

/// The SHA-256 of a body.
///
/// ```
/// use portcullis_token::sigv4::sha256;
///
/// assert_eq!(sha256(b"")[..4], [0xe3, 0xb0, 0xc4, 0x42]);
/// ```
pub fn sha256(body: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, body).as_ref());
    hash
}

/// The canonical request in one form.
pub(super) fn canonical_request(
    request: &Request<'_>,
    signature: &Signature,
    body: &[u8; 32],
    form: Form,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    match form {
        Form::Standard | Form::PlusIsBlank => {
            encode_to(&mut out, request.path.as_bytes(), Some(b'/'));
        }
        Form::Literal => out.extend_from_slice(request.path.as_bytes()),
    }
    out.push(b'\n');
    match form {
        Form::Standard => query(&mut out, request, signature, Plus::Plus),
        Form::PlusIsBlank => query(&mut out, request, signature, Plus::Blank),
        Form::Literal => literal_query(&mut out, request, signature),
    }
    out.push(b'\n');
    for name in &signature.signed_headers {
        header(&mut out, request, name);
    }
    out.push(b'\n');
    out.extend_from_slice(signature.signed_headers.join(";").as_bytes());
    out.push(b'\n');
    hex_to(&mut out, body);
    out
}

/// What is signed in the end.
pub(super) fn string_to_sign(signature: &Signature, canonical: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    let scope = signature.scope();
    for line in [signature.algorithm.name(), &signature.date, &scope] {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    hex_to(&mut out, &sha256(canonical));
    out
}

fn query(out: &mut Vec<u8>, request: &Request<'_>, signature: &Signature, plus: Plus) {
    let encoded = |text: &str| {
        let mut encoded = Vec::with_capacity(text.len());
        encode_to(&mut encoded, &percent::decode(text, plus), None);
        encoded
    };
    let parameters = request
        .parameters()
        .filter(|(name, _)| !is_signature(name, signature));
    let mut pairs: Vec<_> = parameters
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// The query as it was sent, without the signature in it.
fn literal_query(out: &mut Vec<u8>, request: &Request<'_>, signature: &Signature) {
    let pieces = request.query.unwrap_or_default().split('&');
    let pieces = pieces.filter(|piece| {
        let name = piece.split('=').next().unwrap_or_default();
        !is_signature(name, signature)
    });
    for (index, piece) in pieces.enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(piece.as_bytes());
    }
}

fn is_signature(name: &str, signature: &Signature) -> bool {
    signature.place == Place::Query && *percent::decode(name, Plus::Plus) == *b"X-Amz-Signature"
}

/// `name:value`, values trimmed, their inner blanks as one, several ones with commas.
fn header(out: &mut Vec<u8>, request: &Request<'_>, name: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    for (index, value) in request.values(name).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let words = value.split(|byte| matches!(byte, b' ' | b'\t'));
        let words = words.filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(word);
        }
    }
    out.push(b'\n');
}
