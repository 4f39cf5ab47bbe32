//! From what a function returns to an HTTP response: payload format 2.0, with its inference.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

/// Why what a function returned is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is not JSON.
    #[error("the function did not return JSON")]
    Json,
    /// `statusCode` is no status that an answer can have.
    #[error("`statusCode` must be a whole number from 200 to 599")]
    Status,
    /// `headers` holds something else than names and texts.
    #[error("`headers` must hold names and texts of HTTP")]
    Headers,
    /// `cookies` holds something else than texts.
    #[error("`cookies` must be a list of texts")]
    Cookies,
    /// `body` is not a text.
    #[error("`body` must be a text; `JSON.stringify` makes one")]
    Body,
    /// The body should be base64 and is not.
    #[error("`body` is not base64, though `isBase64Encoded` says so")]
    Base64,
    /// There is no end of the prelude where it must be.
    #[error("the prelude of a streamed response is too long, or never ends")]
    Prelude,
}

/// What describes the hop, which is ours.
const OURS: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE];

/// The response that a function's `payload` means.
///
/// Without `statusCode` all of it is the body: a text as it is, anything else as JSON.
pub(crate) fn read(payload: &[u8]) -> Result<Response<Bytes>, AnswerError> {
    let value: Value = serde_json::from_slice(payload).map_err(|_| AnswerError::Json)?;
    match &value {
        Value::Object(members) if members.contains_key("statusCode") => structured(members),
        Value::String(text) => Ok(inferred(Bytes::from(text.clone()))),
        other => Ok(inferred(Bytes::from(other.to_string()))),
    }
}

/// The head that a streamed response begins with.
pub(crate) fn read_prelude(prelude: &[u8]) -> Result<Response<()>, AnswerError> {
    let value: Value = serde_json::from_slice(prelude).map_err(|_| AnswerError::Json)?;
    let members = value.as_object().ok_or(AnswerError::Json)?;
    head(members, StatusCode::OK)
}

fn inferred(body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn structured(members: &Map<String, Value>) -> Result<Response<Bytes>, AnswerError> {
    let body = match members.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if is_base64(members) => {
            let bytes = STANDARD.decode(text).map_err(|_| AnswerError::Base64)?;
            Bytes::from(bytes)
        }
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(_) => return Err(AnswerError::Body),
    };
    let response = head(members, StatusCode::OK)?;
    // RFC 9110 sections 15.3.5 and 15.4.5: these two have none.
    let has_body = ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status());
    Ok(response.map(|()| if has_body { body } else { Bytes::new() }))
}

fn is_base64(members: &Map<String, Value>) -> bool {
    members.get("isBase64Encoded").and_then(Value::as_bool) == Some(true)
}

fn head(members: &Map<String, Value>, default: StatusCode) -> Result<Response<()>, AnswerError> {
    let mut response = Response::new(());
    *response.status_mut() = match members.get("statusCode") {
        None => default,
        Some(value) => status(value)?,
    };
    let headers = response.headers_mut();
    if let Some(value) = members.get("headers").filter(|value| !value.is_null()) {
        add_headers(headers, value.as_object().ok_or(AnswerError::Headers)?)?;
    }
    if let Some(value) = members.get("cookies").filter(|value| !value.is_null()) {
        for cookie in value.as_array().ok_or(AnswerError::Cookies)? {
            let cookie = cookie.as_str().ok_or(AnswerError::Cookies)?;
            let cookie = HeaderValue::from_str(cookie).map_err(|_| AnswerError::Cookies)?;
            headers.append(SET_COOKIE, cookie);
        }
    }
    if !headers.contains_key(CONTENT_TYPE) {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, text);
    }
    Ok(response)
}

/// A status is final, and may be written as a text.
fn status(value: &Value) -> Result<StatusCode, AnswerError> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| u16::try_from(number).ok()),
    };
    number
        .filter(|number| (200..600).contains(number))
        .and_then(|number| StatusCode::from_u16(number).ok())
        .ok_or(AnswerError::Status)
}

fn add_headers(headers: &mut HeaderMap, members: &Map<String, Value>) -> Result<(), AnswerError> {
    for (name, value) in members {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(AnswerError::Headers),
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| AnswerError::Headers)?;
        let value = HeaderValue::from_str(&value).map_err(|_| AnswerError::Headers)?;
        if !OURS.contains(&name) {
            headers.append(name, value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(payload: &str) -> Result<(u16, Vec<String>, String), AnswerError> {
        read(payload.as_bytes()).map(|response| {
            let lines = response.headers().iter();
            let lines = lines.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            let body = String::from_utf8(response.body().to_vec()).unwrap();
            (response.status().as_u16(), lines.collect(), body)
        })
    }

    #[test]
    fn a_response_is_what_it_says_or_what_can_be_inferred() {
        let json = "content-type: application/json";
        let plain = "content-type: text/plain; charset=utf-8";
        for (payload, status, headers, body) in [
            (
                r#""Hello from Lambda!""#,
                200,
                &[json][..],
                "Hello from Lambda!",
            ),
            (r#"{"a":1}"#, 200, &[json], r#"{"a":1}"#),
            ("[1]", 200, &[json], "[1]"),
            ("null", 200, &[json], "null"),
            (r#"{"statusCode":200,"body":"Hi"}"#, 200, &[plain], "Hi"),
            (r#"{"statusCode":"201"}"#, 201, &[plain], ""),
            (r#"{"statusCode":200,"body":null}"#, 200, &[plain], ""),
            (r#"{"statusCode":204,"body":"x"}"#, 204, &[plain], ""),
            (
                r#"{"statusCode":200,"isBase64Encoded":true,"body":"SGk="}"#,
                200,
                &[plain],
                "Hi",
            ),
            (
                r#"{"statusCode":302,"headers":{"Location":"/","X-N":1,"X-B":true},"cookies":["a=1","b=2"]}"#,
                302,
                &[
                    "location: /",
                    "x-n: 1",
                    "x-b: true",
                    "set-cookie: a=1",
                    "set-cookie: b=2",
                    plain,
                ],
                "",
            ),
            (
                r#"{"statusCode":200,"headers":{"Content-Type":"text/html","Content-Length":"9","Transfer-Encoding":"x"}}"#,
                200,
                &["content-type: text/html"],
                "",
            ),
        ] {
            let headers = headers
                .iter()
                .map(|&line| line.to_owned())
                .collect::<Vec<_>>();
            let mut shown = shown(payload).unwrap();
            let mut expected = (status, headers, body.to_owned());
            shown.1.sort();
            expected.1.sort();
            assert_eq!(shown, expected, "{payload}");
        }
    }

    #[test]
    fn rubbish_is_refused_for_what_it_is() {
        for (payload, expected) in [
            ("", AnswerError::Json),
            ("<html>", AnswerError::Json),
            (r#"{"statusCode":199}"#, AnswerError::Status),
            (r#"{"statusCode":600}"#, AnswerError::Status),
            (r#"{"statusCode":"ok"}"#, AnswerError::Status),
            (r#"{"statusCode":null}"#, AnswerError::Status),
            (r#"{"statusCode":200.5}"#, AnswerError::Status),
            (r#"{"statusCode":200,"headers":[]}"#, AnswerError::Headers),
            (
                r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
                AnswerError::Headers,
            ),
            (
                r#"{"statusCode":200,"headers":{"a":"b\r\nc: d"}}"#,
                AnswerError::Headers,
            ),
            (
                r#"{"statusCode":200,"headers":{"a":["b"]}}"#,
                AnswerError::Headers,
            ),
            (
                r#"{"statusCode":200,"cookies":"a=1"}"#,
                AnswerError::Cookies,
            ),
            (
                r#"{"statusCode":200,"cookies":["a\n"]}"#,
                AnswerError::Cookies,
            ),
            (r#"{"statusCode":200,"body":{}}"#, AnswerError::Body),
            (
                r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#,
                AnswerError::Base64,
            ),
        ] {
            assert_eq!(shown(payload), Err(expected), "{payload}");
        }
    }

    #[test]
    fn a_prelude_is_a_head() {
        let prelude = br#"{"statusCode":418,"headers":{"x-a":"b"},"cookies":["c=d"]}"#;
        let response = read_prelude(prelude).unwrap();
        assert_eq!(response.status(), 418);
        assert_eq!(response.headers()["x-a"], "b");
        assert_eq!(response.headers()["set-cookie"], "c=d");
        assert_eq!(read_prelude(b"7").unwrap_err(), AnswerError::Json);
    }
}
