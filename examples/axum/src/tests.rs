use std::sync::Arc;

use axum::Router;
use portcullis::{Issuer, Verifier};
use portcullis_testkit::conformance::{self, Route};
use portcullis_testkit::{TestClock, TestIssuer};

fn guarded(issuer: &TestIssuer, clock: &TestClock) -> Router {
    let auth = Verifier::builder()
        .issuer(Issuer::discover(issuer.name()).audience("https://expenses-api"))
        .fetcher(Arc::new(issuer.clone()))
        .clock(Arc::new(clock.clone()))
        .build()
        .expect("the issuer is well-formed");
    super::app(&auth)
}

#[tokio::test]
async fn the_reports_are_guarded_as_the_table_says() {
    let (issuer, clock) = (TestIssuer::new(), TestClock::default());
    let route = Route::get("/", &issuer)
        .audience("https://expenses-api")
        .scope("read:reports")
        .clock(&clock);
    let report = conformance::run(guarded(&issuer, &clock), &route).await;
    assert!(report.cases() > 100, "{report}");
    report.assert();
}

#[tokio::test]
async fn a_path_that_is_not_there_is_guarded_too() {
    let (issuer, clock) = (TestIssuer::new(), TestClock::default());
    let route = Route::get("/admin", &issuer).audience("https://expenses-api");
    let report = conformance::run(guarded(&issuer, &clock), &route).await;
    let differ: Vec<_> = report
        .differences()
        .iter()
        .map(|d| (&*d.case, &*d.got))
        .collect();
    let expected = [
        ("a good token", "404 no_route"),
        ("no kid, one key", "404 no_route"),
    ];
    assert_eq!(differ, expected, "{report}");
}
