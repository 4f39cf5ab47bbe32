//! The verifier's whole table of inputs and answers, fired at one's own service.
//!
//! ```
//! use std::sync::Arc;
//! use axum::{Router, routing::get};
//! use portcullis::{Issuer, Verifier};
//! use portcullis_testkit::conformance::{self, Route};
//! use portcullis_testkit::{TestClock, TestIssuer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (issuer, clock) = (TestIssuer::new(), TestClock::default());
//! let auth = Verifier::builder()
//!     .issuer(Issuer::discover(issuer.name()).audience("https://expenses-api"))
//!     .fetcher(Arc::new(issuer.clone()))
//!     .clock(Arc::new(clock.clone()))
//!     .build()
//!     .unwrap();
//! let app = Router::new().route("/", get(async || "ok").layer(auth.require("read:reports")));
//!
//! let route = Route::get("/", &issuer)
//!     .audience("https://expenses-api")
//!     .scope("read:reports")
//!     .clock(&clock);
//! conformance::run(app, &route).await.assert();
//! # }
//! ```

mod case;
mod claims;
mod credential;
mod outage;
mod remote;
mod report;
mod route;
mod shape;

use std::fmt;
use std::future::poll_fn;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use tower_service::Service;

use crate::Body;
use case::{Case, Got};

pub use remote::{Remote, RemoteError};
pub use report::{Difference, Report};
pub use route::Route;

/// The longest answer that is read.
const MAX_BODY: usize = 64 * 1024;

/// Fires every case that `route` can show at `app`, and tells what differs.
///
/// `app` is any `tower` service, such as an axum router, or a [`Remote`] service over HTTP. Its
/// verifier must trust the route's [`TestIssuer`](crate::TestIssuer).
///
/// # Panics
/// When the service fails instead of answering.
pub async fn run<S, R>(mut app: S, route: &Route) -> Report
where
    S: Service<Request<Body>, Response = Response<R>>,
    S::Error: fmt::Debug,
    R: http_body::Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut report = Report::of(route);
    for case in cases(route) {
        let got = fire(&mut app, route, &case).await;
        report.record(route, &case, &got);
    }
    if let Some(_outage) = outage::Outage::begin(route) {
        let case = outage::Outage::case(route);
        let got = fire(&mut app, route, &case).await;
        report.record(route, &case, &got);
    }
    report
}

fn cases(route: &Route) -> Vec<Case> {
    [
        credential::cases(route),
        shape::cases(route),
        shape::header_cases(route),
        claims::cases(route),
        claims::signed_cases(route),
    ]
    .concat()
}

async fn fire<S, R>(app: &mut S, route: &Route, case: &Case) -> Got
where
    S: Service<Request<Body>, Response = Response<R>>,
    S::Error: fmt::Debug,
    R: http_body::Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let ready = poll_fn(|context| app.poll_ready(context)).await;
    ready.expect("the service is ready for a request");
    let answer = app.call(case.request(route)).await;
    let (head, body) = answer.expect("the service answers").into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    Got::new(
        &head,
        &body
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default(),
    )
}
