use std::sync::Arc;

use http::Method;
use portcullis::{Answers, Clock};
use portcullis_token::UnixTime;
use serde_json::Value;

use super::setup::Setup;
use crate::{TestClock, TestIssuer, TokenBuilder};

/// The route of a service that is tried, and what a good token for it is like.
///
/// ```
/// use axum::{Router, routing::get};
/// use portcullis_testkit::TestIssuer;
/// use portcullis_testkit::conformance::{self, Route};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let auth = issuer.verifier("https://expenses-api").build()?;
/// let app = Router::new().route("/reports", get(async || "in").layer(auth.require("read:reports")));
///
/// let route = Route::get("/reports", &issuer)
///     .audience("https://expenses-api")
///     .scope("read:reports");
/// conformance::run(app, &route).await.assert();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Route {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) issuer: TestIssuer,
    /// Of the same name, and with a key that the service does not know.
    pub(super) stranger: TestIssuer,
    pub(super) scope: String,
    pub(super) optional: Option<String>,
    pub(super) answers: Option<Arc<Answers>>,
    pub(super) clock: Option<TestClock>,
    pub(super) setup: Setup,
    audience: Option<String>,
    claims: Vec<(String, Value)>,
    now: UnixTime,
}

impl Route {
    /// `GET path`, whose tokens come from `issuer`.
    ///
    /// Making the key of a stranger takes some tens of milliseconds, so clone a route rather than
    /// making it again.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let app = Router::new().route("/me", get(async || "in").layer(auth.layer()));
    /// conformance::run(app, &Route::get("/me", &issuer).audience("api")).await.assert();
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(path: &str, issuer: &TestIssuer) -> Self {
        Self {
            method: Method::GET,
            path: path.to_owned(),
            issuer: issuer.clone(),
            stranger: TestIssuer::named(issuer.name()),
            scope: String::new(),
            optional: None,
            answers: None,
            clock: None,
            setup: Setup::default(),
            audience: None,
            claims: Vec::new(),
            now: TestClock::START,
        }
    }

    /// Another method than GET.
    ///
    /// ```
    /// # use axum::{Router, routing::post};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use http::Method;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let app = Router::new().route("/", post(async || "made").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).method(Method::POST).audience("api");
    /// conformance::run(app, &route).await.assert();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// The audience that a good token names.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api");
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 34));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn audience(self, audience: &str) -> Self {
        Self {
            audience: Some(audience.to_owned()),
            ..self
        }
    }

    /// The scopes that the route asks for, between spaces. Default: none, so none can be missing.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.require("read:reports")));
    /// let route = Route::get("/", &issuer).audience("api").scope("read:reports");
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 46));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        Self {
            scope: scope.to_owned(),
            ..self
        }
    }

    /// A claim that a good token carries.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::ClaimRule;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let rule = ClaimRule::equals("org_id", "org_1");
    /// let auth = issuer.verifier("api").build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer().claim(rule)));
    /// let route = Route::get("/", &issuer).audience("api").claim("org_id", "org_1");
    /// conformance::run(app, &route).await.assert();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.push((name.to_owned(), value.into()));
        self
    }

    /// A path of the same service that callers without a token may use too.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let app = Router::new()
    ///     .route("/", get(async || "in").layer(auth.layer()))
    ///     .route("/greeting", get(async || "hello").layer(auth.optional()));
    /// let route = Route::get("/", &issuer).audience("api").optional("/greeting");
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 50));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn optional(self, path: &str) -> Self {
        Self {
            optional: Some(path.to_owned()),
            ..self
        }
    }

    /// How the service presents itself: its challenges are then compared word for word.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::Answers;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let answers = Answers::default().realm("expenses");
    /// let auth = issuer.verifier("api").answers(answers.clone()).build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api").answers(answers);
    /// conformance::run(app, &route).await.assert();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn answers(self, answers: Answers) -> Self {
        Self {
            answers: Some(Arc::new(answers)),
            ..self
        }
    }

    /// The clock of the service, which the run moves by 40 s.
    ///
    /// It shows what changes at the issuer: keys of one id, row 28, and an outage, row 27.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let clock = TestClock::default();
    /// let auth = issuer.verifier("api").clock(Arc::new(clock.clone())).build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api").clock(&clock);
    /// let report = conformance::run(app, &route).await;
    /// report.assert();
    /// assert!(report.rows().any(|row| row == 27));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn clock(self, clock: &TestClock) -> Self {
        Self {
            clock: Some(clock.clone()),
            ..self
        }
    }

    /// The time of the service's own clock, where the run cannot have that. Default
    /// [`TestClock::START`].
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use axum::{Router, routing::get};
    /// # use portcullis_testkit::TestIssuer;
    /// # use portcullis_testkit::conformance::{self, Route};
    /// # use portcullis::{Clock as _, SystemClock};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").clock(Arc::new(SystemClock)).build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let route = Route::get("/", &issuer).audience("api").at(SystemClock.now());
    /// conformance::run(app, &route).await.assert();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn at(self, now: UnixTime) -> Self {
        Self {
            now,
            clock: None,
            ..self
        }
    }

    pub(super) fn now(&self) -> UnixTime {
        self.clock.as_ref().map_or(self.now, Clock::now)
    }

    /// A good token, to be spoilt.
    pub(super) fn token(&self) -> TokenBuilder {
        let (now, setup) = (self.now(), &self.setup);
        let lifetime = setup.max_lifetime.map_or(3600, |most| most.as_secs());
        let mut token = self.issuer.token().valid_from(now, lifetime.min(3600));
        if let Some(acr) = setup.step_up.acr_values.first() {
            token = token.claim("acr", acr.as_str());
        }
        if setup.step_up.max_age.is_some() {
            token = token.claim("auth_time", now.0);
        }
        if let Some(audience) = &self.audience {
            token = token.audience(audience);
        }
        if !self.scope.is_empty() {
            token = token.scope(&self.scope);
        }
        let claims = self.claims.iter();
        claims.fold(token, |token, (name, value)| {
            token.claim(name, value.clone())
        })
    }

    /// Whether the service looks at `aud`.
    pub(super) fn audience_name(&self) -> Option<&str> {
        self.audience.as_deref()
    }
}
