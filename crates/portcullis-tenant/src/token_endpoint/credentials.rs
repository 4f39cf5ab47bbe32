//! Client authentication (RFC 6749 section 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use portcullis_token::Secret;

use crate::client::{Client, SecretHash};
use crate::registry::Registry;

use super::parameters::{Parameters, decode_form};
use super::refusal::{Refusal, Unauthenticated};

/// Who the caller says it is, and the secret it gives as proof.
struct Presented {
    client_id: String,
    secret: Option<Secret<String>>,
    place: Place,
}

/// Where credentials were sent, which decides whether a refusal carries a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the header `Authorization`.
    Header,
    /// In the body, or nowhere.
    Body,
}

/// Finds the client that is calling, and has it prove who it is.
pub(super) fn authenticate<'r>(
    registry: &'r Registry,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<&'r Client, Refusal> {
    let presented = match find_header(headers)? {
        Some(value) => read_header(value, parameters)?,
        None => read_body(parameters)?,
    };
    verify(registry, &presented).map_err(|reason| Refusal::Unauthorized {
        reason,
        place: presented.place,
    })
}

/// Compares whatever was sent with whatever is known, so that an unknown client costs the same
/// work as a wrong secret.
fn verify<'r>(
    registry: &'r Registry,
    presented: &Presented,
) -> Result<&'r Client, Unauthenticated> {
    let client = registry.find_client(&presented.client_id);
    let expected = client.and_then(|client| client.secret.as_ref());
    let given = presented
        .secret
        .as_ref()
        .map_or("", |secret| secret.expose());
    let matches = expected
        .unwrap_or(&SecretHash::NOBODY)
        .matches(&SecretHash::of(given));

    let client = client.ok_or(Unauthenticated::UnknownClient)?;
    let proven = match (expected, &presented.secret) {
        (Some(_), Some(_)) => matches,
        (None, None) => true,
        // A public client with a secret, or a confidential one without.
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !proven {
        return Err(Unauthenticated::WrongSecret {
            client_id: client.id.clone(),
        });
    }
    Ok(client)
}

fn find_header(headers: &HeaderMap) -> Result<Option<&HeaderValue>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Refusal::SeveralCredentials);
    }
    Ok(first)
}

/// Reads `Basic`; the body may repeat the client id, and nothing else (RFC 6749 section 2.3).
fn read_header(value: &HeaderValue, parameters: &Parameters) -> Result<Presented, Refusal> {
    if parameters.find("client_secret")?.is_some() {
        return Err(Refusal::SeveralCredentials);
    }
    let presented = decode_basic(value.as_bytes()).ok_or(Refusal::Unauthorized {
        reason: Unauthenticated::Malformed,
        place: Place::Header,
    })?;
    if parameters
        .find("client_id")?
        .is_some_and(|client_id| client_id != presented.client_id)
    {
        return Err(Refusal::SeveralCredentials);
    }
    Ok(presented)
}

fn read_body(parameters: &Parameters) -> Result<Presented, Refusal> {
    let place = Place::Body;
    let client_id = parameters.find("client_id")?.ok_or(Refusal::Unauthorized {
        reason: Unauthenticated::Missing,
        place,
    })?;
    let secret = parameters.find("client_secret")?;
    Ok(Presented {
        client_id: client_id.to_owned(),
        secret: secret.map(|secret| Secret::new(secret.to_owned())),
        place,
    })
}

/// RFC 6749 section 2.3.1: id and secret are each form-encoded before RFC 7617 joins them.
fn decode_basic(value: &[u8]) -> Option<Presented> {
    let (scheme, encoded) = str::from_utf8(value).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = pair.split_once(':')?;
    let secret = Some(decode_form(secret)?).filter(|secret| !secret.is_empty());
    Some(Presented {
        client_id: decode_form(client_id)?,
        secret: secret.map(Secret::new),
        place: Place::Header,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(value: &str) -> Option<(String, Option<String>)> {
        let Presented {
            client_id, secret, ..
        } = decode_basic(value.as_bytes())?;
        Some((client_id, secret.map(|secret| secret.expose().clone())))
    }

    #[test]
    fn basic_is_decoded_twice() {
        for (scheme, pair, expected) in [
            ("Basic", "worker:hunter2", Some(("worker", Some("hunter2")))),
            ("bAsIc", "worker:hunter2", Some(("worker", Some("hunter2")))),
            (
                "Basic",
                "a%3Ab:c%25%2B+%C3%A9",
                Some(("a:b", Some("c%+ é"))),
            ),
            ("Basic", "worker:a:b", Some(("worker", Some("a:b")))),
            ("Basic", "worker:", Some(("worker", None))),
            ("Basic", ":hunter2", Some(("", Some("hunter2")))),
            ("Basic", "worker", None),
            ("Basic", "%ff:hunter2", None),
            ("Basic", "worker:%ff", None),
            ("Bearer", "worker:hunter2", None),
        ] {
            let value = format!("{scheme} {}", STANDARD.encode(pair));
            let expected = expected
                .map(|(client_id, secret)| (client_id.to_owned(), secret.map(str::to_owned)));
            assert_eq!(decode(&value), expected, "{scheme} {pair}");
        }
    }

    #[test]
    fn what_is_not_basic_is_not_read() {
        let not_text = format!("Basic {}", STANDARD.encode(b"worker:\xff"));
        for value in [
            "",
            "Basic",
            "Basic ",
            "Basic *",
            "Basic d29ya2Vy",
            "Basic d:x",
            &not_text,
        ] {
            assert_eq!(decode(value), None, "{value:?}");
        }
    }
}
