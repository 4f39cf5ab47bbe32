//! Every refusal: its status, its body, its challenge, in one table.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use portcullis::{Answers, Form, Problem, Rejection};
use portcullis_token::{Reason, StepUp};

use crate::body::Body;
use crate::path::PathError;

/// Why a request is not served.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The path has no canonical form.
    Path(PathError),
    /// An HTTP/1.1 request without exactly one good `Host` (RFC 9112 section 3.2).
    Host,
    /// A transfer coding other than `chunked` (RFC 9112 section 6.1).
    Framing,
    /// A header whose value is not ASCII.
    Header,
    /// The caller's body broke off, or its framing is wrong.
    Body,
    /// No route for this method and path.
    NoRoute,
    /// The credential.
    Credential {
        /// Why it was refused.
        reason: Reason,
        /// The scopes that the route asks for.
        scopes: Vec<String>,
        /// What the route asks of the login.
        step_up: StepUp,
        /// Whether the caller used the scheme `DPoP`, which then carries the error.
        by_dpop: bool,
        /// A nonce for the caller's next proof.
        nonce: Option<String>,
        /// How the API presents itself.
        answers: Arc<Answers>,
    },
    /// The body is larger than the limit.
    BodyTooLarge,
    /// No connection to the upstream, or it broke before it answered.
    UpstreamUnreachable,
    /// The upstream took too long to answer.
    UpstreamTimeout,
}

/// One row of the table.
struct Facts {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Refusal {
    /// The exact reason as logs and `explain` name it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Credential { reason, .. } => reason.code(),
            other => other.facts().code,
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.facts().status
    }

    /// Whether what follows on the caller's connection may be something else than it seems.
    pub(crate) const fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::Host | Self::Framing | Self::Header | Self::Body | Self::BodyTooLarge
        )
    }

    /// What to do about it, in one sentence.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Credential { reason, .. } => reason.remedy(),
            Self::Path(_) => "send the path in its plain form",
            Self::Host => "send one `Host` header",
            Self::Framing => "send the body with `Content-Length`, or in one layer of chunks",
            Self::Header => "percent-encode what is not ASCII in headers",
            Self::Body => "send the whole body, framed as its head says",
            Self::NoRoute => {
                "correct the path or the method, or add the route; `portcullis check` lists them"
            }
            Self::BodyTooLarge => "send less, or raise `body` in `[server.limits]`",
            Self::UpstreamUnreachable => "start the upstream, or correct its address in `upstream`",
            Self::UpstreamTimeout => "make the upstream answer sooner",
        }
    }

    #[rustfmt::skip]
    fn facts(&self) -> Facts {
        match self {
            Self::Path(error) => facts(StatusCode::BAD_REQUEST, "bad_path", error),
            Self::Host => facts(StatusCode::BAD_REQUEST, "bad_host", &"a request needs exactly one `Host` header"),
            Self::Framing => facts(StatusCode::BAD_REQUEST, "bad_framing", &"the only transfer coding is `chunked`, once"),
            Self::Header => facts(StatusCode::BAD_REQUEST, "bad_header", &"a header's value is not ASCII"),
            Self::Body => facts(StatusCode::BAD_REQUEST, "bad_body", &"the body broke off, or is not framed as its head says"),
            Self::NoRoute => facts(StatusCode::NOT_FOUND, "no_route", &"no route answers this method and path"),
            Self::Credential { reason, .. } => facts(
                StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::UNAUTHORIZED), reason.public_code(), &reason.description()),
            Self::BodyTooLarge => facts(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", &"the body is larger than this API accepts"),
            Self::UpstreamUnreachable => facts(StatusCode::BAD_GATEWAY, "upstream_unreachable", &"the service behind this API cannot be reached"),
            Self::UpstreamTimeout => facts(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", &"the service behind this API did not answer in time"),
        }
    }

    /// The refusal over HTTP, in the `form` that the request asks for. `tells_reason` adds the
    /// exact reason, which is for development.
    pub(crate) fn into_response(
        self,
        request_id: &str,
        form: Form,
        tells_reason: bool,
    ) -> Response<Body> {
        let response = match &self {
            Self::Credential {
                reason,
                scopes,
                step_up,
                by_dpop,
                nonce,
                answers,
            } => {
                let mut rejection = Rejection::new(*reason, answers)
                    .scopes(scopes.as_slice())
                    .step_up(step_up.acr_values.as_slice(), step_up.max_age)
                    .form(form);
                if *by_dpop {
                    rejection = rejection.by_dpop();
                }
                if let Some(nonce) = nonce {
                    rejection = rejection.nonce(nonce);
                }
                rejection.respond(Some(request_id))
            }
            other => other.problem(request_id, tells_reason),
        };
        response.map(Body::full)
    }

    fn problem(&self, request_id: &str, tells_reason: bool) -> Response<Bytes> {
        let facts = self.facts();
        let problem = Problem {
            kind: Problem::kind(facts.code),
            title: facts.status.canonical_reason().unwrap_or_default(),
            status: facts.status.as_u16(),
            detail: Some(&facts.detail),
            error: None,
            error_description: None,
            reason: tells_reason.then(|| self.code()),
            request_id: Some(request_id),
        };
        problem.respond()
    }
}

fn facts(status: StatusCode, code: &'static str, detail: &dyn ToString) -> Facts {
    Facts {
        status,
        code,
        detail: detail.to_string(),
    }
}

impl From<PathError> for Refusal {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

#[cfg(test)]
mod tests {
    use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};

    use super::*;

    fn every() -> Vec<Refusal> {
        let credential = |reason| Refusal::Credential {
            reason,
            answers: Arc::default(),
            step_up: StepUp::default(),
            by_dpop: false,
            nonce: None,
            scopes: vec!["read:reports".to_owned()],
        };
        let mut every = vec![
            Refusal::Path(PathError::DotSegment),
            Refusal::Host,
            Refusal::Framing,
            Refusal::Header,
            Refusal::Body,
            Refusal::NoRoute,
            Refusal::BodyTooLarge,
            Refusal::UpstreamUnreachable,
            Refusal::UpstreamTimeout,
        ];
        every.extend(Reason::ALL.map(credential));
        every
    }

    #[test]
    fn every_refusal_is_a_problem_that_no_cache_keeps() {
        for refusal in every() {
            let code = refusal.code();
            let status = refusal.status();
            assert!(status.is_client_error() || status.as_u16() > 501, "{code}");
            let response = refusal.into_response("id", Form::default(), false);
            assert_eq!(response.status(), status, "{code}");
            assert_eq!(
                response.headers()[CONTENT_TYPE],
                "application/problem+json",
                "{code}"
            );
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{code}");
            let retry = response.headers().contains_key(RETRY_AFTER);
            assert_eq!(retry, status == StatusCode::SERVICE_UNAVAILABLE, "{code}");
        }
    }

    #[test]
    fn a_challenge_comes_with_every_refused_credential_and_with_nothing_else() {
        for refusal in every() {
            let code = refusal.code();
            let expected =
                matches!(&refusal, Refusal::Credential { reason, .. } if reason.status() != 503);
            let response = refusal.into_response("id", Form::default(), false);
            assert_eq!(
                response.headers().contains_key(WWW_AUTHENTICATE),
                expected,
                "{code}"
            );
        }
    }
}
