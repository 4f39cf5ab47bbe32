//! A function that gave no answer.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};
use serde_json::Value;

use super::{Facts, Refusal, facts};
use crate::forward::function::FunctionFailureKind as Kind;

pub(super) fn facts_of(kind: Kind) -> Facts {
    let (status, code, detail) = match kind {
        Kind::Failed => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "function_failed",
            "the function behind this API has failed",
        ),
        Kind::Timeout => (
            StatusCode::SERVICE_UNAVAILABLE,
            "function_timeout",
            "the function behind this API took too long",
        ),
        Kind::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "function_busy",
            "the function behind this API has no room for another request",
        ),
        Kind::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "the body is larger than this API accepts",
        ),
    };
    facts(status, code, &detail)
}

pub(super) const fn remedy(kind: Kind) -> &'static str {
    match kind {
        Kind::Failed => "correct the function; its log says what is wrong",
        Kind::Timeout => "make the function answer sooner, or raise its `timeout`",
        Kind::Busy => "raise `concurrency` of the function, or send less at a time",
        Kind::TooLarge => "send less",
    }
}

impl Refusal {
    /// In `dev`, what the function says stands in the answer.
    pub(super) fn explained(&self, response: Response<Bytes>) -> Response<Bytes> {
        let Self::Function(failure) = self else {
            return response;
        };
        let body: Result<Value, _> = serde_json::from_slice(response.body());
        let Ok(Value::Object(mut members)) = body else {
            return response;
        };
        members.insert("function".to_owned(), failure.detail.clone());
        let mut response = response.map(|_| Bytes::from(Value::Object(members).to_string()));
        response.headers_mut().remove(CONTENT_LENGTH);
        response
    }
}

#[cfg(test)]
mod tests {
    use http::Response;
    use serde_json::json;

    use super::*;
    use crate::forward::function::FunctionFailure;

    #[test]
    fn what_a_function_says_is_added_to_the_body() {
        let refusal = Refusal::Function(Box::new(FunctionFailure {
            kind: Kind::Failed,
            detail: json!({ "message": "TypeError: x" }),
        }));
        let body = Bytes::from_static(br#"{"message":"Internal Server Error"}"#);
        let response = refusal.explained(Response::new(body));
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        let expected = json!({
            "message": "Internal Server Error",
            "function": { "message": "TypeError: x" },
        });
        assert_eq!(body, expected);
    }
}
