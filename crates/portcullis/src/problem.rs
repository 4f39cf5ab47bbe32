use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

/// The body of a refusal: `application/problem+json` (RFC 9457) with RFC 6750's members.
///
/// ```
/// use portcullis::Problem;
///
/// let problem = Problem {
///     kind: Problem::kind("no_route"),
///     title: "Not Found",
///     status: 404,
///     detail: Some("no route answers this method and path"),
///     error: None,
///     error_description: None,
///     reason: None,
///     request_id: None,
/// };
/// let answer = problem.respond();
/// assert_eq!(answer.headers()["content-type"], "application/problem+json");
/// assert_eq!(answer.headers()["cache-control"], "no-store");
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Problem<'a> {
    /// `urn:portcullis:problem:` and a code that a program may switch on.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// One sentence for a person; absent where callers are told as little as possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
    /// RFC 6750's error code, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    /// The sentence that the challenge carries too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<&'a str>,
    /// The exact reason, in development only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Finds the request in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
}

impl Problem<'_> {
    /// The media type of the body.
    ///
    /// ```
    /// # use portcullis::Problem;
    /// # let problem = Problem {
    /// #     kind: Problem::kind("no_route"),
    /// #     title: "Not Found",
    /// #     status: 404,
    /// #     detail: None,
    /// #     error: None,
    /// #     error_description: None,
    /// #     reason: None,
    /// #     request_id: None,
    /// # };
    /// let answer = problem.respond();
    /// assert_eq!(answer.headers()["content-type"], Problem::CONTENT_TYPE);
    /// ```
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// `urn:portcullis:problem:CODE`.
    ///
    /// ```
    /// assert_eq!(portcullis::Problem::kind("no_route"), "urn:portcullis:problem:no_route");
    /// ```
    pub fn kind(code: &str) -> String {
        format!("urn:portcullis:problem:{code}")
    }

    /// The body.
    ///
    /// ```
    /// # use portcullis::Problem;
    /// # let problem = Problem {
    /// #     kind: Problem::kind("no_route"),
    /// #     title: "Not Found",
    /// #     status: 404,
    /// #     detail: None,
    /// #     error: None,
    /// #     error_description: None,
    /// #     reason: None,
    /// #     request_id: None,
    /// # };
    /// let json = r#"{"type":"urn:portcullis:problem:no_route","title":"Not Found","status":404}"#;
    /// assert_eq!(problem.to_json(), json.as_bytes());
    /// ```
    ///
    /// # Panics
    /// Never: strings and numbers are always JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers are always JSON")
    }

    /// The whole answer, which no cache keeps. A status that HTTP does not know becomes 500.
    ///
    /// ```
    /// # use portcullis::Problem;
    /// # let problem = Problem {
    /// #     kind: Problem::kind("no_route"),
    /// #     title: "Not Found",
    /// #     status: 404,
    /// #     detail: None,
    /// #     error: None,
    /// #     error_description: None,
    /// #     reason: None,
    /// #     request_id: None,
    /// # };
    /// let answer = problem.respond();
    /// assert_eq!(answer.status(), 404);
    /// assert_eq!(answer.body()[..], problem.to_json());
    /// ```
    pub fn respond(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.to_json()));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(Self::CONTENT_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
