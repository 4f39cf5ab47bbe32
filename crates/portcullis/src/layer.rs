//! The check in front of any `tower` service.

mod client_certificate;
mod future;
mod guard;
mod protocol;
mod unmatched;

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use portcullis_token::{ClaimRule, Requirement};
use tower_layer::Layer;
use tower_service::Service;

use crate::{ErrorStyle, Verifier};

pub use client_certificate::{ClientCertificate, NotAThumbprint};
pub use future::ResponseFuture;
pub(crate) use guard::{Checked, Guard, Presence};
pub use protocol::{Answering, Grpc, Web};
pub use unmatched::Unmatched;

/// What a request must bring to a service. Made by [`Verifier::layer`], [`Verifier::require`] and
/// [`Verifier::optional`]; cloning it copies one pointer.
///
/// A request is verified once, however many layers of one verifier it passes: those further in
/// only check what they ask for beyond that. What was found is there for the
/// [`AccessToken`](crate::AccessToken) of the handler.
///
/// Refusals never reach the service. They are made for any body that comes from
/// [`Bytes`](bytes::Bytes), or with [`AuthLayer::grpc`] for any that can be empty.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use http::Request;
/// use portcullis_testkit::TestIssuer;
/// use tower::ServiceExt as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let auth = issuer.verifier("api").build()?;
/// let app = Router::new()
///     .route("/reports", get(async || "reports").layer(auth.require("read:reports")))
///     .route("/me", get(async || "me"))
///     .route_layer(auth.layer());
///
/// let token = issuer.token().audience("api").sign();
/// let call = |path| {
///     let request = Request::get(path).header("authorization", format!("Bearer {token}"));
///     app.clone().oneshot(request.body(Body::empty()).unwrap())
/// };
/// assert_eq!(call("/me").await?.status(), 200);
/// assert_eq!(call("/reports").await?.status(), 403);
/// # Ok(())
/// # }
/// ```
pub struct AuthLayer<A = Web> {
    guard: Arc<Guard>,
    protocol: PhantomData<fn() -> A>,
}

/// A service behind an [`AuthLayer`].
///
/// ```
/// # use bytes::Bytes;
/// # use portcullis_testkit::TestIssuer;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis::{AccessToken, AuthService};
/// use tower::{Layer as _, ServiceExt as _, service_fn};
///
/// let hello = service_fn(async |request: http::Request<()>| {
///     let token = AccessToken::find(request.extensions());
///     let text = format!("Hello {:?}", token.as_ref().and_then(AccessToken::subject));
///     Ok::<_, std::convert::Infallible>(http::Response::new(Bytes::from(text)))
/// });
/// let guarded: AuthService<_> = TestIssuer::new().verifier("api").build()?.layer().layer(hello);
/// assert_eq!(guarded.oneshot(http::Request::new(())).await?.status(), 401);
/// # Ok(())
/// # }
/// ```
pub struct AuthService<S, A = Web> {
    inner: S,
    guard: Arc<Guard>,
    protocol: PhantomData<fn() -> A>,
}

impl Verifier {
    /// Lets nobody through without a good access token.
    ///
    /// ```
    /// # use axum::{Router, body::Body, routing::get};
    /// # use http::Request;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let auth = TestIssuer::new().verifier("api").build()?;
    /// let app = Router::new()
    ///     .route("/me", get(async || "you are somebody"))
    ///     .route_layer(auth.layer())
    ///     .route("/public", get(async || "declared after the layer, so open to everybody"));
    ///
    /// let call = |path| app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());
    /// assert_eq!(call("/me").await?.status(), 401);
    /// assert_eq!(call("/public").await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn layer(&self) -> AuthLayer {
        self.guarded(Presence::Required, Requirement::default())
    }

    /// Lets nobody through without a good access token that has these scopes.
    ///
    /// A text asks for all the scopes between its spaces, [`any`](crate::any) for one of several.
    /// It stands alone: forgetting [`Verifier::layer`] opens nothing. The scopes are listed in the
    /// metadata of [`Verifier::well_known`](crate::Verifier::well_known).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use axum::{Router, body::Body, routing::{delete, get}};
    /// # use http::Request;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use portcullis::any;
    ///
    /// let auth = TestIssuer::new().verifier("api").build()?;
    /// let remove = auth
    ///     .require(any(["reports:admin", "reports:delete"]))
    ///     .acr("mfa")
    ///     .max_age(Duration::from_mins(5));
    /// let app = Router::new()
    ///     .route("/reports", get(async || "all of them").layer(auth.require("read:reports")))
    ///     .route("/reports/{id}", delete(async || "gone").layer(remove));
    ///
    /// let refused = app.oneshot(Request::get("/reports").body(Body::empty())?).await?;
    /// let challenge = r#"Bearer realm="api", scope="read:reports""#;
    /// assert_eq!(refused.headers()["www-authenticate"], challenge);
    /// # Ok(())
    /// # }
    /// ```
    pub fn require(&self, requirement: impl Into<Requirement>) -> AuthLayer {
        let requirement = requirement.into();
        self.presentation().known_scopes().add(requirement.scopes());
        self.guarded(Presence::Required, requirement)
    }

    /// Lets through who has a good access token, and who has none at all. A bad one is refused.
    ///
    /// ```
    /// # use axum::{Router, body::Body, routing::get};
    /// # use http::Request;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # use portcullis::AccessToken;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// async fn greet(token: Option<AccessToken>) -> String {
    ///     match token {
    ///         Some(token) => format!("Hello {}", token.subject().unwrap_or("machine")),
    ///         None => "Hello stranger".to_owned(),
    ///     }
    /// }
    ///
    /// let auth = TestIssuer::new().verifier("api").build()?;
    /// let app = Router::new().route("/", get(greet).layer(auth.optional()));
    /// let call = |request: Request<Body>| app.clone().oneshot(request);
    /// assert_eq!(call(Request::get("/").body(Body::empty())?).await?.status(), 200);
    /// let bad = Request::get("/").header("authorization", "Bearer expired");
    /// assert_eq!(call(bad.body(Body::empty())?).await?.status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    pub fn optional(&self) -> AuthLayer {
        self.guarded(Presence::Optional, Requirement::default())
    }

    /// The fallback of a router that shows strangers nothing: 401 for them, 404 for others.
    ///
    /// Without it a router tells everybody which of its paths exist, since a guarded path answers
    /// 401 and an unknown one 404.
    ///
    /// ```
    /// # use axum::{Router, body::Body};
    /// # use http::Request;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let app = Router::new().fallback_service(auth.deny_unmatched());
    ///
    /// let stranger = Request::get("/admin").body(Body::empty())?;
    /// assert_eq!(app.clone().oneshot(stranger).await?.status(), 401);
    /// let token = issuer.token().audience("api").sign();
    /// let caller = Request::get("/admin").header("authorization", format!("Bearer {token}"));
    /// assert_eq!(app.oneshot(caller.body(Body::empty())?).await?.status(), 404);
    /// # Ok(())
    /// # }
    /// ```
    pub fn deny_unmatched(&self) -> AuthService<Unmatched> {
        self.layer().layer(Unmatched::new())
    }

    fn guarded(&self, presence: Presence, requirement: Requirement) -> AuthLayer {
        AuthLayer {
            guard: Arc::new(Guard::new(self, presence, requirement)),
            protocol: PhantomData,
        }
    }
}

impl<A> AuthLayer<A> {
    /// Asks for a login of this strength: one of the accepted values of `acr` (RFC 9470 section 3).
    ///
    /// Several calls name alternatives. A token of another strength is 401, so that the client can
    /// send its user to log in again.
    ///
    /// ```
    /// # use axum::{Router, body::Body, routing::get};
    /// # use http::Request;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let layer = issuer.verifier("api").build()?.layer().acr("mfa");
    /// let app = Router::new().route("/", get(async || "in").layer(layer));
    /// # let call = |token: String| {
    /// #     let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    /// #     app.clone().oneshot(request.body(Body::empty()).unwrap())
    /// # };
    /// let token = |acr: &str| issuer.token().audience("api").claim("acr", acr).sign();
    /// assert_eq!(call(token("mfa")).await?.status(), 200);
    /// let refused = call(token("password")).await?;
    /// let challenge = refused.headers()["www-authenticate"].to_str()?;
    /// assert!(challenge.contains(r#"error="insufficient_user_authentication""#));
    /// assert!(challenge.ends_with(r#"acr_values="mfa""#));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn acr(mut self, value: impl Into<String>) -> Self {
        self.guard_mut().step_up.acr_values.push(value.into());
        self
    }

    /// Asks for a login no longer ago than this, by `auth_time` (RFC 9470 section 3).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use axum::{Router, body::Body, routing::get};
    /// # use http::Request;
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let layer = issuer.verifier("api").build()?.layer().max_age(Duration::from_mins(5));
    /// let app = Router::new().route("/", get(async || "in").layer(layer));
    /// # let call = |token: String| {
    /// #     let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    /// #     app.clone().oneshot(request.body(Body::empty()).unwrap())
    /// # };
    /// let login = TestClock::START.0 - 306; // 5 s of leeway, and one more
    /// let token = issuer.token().audience("api").claim("auth_time", login).sign();
    /// let refused = call(token).await?;
    /// assert!(refused.headers()["www-authenticate"].to_str()?.ends_with(r#"max_age="300""#));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.guard_mut().step_up.max_age = Some(age);
        self
    }

    /// Asks for a claim: 401 without it, or 403 where the rule says
    /// [`OnFail::Forbid`](crate::OnFail::Forbid).
    ///
    /// ```
    /// # use axum::{Router, body::Body, routing::get};
    /// # use http::Request;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # use portcullis::{ClaimRule, OnFail};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let rule = ClaimRule::equals("org_id", "org_1").on_fail(OnFail::Forbid);
    /// let layer = issuer.verifier("api").build()?.layer().claim(rule);
    /// let app = Router::new().route("/", get(async || "in").layer(layer));
    /// # let call = |token: String| {
    /// #     let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    /// #     app.clone().oneshot(request.body(Body::empty()).unwrap())
    /// # };
    /// let token = |org: &str| issuer.token().audience("api").claim("org_id", org).sign();
    /// assert_eq!(call(token("org_1")).await?.status(), 200);
    /// assert_eq!(call(token("org_2")).await?.status(), 403);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn claim(mut self, rule: ClaimRule) -> Self {
        self.guard_mut().claim_rules.push(rule);
        self
    }

    /// Answers refusals of this layer in another style than the verifier's.
    ///
    /// ```
    /// # use axum::{Router, body::Body, routing::get};
    /// # use http::Request;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # use portcullis::ErrorStyle;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let layer = TestIssuer::new().verifier("api").build()?.layer().errors(ErrorStyle::Aws);
    /// let app = Router::new().route("/", get(async || "in").layer(layer));
    /// let refused = app.oneshot(Request::get("/").body(Body::empty())?).await?;
    /// let body = axum::body::to_bytes(refused.into_body(), 1024).await?;
    /// assert_eq!(&body[..], br#"{"message":"Unauthorized"}"#);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn errors(mut self, style: ErrorStyle) -> Self {
        let guard = self.guard_mut();
        let answers = (*guard.answers).clone().style(style);
        guard.answers = Arc::new(answers);
        self
    }

    /// Answers as gRPC does, for services whose bodies do not come from bytes, as tonic's.
    ///
    /// ```
    /// # use axum::{Router, body::Body, routing::get};
    /// # use http::Request;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // tonic::transport::Server::builder().layer(layer).add_service(…)
    /// let layer = TestIssuer::new().verifier("api").build()?.require("read:reports").grpc();
    /// let app = Router::new().route("/", get(async || "in").layer(layer));
    /// let refused = app.oneshot(Request::get("/").body(Body::empty())?).await?;
    /// assert_eq!(refused.status(), 200);
    /// assert_eq!(refused.headers()["grpc-status"], "16", "UNAUTHENTICATED");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn grpc(self) -> AuthLayer<Grpc> {
        AuthLayer {
            guard: self.guard,
            protocol: PhantomData,
        }
    }

    fn guard_mut(&mut self) -> &mut Guard {
        Arc::make_mut(&mut self.guard)
    }
}

impl<S, A> Layer<S> for AuthLayer<A> {
    type Service = AuthService<S, A>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService {
            inner,
            guard: Arc::clone(&self.guard),
            protocol: PhantomData,
        }
    }
}

impl<S, A, B, R> Service<Request<B>> for AuthService<S, A>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    A: Answering<R>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, A>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was polled until it was ready goes along; its clone may not be ready yet.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        ResponseFuture::new(Arc::clone(&self.guard), ready, request)
    }
}

impl<A> Clone for AuthLayer<A> {
    fn clone(&self) -> Self {
        Self {
            guard: Arc::clone(&self.guard),
            protocol: PhantomData,
        }
    }
}

impl<S: Clone, A> Clone for AuthService<S, A> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            guard: Arc::clone(&self.guard),
            protocol: PhantomData,
        }
    }
}

impl<A> fmt::Debug for AuthLayer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthLayer")
            .field("guard", &self.guard)
            .finish()
    }
}

impl<S: fmt::Debug, A> fmt::Debug for AuthService<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService")
            .field("inner", &self.inner)
            .field("guard", &self.guard)
            .finish()
    }
}
