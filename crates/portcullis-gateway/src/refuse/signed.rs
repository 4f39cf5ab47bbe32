use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::json;

use super::style::answer;
use crate::signed::SignedRefusal;

/// Which of AWS's errors it is.
pub(crate) const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// AWS's answer, whatever look the API has: only AWS's clients sign.
pub(super) fn respond(refusal: &SignedRefusal) -> Response<Bytes> {
    let body = json!({ "message": refusal.message() }).to_string();
    let mut response = answer(StatusCode::FORBIDDEN, "application/json", body);
    let headers = response.headers_mut();
    let error_type = HeaderValue::from_static(refusal.error_type());
    headers.insert(ERROR_TYPE, error_type);
    response
}
