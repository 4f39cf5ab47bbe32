use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use http::header::WWW_AUTHENTICATE;
use portcullis::{Answers, Rejection};
use portcullis_token::Reason;

use super::Route;
use super::case::{Case, Expected, Got};

/// Rows that no route shows, and why.
const ELSEWHERE: [(&str, &str); 4] = [
    ("28", "two keys of one kid: needs another key set"),
    (
        "36, 47, 48",
        "claim rules and step-up: depend on the configuration",
    ),
    ("38 to 41", "DPoP proofs: depend on the configuration"),
    (
        "43 to 45",
        "revocation and introspection: depend on the configuration",
    ),
];

/// What a run found out. Printed, it is a table of what differs.
#[derive(Clone, Debug)]
#[must_use = "a run that nobody looks at proves nothing"]
pub struct Report {
    cases: usize,
    rows: BTreeSet<u8>,
    differences: Vec<Difference>,
}

/// A case that was answered in another way than the table says.
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
    pub(super) const fn of(_: &Route) -> Self {
        Self {
            cases: 0,
            rows: BTreeSet::new(),
            differences: Vec::new(),
        }
    }

    /// What differs; empty when all is as it should be.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// How many requests were sent.
    pub const fn cases(&self) -> usize {
        self.cases
    }

    /// The rows of the table that were shown.
    pub fn rows(&self) -> impl Iterator<Item = u8> {
        self.rows.iter().copied()
    }

    /// Ends a test with the table, unless all is as it should be.
    ///
    /// # Panics
    /// When anything differs.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.differences.is_empty(), "{self}");
    }

    pub(super) fn record(&mut self, route: &Route, case: &Case, got: &Got) {
        self.cases += 1;
        self.rows.insert(case.row);
        if let Some(expected) = find_difference(route, case.expected, got) {
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
fn find_difference(route: &Route, expected: Expected, got: &Got) -> Option<String> {
    let Expected::Refused(reason, other) = expected else {
        return (!(200..300).contains(&got.status)).then(|| "200".to_owned());
    };
    let reasons = || [Some(reason), other].into_iter().flatten();
    let wanted: Vec<Got> = reasons().map(|reason| wanted(route, reason)).collect();
    let holds = wanted.iter().any(|wanted| agrees(route, wanted, got));
    (!holds).then(|| describe(&wanted[0]))
}

/// The answer of a service that has Portcullis in front.
fn wanted(route: &Route, reason: Reason) -> Got {
    let answers = route
        .answers
        .clone()
        .unwrap_or_else(|| Arc::new(Answers::default()));
    let scopes: Vec<String> = route.scope.split(' ').map(str::to_owned).collect();
    let rejection = Rejection::new(reason, &answers);
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
    let challenges = route.answers.is_none() || wanted.challenges == got.challenges;
    wanted.status == got.status
        && wanted.error == got.error
        && challenges
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
            "{cases} cases of {rows} rows: {} as they should be, {differ} not",
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
        writeln!(f, "\nrows that one route does not show:")?;
        for (rows, why) in ELSEWHERE {
            writeln!(f, "{rows:>10}  {why}")?;
        }
        Ok(())
    }
}
