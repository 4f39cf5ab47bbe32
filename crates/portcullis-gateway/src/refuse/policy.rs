//! How refusals by policies and their limits look.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use portcullis::Problem;
use portcullis_config::ErrorBodies;
use portcullis_store::Kind;
use serde_json::json;

/// Which limits a request goes beyond.
#[derive(Clone, Debug)]
pub struct Limited {
    pub(crate) kind: Kind,
    /// Their names, as `RateLimit-Policy` has them.
    pub(crate) violated: Vec<String>,
    /// Seconds, at least one.
    pub(crate) retry_after: u64,
    pub(crate) errors: ErrorBodies,
}

/// The type that the draft registers (draft-ietf-httpapi-ratelimit-headers-11 section 7).
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

impl Limited {
    pub(super) const fn code(&self) -> &'static str {
        match self.kind {
            Kind::Rate => "rate_exceeded",
            Kind::Quota => "quota_exceeded",
        }
    }

    pub(super) const fn status(&self) -> StatusCode {
        match (self.errors, self.kind) {
            (ErrorBodies::Tyk, Kind::Quota) => StatusCode::FORBIDDEN,
            _ => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    pub(super) fn respond(&self, request_id: &str) -> Response<Bytes> {
        let tyk = match self.kind {
            Kind::Rate => "Rate Limit Exceeded",
            Kind::Quota => "Quota exceeded",
        };
        let mut response = imitate(self.errors, self.status(), tyk).unwrap_or_else(|| {
            let status = self.status();
            let problem = json!({
                "type": QUOTA_EXCEEDED,
                "title": status.canonical_reason(),
                "status": status.as_u16(),
                "detail": "the caller has used up a limit",
                "violated-policies": self.violated,
                "request_id": request_id,
            });
            answer(status, Problem::CONTENT_TYPE, problem.to_string())
        });
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, self.retry_after.into());
        response
    }
}

/// The answer in the look of another gateway; absent for those that have no look of their own.
pub(super) fn imitate(
    errors: ErrorBodies,
    status: StatusCode,
    tyk: &str,
) -> Option<Response<Bytes>> {
    let body = match errors {
        ErrorBodies::Tyk => json!({ "error": tyk }),
        ErrorBodies::Aws => json!({ "message": status.canonical_reason() }),
        ErrorBodies::Problem | ErrorBodies::ExpressJwt => return None,
    };
    Some(answer(status, "application/json", body.to_string()))
}

fn answer(status: StatusCode, media_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
