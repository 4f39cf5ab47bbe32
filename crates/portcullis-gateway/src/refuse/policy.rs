//! How refusals by policies and their limits look.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use portcullis::Problem;
use portcullis_config::ErrorBodies;
use portcullis_store::Kind;
use serde_json::json;

use super::style::{Manner, Told, answer, imitate};

/// Which limits a request goes beyond.
#[derive(Clone, Debug)]
pub struct Limited {
    pub(crate) kind: Kind,
    /// Whether the first of them is one that all callers use up together.
    pub(crate) is_shared: bool,
    /// Their names, as `RateLimit-Policy` has them.
    pub(crate) violated: Vec<String>,
    /// Seconds, at least one.
    pub(crate) retry_after: u64,
    /// Whose bodies the API imitates: in Tyk's look, a quota has a status of its own.
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

    pub(super) const fn detail(&self) -> &'static str {
        if self.is_shared {
            "all callers together have used up a limit"
        } else {
            "the caller has used up a limit"
        }
    }

    pub(super) const fn status(&self) -> StatusCode {
        match (self.errors, self.kind) {
            (ErrorBodies::Tyk, Kind::Quota) => StatusCode::FORBIDDEN,
            _ => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    pub(super) fn respond(&self, manner: Manner<'_>) -> Response<Bytes> {
        let tyk = match (self.kind, self.is_shared) {
            (Kind::Rate, false) => "Rate Limit Exceeded",
            (Kind::Rate, true) => "API Rate Limit Exceeded",
            (Kind::Quota, _) => "Quota exceeded",
        };
        let detail = self.detail();
        let told = Told {
            status: self.status(),
            code: self.code(),
            detail,
            tyk: Some(tyk),
        };
        let mut response = imitate(&told, manner).unwrap_or_else(|| {
            let status = self.status();
            let problem = json!({
                "type": QUOTA_EXCEEDED,
                "title": status.canonical_reason(),
                "status": status.as_u16(),
                "detail": manner.message(self.code()).unwrap_or(detail),
                "violated-policies": self.violated,
                "request_id": manner.request_id,
            });
            answer(status, Problem::CONTENT_TYPE, problem.to_string())
        });
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, self.retry_after.into());
        response
    }
}
