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
//! let report = conformance::run(app, &route).await;
//! report.assert();
//! // DPoP, claim rules and others: this service has none, so their rows were not fired.
//! assert!(report.not_fired().any(|row| row == 38));
//! # }
//! ```

mod case;
mod claims;
mod credential;
mod opaque;
mod outage;
mod permission;
mod proof;
mod remote;
mod report;
mod route;
mod setup;
mod shape;
mod twins;

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
/// verifier must trust the route's [`TestIssuer`](crate::TestIssuer). The route says what else the
/// service was set up with; rows that cannot be shown without are [`Report::not_fired`].
///
/// ```
/// # use axum::{Router, routing::get};
/// # use portcullis_testkit::TestIssuer;
/// # use portcullis_testkit::conformance::{self, Route};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// // A service that forgot its layer lets everybody in.
/// let app = Router::new().route("/", get(async || "open"));
/// let route = Route::get("/", &issuer).audience("https://expenses-api");
/// let report = conformance::run(app, &route).await;
/// let first = &report.differences()[0];
/// assert_eq!((first.expected.as_str(), first.got.as_str()), ("401 missing", "200"));
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// When the service fails instead of answering.
pub async fn run<S, R>(app: S, route: &Route) -> Report
where
    S: Service<Request<Body>, Response = Response<R>>,
    S::Error: fmt::Debug,
    R: http_body::Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let report = Report::default();
    let mut trial = Trial { app, route, report };
    trial.fire_all(cases(route)).await;
    trial.fire_proofs().await;
    if let Some(failure) = opaque::Failure::begin(route) {
        trial.fire(&failure.case()).await;
    }
    // Last, since these move the clock.
    if let Some(twins) = twins::Twins::publish(route) {
        trial.fire(&twins.case()).await;
    }
    let withdrawn = twins::looking_case(route, "an unknown kid, the two keys gone");
    trial.fire_all(withdrawn).await;
    if let Some(_outage) = outage::Outage::begin(route) {
        trial.fire(&outage::Outage::case(route)).await;
    }
    let recovered = twins::looking_case(route, "an unknown kid, the issuer back");
    trial.fire_all(recovered).await;
    trial.report
}

fn cases(route: &Route) -> Vec<Case> {
    [
        credential::cases(route),
        shape::cases(route),
        shape::header_cases(route),
        claims::cases(route),
        claims::signed_cases(route),
        permission::cases(route),
        opaque::cases(route),
    ]
    .concat()
}

/// A service, and what was found out about it so far.
struct Trial<'r, S> {
    app: S,
    route: &'r Route,
    report: Report,
}

impl<S, R> Trial<'_, S>
where
    S: Service<Request<Body>, Response = Response<R>>,
    S::Error: fmt::Debug,
    R: http_body::Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    async fn fire_all(&mut self, cases: impl IntoIterator<Item = Case>) {
        for case in cases {
            self.fire(&case).await;
        }
    }

    async fn fire_proofs(&mut self) {
        let Some(mut proofs) = proof::Proofs::of(self.route) else {
            return;
        };
        let mut nonce = None;
        for case in proofs.nonce_cases() {
            nonce = self.fire(&case).await.nonce.or(nonce);
        }
        self.fire_all(proofs.cases(nonce)).await;
    }

    async fn fire(&mut self, case: &Case) -> Got {
        let ready = poll_fn(|context| self.app.poll_ready(context)).await;
        ready.expect("the service is ready for a request");
        let answer = self.app.call(case.request(self.route)).await;
        let (head, body) = answer.expect("the service answers").into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map(http_body_util::Collected::to_bytes);
        let got = Got::new(&head, &body.unwrap_or_default());
        self.report.record(self.route, case, &got);
        got
    }
}
