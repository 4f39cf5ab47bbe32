use std::collections::BTreeMap;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::operations::Question;
use crate::refuse::Refusal;

/// `{"method": "GET", "path": "/reports", "headers": {"x-a": "b"}, "token": "eyJ…"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Sent as `Authorization: Bearer`, besides what `headers` has.
    token: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

/// Reads the body of `POST /explain`.
pub(crate) fn parse(json: &[u8]) -> Result<Question, Refusal> {
    // The library's message shows values, and one of them is a token.
    let body: Body = serde_json::from_slice(json).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let expected = "an object with `path`, and `method`, `headers` and `token` if need be";
        Refusal::Question(format!("{place}: expected {expected}"))
    })?;
    if !body.path.starts_with('/') {
        let problem = "`path` must begin with a slash";
        return Err(Refusal::Question(problem.to_owned()));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &body.headers {
        append(&mut headers, name, value)?;
    }
    if let Some(token) = &body.token {
        append(
            &mut headers,
            AUTHORIZATION.as_str(),
            &format!("Bearer {token}"),
        )?;
    }
    let path = body.path.split(['?', '#']).next().unwrap_or_default();
    Ok(Question {
        method: body.method,
        path: path.to_owned(),
        headers,
    })
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Refusal> {
    let header = HeaderName::try_from(name).ok();
    let value = HeaderValue::try_from(value).ok();
    let (Some(header), Some(mut value)) = (header, value) else {
        let problem = format!("`{}` is not a header", name.escape_debug());
        return Err(Refusal::Question(problem));
    };
    value.set_sensitive([AUTHORIZATION, COOKIE].contains(&header));
    headers
        .try_append(header, value)
        .map(|_| ())
        .map_err(|_| Refusal::Question("there are too many headers".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_request_and_perhaps_a_token() {
        let question = parse(br#"{"path":"/a?b#c"}"#).unwrap();
        assert_eq!((&*question.method, &*question.path), ("GET", "/a"));
        assert!(question.headers.is_empty());
        let question =
            parse(br#"{"method":"PUT","path":"/","headers":{"X-A":"b"},"token":"secret"}"#)
                .unwrap();
        assert_eq!(question.method, "PUT");
        assert_eq!(question.headers["x-a"], "b");
        assert_eq!(question.headers["authorization"], "Bearer secret");
        assert!(!format!("{question:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_question_is_refused_without_its_values() {
        let fields =
            "expected an object with `path`, and `method`, `headers` and `token` if need be";
        for (body, expected) in [
            ("", format!("line 1, column 0: {fields}")),
            (
                r#"{"method":"GET"}"#,
                format!("line 1, column 16: {fields}"),
            ),
            (
                r#"{"path":"/","tokn":"secret"}"#,
                format!("line 1, column 18: {fields}"),
            ),
            (
                r#"{"path":1,"token":"secret"}"#,
                format!("line 1, column 9: {fields}"),
            ),
            (
                r#"{"path":"a"}"#,
                "`path` must begin with a slash".to_owned(),
            ),
            (
                r#"{"path":"/","headers":{"a b":"secret"}}"#,
                "`a b` is not a header".to_owned(),
            ),
            (
                r#"{"path":"/","token":"secret\n"}"#,
                "`authorization` is not a header".to_owned(),
            ),
        ] {
            let said = parse(body.as_bytes()).unwrap_err().to_string();
            let expected = format!("the body does not ask about a request: {expected}");
            assert_eq!(said, expected, "{body}");
        }
    }
}
