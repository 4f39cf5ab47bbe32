use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use tower_service::Service;

use crate::Problem;

/// Answers every request with 404; made by
/// [`Verifier::deny_unmatched`](crate::Verifier::deny_unmatched).
///
/// ```
/// # use portcullis_testkit::TestIssuer;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis::{AuthService, Unmatched};
/// use tower::ServiceExt as _;
///
/// let auth = TestIssuer::new().verifier("api").build()?;
/// let fallback: AuthService<Unmatched> = auth.deny_unmatched();
/// assert_eq!(fallback.oneshot(http::Request::new(())).await?.status(), 401);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Unmatched {
    _private: (),
}

impl Unmatched {
    pub(super) const fn new() -> Self {
        Self { _private: () }
    }
}

impl<B> Service<Request<B>> for Unmatched {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let status = StatusCode::NOT_FOUND;
        let problem = Problem {
            kind: Problem::kind("no_route"),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: Some("no route answers this method and path"),
            error: None,
            error_description: None,
            reason: None,
            request_id: None,
        };
        let answer = problem.respond();
        let is_head = request.method() == Method::HEAD;
        ready(Ok(answer.map(|body| {
            Full::new(if is_head { Bytes::new() } else { body })
        })))
    }
}
