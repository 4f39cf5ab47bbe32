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
/// # use portcullis::{Issuer, Verifier};
/// use axum::{Router, routing::get};
///
/// # let auth = Verifier::builder()
/// #     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
/// #     .build()
/// #     .unwrap();
/// let app: Router = Router::new()
///     .route("/reports", get(async || "reports").layer(auth.require("read:reports")))
///     .route("/me", get(async || "me"))
///     .route_layer(auth.layer());
/// # let _ = app;
/// ```
pub struct AuthLayer<A = Web> {
    guard: Arc<Guard>,
    protocol: PhantomData<fn() -> A>,
}

/// A service behind an [`AuthLayer`].
pub struct AuthService<S, A = Web> {
    inner: S,
    guard: Arc<Guard>,
    protocol: PhantomData<fn() -> A>,
}

impl Verifier {
    /// Lets nobody through without a good access token.
    ///
    /// ```
    /// # use portcullis::{Issuer, Verifier};
    /// # fn main() -> Result<(), portcullis::BuildError> {
    /// use axum::{Router, routing::get};
    ///
    /// let auth = Verifier::builder()
    ///     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
    ///     .build()?;
    /// let app: Router = Router::new()
    ///     .route("/me", get(async || "you are somebody"))
    ///     .route_layer(auth.layer())
    ///     .route("/public", get(async || "declared after the layer, so open to everybody"));
    /// # let _ = app;
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
    /// # use portcullis::{Issuer, Verifier};
    /// # fn main() -> Result<(), portcullis::BuildError> {
    /// # let auth = Verifier::builder()
    /// #     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
    /// #     .build()?;
    /// use std::time::Duration;
    /// use axum::{Router, routing::{delete, get}};
    /// use portcullis::any;
    ///
    /// let remove = auth
    ///     .require(any(["reports:admin", "reports:delete"]))
    ///     .acr("mfa")
    ///     .max_age(Duration::from_mins(5));
    /// let app: Router = Router::new()
    ///     .route("/reports", get(async || "all of them").layer(auth.require("read:reports")))
    ///     .route("/reports/{id}", delete(async || "gone").layer(remove));
    /// # let _ = app;
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
    /// # use portcullis::{AccessToken, Issuer, Verifier};
    /// # fn main() -> Result<(), portcullis::BuildError> {
    /// # let auth = Verifier::builder()
    /// #     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
    /// #     .build()?;
    /// use axum::{Router, routing::get};
    ///
    /// async fn greet(token: Option<AccessToken>) -> String {
    ///     match token {
    ///         Some(token) => format!("Hello {}", token.subject().unwrap_or("machine")),
    ///         None => "Hello stranger".to_owned(),
    ///     }
    /// }
    ///
    /// let app: Router = Router::new().route("/", get(greet).layer(auth.optional()));
    /// # let _ = app;
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
    /// # use portcullis::{Issuer, Verifier};
    /// # fn main() -> Result<(), portcullis::BuildError> {
    /// # let auth = Verifier::builder()
    /// #     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
    /// #     .build()?;
    /// let app: axum::Router = axum::Router::new().fallback_service(auth.deny_unmatched());
    /// # let _ = app;
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
    #[must_use]
    pub fn acr(mut self, value: impl Into<String>) -> Self {
        self.guard_mut().step_up.acr_values.push(value.into());
        self
    }

    /// Asks for a login no longer ago than this, by `auth_time` (RFC 9470 section 3).
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.guard_mut().step_up.max_age = Some(age);
        self
    }

    /// Asks for a claim: 403 without it, or 401 where the rule says so.
    ///
    /// ```
    /// # use portcullis::{ClaimRule, Issuer, Verifier};
    /// # fn main() -> Result<(), portcullis::BuildError> {
    /// # let auth = Verifier::builder()
    /// #     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
    /// #     .build()?;
    /// let layer = auth.layer().claim(ClaimRule::equals("org_id", "org_1"));
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn claim(mut self, rule: ClaimRule) -> Self {
        self.guard_mut().claim_rules.push(rule);
        self
    }

    /// Answers refusals of this layer in another style than the verifier's.
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
    /// # use portcullis::{Issuer, Verifier};
    /// # fn main() -> Result<(), portcullis::BuildError> {
    /// # let auth = Verifier::builder()
    /// #     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
    /// #     .build()?;
    /// // tonic::transport::Server::builder().layer(layer).add_service(...)
    /// let layer = auth.require("read:reports").grpc();
    /// # let _ = layer;
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
