use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::request::Parts;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::guard::{Checked, Guard};
use super::protocol::Answering;
use crate::{BoxFuture, Rejection, keep_private};

/// The head of a request that may pass, or its refusal.
type Decision = BoxFuture<'static, Result<Parts, Rejection>>;

pin_project! {
    /// Decides about a request, then answers it.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use bytes::Bytes;
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use portcullis::{ResponseFuture, Web};
    /// use tower::{Layer as _, Service as _, service_fn};
    ///
    /// async fn hello(_: http::Request<()>) -> Result<http::Response<Bytes>, Infallible> {
    ///     Ok(http::Response::new(Bytes::from("Hello")))
    /// }
    ///
    /// let auth = TestIssuer::new().verifier("api").build()?;
    /// let mut service = auth.layer().layer(service_fn(hello));
    /// let answer: ResponseFuture<_, (), Web> = service.call(http::Request::new(()));
    /// assert_eq!(answer.await?.status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Safe: dropping it drops the request.
    pub struct ResponseFuture<S, B, A>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
        protocol: PhantomData<fn() -> A>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        Deciding { decision: Decision, waiting: Option<(S, B)> },
        Calling { #[pin] call: F, is_private: bool },
    }
}

impl<S, B, A> ResponseFuture<S, B, A>
where
    S: Service<Request<B>>,
{
    pub(super) fn new<R>(guard: Arc<Guard>, service: S, request: Request<B>) -> Self
    where
        A: Answering<R>,
    {
        let (mut head, body) = request.into_parts();
        let form = A::form(&head);
        let decision = Box::pin(async move {
            match guard.admit(&mut head).await {
                Ok(()) => Ok(head),
                Err(rejection) => Err(rejection.form(form)),
            }
        });
        Self {
            state: State::Deciding {
                decision,
                waiting: Some((service, body)),
            },
            protocol: PhantomData,
        }
    }
}

impl<S, B, R, A> Future for ResponseFuture<S, B, A>
where
    S: Service<Request<B>, Response = Response<R>>,
    A: Answering<R>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let (call, is_private) = match state.as_mut().project() {
                StateProjection::Calling { call, is_private } => {
                    let mut answer = ready!(call.poll(context));
                    if let Ok(response) = answer.as_mut()
                        && *is_private
                    {
                        keep_private(response);
                    }
                    return Poll::Ready(answer);
                }
                StateProjection::Deciding { decision, waiting } => {
                    match ready!(decision.as_mut().poll(context)) {
                        Err(rejection) => {
                            let response = rejection.respond(None);
                            return Poll::Ready(Ok(response.map(A::body)));
                        }
                        Ok(head) => {
                            let (mut service, body) =
                                waiting.take().expect("a decision is made once");
                            let checked = head.extensions.get::<Checked>();
                            let is_private = checked.is_some_and(Checked::is_private);
                            (service.call(Request::from_parts(head, body)), is_private)
                        }
                    }
                }
            };
            state.set(State::Calling { call, is_private });
        }
    }
}

impl<S, B, A> fmt::Debug for ResponseFuture<S, B, A>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
