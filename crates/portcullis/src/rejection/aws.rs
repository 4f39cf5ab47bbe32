//! The look of Amazon API Gateway's JWT authorizer.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use portcullis_token::Reason;
use serde_json::json;

use super::Rejection;
use super::challenge::Parameters;

/// What becomes of 400 and 503, which Amazon's gateway never answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Faults {
    Own,
    Unauthorized,
}

pub(super) fn restyle(
    rejection: &Rejection,
    mut response: Response<Bytes>,
    faults: Faults,
) -> Response<Bytes> {
    let is_403 = response.status() == StatusCode::FORBIDDEN;
    if faults == Faults::Unauthorized && !is_403 {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response.headers_mut().remove(RETRY_AFTER);
    }
    let status = response.status();
    let message = status.canonical_reason().unwrap_or_default();
    let message = rejection.answers.find_message(rejection).unwrap_or(message);
    *response.body_mut() = Bytes::from(json!({ "message": message }).to_string());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status != StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(WWW_AUTHENTICATE, challenge(rejection));
    }
    response
}

/// Amazon separates parameters by spaces, and puts `scope` first.
fn challenge(rejection: &Rejection) -> HeaderValue {
    let mut parameters = Parameters::of("Bearer").separated_by(" ");
    if let Some(error) = rejection.reason.error() {
        parameters.add("scope", &scope(rejection));
        parameters.add("error", error);
        if let Some(description) = description(rejection) {
            parameters.add("error_description", description);
        }
    }
    parameters.into_value()
}

fn scope(rejection: &Rejection) -> String {
    match rejection.reason {
        Reason::Scope | Reason::ClaimForbidden => rejection.needs.scopes.join(" "),
        _ => String::new(),
    }
}

fn description(rejection: &Rejection) -> Option<&str> {
    let own = rejection.description()?;
    Some(match rejection.reason {
        Reason::AudMismatch => "the token does not have a valid audience",
        Reason::Expired => "the token has expired",
        _ => own,
    })
}
