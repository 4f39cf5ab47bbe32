//! Client authentication (RFC 6749 section 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use portcullis_store::tenant::{self, ClientSecret};
use portcullis_token::Secret;
use subtle::ConstantTimeEq as _;

use crate::Tenant;
use crate::caller::Caller;
use crate::client::{Client, Proof};
use crate::ids::sha256;
use crate::passwords::Verdict;

use super::assertion;
use super::parameters::{Parameters, decode_form};
use super::refusal::{Refusal, Unauthenticated};

/// Who the caller says it is, and what it gives as proof.
struct Presented {
    client_id: String,
    evidence: Evidence,
    place: Place,
}

/// What a caller proves itself with.
enum Evidence {
    Nothing,
    Secret(Secret<String>),
    /// A secret of `Basic`, decoded, and as it was written where that differs.
    Basic(Secret<String>, Secret<String>),
    Assertion(Secret<String>),
}

/// Where credentials were sent, which decides whether a refusal carries a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the header `Authorization`.
    Header,
    /// In the body, or nowhere.
    Body,
}

/// What `token_endpoint_auth_method` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    None,
    /// `client_secret_basic` and `client_secret_post`, each of which is taken for the other.
    Secret,
    PrivateKeyJwt,
}

/// Finds the client that is calling, and has it prove who it is.
pub(super) async fn authenticate(
    tenant: &Tenant,
    caller: &Caller,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Client, Refusal> {
    let presented = match find_header(headers)? {
        Some(value) => read_header(value, parameters)?,
        None => read_body(parameters)?,
    };
    let row = tenant.database.clients().find(&presented.client_id).await?;
    if row.is_some() {
        let now = tenant.clock.now_exact();
        tenant
            .token_limits
            .charge(&presented.client_id, &caller.ip, now)
            .map_err(Refusal::TooManyRequests)?;
    }
    verify(tenant, row, &presented).await
}

/// Compares whatever was sent with whatever is known, so that an unknown client costs the same
/// work as a wrong secret.
async fn verify(
    tenant: &Tenant,
    row: Option<tenant::Client>,
    presented: &Presented,
) -> Result<Client, Refusal> {
    let refused = |reason: Unauthenticated| Refusal::Unauthorized {
        reason,
        place: presented.place,
    };
    let (secret, as_written) = match &presented.evidence {
        Evidence::Secret(secret) => (Some(secret), None),
        Evidence::Basic(decoded, as_written) => (Some(decoded), Some(as_written)),
        Evidence::Nothing | Evidence::Assertion(_) => (None, None),
    };
    let expected = row.as_ref().and_then(|row| row.secret.as_ref());
    let mut matches = compare(tenant, expected, secret).await?;
    if !matches && as_written.is_some() {
        matches = compare(tenant, expected, as_written).await?;
    }

    let Some(row) = row else {
        return Err(refused(Unauthenticated::UnknownClient));
    };
    let proof = match (method(&row), &presented.evidence) {
        (Method::None, Evidence::Nothing) => Proof::None,
        // A public client may have a secret, as Auth0's have: when it sends one, it must be right.
        (Method::None | Method::Secret, Evidence::Secret(_) | Evidence::Basic(..)) if matches => {
            Proof::Given
        }
        (Method::PrivateKeyJwt, Evidence::Assertion(token)) => {
            assertion::verify(tenant, &row, token.expose()).await?;
            Proof::Given
        }
        _ => {
            return Err(refused(Unauthenticated::WrongSecret {
                client_id: row.client_id,
            }));
        }
    };
    Ok(Client { row, proof })
}

/// Whether the secret is the one that is known, in a time that does not depend on the answer.
async fn compare(
    tenant: &Tenant,
    expected: Option<&ClientSecret>,
    given: Option<&Secret<String>>,
) -> Result<bool, Refusal> {
    let text = given.map_or("", |given| given.expose());
    let given_hash = sha256(text);
    let matches = match expected {
        Some(ClientSecret::Sha256(hash)) => bool::from(hash.expose().ct_eq(&given_hash)),
        Some(ClientSecret::Phc(phc)) => match given {
            Some(given) => {
                let verdict = tenant
                    .client_secrets
                    .verify(given.clone(), Some(phc.clone()));
                matches!(verdict.await?, Verdict::Right { .. })
            }
            None => false,
        },
        None => {
            // For the time that it takes.
            let _differs: bool = [0; 32].ct_eq(&given_hash).into();
            false
        }
    };
    Ok(matches && given.is_some())
}

/// A method that is not known is one that nobody can authenticate by.
fn method(row: &tenant::Client) -> Method {
    match row.authentication_method.as_str() {
        "none" => Method::None,
        "private_key_jwt" => Method::PrivateKeyJwt,
        _ => Method::Secret,
    }
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
    let others = ["client_secret", "client_assertion"].map(|name| parameters.find(name));
    for other in others {
        if other?.is_some() {
            return Err(Refusal::SeveralCredentials);
        }
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
    let client_id = parameters.find("client_id")?.map(str::to_owned);
    let secret = parameters.find("client_secret")?;
    let assertion = read_assertion(parameters)?;
    let (client_id, evidence) = match (client_id, secret, assertion) {
        (_, Some(_), Some(_)) => return Err(Refusal::SeveralCredentials),
        (client_id, None, Some(assertion)) => {
            let subject = assertion::find_subject(assertion);
            let client_id = client_id.or(subject);
            let assertion = Secret::new(assertion.to_owned());
            (client_id, Evidence::Assertion(assertion))
        }
        (client_id, Some(secret), None) => {
            (client_id, Evidence::Secret(Secret::new(secret.to_owned())))
        }
        (client_id, None, None) => (client_id, Evidence::Nothing),
    };
    Ok(Presented {
        client_id: client_id.ok_or_else(|| Unauthenticated::Missing.in_body())?,
        evidence,
        place: Place::Body,
    })
}

/// The assertion, of the one type that is known (RFC 7521 section 4.2).
fn read_assertion(parameters: &Parameters) -> Result<Option<&str>, Refusal> {
    let kind = parameters.find("client_assertion_type")?;
    match (parameters.find("client_assertion")?, kind) {
        (None, None) => Ok(None),
        (Some(assertion), Some(assertion::JWT_BEARER)) => Ok(Some(assertion)),
        _ => Err(Unauthenticated::AssertionType.in_body()),
    }
}

/// RFC 6749 section 2.3.1: id and secret are each form-encoded before RFC 7617 joins them.
///
/// `curl --user`, authlib and many others do not encode them, so the secret may be meant as it is
/// written, too.
fn decode_basic(value: &[u8]) -> Option<Presented> {
    let (scheme, encoded) = str::from_utf8(value).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = pair.split_once(':')?;
    let as_written = Secret::new(secret.to_owned());
    let evidence = match decode_form(secret) {
        Some(decoded) if decoded.is_empty() => Evidence::Nothing,
        Some(decoded) if decoded != secret => Evidence::Basic(Secret::new(decoded), as_written),
        _ => Evidence::Secret(as_written),
    };
    Some(Presented {
        client_id: decode_form(client_id)?,
        evidence,
        place: Place::Header,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(value: &str) -> Option<(String, Option<String>)> {
        let Presented {
            client_id,
            evidence,
            ..
        } = decode_basic(value.as_bytes())?;
        let secret = match evidence {
            Evidence::Secret(secret) | Evidence::Basic(secret, _) => Some(secret.expose().clone()),
            Evidence::Nothing | Evidence::Assertion(_) => None,
        };
        Some((client_id, secret))
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
            ("Basic", "worker:%ff", Some(("worker", Some("%ff")))),
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
