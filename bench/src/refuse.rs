//! Tokens that are refused, which costs the server and should cost it little.

use portcullis_token::{Algorithm, MAX_TOKEN_BYTES, Reason, base64url};

use crate::fixture::{Key, TOKEN_BYTES, now};
use crate::operation::Operation;
use crate::verify::{jsonwebtoken, of_token, portcullis};

pub(crate) fn bad_signature(subject: &'static str) -> Vec<Operation> {
    let key = Key::generate(Algorithm::Rs256);
    let token = tampered(&key.token(TOKEN_BYTES, now() + 3600, 0));
    of_token(subject, &key, &token, Err(Reason::BadSignature))
}

pub(crate) fn expired(subject: &'static str) -> Vec<Operation> {
    let key = Key::generate(Algorithm::Rs256);
    let token = key.token(TOKEN_BYTES, now() - 3600, 0);
    unsigned(subject, &key, &token, Reason::Expired)
}

/// The last character is wrong, so that everything before it is looked at.
pub(crate) fn malformed(subject: &'static str) -> Vec<Operation> {
    let key = Key::generate(Algorithm::Rs256);
    let token = key.token(TOKEN_BYTES, now() + 3600, 0) + "=";
    unsigned(subject, &key, &token, Reason::BadBase64)
}

pub(crate) fn no_token(subject: &'static str) -> Vec<Operation> {
    let key = Key::generate(Algorithm::Rs256);
    unsigned(subject, &key, "undefined", Reason::NotJwt)
}

pub(crate) fn largest(subject: &'static str) -> Vec<Operation> {
    let key = Key::generate(Algorithm::Rs256);
    unsigned(subject, &key, &largest_token(), Reason::BadClaims)
}

/// What two contenders make of a token whose signature we do not look at.
fn unsigned(subject: &'static str, key: &Key, token: &str, reason: Reason) -> Vec<Operation> {
    vec![
        portcullis(subject, key.key_set(), token, Err(reason)),
        jsonwebtoken(subject, key, token, false),
    ]
}

/// The token with another character in the middle of its signature.
fn tampered(token: &str) -> String {
    let at = token.len() - 100;
    let other = if token.as_bytes()[at] == b'A' {
        "B"
    } else {
        "A"
    };
    let mut tampered = token.to_owned();
    tampered.replace_range(at..=at, other);
    tampered
}

/// A token as long as is looked at, whose claims are right but for the last of 200.
fn largest_token() -> String {
    let header = base64url::encode(br#"{"alg":"RS256"}"#);
    let room = (MAX_TOKEN_BYTES - header.len() - ".".len() - ".AAAA".len()) * 3 / 4;
    let claims: Vec<_> = (0..200).map(|n| format!("\"claim{n:03}\":[{n}]")).collect();
    let claims = format!("{},\"claim000\":\"", claims.join(","));
    let padding = "x".repeat(room - claims.len() - "{\"}".len());
    let claims = base64url::encode(format!("{{{claims}{padding}\"}}").as_bytes());
    format!("{header}.{claims}.AAAA")
}
