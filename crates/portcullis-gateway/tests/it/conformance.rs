use std::time::Duration;

use portcullis::{Answers, ErrorStyle, OnFail};
use portcullis_testkit::conformance::{self, Remote, Route};
use portcullis_token::{ProofRules, StepUp};

use crate::fixture::{Fixture, World, sha256};

/// Where callers reach the gateway.
const BASE: &str = "https://api.example.com";
const HOUR: Duration = Duration::from_hours(1);

/// The lines of an API, and the style that they ask for.
const STYLES: [(&str, ErrorStyle); 5] = [
    ("errors = \"problem\"", ErrorStyle::Problem),
    ("errors = \"aws\"", ErrorStyle::Aws),
    ("errors = \"aws\"\naws_strict = true", ErrorStyle::AwsStrict),
    ("errors = \"tyk\"", ErrorStyle::Tyk),
    ("errors = \"express-jwt\"", ErrorStyle::ExpressJwt),
];

/// A file with everything that the table is about.
fn file(style: &str, nonces: bool) -> String {
    let authorizer = |name: &str, more: &str| {
        format!(
            r#"
            [authorizer.{name}]
            issuer = "https://issuer.example/"
            audience = ["api"]
            required_claims = ["client_id"]
            max_age = "1h"
            max_lifetime = "1h"
            dpop = "accept"
            dpop_nonce = {nonces}
            {more}
            [authorizer.{name}.revoked]
            tokens = ["stolen"]
            sessions = ["ended"]
            subjects = {{ left = "2099-01-01T00:00:00Z" }}
            [[authorizer.{name}.claim]]
            name = "org_id"
            equals = "org_1"
            [[authorizer.{name}.claim]]
            name = "team"
            equals = "blue"
            on_fail = "forbid"
            "#
        )
    };
    let endpoint =
        r#"introspection = { url = "https://a.example", client_id = "a", client_secret = "b" }"#;
    format!(
        r#"
        [server]
        url = "{BASE}"
        trusted_proxies = ["127.0.0.1"]
        client_certificate_header = "client-cert"
        {}
        {}
        [api.main]
        upstream = "UPSTREAM"
        auth = {{ strict = ["read:reports"] }}
        {style}
        [api.main.routes]
        "GET /reports" = {{ acr = ["mfa"], max_age = "5m" }}
        "GET /opaque" = {{ auth = {{ asking = ["read:reports"] }}, acr = ["mfa"], max_age = "5m" }}
        "GET /optional" = {{ auth = [{{ strict = [] }}, "none"] }}
        "#,
        authorizer("strict", ""),
        authorizer("asking", endpoint),
    )
}

/// The verifier's whole table through the gateway, in the style of each kind of error bodies.
#[tokio::test]
async fn the_table_holds_through_the_gateway_in_every_style() {
    for (name, style) in STYLES {
        for nonces in [false, true] {
            let world = World {
                fetches: true,
                ..World::default()
            };
            let fixture = Fixture::of(world, &file(name, nonces)).await;
            let World {
                issuer,
                clock,
                introspection,
                ..
            } = &fixture.world;
            let answers = Answers::default()
                .realm("main")
                .style(style.clone())
                .dpop(ProofRules::default().algorithms);
            let route = Route::get("/reports", issuer)
                .audience("api")
                .scope("read:reports")
                .optional("/optional");
            let route = if nonces {
                route.dpop_with_nonces(BASE)
            } else {
                route.dpop(BASE)
            };
            let route = route
                .answers(answers)
                .clock(clock)
                .required_claim("client_id", "expenses-web")
                .claim_rule("org_id", "org_1", "org_2", OnFail::Token)
                .claim_rule("team", "blue", "red", OnFail::Forbid)
                .step_up(StepUp {
                    acr_values: vec!["mfa".to_owned()],
                    max_age: Some(Duration::from_mins(5)),
                })
                .revoked("jti", "stolen")
                .revoked("sid", "ended")
                .revoked("sub", "left")
                .introspection("/opaque", introspection)
                .client_certificate("client-cert", ":AQID:", sha256(&[1, 2, 3]), ":BAUG:")
                .max_age(HOUR)
                .max_lifetime(HOUR);
            let route = if name.contains("\"aws\"") {
                route.optional_scheme()
            } else {
                route
            };
            let url = format!("http://{}", fixture.gateway.address());
            let report = conformance::run(Remote::at(&url), &route).await;
            assert_eq!(report.differences().len(), 0, "{name}: {report}");
            // A route without a verifier cannot be written in a file.
            let left_out: &[u8] = if nonces { &[49] } else { &[39, 49] };
            let rows: Vec<_> = report.not_fired().collect();
            assert_eq!(rows, left_out, "{name}: {report}");
        }
    }
}
