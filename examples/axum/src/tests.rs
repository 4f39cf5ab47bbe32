use std::sync::Arc;

use axum::Router;
use portcullis_testkit::conformance::{self, Route};
use portcullis_testkit::{TestClock, TestIssuer};

fn guarded(issuer: &TestIssuer, clock: &TestClock) -> Router {
    let verifier = issuer.verifier("https://expenses-api");
    let auth = verifier.clock(Arc::new(clock.clone())).build();
    super::app(&auth.expect("the issuer is well-formed"))
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

#[tokio::test]
async fn the_reports_are_for_the_one_who_asks() {
    let token = TestIssuer::new().token().subject("ada").accept();
    assert_eq!(super::list_expenses(token).await["for"], "ada");
}
