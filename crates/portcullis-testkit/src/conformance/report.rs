use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use http::header::WWW_AUTHENTICATE;
use portcullis::{Answers, Rejection};
use portcullis_token::Reason;

use super::Route;
use super::case::{Case, Expected, Got};

/// How many rows the table has.
const ROWS: u8 = 52;

/// What it takes to show rows that not every service can.
const NEEDS: [(&[u8], &str); 12] = [
    (&[7], "a path that asks nobody about opaque tokens"),
    (&[27, 28], "`Route::clock`"),
    (&[34], "`Route::audience`"),
    (
        &[36],
        "`Route::required_claim`, or `claim_rule` with `OnFail::Token`",
    ),
    (&[38, 40, 41], "`Route::dpop`"),
    (&[39], "`Route::dpop_with_nonces`"),
    (&[43], "`Route::revoked`"),
    (&[44, 45], "`Route::introspection`"),
    (&[46], "`Route::scope`"),
    (&[47], "`Route::claim_rule` with `OnFail::Forbid`"),
    (&[48], "`Route::step_up`"),
    (&[50, 51, 52], "`Route::optional`"),
];

/// What a run found out. Printed, it is a table of what differs.
///
/// Rows that the route could not show are listed below it, with what they need.
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
/// let report = conformance::run(app, &Route::get("/", &issuer).audience("api")).await;
///
/// let text = report.to_string();
/// assert!(text.contains("as they should be, 0 not"));
/// assert!(text.contains(" 46  `Route::scope`"), "what a row that was not fired needs");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a run that nobody looks at proves nothing"]
pub struct Report {
    cases: usize,
    rows: BTreeSet<u8>,
    differences: Vec<Difference>,
}

/// A case that was answered in another way than the table says.
///
/// ```
/// # use axum::{Router, routing::get};
/// # use portcullis_testkit::TestIssuer;
/// # use portcullis_testkit::conformance::{self, Route};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let app = Router::new().route("/", get(async || "open"));
/// let report = conformance::run(app, &Route::get("/", &issuer)).await;
///
/// let missing = report.differences().iter().find(|one| one.row == 1).unwrap();
/// assert_eq!(missing.expected, "401 missing");
/// assert_eq!(missing.got, "200");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The row of the table; 0 is a good token.
    pub row: u8,
    /// The case in a few words.
    pub case: String,
    /// What the table says.
    pub expected: String,
    /// What came.
    pub got: String,
}

impl Report {
    /// What differs; empty when all is as it should be.
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
    /// let report = conformance::run(app, &Route::get("/", &issuer).audience("api")).await;
    /// assert_eq!(report.differences(), []);
    /// # Ok(())
    /// # }
    /// ```
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// How many requests were sent.
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
    /// let report = conformance::run(app, &Route::get("/", &issuer).audience("api")).await;
    /// assert!(report.cases() > 80);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn cases(&self) -> usize {
        self.cases
    }

    /// The rows of the table that were shown.
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
    /// let report = conformance::run(app, &Route::get("/", &issuer).audience("api")).await;
    /// assert!(report.rows().any(|row| row == 34), "`aud`");
    /// # Ok(())
    /// # }
    /// ```
    pub fn rows(&self) -> impl Iterator<Item = u8> {
        self.rows.iter().copied()
    }

    /// The rows that were not shown, for lack of set-up.
    ///
    /// Row 49, a handler that asks for a token where nothing verifies, is always one of them: it
    /// is an error of the program that no request of a caller shows.
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
    /// let report = conformance::run(app, &Route::get("/", &issuer).audience("api")).await;
    /// assert!(report.not_fired().any(|row| row == 46), "the route asks for no scope");
    /// assert!(!report.not_fired().any(|row| row == 34), "but for an audience");
    /// # Ok(())
    /// # }
    /// ```
    pub fn not_fired(&self) -> impl Iterator<Item = u8> {
        (1..=ROWS).filter(|row| !self.rows.contains(row))
    }

    /// Ends a test with the table, unless all is as it should be. What was not fired does not
    /// end it: see [`not_fired`](Self::not_fired).
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
    /// let report = conformance::run(app, &Route::get("/", &issuer).audience("api")).await;
    /// report.assert();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When anything differs.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.differences.is_empty(), "{self}");
    }

    pub(super) fn record(&mut self, route: &Route, case: &Case, got: &Got) {
        self.cases += 1;
        if case.row > 0 {
            self.rows.insert(case.row);
        }
        if let Some(expected) = find_difference(route, case, got) {
            self.differences.push(Difference {
                row: case.row,
                case: case.name.clone(),
                expected,
                got: describe(got),
            });
        }
    }
}

/// What was expected, if `got` is something else.
fn find_difference(route: &Route, case: &Case, got: &Got) -> Option<String> {
    let Expected::Refused(reason, other) = case.expected else {
        return (!(200..300).contains(&got.status)).then(|| "200".to_owned());
    };
    let reasons = || [Some(reason), other].into_iter().flatten();
    let wanted: Vec<Got> = reasons()
        .map(|reason| wanted(route, case, reason))
        .collect();
    let holds = wanted.iter().any(|wanted| agrees(route, wanted, got));
    (!holds).then(|| describe(&wanted[0]))
}

/// The answer of a service that has Portcullis in front.
fn wanted(route: &Route, case: &Case, reason: Reason) -> Got {
    let answers = route
        .answers
        .clone()
        .unwrap_or_else(|| Arc::new(Answers::default()));
    let scopes: Vec<String> = route.scope.split(' ').map(str::to_owned).collect();
    let step_up = &route.setup.step_up;
    let mut rejection =
        Rejection::new(reason, &answers).step_up(step_up.acr_values.as_slice(), step_up.max_age);
    if case.by_dpop {
        rejection = rejection.by_dpop();
    }
    if reason == Reason::DpopNonce {
        rejection = rejection.nonce("any");
    }
    let rejection = match route.scope.as_str() {
        "" => rejection,
        _ => rejection.scopes(scopes),
    };
    let (head, body) = rejection.respond(None).into_parts();
    debug_assert!(head.status != 401 || head.headers.contains_key(WWW_AUTHENTICATE));
    Got {
        reason: Some(reason.code().to_owned()),
        ..Got::new(&head, &body)
    }
}

fn agrees(route: &Route, wanted: &Got, got: &Got) -> bool {
    // A body that tells no reason cannot tell a wrong one.
    let same = |told: &Option<String>, wanted: &Option<String>| told.is_none() || told == wanted;
    let knows_words = route.answers.is_some();
    let challenges = !knows_words || wanted.challenges == got.challenges;
    let words = !knows_words || wanted.words == got.words;
    wanted.status == got.status
        && wanted.error == got.error
        && challenges
        && words
        && wanted.nonce.is_some() == got.nonce.is_some()
        && (wanted.retries == got.retries || !knows_words)
        && same(&got.reason, &wanted.reason)
        && same(&got.public, &wanted.public)
}

fn describe(got: &Got) -> String {
    let mut text = got.status.to_string();
    let reason = got.reason.as_ref().or(got.public.as_ref());
    for part in [got.error.as_ref(), reason].into_iter().flatten() {
        text.push(' ');
        text.push_str(part);
    }
    text
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cases, differ) = (self.cases, self.differences.len());
        let rows = self.rows.len();
        writeln!(
            f,
            "{cases} cases of {rows} of {ROWS} rows: {} as they should be, {differ} not",
            cases - differ
        )?;
        if differ > 0 {
            writeln!(f, "\n{:>3}  {:40}  {:42}  got", "row", "case", "expected")?;
        }
        for Difference {
            row,
            case,
            expected,
            got,
        } in &self.differences
        {
            writeln!(f, "{row:>3}  {case:40}  {expected:42}  {got}")?;
        }
        let left_out: Vec<_> = self.not_fired().collect();
        writeln!(f, "\n{} rows were not fired:", left_out.len())?;
        for row in left_out {
            writeln!(f, "{row:>3}  {}", need(row))?;
        }
        Ok(())
    }
}

fn need(row: u8) -> &'static str {
    let found = NEEDS.iter().find(|(rows, _)| rows.contains(&row));
    found.map_or("no request shows it", |(_, need)| need)
}
