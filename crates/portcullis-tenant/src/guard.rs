//! What every request and every answer is subject to, whatever its route.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;

use crate::host::Names;

/// Names and values of all headers together; far above what browsers and SDKs send.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Refuses a long head and another's host, and keeps caches from every answer that does not
/// invite them.
pub(crate) async fn apply(State(names): State<Names>, request: Request, next: Next) -> Response {
    let mut response = if !names.include(request.uri(), request.headers()) {
        // RFC 9110 section 7.4.
        refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "This tenant answers to the names of its own machine only.",
        )
    } else if header_bytes(request.headers()) > MAX_HEADER_BYTES {
        refuse(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The headers are too long.",
        )
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        // RFC 6749 section 5.1 asks for both.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    }
    response
}

pub(crate) async fn not_found() -> Response {
    refuse(StatusCode::NOT_FOUND, "There is nothing at this path.")
}

/// The router adds `Allow`.
pub(crate) async fn method_not_allowed() -> Response {
    refuse(
        StatusCode::METHOD_NOT_ALLOWED,
        "This path does not accept this method.",
    )
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

/// An error outside OAuth, in the shape of Auth0's Management API.
fn refuse(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "statusCode": status.as_u16(),
        "error": status.canonical_reason(),
        "message": message,
    });
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
