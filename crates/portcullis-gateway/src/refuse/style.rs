//! What is not about a credential, in the look of another gateway.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use portcullis_config::{ErrorBodies, Message};
use serde_json::json;

/// How a refusal is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'r> {
    /// Whose bodies are imitated, by refusals that do not carry their API's own.
    pub(crate) errors: ErrorBodies,
    /// The file's own words.
    pub(crate) messages: &'r [Message],
    pub(crate) request_id: &'r str,
    /// Whether the exact reason is told, which is for development.
    pub(crate) tells_reason: bool,
}

impl<'r> Manner<'r> {
    pub(super) const fn in_look_of(self, errors: ErrorBodies) -> Self {
        Self { errors, ..self }
    }

    /// The file's words for this reason, where it has some.
    pub(super) fn message(self, code: &str) -> Option<&'r str> {
        let mut messages = self.messages.iter();
        let found = messages.find(|message| message.errors == self.errors && message.code == code);
        found.map(|message| message.text.as_str())
    }
}

/// A refusal, as every look tells it.
pub(super) struct Told<'r> {
    pub(super) status: StatusCode,
    pub(super) code: &'r str,
    pub(super) detail: &'r str,
    /// Tyk's own words, where it has some.
    pub(super) tyk: Option<&'r str>,
}

/// The answer in the look of another gateway; absent where problem details are wanted.
pub(super) fn imitate(told: &Told<'_>, manner: Manner<'_>) -> Option<Response<Bytes>> {
    let errors = manner.errors;
    let message = manner.message(told.code);
    let status = status(errors, told.status);
    let title = status.canonical_reason().unwrap_or_default();
    let (media_type, body) = match errors {
        ErrorBodies::Problem => return None,
        ErrorBodies::Aws => (
            "application/json",
            json!({ "message": message.unwrap_or(aws(status)) }),
        ),
        ErrorBodies::Tyk => {
            let text = message
                .or(told.tyk)
                .or_else(|| tyk(status))
                .unwrap_or(title);
            ("application/json", json!({ "error": text }))
        }
        ErrorBodies::ExpressJwt => (
            "application/json; charset=utf-8",
            json!({
                "name": name(title),
                "code": told.code,
                "message": message.unwrap_or(told.detail),
                "status": status.as_u16(),
            }),
        ),
    };
    Some(answer(status, media_type, body.to_string()))
}

/// Amazon's gateway has one status for whatever goes wrong behind it.
fn status(errors: ErrorBodies, status: StatusCode) -> StatusCode {
    match (errors, status) {
        (ErrorBodies::Aws, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => status,
    }
}

fn aws(status: StatusCode) -> &'static str {
    match status {
        // RFC 9110's older name.
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        _ => status.canonical_reason().unwrap_or_default(),
    }
}

const fn tyk(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Some("Request is too large"),
        StatusCode::BAD_GATEWAY => Some("There was a problem proxying the request"),
        StatusCode::GATEWAY_TIMEOUT => Some("Upstream service reached hard timeout."),
        _ => None,
    }
}

/// The error's class, as Express names it: `Not Found` is a `NotFoundError`.
fn name(title: &str) -> String {
    let letters = title.chars().filter(char::is_ascii_alphabetic);
    letters.chain("Error".chars()).collect()
}

/// The status code of gRPC, by its table of HTTP statuses; `RESOURCE_EXHAUSTED` for what is too
/// much.
pub(super) const fn grpc_status(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "16",
        StatusCode::FORBIDDEN => "7",
        StatusCode::NOT_FOUND => "12",
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "8",
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            "14"
        }
        _ => "13",
    }
}

pub(super) fn answer(
    status: StatusCode,
    media_type: &'static str,
    body: String,
) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
