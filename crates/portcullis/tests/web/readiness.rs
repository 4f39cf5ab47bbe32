use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, Service, ServiceExt};

use crate::fixture::{Fixture, request};

/// A service that may be called only on the very value that was polled until it was ready.
#[derive(Default)]
struct Strict {
    is_ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            is_ready: false,
            calls: Arc::clone(&self.calls),
        }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(self.is_ready, "called without having been ready");
        self.is_ready = false;
        self.calls.fetch_add(1, Ordering::Relaxed);
        ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn the_service_that_is_called_is_the_one_that_was_ready() {
    let fixture = Fixture::new();
    let strict = Strict::default();
    let calls = Arc::clone(&strict.calls);
    let mut service = fixture.auth.layer().layer(strict);
    let token = fixture.token().sign();
    for expected in 1..=3 {
        let service = ServiceExt::<Request<Body>>::ready(&mut service)
            .await
            .unwrap();
        let response = service.call(request("/", Some(&token))).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(calls.load(Ordering::Relaxed), expected);
    }
}

#[tokio::test]
async fn a_refused_request_never_reaches_the_service() {
    let fixture = Fixture::new();
    let strict = Strict::default();
    let calls = Arc::clone(&strict.calls);
    let service = fixture.auth.layer().layer(strict);
    for token in [None, Some("garbage")] {
        let response = service.clone().oneshot(request("/", token)).await.unwrap();
        assert_eq!(response.status(), 401, "{token:?}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}
