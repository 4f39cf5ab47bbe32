use axum::Router;
use axum::routing::get;
use portcullis::{Answers, ErrorDetail, ErrorStyle};
use portcullis_testkit::TestIssuer;
use portcullis_testkit::conformance::{self, Remote, Route};

use crate::fixture::{AUDIENCE, Fixture};

fn service(fixture: &Fixture) -> Router {
    let required = fixture.auth.require("read:reports");
    Router::new()
        .route("/", get(async || "reports").layer(required))
        .route(
            "/mixed",
            get(async || "mixed").layer(fixture.auth.optional()),
        )
}

fn route(issuer: &TestIssuer) -> Route {
    Route::get("/", issuer)
        .audience(AUDIENCE)
        .scope("read:reports")
        .optional("/mixed")
}

#[tokio::test]
async fn the_whole_table_holds_in_every_style() {
    let issuer = TestIssuer::new();
    let route = route(&issuer);
    for (name, answers) in [
        ("problem", Answers::default()),
        ("minimal", Answers::default().detail(ErrorDetail::Minimal)),
        ("debug", Answers::default().detail(ErrorDetail::Debug)),
        (
            "resource",
            Answers::default().resource("https://api.example.com/"),
        ),
        ("aws", Answers::default().style(ErrorStyle::Aws)),
        (
            "aws strict",
            Answers::default().style(ErrorStyle::AwsStrict),
        ),
        ("tyk", Answers::default().style(ErrorStyle::Tyk)),
        (
            "express-jwt",
            Answers::default().style(ErrorStyle::ExpressJwt),
        ),
    ] {
        let fixture = Fixture::of(issuer.clone(), answers.clone());
        let route = route.clone().answers(answers).clock(&fixture.clock);
        let report = conformance::run(service(&fixture), &route).await;
        assert!(report.differences().is_empty(), "{name}: {report}");
        let rows: Vec<_> = report.rows().collect();
        for row in [1, 4, 6, 12, 14, 19, 22, 27, 31, 34, 37, 42, 46, 52] {
            assert!(rows.contains(&row), "{name}: row {row} is shown");
        }
    }
}

#[tokio::test]
async fn a_service_over_http_is_tried_in_the_same_way() {
    let fixture = Fixture::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(axum::serve(listener, service(&fixture)).into_future());
    let report = conformance::run(Remote::at(&base), &route(&fixture.issuer)).await;
    server.abort();
    report.assert();
    assert!(report.cases() > 100, "{report}");
}

#[tokio::test]
async fn what_differs_is_printed_as_a_table() {
    let fixture = Fixture::new();
    let open = Router::new().route("/", get(async || "everybody"));
    let route = Route::get("/", &fixture.issuer).audience(AUDIENCE);
    let report = conformance::run(open, &route).await;
    let refused = report.cases() - 2;
    assert_eq!(
        report.differences().len(),
        refused,
        "all but the two good tokens"
    );
    let printed = report.to_string();
    let (cases, rows) = (report.cases(), report.rows().count());
    let wanted = format!(
        "{cases} cases of {rows} rows: 2 as they should be, {refused} not
"
    );
    assert!(printed.starts_with(&wanted), "{printed}");
    let row = " 31  expired                                   401 invalid_token expired                   200\n";
    assert!(printed.contains(row), "{printed}");
}
