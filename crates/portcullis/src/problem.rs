use serde::Serialize;

/// The body of a refusal: `application/problem+json` (RFC 9457) with RFC 6750's members.
#[derive(Clone, Debug, Serialize)]
pub struct Problem<'a> {
    /// `urn:portcullis:problem:` and a code that a program may switch on.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// One sentence for a person.
    pub detail: &'a str,
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
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// `urn:portcullis:problem:CODE`.
    pub fn kind(code: &str) -> String {
        format!("urn:portcullis:problem:{code}")
    }

    /// The body.
    ///
    /// # Panics
    /// Never: strings and numbers are always JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers are always JSON")
    }
}
