//! The look of Tyk's JWT check.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use portcullis_token::Reason;
use serde_json::json;

use super::Rejection;

const NOT_AUTHORIZED: &str = "Key not authorized";

pub(super) fn restyle(rejection: &Rejection, mut response: Response<Bytes>) -> Response<Bytes> {
    let (status, own) = facts(rejection);
    let message = rejection.answers.find_message(rejection).unwrap_or(own);
    let body = json!({ "error": message }).to_string();
    *response.status_mut() = status;
    *response.body_mut() = Bytes::from(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn facts(rejection: &Rejection) -> (StatusCode, &'static str) {
    match rejection.reason {
        // Clients that read the metadata look for a 401.
        Reason::Missing | Reason::UnsupportedScheme | Reason::MalformedHeader => {
            let status = match rejection.answers.resource_url() {
                Some(_) => StatusCode::UNAUTHORIZED,
                None => StatusCode::BAD_REQUEST,
            };
            (status, "Authorization field missing")
        }
        Reason::AlgNotAllowed => (
            StatusCode::FORBIDDEN,
            "Key not authorized: Unexpected signing method",
        ),
        Reason::Expired => (
            StatusCode::UNAUTHORIZED,
            "Key not authorized: token has expired",
        ),
        Reason::NotYetValid => (
            StatusCode::UNAUTHORIZED,
            "Key not authorized: token is not valid yet",
        ),
        Reason::BadIat => (
            StatusCode::UNAUTHORIZED,
            "Key not authorized: token used before issued",
        ),
        // A provider that is down is not the caller's fault in any style.
        Reason::KeysUnavailable | Reason::IntrospectionUnavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, NOT_AUTHORIZED)
        }
        reason if reason > Reason::BadSignature && reason.status() == 401 => {
            (StatusCode::UNAUTHORIZED, NOT_AUTHORIZED)
        }
        _ => (StatusCode::FORBIDDEN, NOT_AUTHORIZED),
    }
}
