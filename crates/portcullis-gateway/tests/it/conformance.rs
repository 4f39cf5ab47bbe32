use portcullis::{Answers, ErrorStyle};
use portcullis_testkit::conformance::{self, Remote, Route};

use crate::fixture::{Fixture, World};

/// The verifier's whole table, through the gateway, in the style of each kind of error bodies.
#[tokio::test]
async fn the_table_holds_through_the_gateway_in_every_style() {
    for (name, style) in [
        ("problem", ErrorStyle::Problem),
        ("aws", ErrorStyle::Aws),
        ("tyk", ErrorStyle::Tyk),
        ("express-jwt", ErrorStyle::ExpressJwt),
    ] {
        let text = format!(
            r#"
            [api.main]
            upstream = "UPSTREAM"
            auth = {{ user = ["read:reports"] }}
            errors = "{name}"
            [api.main.routes]
            "GET /optional" = {{ auth = [{{ user = [] }}, "none"] }}
            "#
        );
        let world = World {
            fetches: true,
            ..World::default()
        };
        let fixture = Fixture::of(world, &text).await;
        let route = Route::get("/reports", &fixture.world.issuer)
            .audience("api")
            .scope("read:reports")
            .optional("/optional")
            .answers(Answers::default().realm("main").style(style))
            .clock(&fixture.world.clock);
        let url = format!("http://{}", fixture.gateway.address());
        let report = conformance::run(Remote::at(&url), &route).await;
        assert!(report.cases() > 100, "{name}: {report}");
        assert_eq!(report.differences().len(), 0, "{name}: {report}");
    }
}
