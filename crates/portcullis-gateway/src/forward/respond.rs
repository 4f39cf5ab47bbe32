//! Answers that the configuration itself gives: `respond = "Hello {name}"`.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response};
use portcullis_config::{PathPattern, Segment, Template, TemplatePart};

use crate::body::Body;
use crate::route::segments;

/// The template as plain text, the path's parameters percent-decoded in their places.
pub(crate) fn answer(template: &Template, pattern: &PathPattern, path: &str) -> Response<Body> {
    let mut text = String::new();
    for part in &template.parts {
        match part {
            TemplatePart::Text(literal) => text.push_str(literal),
            TemplatePart::Parameter(name) => text.push_str(&parameter(name, pattern, path)),
        }
    }
    let mut response = Response::new(Body::full(text));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    // The parameter is the caller's text: no browser may read it as a page.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What an API says about itself (RFC 9728 section 3.2), to pages of any origin: it is public.
pub(crate) fn metadata(document: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::full(document));
    for (name, value) in [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=300"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// The value of a parameter in the canonical `path`; bytes that are not UTF-8 are replaced.
pub(super) fn parameter(name: &str, pattern: &PathPattern, path: &str) -> String {
    let mut values = segments(path);
    for segment in &pattern.segments {
        let value = match segment {
            Segment::Remainder(own) if own == name => values.by_ref().collect::<Vec<_>>().join("/"),
            Segment::Parameter(own) if own == name => values.next().unwrap_or_default().to_owned(),
            _ => {
                values.next();
                continue;
            }
        };
        return percent_encoding::percent_decode_str(&value)
            .decode_utf8_lossy()
            .into_owned();
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_decoded_where_it_stands() {
        for (pattern, path, name, expected) in [
            ("/hello/{name}", "/hello/world", "name", "world"),
            ("/hello/{name}", "/hello/w%C3%B6rld", "name", "wörld"),
            ("/hello/{name}", "/hello/a%20b/", "name", "a b"),
            ("/hello/{name}", "/hello/%FF", "name", "\u{fffd}"),
            ("/{a}/{b}", "/1/2", "b", "2"),
            ("/files/{rest+}", "/files/a/b", "rest", "a/b"),
        ] {
            let pattern = PathPattern::parse(pattern).unwrap();
            assert_eq!(
                parameter(name, &pattern, path),
                expected,
                "{pattern} {path}"
            );
        }
    }
}
