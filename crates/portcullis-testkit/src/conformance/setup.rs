//! What the service was set up with beyond its issuer, without which some rows cannot be shown.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use portcullis::OnFail;
use portcullis_token::StepUp;
use serde_json::Value;

use super::Route;
use crate::TestIntrospection;

#[derive(Clone, Debug, Default)]
pub(super) struct Setup {
    pub(super) proofs: Option<ProofSetup>,
    pub(super) required_claims: Vec<String>,
    pub(super) claim_rules: Vec<RuleSetup>,
    pub(super) step_up: StepUp,
    pub(super) revoked: Vec<(String, Value)>,
    pub(super) introspection: Option<(String, TestIntrospection)>,
    pub(super) certificate: Option<CertificateSetup>,
    pub(super) scheme_is_optional: bool,
    pub(super) max_age: Option<Duration>,
    pub(super) max_lifetime: Option<Duration>,
}

/// How the service takes `DPoP` proofs.
#[derive(Clone, Debug)]
pub(super) struct ProofSetup {
    pub(super) base: String,
    pub(super) nonces: bool,
}

/// A claim rule of the service, and a value that breaks it.
#[derive(Clone, Debug)]
pub(super) struct RuleSetup {
    pub(super) claim: String,
    pub(super) wrong: Value,
    pub(super) on_fail: OnFail,
}

/// How the service learns of client certificates that a proxy has seen.
#[derive(Clone, Debug)]
pub(super) struct CertificateSetup {
    pub(super) header: HeaderName,
    pub(super) good: HeaderValue,
    pub(super) thumbprint: [u8; 32],
    pub(super) other: HeaderValue,
}

/// What the service under test was set up with. Each fires more rows of the table.
impl Route {
    /// The service takes `DPoP` proofs with ES256: rows 37, 38, 40 and 41.
    ///
    /// `base` is where callers reach the service's `/`: a proof names it, followed by the path.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::{Algorithm, Answers};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let answers = Answers::default().base("https://api.example.com").dpop([Algorithm::Es256]);
    /// let auth = issuer.verifier("api").answers(answers).build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api").dpop("https://api.example.com");
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 38));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn dpop(mut self, base: &str) -> Self {
        self.setup.proofs = Some(ProofSetup {
            base: base.trim_end_matches('/').to_owned(),
            nonces: false,
        });
        self
    }

    /// The same, and every proof needs a nonce of the service's: row 39 too.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::{Algorithm, Answers, Issuer, NonceIssuer, ProofRules, Verifier};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let nonces = Some(Arc::new(NonceIssuer::random()?));
    /// let proofs = ProofRules { algorithms: vec![Algorithm::Es256], nonces, ..ProofRules::default() };
    /// let answers = Answers::default().base("https://api.example.com").dpop([Algorithm::Es256]);
    /// let auth = Verifier::builder()
    ///     .issuer(Issuer::discover(issuer.name()).audience("api").proofs(proofs))
    ///     .answers(answers)
    ///     .fetcher(Arc::new(issuer.clone()))
    ///     .clock(Arc::new(TestClock::default()))
    ///     .build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api").dpop_with_nonces("https://api.example.com");
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 39));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn dpop_with_nonces(self, base: &str) -> Self {
        let mut route = self.dpop(base);
        if let Some(proofs) = &mut route.setup.proofs {
            proofs.nonces = true;
        }
        route
    }

    /// A claim that every token must have: row 36. A good token has it with this `value`.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::{Issuer, Verifier};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let trusted = Issuer::discover(issuer.name()).audience("api").required_claim("org_id");
    /// # let auth = Verifier::builder()
    /// #     .issuer(trusted)
    /// #     .fetcher(std::sync::Arc::new(issuer.clone()))
    /// #     .clock(std::sync::Arc::new(portcullis_testkit::TestClock::default()))
    /// #     .build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api").required_claim("org_id", "org_1");
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 36));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn required_claim(self, name: &str, value: impl Into<Value>) -> Self {
        let mut route = self.claim(name, value);
        route.setup.required_claims.push(name.to_owned());
        route
    }

    /// A claim rule, one value that keeps it and one that breaks it.
    ///
    /// It shows row 36 where a breach is [`OnFail::Token`], row 47 where it is [`OnFail::Forbid`].
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::{ClaimRule, OnFail};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let rule = ClaimRule::equals("org_id", "org_1").on_fail(OnFail::Forbid);
    /// let auth = issuer.verifier("api").build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer().claim(rule)));
    /// let route = Route::get("/", &issuer)
    ///     .audience("api")
    ///     .claim_rule("org_id", "org_1", "org_2", OnFail::Forbid);
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 47));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn claim_rule(
        self,
        name: &str,
        good: impl Into<Value>,
        wrong: impl Into<Value>,
        on_fail: OnFail,
    ) -> Self {
        let mut route = self.claim(name, good);
        route.setup.claim_rules.push(RuleSetup {
            claim: name.to_owned(),
            wrong: wrong.into(),
            on_fail,
        });
        route
    }

    /// The strength and age of login that the route asks for: row 48.
    ///
    /// A good token has the first of the `acr` values, and a login of just now.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis_token::StepUp;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let step_up = StepUp { acr_values: vec!["mfa".to_owned()], ..StepUp::default() };
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer().acr("mfa")));
    /// let route = Route::get("/", &issuer).audience("api").step_up(step_up);
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 48));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn step_up(mut self, step_up: StepUp) -> Self {
        self.setup.step_up = step_up;
        self
    }

    /// Tokens with this claim were revoked, such as those with a `jti` or a `sid`: row 43.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::{Revocation, RevocationList};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let list = RevocationList::new(Arc::new(TestClock::default()));
    /// let end = TestClock::START.plus(Duration::from_hours(1));
    /// list.revoke(issuer.name(), Revocation::Session("a-sid".to_owned()), end)?;
    /// let auth = issuer.verifier("api").revocations(Arc::new(list)).build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api").revoked("sid", "a-sid");
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 43));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn revoked(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.setup.revoked.push((claim.to_owned(), value.into()));
        self
    }

    /// A path of the same service that asks `endpoint` about opaque tokens: rows 44 and 45.
    ///
    /// It asks for the same as the route itself. The endpoint fails for a moment of the run. Row 7
    /// needs a path of its own that asks nobody.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::{TestClock, TestIntrospection, TestIssuer};
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::{Introspection, Issuer, Verifier};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (issuer, endpoint) = (TestIssuer::new(), TestIntrospection::new());
    /// let asking = Introspection::new(Arc::new(endpoint.clone()));
    /// let trusted = Issuer::discover(issuer.name()).audience("api").introspection(asking);
    /// # let introspecting = Verifier::builder()
    /// #     .issuer(trusted)
    /// #     .fetcher(Arc::new(issuer.clone()))
    /// #     .clock(Arc::new(TestClock::default()))
    /// #     .build()?;
    /// let auth = issuer.verifier("api").build()?;
    /// let app = Router::new()
    ///     .route("/", get(async || "in").layer(auth.layer()))
    ///     .route("/opaque", get(async || "in").layer(introspecting.layer()));
    /// let route = Route::get("/", &issuer).audience("api").introspection("/opaque", &endpoint);
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 45));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn introspection(mut self, path: &str, endpoint: &TestIntrospection) -> Self {
        self.setup.introspection = Some((path.to_owned(), endpoint.clone()));
        self
    }

    /// The service takes a token without a scheme too: one case of row 2 is none then.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use portcullis::TokenSource;
    ///
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").sources([TokenSource::OptionalScheme]).build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api").optional_scheme();
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 2));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn optional_scheme(mut self) -> Self {
        self.setup.scheme_is_optional = true;
        self
    }

    /// The service believes this header about the client's certificate: more of row 42.
    ///
    /// `good` is its value for a certificate with this SHA-256 thumbprint, `other` for another one.
    ///
    /// ```
    /// # use axum::{Router, extract::Request, middleware::map_request, routing::get};
    /// # use portcullis::ClientCertificate;
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// async fn read_thumbprint(mut request: Request) -> Request {
    ///     let mut lines = request.headers().get_all("x-thumbprint").iter();
    ///     // A second line is somebody else's.
    ///     if let (Some(line), None) = (lines.next(), lines.next())
    ///         && let Some(certificate) = line.to_str().ok().and_then(|line| line.parse().ok())
    ///     {
    ///         request.extensions_mut().insert::<ClientCertificate>(certificate);
    ///     }
    ///     request
    /// }
    ///
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let app = Router::new()
    ///     .route("/", get(async || "in").layer(auth.layer()))
    ///     .layer(map_request(read_thumbprint));
    /// let (good, other) = ("00".repeat(32), "01".repeat(32));
    /// let route = Route::get("/", &issuer)
    ///     .audience("api")
    ///     .client_certificate("x-thumbprint", &good, [0; 32], &other);
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 42));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When HTTP cannot carry the header.
    #[must_use]
    pub fn client_certificate(
        mut self,
        header: &str,
        good: &str,
        thumbprint: [u8; 32],
        other: &str,
    ) -> Self {
        let value = |text| HeaderValue::from_str(text).expect("HTTP can carry the value");
        self.setup.certificate = Some(CertificateSetup {
            header: header.parse().expect("HTTP knows such names"),
            good: value(good),
            thumbprint,
            other: value(other),
        });
        self
    }

    /// How long ago a token may have been issued: row 33, `too_old`.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::{Issuer, Verifier};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let age = Duration::from_hours(1);
    /// let trusted = Issuer::discover(issuer.name()).audience("api").max_age(age);
    /// # let auth = Verifier::builder()
    /// #     .issuer(trusted)
    /// #     .fetcher(std::sync::Arc::new(issuer.clone()))
    /// #     .clock(std::sync::Arc::new(portcullis_testkit::TestClock::default()))
    /// #     .build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api").max_age(age);
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 33));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.setup.max_age = Some(max_age);
        self
    }

    /// How long a token may be good for: row 33, `lifetime`.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::{Issuer, Verifier};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let day = Duration::from_hours(24);
    /// let trusted = Issuer::discover(issuer.name()).audience("api").max_lifetime(day);
    /// # let auth = Verifier::builder()
    /// #     .issuer(trusted)
    /// #     .fetcher(std::sync::Arc::new(issuer.clone()))
    /// #     .clock(std::sync::Arc::new(portcullis_testkit::TestClock::default()))
    /// #     .build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api").max_lifetime(day);
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 33));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.setup.max_lifetime = Some(max_lifetime);
        self
    }
}
