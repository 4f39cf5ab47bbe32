use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, MatchedPath, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use portcullis_token::{Reason, Requirement};
use serde::de::DeserializeOwned;

use super::AccessToken;
use crate::layer::{Checked, Guard, Presence};
use crate::{Form, Problem, Rejection, Verifier};

/// Where an extractor finds the [`Verifier`] of a route that has no layer.
///
/// Every state that a `Verifier` can be taken from by [`FromRef`] has it, and so has `()`. A state
/// without a verifier, of an application that has layers, says so in one line:
///
/// ```
/// use portcullis::FindVerifier;
///
/// #[derive(Clone)]
/// struct App {
///     greeting: String,
/// }
///
/// impl FindVerifier for App {}
/// assert!(App { greeting: "Hello".to_owned() }.find_verifier().is_none());
/// ```
#[diagnostic::on_unimplemented(
    message = "`AccessToken` does not know where `{Self}` keeps its `Verifier`",
    label = "the state of this router",
    note = "give the state a `Verifier`, and derive or implement `FromRef<{Self}> for Verifier`",
    note = "or, if layers guard every route, write `impl portcullis::FindVerifier for {Self} {{}}`"
)]
pub trait FindVerifier {
    /// The verifier; none where only layers verify.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// use axum::extract::FromRef;
    /// use portcullis::{FindVerifier as _, Verifier};
    ///
    /// #[derive(Clone)]
    /// struct App {
    ///     auth: Verifier,
    /// }
    ///
    /// impl FromRef<App> for Verifier {
    ///     fn from_ref(app: &App) -> Self {
    ///         app.auth.clone()
    ///     }
    /// }
    ///
    /// let auth = TestIssuer::new().verifier("api").build()?;
    /// assert!(App { auth }.find_verifier().is_some(), "no layer is needed");
    /// # Ok::<(), portcullis::BuildError>(())
    /// ```
    fn find_verifier(&self) -> Option<Verifier> {
        None
    }
}

// The compiler is to speak of this trait, whose message says what to do, and not of `FromRef`.
#[diagnostic::do_not_recommend]
impl<S> FindVerifier for S
where
    Verifier: FromRef<S>,
{
    fn find_verifier(&self) -> Option<Verifier> {
        Some(Verifier::from_ref(self))
    }
}

impl FindVerifier for () {}

/// Why a handler did not get its [`AccessToken`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::extract::FromRequestParts as _;
/// use portcullis::{AccessToken, AccessTokenRejection};
///
/// // Neither a layer nor the state `()` has a verifier.
/// let (mut head, ()) = http::Request::new(()).into_parts();
/// let refused = AccessToken::<()>::from_request_parts(&mut head, &()).await;
/// assert!(matches!(refused, Err(AccessTokenRejection::NoVerifier)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessTokenRejection {
    /// The caller is refused.
    #[error("the caller is refused")]
    Refused(#[source] Box<Rejection>),
    /// Neither a layer nor the state has a verifier: an error of the program, HTTP 500.
    #[error("no verifier guards this route")]
    NoVerifier,
}

impl IntoResponse for AccessTokenRejection {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(rejection) => rejection.into_response(),
            Self::NoVerifier => no_verifier().map(axum::body::Body::from),
        }
    }
}

fn no_verifier() -> http::Response<bytes::Bytes> {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let problem = Problem {
        kind: Problem::kind("no_verifier"),
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail: None,
        error: None,
        error_description: None,
        reason: None,
        request_id: None,
    };
    problem.respond()
}

impl<S, T> FromRequestParts<S> for AccessToken<T>
where
    S: FindVerifier + Send + Sync,
    T: DeserializeOwned + Send + 'static,
{
    type Rejection = AccessTokenRejection;

    async fn from_request_parts(head: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let checked = check(head, state, Presence::Required).await?;
        match AccessToken::of(&checked) {
            Some(token) => with_custom(token, &checked, head),
            // A layer let the caller in without a token, but this handler needs one.
            None => Err(refuse(Reason::Missing, &checked, head)),
        }
    }
}

impl<S, T> OptionalFromRequestParts<S> for AccessToken<T>
where
    S: FindVerifier + Send + Sync,
    T: DeserializeOwned + Send + 'static,
{
    type Rejection = AccessTokenRejection;

    async fn from_request_parts(
        head: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, Self::Rejection> {
        let checked = check(head, state, Presence::Optional).await?;
        match AccessToken::of(&checked) {
            Some(token) => with_custom(token, &checked, head).map(Some),
            None => Ok(None),
        }
    }
}

/// What a layer found out, or else the verifier of the state.
async fn check<S: FindVerifier>(
    head: &mut Parts,
    state: &S,
    presence: Presence,
) -> Result<Checked, AccessTokenRejection> {
    if let Some(checked) = head.extensions.get::<Checked>() {
        return Ok(checked.clone());
    }
    let Some(verifier) = state.find_verifier() else {
        return Err(report_missing(head));
    };
    let guard = Guard::new(&verifier, presence, Requirement::default());
    let admitted = guard.admit(head).await;
    admitted.map_err(|rejection| refused(rejection, head))?;
    let checked = head.extensions.get::<Checked>().cloned();
    let checked = checked.ok_or(AccessTokenRejection::NoVerifier)?;
    if checked.is_private() {
        head.extensions.remove::<Checked>();
        report_public(head);
        return Err(refused(
            Rejection::new(Reason::Missing, &checked.answers),
            head,
        ));
    }
    Ok(checked)
}

/// An extractor cannot keep an answer out of shared caches, as a layer does (RFC 6750 section 2.3).
fn report_public(head: &Parts) {
    tracing::error!(
        route = route(head),
        "a token in the query is taken by a layer only, which keeps the answer out of shared caches"
    );
}

fn route(head: &Parts) -> &str {
    let route = head.extensions.get::<MatchedPath>();
    route.map_or(head.uri.path(), MatchedPath::as_str)
}

fn report_missing(head: &Parts) -> AccessTokenRejection {
    tracing::error!(
        route = route(head),
        "a handler takes an AccessToken, but neither a layer nor the state has a Verifier"
    );
    AccessTokenRejection::NoVerifier
}

fn with_custom<T: DeserializeOwned + 'static>(
    token: AccessToken,
    checked: &Checked,
    head: &Parts,
) -> Result<AccessToken<T>, AccessTokenRejection> {
    token.with().map_err(|reason| refuse(reason, checked, head))
}

fn refuse(reason: Reason, checked: &Checked, head: &Parts) -> AccessTokenRejection {
    checked.note_forbidden(reason);
    refused(Rejection::new(reason, &checked.answers), head)
}

/// A refusal of a request whose token was found by [`check`], in the words of its verifier.
pub(crate) fn refusing(reason: Reason, head: &Parts) -> Rejection {
    match head.extensions.get::<Checked>() {
        Some(checked) => {
            checked.note_forbidden(reason);
            Rejection::new(reason, &checked.answers)
        }
        None => Rejection::new(reason, &Arc::default()),
    }
}

impl AccessTokenRejection {
    /// The same, telling a caller without a token which scopes it would need.
    pub(crate) fn asking_for(self, requirement: &Requirement) -> Self {
        match self {
            Self::Refused(rejection) if rejection.reason() == Reason::Missing => {
                let scopes = requirement.challenge_scopes();
                Self::Refused(Box::new(rejection.scopes(scopes)))
            }
            other => other,
        }
    }
}

/// That of the layer, or else of the state.
pub(crate) fn verifier_of(head: &Parts, state: &impl FindVerifier) -> Option<Verifier> {
    let checked = head.extensions.get::<Checked>();
    let of_layer = checked.map(|checked| checked.verifier().clone());
    of_layer.or_else(|| state.find_verifier())
}

pub(crate) fn refused(rejection: Rejection, head: &Parts) -> AccessTokenRejection {
    AccessTokenRejection::Refused(Box::new(rejection.form(Form::of(head))))
}
