use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use super::Rejection;

/// Whose error answers are imitated. The decision is always the same.
///
/// Only [`ErrorStyle::Problem`] and Amazon's keep from an unsigned probe which check failed; the
/// other two tell it in their own words, the configured issuers and audiences among them.
///
/// ```
/// use portcullis::{Answers, ErrorStyle, Reason, Rejection};
///
/// let answers = Answers::default().style(ErrorStyle::Aws);
/// let answer = Rejection::new(Reason::Scope, &answers.into()).respond(None);
/// assert_eq!(&answer.body()[..], br#"{"message":"Forbidden"}"#);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ErrorStyle {
    /// `application/problem+json` (RFC 9457) with RFC 6750's members.
    #[default]
    Problem,
    /// Amazon API Gateway's JWT authorizer: `{"message":"Unauthorized"}`.
    Aws,
    /// The same, with 401 where Portcullis answers 400 or 503, which Amazon's gateway never does.
    AwsStrict,
    /// Tyk's JWT check: `{"error": "Key not authorized"}`.
    Tyk,
    /// express-jwt and express-jwt-authz, as the usual error handler prints them.
    ExpressJwt,
    /// Answers of one's own.
    Custom(Arc<dyn ErrorProfile>),
}

/// How much a refused caller is told.
///
/// ```
/// use portcullis::{Answers, ErrorDetail, Reason, Rejection};
///
/// let answers = Answers::default().detail(ErrorDetail::Minimal);
/// let answer = Rejection::new(Reason::Expired, &answers.into()).respond(None);
/// let challenge = r#"Bearer realm="api", error="invalid_token""#;
/// assert_eq!(answer.headers()["www-authenticate"], challenge);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorDetail {
    /// RFC 6750's error code and no more.
    Minimal,
    /// A fixed sentence for each public code. Nothing specific before the signature is checked.
    #[default]
    Standard,
    /// The exact reason too, as the member `reason`. For development only.
    Debug,
}

/// Error answers of one's own.
///
/// ```
/// use std::sync::Arc;
/// use portcullis::{Answers, ErrorProfile, ErrorStyle, Reason, Rejection};
///
/// #[derive(Debug)]
/// struct Terse;
///
/// impl ErrorProfile for Terse {
///     fn restyle(
///         &self,
///         _: &Rejection,
///         problem: http::Response<bytes::Bytes>,
///     ) -> http::Response<bytes::Bytes> {
///         problem.map(|_| bytes::Bytes::from_static(b"no"))
///     }
/// }
///
/// let answers = Arc::new(Answers::default().style(ErrorStyle::Custom(Arc::new(Terse))));
/// let answer = Rejection::new(Reason::Missing, &answers).respond(None);
/// assert_eq!((answer.status().as_u16(), &answer.body()[..]), (401, &b"no"[..]));
/// ```
pub trait ErrorProfile: Send + Sync + fmt::Debug {
    /// Rewrites `problem`, the answer of the default style.
    ///
    /// A status below 400 is put back to the default style's: no profile makes a refusal a success.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use bytes::Bytes;
    /// # use http::Response;
    /// # use portcullis::{Answers, ErrorProfile, ErrorStyle, Reason, Rejection};
    /// #[derive(Debug)]
    /// struct Teapot;
    ///
    /// impl ErrorProfile for Teapot {
    ///     fn restyle(&self, rejection: &Rejection, problem: Response<Bytes>) -> Response<Bytes> {
    ///         let status = if rejection.reason() == Reason::Missing { 418 } else { 200 };
    ///         let mut answer = problem.map(|_| Bytes::new());
    ///         *answer.status_mut() = status.try_into().unwrap();
    ///         answer
    ///     }
    /// }
    ///
    /// let answers = Arc::new(Answers::default().style(ErrorStyle::Custom(Arc::new(Teapot))));
    /// assert_eq!(Rejection::new(Reason::Missing, &answers).respond(None).status(), 418);
    /// assert_eq!(Rejection::new(Reason::Expired, &answers).respond(None).status(), 401, "not 200");
    /// ```
    fn restyle(&self, rejection: &Rejection, problem: Response<Bytes>) -> Response<Bytes>;
}

pub(super) fn restyle(
    rejection: &Rejection,
    problem: Response<Bytes>,
    profile: &dyn ErrorProfile,
) -> Response<Bytes> {
    let status = problem.status();
    let mut styled = profile.restyle(rejection, problem);
    if !(styled.status().is_client_error() || styled.status().is_server_error()) {
        *styled.status_mut() = status;
    }
    styled
}
