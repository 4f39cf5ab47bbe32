use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::parameters::Parameters;
use super::refusal::Refusal;

/// No token request is longer; a signed client assertion takes a few KiB.
const MAX_BYTES: usize = 64 * 1024;

/// A request that takes longer to arrive is held up on purpose.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The ways of writing parameters that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Form,
    Json,
}

/// Reads the parameters of a request. The type is checked first, so that nothing else is read.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Parameters, Refusal> {
    let format = find_format(headers).ok_or(Refusal::ContentType)?;
    let content = collect(body).await?;
    let parameters = match format {
        Format::Form => Parameters::from_form(&content)?,
        Format::Json => Parameters::from_json(&content)?,
    };
    Ok(parameters)
}

fn find_format(headers: &HeaderMap) -> Option<Format> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = text.split(';').next()?.trim();
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Some(Format::Form)
    } else if media_type.eq_ignore_ascii_case("application/json") {
        Some(Format::Json)
    } else {
        None
    }
}

async fn collect(body: Body) -> Result<Bytes, Refusal> {
    // A declared length is believed when it is too long, and not a byte of it is read.
    let declared = usize::try_from(body.size_hint().lower());
    if !declared.is_ok_and(|length| length <= MAX_BYTES) {
        return Err(Refusal::TooLong);
    }
    match tokio::time::timeout(MAX_WAIT, Limited::new(body, MAX_BYTES).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(cause)) if cause.is::<LengthLimitError>() => Err(Refusal::TooLong),
        Ok(Err(_)) => Err(Refusal::Interrupted),
        Err(_) => Err(Refusal::TooSlow),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http::HeaderValue;
    use http_body::Frame;

    use super::*;

    /// A body that declares no length, and whose sender either ends it or falls silent.
    struct Chunked {
        content: Option<Bytes>,
        ends: bool,
    }

    impl axum::body::HttpBody for Chunked {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.content.take() {
                Some(content) => Poll::Ready(Some(Ok(Frame::data(content)))),
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    #[test]
    fn the_content_type_decides_the_format() {
        for (value, expected) in [
            ("application/json", Some(Format::Json)),
            ("Application/JSON; charset=utf-8", Some(Format::Json)),
            ("application/x-www-form-urlencoded", Some(Format::Form)),
            (
                "application/x-www-form-urlencoded ;charset=UTF-8",
                Some(Format::Form),
            ),
            ("application/json+x", None),
            ("text/json", None),
            ("multipart/form-data; boundary=x", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(find_format(&headers), expected, "{value:?}");
        }
        assert_eq!(find_format(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn a_body_ends_at_its_limit() {
        for (length, fits) in [(0, true), (MAX_BYTES, true), (MAX_BYTES + 1, false)] {
            let content = Bytes::from(vec![b'a'; length]);
            let chunked = Chunked {
                content: Some(content.clone()),
                ends: true,
            };
            for (name, body) in [
                ("declared", Body::from(content)),
                ("chunked", Body::new(chunked)),
            ] {
                match collect(body).await {
                    Ok(read) => assert_eq!((read.len(), fits), (length, true), "{name}"),
                    Err(Refusal::TooLong) => assert!(!fits, "{name} {length}"),
                    Err(other) => panic!("{name} {length}: {other:?}"),
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_who_falls_silent_is_left() {
        let start = tokio::time::Instant::now();
        let silent = Chunked {
            content: Some(Bytes::from_static(b"grant_type=")),
            ends: false,
        };
        let refusal = collect(Body::new(silent)).await.unwrap_err();
        assert!(matches!(refusal, Refusal::TooSlow), "{refusal:?}");
        assert_eq!(start.elapsed().as_secs(), MAX_WAIT.as_secs());
    }
}
