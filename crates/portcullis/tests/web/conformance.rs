use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use portcullis::{
    AccessToken, Algorithm, Answers, AuthLayer, ClaimRule, Clock as _, ErrorDetail, ErrorStyle,
    Introspection, Issuer, OnFail, Revocation, RevocationList, Verifier,
};
use portcullis_testkit::conformance::{self, Remote, Report, Route};
use portcullis_testkit::{TestClock, TestIntrospection, TestIssuer};
use portcullis_token::{NonceIssuer, ProofRules, Secret, StepUp};

use crate::fixture::{AUDIENCE, Fixture, send};

/// Where callers reach the service.
const BASE: &str = "https://api.example.com";
const HOUR: Duration = Duration::from_hours(1);

/// A service with everything that the table is about.
struct Everything {
    issuer: TestIssuer,
    clock: TestClock,
    endpoint: TestIntrospection,
    revocations: RevocationList,
    nonces: Option<Arc<NonceIssuer>>,
    answers: Answers,
}

impl Everything {
    fn new(issuer: &TestIssuer, answers: Answers, nonces: bool) -> Self {
        let clock = TestClock::default();
        let revocations = RevocationList::new(Arc::new(clock.clone()));
        let until = clock.now().plus(HOUR);
        let subject = Revocation::Subject {
            subject: "left".to_owned(),
            issued_before: until,
        };
        for revocation in [
            Revocation::Token("stolen".to_owned()),
            Revocation::Session("ended".to_owned()),
            subject,
        ] {
            let revoked = revocations.revoke(issuer.name(), revocation, until);
            revoked.expect("the list has room");
        }
        Self {
            issuer: issuer.clone(),
            clock,
            endpoint: TestIntrospection::new(),
            revocations,
            nonces: nonces.then(|| Arc::new(NonceIssuer::new(&Secret::new([7; 32])))),
            answers: answers.base(BASE).dpop([Algorithm::Es256]),
        }
    }

    fn trusted(&self) -> Issuer {
        let proofs = ProofRules {
            algorithms: vec![Algorithm::Es256],
            nonces: self.nonces.clone(),
            ..ProofRules::default()
        };
        Issuer::discover(self.issuer.name())
            .audience(AUDIENCE)
            .required_claim("client_id")
            .claim_rule(ClaimRule::equals("org_id", "org_1"))
            .max_age(HOUR)
            .max_lifetime(HOUR)
            .proofs(proofs)
    }

    fn verifier(&self, issuer: Issuer) -> Verifier {
        Verifier::builder()
            .issuer(issuer)
            .fetcher(Arc::new(self.issuer.clone()))
            .clock(Arc::new(self.clock.clone()))
            .revocations(Arc::new(self.revocations.clone()))
            .answers(self.answers.clone())
            .build()
            .expect("the issuer is well-formed")
    }

    fn service(&self) -> Router {
        let auth = self.verifier(self.trusted());
        let introspection = Introspection::new(Arc::new(self.endpoint.clone()));
        let asking = self.verifier(self.trusted().introspection(introspection));
        Router::new()
            .route("/", get(async || "reports").layer(demanding(&auth)))
            .route("/opaque", get(async || "opaque").layer(demanding(&asking)))
            .route("/mixed", get(async || "mixed").layer(auth.optional()))
            .route("/unguarded", get(async |_: AccessToken| "nobody asked"))
    }

    fn route(&self, route: Route) -> Route {
        let route = match self.nonces {
            Some(_) => route.dpop_with_nonces(BASE),
            None => route.dpop(BASE),
        };
        route
            .answers(self.answers.clone())
            .clock(&self.clock)
            .required_claim("client_id", "expenses-web")
            .claim_rule("org_id", "org_1", "org_2", OnFail::Token)
            .claim_rule("team", "blue", "red", OnFail::Forbid)
            .step_up(step_up())
            .revoked("jti", "stolen")
            .revoked("sid", "ended")
            .revoked("sub", "left")
            .introspection("/opaque", &self.endpoint)
            .max_age(HOUR)
            .max_lifetime(HOUR)
    }
}

fn step_up() -> StepUp {
    StepUp {
        acr_values: vec!["mfa".to_owned()],
        max_age: Some(Duration::from_mins(5)),
    }
}

fn demanding(auth: &Verifier) -> AuthLayer {
    let team = ClaimRule::equals("team", "blue").on_fail(OnFail::Forbid);
    auth.require("read:reports")
        .claim(team)
        .acr("mfa")
        .max_age(Duration::from_mins(5))
}

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

fn not_fired(report: &Report) -> Vec<u8> {
    report.not_fired().collect()
}

#[tokio::test]
async fn the_whole_table_holds_in_every_style() {
    // The error that row 49 logs: told here to nobody, a test beside this one could not read it.
    let nowhere = tracing_subscriber::fmt().with_writer(std::io::sink);
    let _guard = tracing::subscriber::set_default(nowhere.finish());
    let issuer = TestIssuer::new();
    let route = route(&issuer);
    for (name, answers) in [
        ("problem", Answers::default()),
        ("minimal", Answers::default().detail(ErrorDetail::Minimal)),
        ("debug", Answers::default().detail(ErrorDetail::Debug)),
        ("resource", Answers::default().resource(BASE)),
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
        for nonces in [true, false] {
            let whole = Everything::new(&issuer, answers.clone(), nonces);
            let (app, route) = (whole.service(), whole.route(route.clone()));
            let report = conformance::run(app.clone(), &route).await;
            assert!(report.differences().is_empty(), "{name}: {report}");
            let left_out: &[u8] = if nonces { &[49] } else { &[39, 49] };
            assert_eq!(not_fired(&report), left_out, "{name}");

            let again = conformance::run(app.clone(), &route).await;
            assert!(again.differences().is_empty(), "{name}, again: {again}");
            assert_eq!(again.cases(), report.cases(), "{name}, again");

            // Row 49 is an error of the program, and so the same in every style.
            let (status, body) = send(&app, "/unguarded", None).await;
            assert_eq!(status, 500, "{name}");
            let problem = r#""type":"urn:portcullis:problem:no_verifier""#;
            assert!(body.contains(problem), "{name}: {body}");
        }
    }
}

#[tokio::test]
async fn what_the_service_was_not_set_up_with_is_named() {
    let fixture = Fixture::new();
    let route = route(&fixture.issuer);
    let report = conformance::run(service(&fixture), &route).await;
    report.assert();
    let left_out = [27, 28, 36, 38, 39, 40, 41, 43, 44, 45, 47, 48, 49];
    assert_eq!(not_fired(&report), left_out);
    let printed = report.to_string();
    for line in [
        "13 rows were not fired:\n 27  `Route::clock`\n",
        "\n 36  `Route::required_claim`, or `claim_rule` with `OnFail::Token`\n",
        "\n 45  `Route::introspection`\n",
        "\n 49  no request shows it\n",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
}

#[tokio::test]
async fn a_service_that_forgets_a_check_is_found_out() {
    let fixture = Fixture::presenting(
        Answers::default()
            .base(BASE)
            .dpop([Algorithm::Es256])
            .detail(ErrorDetail::Debug),
    );
    let app = service(&fixture).route(
        "/opaque",
        get(async || "opaque").layer(fixture.auth.layer()),
    );
    let route = route(&fixture.issuer)
        .dpop_with_nonces(BASE)
        .claim_rule("org_id", "org_1", "org_2", OnFail::Token)
        .claim_rule("team", "blue", "red", OnFail::Forbid)
        .step_up(step_up())
        .revoked("jti", "stolen")
        .introspection("/opaque", &TestIntrospection::new())
        .max_age(HOUR)
        .max_lifetime(HOUR);
    let report = conformance::run(app, &route).await;
    let mut rows: Vec<u8> = report.differences().iter().map(|d| d.row).collect();
    rows.dedup();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows, [0, 33, 36, 39, 43, 44, 45, 47, 48], "{report}");
}

#[tokio::test]
async fn everything_over_http_is_tried_in_the_same_way() {
    let answers = Answers::default().detail(ErrorDetail::Debug);
    let issuer = TestIssuer::new();
    let whole = Everything::new(&issuer, answers, true);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(axum::serve(listener, whole.service()).into_future());
    let report = conformance::run(Remote::at(&base), &whole.route(route(&issuer))).await;
    server.abort();
    report.assert();
    assert_eq!(not_fired(&report), [49]);
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
        "{cases} cases of {rows} of 52 rows: 2 as they should be, {refused} not
"
    );
    assert!(printed.starts_with(&wanted), "{printed}");
    let row = " 31  expired                                   401 invalid_token expired                   200\n";
    assert!(printed.contains(row), "{printed}");
}
