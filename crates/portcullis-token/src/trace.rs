//! How a decision shows its steps to `explain`, at no cost to a request that nobody explains.

use std::fmt;

use crate::Reason;

/// A step of the decision, in the order they are taken.
///
/// ```
/// use portcullis_token::Step;
///
/// assert!(Step::Expiry < Step::Signature, "an expired token costs no signature check");
/// assert_eq!(Step::Expiry.to_string(), "expiry");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The request's path in its one canonical form.
    Path,
    /// The route that the method and the path choose.
    Route,
    /// The credential in the request's headers.
    Credential,
    /// The token's size and its three segments.
    Shape,
    /// The JOSE header: `alg`, `kid`, `typ`.
    Header,
    /// The claims as JSON, with the types of RFC 7519.
    Claims,
    /// `iss` against the authorizer's issuer.
    Issuer,
    /// `alg` against the authorizer's algorithms.
    Algorithm,
    /// `exp` against the time.
    Expiry,
    /// The issuer's key that `kid` names.
    Key,
    /// The signature under that key.
    Signature,
    /// `nbf` and `iat` against the time.
    ValidFrom,
    /// `iat` against the authorizer's `max_age` and `max_lifetime`.
    Age,
    /// `aud` against the authorizer's audience.
    Audience,
    /// The claims that must be there.
    Required,
    /// An access token, not an ID token.
    Kind,
    /// `cnf`: whether the token is bound to a key that the caller must show.
    Binding,
    /// The scopes that the route asks for.
    Scopes,
    /// What the authorizer or the route asks of single claims.
    ClaimRules,
    /// How strong and how recent the login behind the token is.
    StepUp,
    /// The policies of the caller, and what they give access to.
    Policy,
    /// The limits that the request is charged to.
    Limits,
}

impl Step {
    /// The step in one lower-case word or two.
    ///
    /// ```
    /// use portcullis_token::Step;
    ///
    /// assert_eq!(Step::ValidFrom.name(), "valid from");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Route => "route",
            Self::Credential => "credential",
            Self::Shape => "shape",
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Issuer => "issuer",
            Self::Algorithm => "algorithm",
            Self::Expiry => "expiry",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::ValidFrom => "valid from",
            Self::Age => "age",
            Self::Audience => "audience",
            Self::Required => "required claims",
            Self::Kind => "kind",
            Self::Binding => "binding",
            Self::Scopes => "scopes",
            Self::ClaimRules => "claim rules",
            Self::StepUp => "step-up",
            Self::Policy => "policy",
            Self::Limits => "limits",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a step found.
///
/// ```
/// use portcullis_token::{Outcome, Recorder, TokenType, Unverified};
///
/// let mut trace = Recorder::default();
/// assert!(Unverified::parse("opaque", TokenType::Lenient, &mut trace).is_err());
/// let refused = Outcome::Refused {
///     expected: "three segments between two dots, at most 16384 bytes".to_owned(),
///     got: "0 dots, 6 bytes".to_owned(),
/// };
/// assert_eq!(trace.into_records()[0].outcome, refused);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The step passed; the text says what was found.
    Passed(String),
    /// The step refused the request.
    Refused {
        /// What the rule asks for.
        expected: String,
        /// What the request had instead.
        got: String,
    },
}

/// One recorded step.
///
/// ```
/// use portcullis_token::{Outcome, Record, Recorder, Step, Trace};
///
/// let mut trace = Recorder::default();
/// trace.authorizer("auth0");
/// trace.passed(Step::Key, || "key a".to_owned());
/// let record = Record {
///     authorizer: Some("auth0".to_owned()),
///     step: Step::Key,
///     outcome: Outcome::Passed("key a".to_owned()),
/// };
/// assert_eq!(trace.into_records(), [record]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The authorizer that took the step; absent for steps that need none.
    pub authorizer: Option<String>,
    /// Which step.
    pub step: Step,
    /// What it found.
    pub outcome: Outcome,
}

/// Where a decision's steps go.
///
/// `()` drops them: its methods never call the closures, so they cost nothing.
///
/// ```
/// use portcullis_token::{Step, TokenType, Trace, Unverified};
///
/// /// Keeps the steps that refuse.
/// struct Refusals(Vec<Step>);
///
/// impl Trace for Refusals {
///     fn authorizer(&mut self, _name: &str) {}
///
///     fn passed(&mut self, _step: Step, _found: impl FnOnce() -> String) {}
///
///     fn refused(
///         &mut self,
///         step: Step,
///         _expected: impl FnOnce() -> String,
///         _got: impl FnOnce() -> String,
///     ) {
///         self.0.push(step);
///     }
/// }
///
/// let mut trace = Refusals(Vec::new());
/// assert!(Unverified::parse("opaque", TokenType::Lenient, &mut trace).is_err());
/// assert_eq!(trace.0, [Step::Shape]);
/// ```
pub trait Trace {
    /// Whether anybody reads the steps. If so, none is skipped because its answer is remembered.
    const IS_READ: bool = true;

    /// The steps that follow are those of this authorizer.
    ///
    /// ```
    /// use portcullis_token::{Recorder, Step, Trace};
    ///
    /// let mut trace = Recorder::default();
    /// trace.passed(Step::Route, || "`GET /reports`".to_owned());
    /// trace.authorizer("auth0");
    /// trace.passed(Step::Shape, || "a JWT of 630 bytes".to_owned());
    /// let records = trace.into_records();
    /// assert_eq!(records[0].authorizer, None);
    /// assert_eq!(records[1].authorizer.as_deref(), Some("auth0"));
    /// ```
    fn authorizer(&mut self, name: &str);

    /// A step passed.
    ///
    /// ```
    /// use portcullis_token::{Outcome, Recorder, Step, Trace};
    ///
    /// let mut trace = Recorder::default();
    /// trace.passed(Step::Expiry, || "in 60 s".to_owned());
    /// assert_eq!(trace.into_records()[0].outcome, Outcome::Passed("in 60 s".to_owned()));
    /// ```
    fn passed(&mut self, step: Step, found: impl FnOnce() -> String);

    /// A step refused the request.
    ///
    /// ```
    /// use portcullis_token::{Step, Trace};
    ///
    /// // Nobody reads the steps of `()`, so their words are not made.
    /// ().refused(Step::Key, || panic!("not called"), || panic!("not called"));
    /// ```
    fn refused(
        &mut self,
        step: Step,
        expected: impl FnOnce() -> String,
        got: impl FnOnce() -> String,
    );

    /// Records the step, and is `Err(reason)` unless it `holds`.
    ///
    /// `got` tells what the request has, whether that is right or wrong.
    ///
    /// # Errors
    /// `reason`, when the step does not hold.
    ///
    /// ```
    /// use portcullis_token::{Outcome, Reason, Recorder, Step, Trace};
    ///
    /// let mut trace = Recorder::default();
    /// let (expected, got) = (|| "`api`".to_owned(), || "`other`".to_owned());
    /// let holds = got() == expected();
    /// let result = trace.check(Step::Audience, holds, Reason::AudMismatch, expected, got);
    /// assert_eq!(result, Err(Reason::AudMismatch));
    /// assert!(matches!(trace.into_records()[0].outcome, Outcome::Refused { .. }));
    /// ```
    fn check(
        &mut self,
        step: Step,
        holds: bool,
        reason: Reason,
        expected: impl FnOnce() -> String,
        got: impl FnOnce() -> String,
    ) -> Result<(), Reason> {
        if holds {
            self.passed(step, got);
            Ok(())
        } else {
            self.refused(step, expected, got);
            Err(reason)
        }
    }
}

impl Trace for () {
    const IS_READ: bool = false;

    fn authorizer(&mut self, _: &str) {}
    fn passed(&mut self, _: Step, _: impl FnOnce() -> String) {}
    fn refused(&mut self, _: Step, _: impl FnOnce() -> String, _: impl FnOnce() -> String) {}
}

/// Keeps the steps of one decision, for `explain`.
///
/// A step that is taken again, after keys were fetched, replaces its earlier record.
///
/// ```
/// use portcullis_token::{Outcome, Recorder, Step, TokenType, Unverified};
///
/// let mut trace = Recorder::default();
/// assert!(Unverified::parse("opaque", TokenType::Lenient, &mut trace).is_err());
/// let records = trace.into_records();
/// assert_eq!(records[0].step, Step::Shape);
/// assert!(matches!(records[0].outcome, Outcome::Refused { .. }));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    records: Vec<Record>,
    authorizer: Option<String>,
}

impl Recorder {
    /// The recorded steps, in the order they were first taken.
    ///
    /// ```
    /// use portcullis_token::{Recorder, Step, TokenType, Unverified};
    ///
    /// let mut trace = Recorder::default();
    /// // {"alg":"RS256"}.{}
    /// let token = "eyJhbGciOiJSUzI1NiJ9.e30.AA";
    /// assert!(Unverified::parse(token, TokenType::Lenient, &mut trace).is_ok());
    /// let steps = trace.into_records().into_iter().map(|record| record.step);
    /// assert!(steps.eq([Step::Shape, Step::Header, Step::Claims]));
    /// ```
    pub fn into_records(self) -> Vec<Record> {
        self.records
    }

    fn record(&mut self, step: Step, outcome: Outcome) {
        let record = Record {
            authorizer: self.authorizer.clone(),
            step,
            outcome,
        };
        let same = |r: &&mut Record| r.step == record.step && r.authorizer == record.authorizer;
        match self.records.iter_mut().find(same) {
            Some(earlier) => *earlier = record,
            None => self.records.push(record),
        }
    }
}

impl Trace for Recorder {
    fn authorizer(&mut self, name: &str) {
        self.authorizer = Some(name.to_owned());
    }

    fn passed(&mut self, step: Step, found: impl FnOnce() -> String) {
        self.record(step, Outcome::Passed(found()));
    }

    fn refused(
        &mut self,
        step: Step,
        expected: impl FnOnce() -> String,
        got: impl FnOnce() -> String,
    ) {
        self.record(
            step,
            Outcome::Refused {
                expected: expected(),
                got: got(),
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_formatted_for_a_request_that_nobody_explains() {
        let never = || -> String { panic!("formatted") };
        ().passed(Step::Key, never);
        let refused = ().check(Step::Key, false, Reason::KeyUnknown, never, never);
        assert_eq!(refused, Err(Reason::KeyUnknown));
    }

    #[test]
    fn a_step_taken_again_replaces_its_record_for_the_same_authorizer_only() {
        let mut trace = Recorder::default();
        for (authorizer, got) in [("a", "first"), ("b", "other"), ("a", "second")] {
            trace.authorizer(authorizer);
            trace.passed(Step::Key, || got.to_owned());
        }
        let records = trace.into_records();
        let seen: Vec<_> = records
            .iter()
            .map(|r| (r.authorizer.as_deref(), &r.outcome))
            .collect();
        assert_eq!(
            seen,
            [
                (Some("a"), &Outcome::Passed("second".to_owned())),
                (Some("b"), &Outcome::Passed("other".to_owned())),
            ]
        );
    }
}
