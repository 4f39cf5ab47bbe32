//! What a browser sends: the parameters of a query, of a form, or of a JSON object.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Map, Value};
use url::form_urlencoded;

/// Longer queries and bodies are refused; an ID token as a hint takes 2 KiB or so.
const MAX_BYTES: usize = 16 * 1024;

/// A body that takes longer to arrive is held up on purpose.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Parameters in their order. There is no `Debug`: passwords are among them.
pub(crate) struct Fields(Vec<(String, String)>);

/// Why there are no fields to be had. The text is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FieldsError {
    #[error("The request is longer than 16 KiB.")]
    TooLong,
    #[error("The request did not arrive in time.")]
    TooSlow,
    #[error("The request could not be read.")]
    Interrupted,
    #[error("The request is neither a form nor JSON.")]
    ContentType,
    #[error("The request is not a JSON object.")]
    Json,
}

impl FieldsError {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Interrupted | Self::Json => StatusCode::BAD_REQUEST,
        }
    }
}

impl Fields {
    /// Reads a query; absent is empty.
    pub(crate) fn from_query(query: Option<&str>) -> Result<Self, FieldsError> {
        let query = query.unwrap_or_default();
        if query.len() > MAX_BYTES {
            return Err(FieldsError::TooLong);
        }
        Ok(Self::parse(query.as_bytes()))
    }

    /// Reads the body of a form.
    pub(crate) async fn from_form(headers: &HeaderMap, body: Body) -> Result<Self, FieldsError> {
        if media_type(headers) != "application/x-www-form-urlencoded" {
            return Err(FieldsError::ContentType);
        }
        Ok(Self::parse(&collect(body).await?))
    }

    /// Reads a form, or the texts of a JSON object, as scripts send them.
    pub(crate) async fn from_call(headers: &HeaderMap, body: Body) -> Result<Self, FieldsError> {
        if media_type(headers) != "application/json" {
            return Self::from_form(headers, body).await;
        }
        let object: Map<String, Value> =
            serde_json::from_slice(&collect(body).await?).map_err(|_| FieldsError::Json)?;
        let texts = object.into_iter().filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            _ => None,
        });
        Ok(Self(texts.collect()))
    }

    fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of a parameter. RFC 6749 section 3.1: an empty one counts as omitted.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        values
            .next()
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// The first of `names` that is there more than once.
    pub(crate) fn find_repeated<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        let count = |name: &str| self.0.iter().filter(|(known, _)| known == name).count();
        names.iter().copied().find(|name| count(name) > 1)
    }

    /// The same as a query.
    pub(crate) fn to_query(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = text.and_then(|text| text.split(';').next());
    media_type.unwrap_or_default().trim().to_ascii_lowercase()
}

async fn collect(body: Body) -> Result<Bytes, FieldsError> {
    let declared = usize::try_from(body.size_hint().lower());
    if !declared.is_ok_and(|length| length <= MAX_BYTES) {
        return Err(FieldsError::TooLong);
    }
    match tokio::time::timeout(MAX_WAIT, Limited::new(body, MAX_BYTES).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(cause)) if cause.is::<LengthLimitError>() => Err(FieldsError::TooLong),
        Ok(Err(_)) => Err(FieldsError::Interrupted),
        Err(_) => Err(FieldsError::TooSlow),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_query_is_read_in_order_and_bounded() {
        let fields = Fields::from_query(Some("a=1&b=&c=%20+&a=2&d")).unwrap();
        for (name, expected) in [
            ("a", Some("1")),
            ("b", None),
            ("c", Some("  ")),
            ("d", None),
            ("e", None),
        ] {
            assert_eq!(fields.find(name), expected, "{name}");
        }
        assert_eq!(fields.find_repeated(&["b", "a"]), Some("a"));
        assert_eq!(fields.find_repeated(&["b", "e"]), None);
        assert_eq!(fields.to_query(), "a=1&b=&c=++&a=2&d=");
        let (most, long) = ("a".repeat(MAX_BYTES), "a".repeat(MAX_BYTES + 1));
        assert!(Fields::from_query(Some(&most)).is_ok());
        assert_eq!(
            Fields::from_query(Some(&long)).err(),
            Some(FieldsError::TooLong)
        );
    }

    #[tokio::test]
    async fn a_body_is_read_by_its_type() {
        let long = format!("a={}", "b".repeat(MAX_BYTES));
        for (name, media_type, body, expected) in [
            ("form", "application/x-www-form-urlencoded", "a=1", Ok("1")),
            (
                "form with charset",
                "Application/x-www-form-urlencoded; charset=utf-8",
                "a=1",
                Ok("1"),
            ),
            ("json", "application/json", r#"{"a":"1","b":[]}"#, Ok("1")),
            ("number", "application/json", r#"{"a":1}"#, Ok("")),
            ("list", "application/json", "[]", Err(FieldsError::Json)),
            ("text", "text/plain", "a=1", Err(FieldsError::ContentType)),
            (
                "long",
                "application/x-www-form-urlencoded",
                &long,
                Err(FieldsError::TooLong),
            ),
        ] {
            let value = HeaderValue::from_str(media_type).unwrap();
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value)]);
            let fields = Fields::from_call(&headers, Body::from(body.to_owned())).await;
            let found = fields.map(|fields| fields.text("a").to_owned());
            assert_eq!(found, expected.map(str::to_owned), "{name}");
        }
    }
}
