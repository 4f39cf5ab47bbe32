//! How the listener says no, in one form.

use axum::body::Body;
use axum::response::Response;
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use portcullis::Problem;
use serde_json::Value;

use crate::operations::NotReloaded;

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("this listener answers to the names of its own machine, and those of `hosts`")]
    Host,
    #[error("this needs the admin token, as `Authorization: Bearer TOKEN`")]
    Credential(Shown),
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path does not accept this method")]
    Method,
    #[error("the body is larger than 256 KiB, or broke off")]
    Body,
    #[error("the body does not ask about a request: {0}")]
    Question(String),
    #[error("it took too long")]
    Timeout,
    #[error(transparent)]
    NotReloaded(#[from] NotReloaded),
}

/// What a caller without the token has shown instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Malformed,
    Wrong,
}

impl Refusal {
    const fn facts(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Host => (421, "host", "Misdirected Request"),
            Self::Credential(_) => (401, "unauthorized", "Unauthorized"),
            Self::NotFound => (404, "not_found", "Not Found"),
            Self::Method => (405, "method", "Method Not Allowed"),
            Self::Body => (413, "body", "Content Too Large"),
            Self::Question(_) => (400, "question", "Bad Request"),
            Self::Timeout => (503, "timeout", "Service Unavailable"),
            Self::NotReloaded(NotReloaded::Ending) => (503, "ending", "Service Unavailable"),
            Self::NotReloaded(_) => (422, "configuration", "Unprocessable Content"),
        }
    }

    pub(crate) fn respond(&self) -> Response {
        let (status, code, title) = self.facts();
        let detail = self.to_string();
        let problem = Problem {
            kind: Problem::kind(code),
            title,
            status,
            detail: Some(&detail),
            error: None,
            error_description: None,
            reason: None,
            request_id: None,
        };
        let mut response = problem.respond().map(Body::from);
        if let Self::Credential(shown) = self {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, challenge(*shown));
        }
        if let Self::NotReloaded(NotReloaded::Invalid { diagnostics }) = self {
            *response.body_mut() = with_diagnostics(&problem, diagnostics);
        }
        response
    }
}

/// RFC 6750 section 3: a caller that has shown nothing is told no error.
const fn challenge(shown: Shown) -> HeaderValue {
    HeaderValue::from_static(match shown {
        Shown::Nothing => "Bearer realm=\"portcullis admin\"",
        Shown::Malformed => "Bearer realm=\"portcullis admin\", error=\"invalid_request\"",
        Shown::Wrong => "Bearer realm=\"portcullis admin\", error=\"invalid_token\"",
    })
}

fn with_diagnostics(problem: &Problem<'_>, diagnostics: &Value) -> Body {
    let mut body = serde_json::to_value(problem).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.insert("diagnostics".to_owned(), diagnostics.clone());
    }
    Body::from(body.to_string())
}
