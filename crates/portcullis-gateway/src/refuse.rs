//! Every refusal: its status, its body, its challenge, in one table.

mod function;
mod policy;
mod signed;
mod style;

use std::sync::Arc;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};
use portcullis::{Answers, Form, Problem, Rejection};
use portcullis_config::ErrorBodies;
use portcullis_token::{Reason, StepUp};

use crate::body::Body;
use crate::forward::function::FunctionFailure;
use crate::path::PathError;
use crate::policy::PolicyRefusal;
use crate::signed::SignedRefusal;

pub use self::policy::Limited;
pub(crate) use self::signed::ERROR_TYPE;
pub(crate) use self::style::Manner;
use self::style::Told;

/// Seconds after which a caller may try again when the store of limits is full.
const RETRY_AFTER_SECONDS: &str = "10";

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
    /// More header lines than the limit (RFC 6585 section 5).
    HeadTooLarge,
    /// The caller's body came too slowly.
    BodyTimeout,
    /// The request took longer than it may in all.
    RequestTimeout,
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
    /// The caller's policies.
    Policy {
        /// Why they do not let the request pass.
        refusal: PolicyRefusal,
        /// How the API presents itself.
        answers: Arc<Answers>,
    },
    /// The request's signature, or the role of whoever has signed it.
    Signed(Box<SignedRefusal>),
    /// The caller has used up a limit.
    Limited(Box<Limited>),
    /// The caller cannot be counted: there is no place for another one.
    StoreFull,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// No connection to the upstream, or it broke before it answered.
    UpstreamUnreachable,
    /// The upstream took too long to answer.
    UpstreamTimeout,
    /// The upstream has not proved who it is, or does not believe who we are.
    UpstreamTls,
    /// The upstream has as many connections as it may.
    UpstreamFull,
    /// The function gave no answer.
    Function(Box<FunctionFailure>),
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
            Self::Signed(refusal) => refusal.code(),
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
            Self::Host
                | Self::Framing
                | Self::Header
                | Self::Body
                | Self::BodyTooLarge
                | Self::BodyTimeout
                | Self::RequestTimeout
        )
    }

    /// What to do about it, in one sentence.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Credential { reason, .. } => reason.remedy(),
            Self::Signed(refusal) => refusal.remedy(),
            Self::Policy { refusal, .. } => refusal.remedy(),
            Self::Limited(_) => {
                "wait as long as `Retry-After` says, or raise the limit of the policy"
            }
            Self::StoreFull => "wait until counters of other callers have run out",
            Self::Path(_) => "send the path in its plain form",
            Self::Host => "send one `Host` header",
            Self::Framing => "send the body with `Content-Length`, or in one layer of chunks",
            Self::Header => "percent-encode what is not ASCII in headers",
            Self::Body => "send the whole body, framed as its head says",
            Self::HeadTooLarge => {
                "send fewer headers, or raise `header_count` in `[server.limits]`"
            }
            Self::BodyTimeout => "send the body without pauses",
            Self::RequestTimeout => {
                "send or answer sooner, or raise `request_timeout` in `[server.limits]`"
            }
            Self::NoRoute => {
                "correct the path or the method, or add the route; `portcullis check` lists them"
            }
            Self::BodyTooLarge => "send less, or raise `body` in `[server.limits]`",
            Self::UpstreamUnreachable => "start the upstream, or correct its address in `upstream`",
            Self::UpstreamTimeout => "make the upstream answer sooner",
            Self::UpstreamTls => {
                "correct `tls` of the upstream or its certificate; the log says what is wrong"
            }
            Self::Function(failure) => function::remedy(failure.kind),
            Self::UpstreamFull => "raise `max_connections` of the upstream, or send less at a time",
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
            Self::HeadTooLarge => facts(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", &"the request has too many headers"),
            Self::BodyTimeout => facts(StatusCode::REQUEST_TIMEOUT, "body_timeout", &"the body came too slowly"),
            Self::RequestTimeout => facts(StatusCode::GATEWAY_TIMEOUT, "request_timeout", &"the request took longer than it may"),
            Self::NoRoute => facts(StatusCode::NOT_FOUND, "no_route", &"no route answers this method and path"),
            Self::Credential { reason, .. } => facts(
                StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::UNAUTHORIZED), reason.public_code(), &reason.description()),
            Self::Policy { refusal: PolicyRefusal::Expired, .. } => facts(StatusCode::UNAUTHORIZED, PolicyRefusal::Expired.code(), &PolicyRefusal::Expired.description()),
            Self::Policy { refusal, .. } => facts(StatusCode::FORBIDDEN, refusal.code(), &refusal.description()),
            Self::Signed(refusal) => facts(StatusCode::FORBIDDEN, refusal.code(), &refusal.message()),
            Self::Limited(limited) => facts(limited.status(), limited.code(), &limited.detail()),
            Self::StoreFull => facts(StatusCode::SERVICE_UNAVAILABLE, "store_full", &"too many callers have limits in use"),
            Self::BodyTooLarge => facts(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", &"the body is larger than this API accepts"),
            Self::UpstreamUnreachable => facts(StatusCode::BAD_GATEWAY, "upstream_unreachable", &"the service behind this API cannot be reached"),
            Self::UpstreamTimeout => facts(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", &"the service behind this API did not answer in time"),
            Self::UpstreamTls => facts(StatusCode::BAD_GATEWAY, "upstream_tls", &"the service behind this API cannot be reached safely"),
            Self::Function(failure) => function::facts_of(failure.kind),
            Self::UpstreamFull => facts(StatusCode::SERVICE_UNAVAILABLE, "upstream_full", &"the service behind this API has no room for another request"),
        }
    }

    /// The refusal over HTTP, in the `form` that the request asks for.
    pub(crate) fn into_response(self, form: Form, manner: Manner<'_>) -> Response<Body> {
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
                return rejection.respond(Some(manner.request_id)).map(Body::full);
            }
            Self::Policy { refusal, answers } => self.by_policy(*refusal, answers, manner),
            Self::Signed(refusal) => signed::respond(refusal),
            Self::Limited(limited) => limited.respond(manner),
            other => other.styled(None, manner),
        };
        let facts = self.facts();
        let grpc_status = style::grpc_status(facts.status);
        form.shape(response, grpc_status, &facts.detail)
            .map(Body::full)
    }

    fn by_policy(
        &self,
        refusal: PolicyRefusal,
        answers: &Arc<Answers>,
        manner: Manner<'_>,
    ) -> Response<Bytes> {
        if refusal != PolicyRefusal::Expired || manner.errors == ErrorBodies::Tyk {
            return self.styled(Some(refusal.tyk()), manner);
        }
        // RFC 9110 section 15.5.2: every 401 has a challenge, and this one asks for a new token.
        let reason = Reason::TooOld;
        let mut answers = Arc::clone(answers);
        if let Some(text) = manner.message(refusal.code()) {
            answers = Arc::new(Answers::clone(&answers).message(reason, text));
        }
        Rejection::new(reason, &answers).respond(Some(manner.request_id))
    }

    fn styled(&self, tyk: Option<&str>, manner: Manner<'_>) -> Response<Bytes> {
        let facts = self.facts();
        let told = Told {
            status: facts.status,
            code: facts.code,
            detail: &facts.detail,
            tyk,
        };
        let mut response =
            style::imitate(&told, manner).unwrap_or_else(|| self.problem(&facts, manner));
        // Ours alone: in some looks, what goes wrong behind the gateway has this status too.
        if facts.status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        if manner.tells_reason {
            return self.explained(response);
        }
        response
    }

    fn problem(&self, facts: &Facts, manner: Manner<'_>) -> Response<Bytes> {
        let problem = Problem {
            kind: Problem::kind(facts.code),
            title: facts.status.canonical_reason().unwrap_or_default(),
            status: facts.status.as_u16(),
            detail: manner.message(facts.code).or(Some(&facts.detail)),
            error: None,
            error_description: None,
            reason: manner.tells_reason.then(|| self.code()),
            request_id: Some(manner.request_id),
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

    use std::collections::BTreeSet;

    use portcullis_config::{GATEWAY_CODES, Message};
    use portcullis_store::Kind;

    use super::*;
    use crate::forward::function::FunctionFailureKind as Failed;

    const fn manner(errors: ErrorBodies) -> Manner<'static> {
        Manner {
            errors,
            messages: &[],
            request_id: "id",
            tells_reason: false,
        }
    }

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
            Refusal::HeadTooLarge,
            Refusal::BodyTimeout,
            Refusal::RequestTimeout,
            Refusal::NoRoute,
            Refusal::BodyTooLarge,
            Refusal::StoreFull,
            Refusal::UpstreamUnreachable,
            Refusal::UpstreamTimeout,
            Refusal::UpstreamTls,
            Refusal::UpstreamFull,
        ];
        every.extend([Failed::Failed, Failed::Timeout, Failed::Busy].map(|kind| {
            Refusal::Function(Box::new(FunctionFailure {
                kind,
                detail: serde_json::Value::Null,
            }))
        }));
        every.extend(Reason::ALL.map(credential));
        every.extend(PolicyRefusal::ALL.map(|refusal| Refusal::Policy {
            refusal,
            answers: Arc::default(),
        }));
        every.extend([Kind::Rate, Kind::Quota].map(|kind| {
            Refusal::Limited(Box::new(Limited {
                kind,
                violated: vec!["standard.rate".to_owned()],
                retry_after: 1,
                is_shared: false,
                errors: ErrorBodies::Problem,
            }))
        }));
        every
    }

    #[test]
    fn every_refusal_is_a_problem_that_no_cache_keeps() {
        for refusal in every() {
            let code = refusal.code();
            let status = refusal.status();
            // Only a function's own failure is nobody's else: 500, as API Gateway has it.
            let is_ours = status.as_u16() > 501 || code == "function_failed";
            assert!(status.is_client_error() || is_ours, "{code}");
            let response = refusal.into_response(Form::default(), manner(ErrorBodies::Problem));
            assert_eq!(response.status(), status, "{code}");
            assert_eq!(
                response.headers()[CONTENT_TYPE],
                "application/problem+json",
                "{code}"
            );
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{code}");
            let retry = response.headers().contains_key(RETRY_AFTER);
            assert_eq!(retry, matches!(status.as_u16(), 429 | 503), "{code}");
        }
    }

    #[test]
    fn every_look_says_when_there_will_be_room_again() {
        for (_, errors) in ErrorBodies::ALL {
            for refusal in [Refusal::StoreFull, Refusal::UpstreamUnreachable] {
                let expected = matches!(refusal, Refusal::StoreFull).then_some("10");
                let response = refusal.into_response(Form::default(), manner(errors));
                let retry = response.headers().get(RETRY_AFTER);
                let retry = retry.and_then(|value| value.to_str().ok());
                assert_eq!(retry, expected, "{errors:?}");
            }
        }
    }

    #[test]
    fn a_challenge_comes_with_every_refused_credential_and_every_401() {
        for refusal in every() {
            let code = refusal.code();
            let expected = matches!(&refusal, Refusal::Credential { reason, .. } if reason.status() != 503)
                || refusal.status() == StatusCode::UNAUTHORIZED;
            let response = refusal.into_response(Form::default(), manner(ErrorBodies::Problem));
            assert_eq!(
                response.headers().contains_key(WWW_AUTHENTICATE),
                expected,
                "{code}"
            );
        }
    }

    fn body(refusal: &Refusal, errors: ErrorBodies) -> (u16, String) {
        let told = refusal.styled(None, manner(errors));
        let text = String::from_utf8(told.body().to_vec()).unwrap();
        (told.status().as_u16(), text)
    }

    #[test]
    #[rustfmt::skip]
    fn every_look_has_its_own_words_for_what_is_not_about_a_credential() {
        let rows = [
            (
                Refusal::Path(PathError::DotSegment),
                400,
                "Bad Request",
                400,
                "Bad Request",
            ),
            (Refusal::Host, 400, "Bad Request", 400, "Bad Request"),
            (Refusal::Framing, 400, "Bad Request", 400, "Bad Request"),
            (Refusal::Header, 400, "Bad Request", 400, "Bad Request"),
            (Refusal::Body, 400, "Bad Request", 400, "Bad Request"),
            (
                Refusal::HeadTooLarge,
                431,
                "Request Header Fields Too Large",
                431,
                "Request Header Fields Too Large",
            ),
            (
                Refusal::BodyTimeout,
                408,
                "Request Timeout",
                408,
                "Request Timeout",
            ),
            (Refusal::NoRoute, 404, "Not Found", 404, "Not Found"),
            (
                Refusal::BodyTooLarge,
                413,
                "Request Entity Too Large",
                413,
                "Request is too large",
            ),
            (
                Refusal::StoreFull,
                503,
                "Service Unavailable",
                503,
                "Service Unavailable",
            ),
            (
                Refusal::UpstreamUnreachable,
                503,
                "Service Unavailable",
                502,
                "There was a problem proxying the request",
            ),
            (
                Refusal::UpstreamTimeout,
                503,
                "Service Unavailable",
                504,
                "Upstream service reached hard timeout.",
            ),
            (
                Refusal::UpstreamTls,
                503,
                "Service Unavailable",
                502,
                "There was a problem proxying the request",
            ),
            (
                Refusal::UpstreamFull,
                503,
                "Service Unavailable",
                503,
                "Service Unavailable",
            ),
            (
                Refusal::RequestTimeout,
                503,
                "Service Unavailable",
                504,
                "Upstream service reached hard timeout.",
            ),
        ];
        for (refusal, aws_status, aws, tyk_status, tyk) in rows {
            let code = refusal.code();
            let expected = (aws_status, format!("{{\"message\":\"{aws}\"}}"));
            assert_eq!(body(&refusal, ErrorBodies::Aws), expected, "{code}");
            let expected = (tyk_status, format!("{{\"error\":\"{tyk}\"}}"));
            assert_eq!(body(&refusal, ErrorBodies::Tyk), expected, "{code}");
        }
        let express = r#"{"code":"no_route","message":"no route answers this method and path","name":"NotFoundError","status":404}"#;
        let expected = (404, express.to_owned());
        assert_eq!(body(&Refusal::NoRoute, ErrorBodies::ExpressJwt), expected);
    }

    #[test]
    fn the_file_may_put_every_refusal_in_other_words() {
        let codes: BTreeSet<&str> = every()
            .iter()
            .filter(|refusal| !matches!(refusal, Refusal::Credential { .. }))
            .map(Refusal::code)
            .collect();
        assert_eq!(codes, GATEWAY_CODES.iter().copied().collect());

        for (_, errors) in ErrorBodies::ALL {
            for code in GATEWAY_CODES {
                let messages = [Message {
                    errors,
                    code: (*code).to_owned(),
                    text: "in \"other\" words".to_owned(),
                }];
                let manner = Manner {
                    messages: &messages,
                    ..manner(errors)
                };
                // `bad_header` is also the token's, whose words its `Answers` have.
                let refusals = every().into_iter().filter(|refusal| {
                    !matches!(refusal, Refusal::Credential { .. }) && refusal.code() == *code
                });
                for refusal in refusals {
                    let answer = match &refusal {
                        Refusal::Limited(limited) => limited.respond(Manner { ..manner }),
                        Refusal::Policy {
                            refusal: policy,
                            answers,
                            ..
                        } => refusal.by_policy(*policy, answers, manner),
                        other => other.styled(None, manner),
                    };
                    let body = String::from_utf8(answer.body().to_vec()).unwrap();
                    assert!(
                        body.contains(r#""in \"other\" words""#),
                        "{errors:?} {code}: {body}"
                    );
                }
            }
        }
    }
}
