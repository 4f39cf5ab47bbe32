use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use portcullis_token::Reason;
use serde::de::DeserializeOwned;

use super::ScopeSet;
use crate::extract::{refused, refusing, verifier_of};
use crate::{AccessToken, AccessTokenRejection, FindVerifier};

/// An [`AccessToken`] that grants the scopes `S`; other callers are refused with 403.
///
/// It is an extractor of axum and, like [`AccessToken`], works with a layer or without. Scopes that
/// no layer asks for are in the metadata from the first request to the handler on; before that
/// [`Metadata::scopes`](crate::Metadata::scopes) adds them, by [`ScopeSet::scopes`].
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use http::Request;
/// use portcullis::{Scoped, scopes};
/// use portcullis_testkit::TestIssuer;
/// use tower::ServiceExt as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// scopes! { ReadReports = "read:reports" }
///
/// async fn list(token: Scoped<ReadReports>) -> String {
///     format!("the reports of {:?}", token.subject())
/// }
///
/// let issuer = TestIssuer::new();
/// let auth = issuer.verifier("api").build()?;
/// let app = Router::new().route("/", get(list)).route_layer(auth.layer());
/// let call = |token: String| {
///     let request = Request::get("/").header("authorization", format!("Bearer {token}"));
///     app.clone().oneshot(request.body(Body::empty()).unwrap())
/// };
/// let token = || issuer.token().audience("api");
/// assert_eq!(call(token().scope("read:reports").sign()).await?.status(), 200);
/// assert_eq!(call(token().sign()).await?.status(), 403);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Scoped<S, T = ()> {
    token: AccessToken<T>,
    scopes: PhantomData<fn() -> S>,
}

impl<S, T> Scoped<S, T> {
    /// The token without its proof of scopes.
    ///
    /// ```
    /// # use portcullis::{AccessToken, FindVerifier, Scoped, Verifier, scopes};
    /// # use portcullis_testkit::TestIssuer;
    /// # struct App { auth: Verifier }
    /// # impl axum::extract::FromRef<App> for Verifier {
    /// #     fn from_ref(app: &App) -> Self { app.auth.clone() }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::extract::FromRequestParts as _;
    ///
    /// scopes! { ReadReports = "read:reports" }
    ///
    /// let issuer = TestIssuer::new();
    /// let app = App { auth: issuer.verifier("api").build()? };
    /// let token = issuer.token().audience("api").scope("read:reports").sign();
    /// let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
    /// let (mut head, ()) = request.body(())?.into_parts();
    /// let scoped = Scoped::<ReadReports>::from_request_parts(&mut head, &app).await?;
    /// let token: AccessToken = scoped.into_token();
    /// assert_eq!(token.subject(), Some("ada"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_token(self) -> AccessToken<T> {
        self.token
    }
}

impl<S, T> Deref for Scoped<S, T> {
    type Target = AccessToken<T>;

    fn deref(&self) -> &AccessToken<T> {
        &self.token
    }
}

impl<P, S, T> FromRequestParts<P> for Scoped<S, T>
where
    P: FindVerifier + Send + Sync,
    S: ScopeSet,
    T: DeserializeOwned + Send + 'static,
{
    type Rejection = AccessTokenRejection;

    async fn from_request_parts(head: &mut Parts, state: &P) -> Result<Self, Self::Rejection> {
        let requirement = S::requirement();
        if let Some(verifier) = verifier_of(head, state) {
            let known = verifier.presentation().known_scopes();
            known.learn(&S::scopes());
        }
        // The head comes first: a missing scope is told before a claim of the wrong type.
        let token = <AccessToken as FromRequestParts<P>>::from_request_parts(head, state)
            .await
            .map_err(|refused| refused.asking_for(&requirement))?;
        if requirement.check(token.verified(), &mut ()).is_err() {
            let rejection = refusing(Reason::Scope, head).scopes(requirement.challenge_scopes());
            return Err(refused(rejection, head));
        }
        let token = token
            .with()
            .map_err(|reason| refused(refusing(reason, head), head))?;
        Ok(Self {
            token,
            scopes: PhantomData,
        })
    }
}

impl<S, T> fmt::Debug for Scoped<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}
