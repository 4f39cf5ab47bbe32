use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use portcullis::{Answers, ErrorDetail, Issuer, Verifier};
use portcullis_testkit::{TestClock, TestIssuer, TokenBuilder};
use tower::ServiceExt as _;

/// The audience of the service that is tried.
pub(crate) const AUDIENCE: &str = "https://expenses-api";

/// A verifier and the issuer that it trusts.
pub(crate) struct Fixture {
    pub(crate) issuer: TestIssuer,
    pub(crate) auth: Verifier,
}

impl Fixture {
    /// Tells the exact reason, so that a test can ask for it.
    pub(crate) fn new() -> Self {
        Self::presenting(Answers::default().detail(ErrorDetail::Debug))
    }

    pub(crate) fn presenting(answers: Answers) -> Self {
        Self::of(TestIssuer::new(), answers)
    }

    pub(crate) fn of(issuer: TestIssuer, answers: Answers) -> Self {
        let auth = Verifier::builder()
            .issuer(Issuer::discover(issuer.name()).audience(AUDIENCE))
            .fetcher(Arc::new(issuer.clone()))
            .clock(Arc::new(TestClock::default()))
            .answers(answers)
            .build()
            .expect("the issuer is well-formed");
        Self { issuer, auth }
    }

    pub(crate) fn token(&self) -> TokenBuilder {
        self.issuer.token().audience(AUDIENCE)
    }
}

/// What a service answered, in short: the status, and the reason or else the body.
pub(crate) async fn send(app: &Router, path: &str, token: Option<&str>) -> (u16, String) {
    let response = app.clone().oneshot(request(path, token)).await;
    let response = response.expect("a router always answers");
    let status = response.status().as_u16();
    let body = text(response).await;
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let reason = problem["reason"].as_str().map(str::to_owned);
    (status, reason.unwrap_or(body))
}

pub(crate) fn request(path: &str, token: Option<&str>) -> Request<Body> {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    request
        .body(Body::empty())
        .expect("the path and the token are visible ASCII")
}

pub(crate) async fn text(response: Response<Body>) -> String {
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("the body is in memory")
        .to_bytes();
    String::from_utf8(bytes.to_vec()).expect("the service answers text")
}

pub(crate) fn challenge<B>(response: &Response<B>) -> &str {
    response.headers()[WWW_AUTHENTICATE]
        .to_str()
        .expect("a challenge is visible ASCII")
}

/// `(status, text)` as [`send`] answers it.
pub(crate) fn answer(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}
