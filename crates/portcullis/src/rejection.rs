//! From a [`Reason`] to a whole HTTP answer, in one place for every adapter.

mod answers;
mod aws;
mod challenge;
mod express_jwt;
mod form;
mod style;
mod tyk;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use portcullis_token::Reason;

use crate::Problem;

pub use answers::Answers;
pub use form::Form;
pub use style::{ErrorDetail, ErrorProfile, ErrorStyle};

/// Seconds after which a caller may try again when an issuer does not answer.
const RETRY_AFTER_SECONDS: &str = "5";

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// A refused request: why, and what the answer must tell the caller.
///
/// ```
/// use std::sync::Arc;
/// use portcullis::{Answers, Reason, Rejection};
///
/// let answers = Arc::new(Answers::default().realm("expenses"));
/// let refused = Rejection::new(Reason::Expired, &answers);
/// let answer = refused.respond(None);
/// assert_eq!(answer.status(), 401);
/// assert_eq!(
///     answer.headers()["www-authenticate"],
///     r#"Bearer realm="expenses", error="invalid_token", error_description="The access token expired""#
/// );
/// ```
#[derive(Clone)]
pub struct Rejection {
    reason: Reason,
    scheme: Scheme,
    form: Form,
    answers: Arc<Answers>,
    needs: Needs,
    nonce: Option<Box<str>>,
}

/// What the route asks for, as challenges tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Needs {
    scopes: Vec<String>,
    acr_values: Vec<String>,
    max_age: Option<Duration>,
}

/// The authentication scheme that the error goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Dpop,
}

impl Rejection {
    /// A refusal for `reason`, to be told as `answers` say.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Answers, Reason, Rejection};
    /// let answers = Arc::new(Answers::default());
    /// let answer = Rejection::new(Reason::Missing, &answers).respond(None);
    /// assert_eq!(answer.headers()["www-authenticate"], r#"Bearer realm="api""#);
    /// ```
    pub fn new(reason: Reason, answers: &Arc<Answers>) -> Self {
        // Whatever the caller used, these can only be cured with a proof (RFC 9449 section 7.1).
        let scheme = match reason {
            Reason::DpopRequired
            | Reason::DpopProof
            | Reason::DpopNonce
            | Reason::DpopReplay
            | Reason::DpopBinding => Scheme::Dpop,
            _ => Scheme::Bearer,
        };
        Self {
            reason,
            scheme,
            form: Form::default(),
            answers: Arc::clone(answers),
            needs: Needs::default(),
            nonce: None,
        }
    }

    /// Why the request is refused.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Reason, Rejection};
    /// let refused = Rejection::new(Reason::Expired, &Arc::default());
    /// assert_eq!(refused.reason(), Reason::Expired);
    /// ```
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The scopes that the route asks for; told on 403, and on 401 when no token was sent.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Answers, Reason, Rejection};
    /// let answers = Arc::new(Answers::default());
    /// let refused = Rejection::new(Reason::Scope, &answers).scopes(["read:reports".to_owned()]);
    /// let answer = refused.respond(None);
    /// assert_eq!(answer.status(), 403);
    /// assert!(answer.headers()["www-authenticate"].to_str().unwrap().ends_with(r#"scope="read:reports""#));
    /// ```
    #[must_use]
    pub fn scopes(mut self, scopes: impl Into<Vec<String>>) -> Self {
        self.needs.scopes = scopes.into();
        self
    }

    /// The strength and age of login that the route asks for (RFC 9470 section 3).
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Answers, Reason, Rejection};
    /// let answers = Arc::new(Answers::default());
    /// let refused = Rejection::new(Reason::StepUp, &answers)
    ///     .step_up(["mfa".to_owned()], Some(Duration::from_mins(5)));
    /// let answer = refused.respond(None);
    /// let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    /// assert!(challenge.ends_with(r#"acr_values="mfa", max_age="300""#));
    /// ```
    #[must_use]
    pub fn step_up(
        mut self,
        acr_values: impl Into<Vec<String>>,
        max_age: Option<Duration>,
    ) -> Self {
        self.needs.acr_values = acr_values.into();
        self.needs.max_age = max_age;
        self
    }

    /// Puts the error on the `DPoP` challenge, because that scheme was used.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Algorithm, Answers, Reason, Rejection};
    /// let answers = Arc::new(Answers::default().dpop([Algorithm::Es256]));
    /// let answer = Rejection::new(Reason::Expired, &answers).by_dpop().respond(None);
    /// let challenges = answer.headers().get_all("www-authenticate").iter();
    /// let with_error: Vec<_> = challenges.filter(|line| line.to_str().unwrap().contains("error=")).collect();
    /// assert!(with_error[0].to_str().unwrap().starts_with("DPoP "));
    /// ```
    #[must_use]
    pub fn by_dpop(mut self) -> Self {
        self.scheme = Scheme::Dpop;
        self
    }

    /// A nonce for the caller's next proof, sent as `DPoP-Nonce` (RFC 9449 section 9).
    ///
    /// A nonce of anything but visible ASCII is not sent.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Answers, Reason, Rejection};
    /// let answers = Arc::new(Answers::default());
    /// let refused = Rejection::new(Reason::DpopNonce, &answers).nonce("eyJ7S_zG");
    /// assert_eq!(refused.respond(None).headers()["dpop-nonce"], "eyJ7S_zG");
    /// ```
    #[must_use]
    pub fn nonce(mut self, nonce: &str) -> Self {
        self.nonce = Some(nonce.into());
        self
    }

    /// How the request wants to be answered. Default: with a body, not as gRPC.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Form, Reason, Rejection};
    /// let (head, ()) = http::Request::head("/").body(()).unwrap().into_parts();
    /// let refused = Rejection::new(Reason::Missing, &Arc::default()).form(Form::of(&head));
    /// let answer = refused.respond(None);
    /// assert_eq!((answer.status().as_u16(), answer.body().len()), (401, 0));
    /// ```
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// The whole answer, in the style of the [`Answers`].
    ///
    /// `request_id` is named in the body where the style has a place for it.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Answers, Reason, Rejection};
    /// let answers = Arc::new(Answers::default());
    /// let answer = Rejection::new(Reason::KeysUnavailable, &answers).respond(Some("4f1a"));
    /// assert_eq!(answer.status(), 503);
    /// assert_eq!(answer.headers()["retry-after"], "5");
    /// let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    /// assert_eq!(problem["request_id"], "4f1a");
    /// ```
    pub fn respond(&self, request_id: Option<&str>) -> Response<Bytes> {
        let plain = self.problem(request_id);
        let styled = match self.answers.error_style() {
            ErrorStyle::Problem => plain,
            ErrorStyle::Aws => aws::restyle(self, plain, aws::Faults::Own),
            ErrorStyle::AwsStrict => aws::restyle(self, plain, aws::Faults::Unauthorized),
            ErrorStyle::Tyk => tyk::restyle(self, plain),
            ErrorStyle::ExpressJwt => express_jwt::restyle(self, plain),
            ErrorStyle::Custom(profile) => style::restyle(self, plain, &**profile),
        };
        self.form.finish(self, styled)
    }

    /// The status of the default style.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Reason, Rejection};
    /// assert_eq!(Rejection::new(Reason::Scope, &Arc::default()).status(), 403);
    /// assert_eq!(Rejection::new(Reason::MalformedHeader, &Arc::default()).status(), 400);
    /// ```
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.reason.status()).unwrap_or(StatusCode::UNAUTHORIZED)
    }

    /// The sentence that the caller is told; none where the detail is minimal.
    fn description(&self) -> Option<&str> {
        let minimal = self.answers.error_detail() == ErrorDetail::Minimal;
        (!minimal).then(|| self.reason.description())
    }

    /// The default style: RFC 9457 with RFC 6750's members.
    fn problem(&self, request_id: Option<&str>) -> Response<Bytes> {
        let (reason, status) = (self.reason, self.status());
        let detail = self.answers.error_detail();
        let code = match detail {
            ErrorDetail::Minimal => reason.error().unwrap_or("refused"),
            ErrorDetail::Standard | ErrorDetail::Debug => reason.public_code(),
        };
        let problem = Problem {
            kind: Problem::kind(code),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.answers.find_message(self).or(self.description()),
            error: reason.error(),
            error_description: reason.error().and_then(|_| self.description()),
            reason: (detail == ErrorDetail::Debug).then(|| reason.code()),
            request_id,
        };
        let mut response = problem.respond();
        self.add_headers(&mut response);
        response
    }

    fn add_headers(&self, response: &mut Response<Bytes>) {
        let status = response.status();
        let headers = response.headers_mut();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        challenge::add(self, headers);
        if let Some(nonce) = &self.nonce
            && let Ok(nonce) = HeaderValue::from_str(nonce)
        {
            headers.insert(DPOP_NONCE, nonce);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("reason", &self.reason)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.description())
    }
}

impl std::error::Error for Rejection {}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Rejection {
    fn into_response(self) -> axum::response::Response {
        self.respond(None).map(axum::body::Body::from)
    }
}

#[cfg(test)]
mod tests;
