use std::collections::BTreeMap;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis::{ClientCertificate, NotAThumbprint};
use serde::Deserialize;

use crate::operations::Question;
use crate::refuse::Refusal;

const DPOP: &str = "dpop";

/// `{"method": "GET", "path": "/reports", "headers": {"x-a": "b"}, "token": "eyJ…"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Sent as `Authorization: Bearer`, or as `DPoP` with a proof, besides what `headers` has.
    token: Option<String>,
    /// Sent as `DPoP`.
    dpop: Option<String>,
    /// The SHA-256 thumbprint of the caller's certificate, as `x5t#S256` or in hexadecimal digits.
    certificate: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

/// Reads the body of `POST /explain`.
pub(crate) fn parse(json: &[u8]) -> Result<Question, Refusal> {
    // The library's message shows values, and one of them is a token.
    let body: Body = serde_json::from_slice(json).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let expected = "an object with `path`, and `method`, `headers`, `token`, `dpop` and `certificate` if \
                        need be";
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
    let scheme = if body.dpop.is_some() {
        "DPoP"
    } else {
        "Bearer"
    };
    if let Some(token) = &body.token {
        append(
            &mut headers,
            AUTHORIZATION.as_str(),
            &format!("{scheme} {token}"),
        )?;
    }
    if let Some(proof) = &body.dpop {
        append(&mut headers, DPOP, proof)?;
    }
    let certificate = body.certificate.as_deref().map(str::parse).transpose();
    let certificate: Option<ClientCertificate> = certificate
        .map_err(|error: NotAThumbprint| Refusal::Question(format!("`certificate`: {error}")))?;
    let target = body.path.split('#').next().unwrap_or_default();
    Ok(Question {
        method: body.method,
        target: target.to_owned(),
        headers,
        certificate: certificate.map(|shown| shown.0),
    })
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Refusal> {
    let header = HeaderName::try_from(name).ok();
    let value = HeaderValue::try_from(value).ok();
    let (Some(header), Some(mut value)) = (header, value) else {
        let problem = format!("`{}` is not a header", name.escape_debug());
        return Err(Refusal::Question(problem));
    };
    value.set_sensitive([AUTHORIZATION, COOKIE].contains(&header) || header == DPOP);
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
        assert_eq!((&*question.method, &*question.target), ("GET", "/a?b"));
        assert!(question.headers.is_empty());
        let question =
            parse(br#"{"method":"PUT","path":"/","headers":{"X-A":"b"},"token":"secret"}"#)
                .unwrap();
        assert_eq!(question.method, "PUT");
        assert_eq!(question.headers["x-a"], "b");
        assert_eq!(question.headers["authorization"], "Bearer secret");
        assert!(!format!("{question:?}").contains("secret"));
        let zeros = "00".repeat(32);
        let bound =
            format!(r#"{{"path":"/?secret","token":"t","dpop":"secret","certificate":"{zeros}"}}"#);
        let question = parse(bound.as_bytes()).unwrap();
        assert_eq!(question.headers["authorization"], "DPoP t");
        assert_eq!(question.headers["dpop"], "secret");
        assert_eq!(question.certificate, Some([0; 32]));
        assert!(!format!("{question:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_question_is_refused_without_its_values() {
        let fields = "expected an object with `path`, and `method`, `headers`, `token`, `dpop` and \
                      `certificate` if need be";
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
                r#"{"path":"/","certificate":"secret"}"#,
                "`certificate`: expected a SHA-256 thumbprint: 64 hexadecimal digits, or 43 \
                 characters of base64url"
                    .to_owned(),
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
