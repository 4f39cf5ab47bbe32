use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Claims, Reason, Step, Trace};

/// Longer than any pattern a person reads.
const MAX_PATTERN_BYTES: usize = 1024;
/// What a compiled pattern may take in memory.
const MAX_PATTERN_MEMORY: usize = 256 * 1024;

/// What one claim must be like.
///
/// The claim is named literally (`org_id`, `https://example.com/team`) or, from its first `/` on,
/// by a JSON pointer (`/realm_access/roles`, RFC 6901). A claim that is absent fails every rule.
///
/// ```
/// use portcullis_token::{ClaimRule, Introspected};
///
/// let answer = Introspected::parse(
///     br#"{"active":true,"org_id":"org_1","realm_access":{"roles":["staff"]}}"#,
/// )?;
/// let tenant = ClaimRule::equals("org_id", "org_1");
/// let admins = ClaimRule::includes_any("/realm_access/roles", ["admin", "owner"]);
/// assert!(tenant.holds(answer.claims()));
/// assert!(!admins.holds(answer.claims()));
/// assert_eq!(admins.to_string(), r#"`/realm_access/roles` with "admin" or "owner""#);
/// # Ok::<(), portcullis_token::Reason>(())
/// ```
#[derive(Clone)]
pub struct ClaimRule {
    claim: String,
    test: Test,
    on_fail: OnFail,
}

/// What it means when a claim is not as its rule asks.
///
/// ```
/// use portcullis_token::{ClaimRule, Introspected, OnFail, Reason, Rules, Sender, UnixTime};
///
/// let tenant = ClaimRule::equals("org_id", "org_1");
/// let staff = ClaimRule::exists("https://example.com/staff").on_fail(OnFail::Forbid);
/// let rules = Rules {
///     claim_rules: [tenant, staff].into(),
///     ..Rules::new(None, None)
/// };
/// let check = |json: &str| {
///     let answer = Introspected::parse(json.as_bytes())?;
///     let (sender, now) = (Sender::default(), UnixTime(0));
///     let token = rules.verify_introspected(&answer, "opaque", &sender, now, &mut ())?;
///     token.check_claims(&[], &mut ())
/// };
/// let other_tenant = r#"{"active":true,"exp":100,"org_id":"org_2"}"#;
/// assert_eq!(check(other_tenant), Err(Reason::ClaimMismatch));
/// let no_staff = r#"{"active":true,"exp":100,"org_id":"org_1"}"#;
/// assert_eq!(check(no_staff), Err(Reason::ClaimForbidden));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFail {
    /// The token is not good here: [`Reason::ClaimMismatch`], 401.
    #[default]
    Token,
    /// The token is good, but its holder may not do this: [`Reason::ClaimForbidden`], 403.
    Forbid,
}

/// Why a pattern cannot be used. The configuration's fault.
///
/// ```
/// use portcullis_token::{ClaimRule, PatternError};
///
/// let unclosed = ClaimRule::matches("team", "(a");
/// assert!(matches!(unclosed, Err(PatternError::Invalid(_))));
/// let long = ClaimRule::matches("team", &"a".repeat(1025));
/// assert!(matches!(long, Err(PatternError::TooLong)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Longer than a kilobyte.
    #[error("a pattern of more than {MAX_PATTERN_BYTES} bytes")]
    TooLong,
    /// Not a regular expression, or one that would take too much memory.
    #[error("not a regular expression that can be used")]
    Invalid(#[source] Box<regex::Error>),
}

#[derive(Clone)]
enum Test {
    OneOf(Vec<Value>),
    IncludesAll(Vec<Value>),
    IncludesAny(Vec<Value>),
    Exists,
    Within(Bound<f64>, Bound<f64>),
    Matches(Regex),
    Satisfies(Arc<dyn Fn(&Value) -> bool + Send + Sync>),
}

impl ClaimRule {
    fn new(claim: impl Into<String>, test: Test) -> Self {
        Self {
            claim: claim.into(),
            test,
            on_fail: OnFail::default(),
        }
    }

    /// The claim has exactly this value; numbers are compared by value, all else by type too.
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, Introspected};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"level":2}"#)?;
    /// assert!(ClaimRule::equals("level", 2).holds(answer.claims()));
    /// assert!(ClaimRule::equals("level", 2.0).holds(answer.claims()));
    /// assert!(!ClaimRule::equals("level", "2").holds(answer.claims()));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn equals(claim: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(claim, Test::OneOf(vec![value.into()]))
    }

    /// The claim has one of these values.
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, Introspected};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"plan":"pro"}"#)?;
    /// let paying = ClaimRule::one_of("plan", ["pro", "team"]);
    /// assert!(paying.holds(answer.claims()));
    /// assert_eq!(paying.to_string(), r#"`plan` equal to "pro" or "team""#);
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn one_of<V: Into<Value>>(
        claim: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::new(claim, Test::OneOf(collect(values)))
    }

    /// The claim is an array with all of these items, or the one value that is asked for.
    ///
    /// A string is one value: it is not split at its spaces as scopes are.
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, Introspected};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"roles":["staff","admin"]}"#)?;
    /// assert!(ClaimRule::includes_all("roles", ["admin", "staff"]).holds(answer.claims()));
    /// assert!(!ClaimRule::includes_all("roles", ["admin", "owner"]).holds(answer.claims()));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn includes_all<V: Into<Value>>(
        claim: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::new(claim, Test::IncludesAll(collect(values)))
    }

    /// The claim is an array with one of these items at least, or is itself one of them.
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, Introspected};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"roles":["staff"]}"#)?;
    /// assert!(ClaimRule::includes_any("roles", ["staff", "admin"]).holds(answer.claims()));
    /// assert!(!ClaimRule::includes_any("roles", ["owner", "admin"]).holds(answer.claims()));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn includes_any<V: Into<Value>>(
        claim: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::new(claim, Test::IncludesAny(collect(values)))
    }

    /// The claim is there, whatever its value, `null` excepted.
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, Introspected};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"team":false,"org":null}"#)?;
    /// assert!(ClaimRule::exists("team").holds(answer.claims()));
    /// assert!(!ClaimRule::exists("org").holds(answer.claims()));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn exists(claim: impl Into<String>) -> Self {
        Self::new(claim, Test::Exists)
    }

    /// The claim is a number in this range.
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, Introspected};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"age":18}"#)?;
    /// assert!(ClaimRule::within("age", 18.0..).holds(answer.claims()));
    /// assert!(!ClaimRule::within("age", ..18.0).holds(answer.claims()));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn within(claim: impl Into<String>, range: impl RangeBounds<f64>) -> Self {
        let (start, end) = (range.start_bound().cloned(), range.end_bound().cloned());
        Self::new(claim, Test::Within(start, end))
    }

    /// The claim is a string that the pattern matches from its first character to its last.
    ///
    /// Matching takes time in proportion to the claim's length, whatever the pattern.
    ///
    /// # Errors
    /// [`PatternError`] for a pattern that is too long, too large when compiled, or not one.
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, Introspected};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"team":"red-1"}"#)?;
    /// assert!(ClaimRule::matches("team", "[a-z]+-[0-9]+")?.holds(answer.claims()));
    /// assert!(!ClaimRule::matches("team", "[a-z]+")?.holds(answer.claims()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn matches(claim: impl Into<String>, pattern: &str) -> Result<Self, PatternError> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong);
        }
        let invalid = |error| PatternError::Invalid(Box::new(error));
        let build = |pattern: &str| {
            RegexBuilder::new(pattern)
                .size_limit(MAX_PATTERN_MEMORY)
                .build()
        };
        // Alone first: `a)|(b` must not close the group that is put around it.
        build(pattern).map_err(invalid)?;
        let regex = build(&format!("\\A(?:{pattern})\\z")).map_err(invalid)?;
        Ok(Self::new(claim, Test::Matches(regex)))
    }

    /// The claim reads as a `T` for which `holds` is true.
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, Introspected};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"level":2}"#)?;
    /// let even = ClaimRule::satisfies("level", |level: u64| level % 2 == 0);
    /// assert!(even.holds(answer.claims()));
    /// // Another type: the claim is a number.
    /// assert!(!ClaimRule::satisfies("level", |_: String| true).holds(answer.claims()));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn satisfies<T: DeserializeOwned>(
        claim: impl Into<String>,
        holds: impl Fn(T) -> bool + Send + Sync + 'static,
    ) -> Self {
        let test = move |value: &Value| T::deserialize(value).is_ok_and(&holds);
        Self::new(claim, Test::Satisfies(Arc::new(test)))
    }

    /// What it means when the rule does not hold. Default: [`OnFail::Token`].
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, OnFail};
    ///
    /// let staff = ClaimRule::exists("staff").on_fail(OnFail::Forbid);
    /// assert_eq!(format!("{staff:?}"), "ClaimRule(`staff` present, Forbid)");
    /// ```
    #[must_use]
    pub fn on_fail(self, on_fail: OnFail) -> Self {
        Self { on_fail, ..self }
    }

    /// Whether these claims are as the rule asks.
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, Introspected};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"org_id":"org_1"}"#)?;
    /// assert!(ClaimRule::equals("org_id", "org_1").holds(answer.claims()));
    /// assert!(!ClaimRule::exists("team").holds(answer.claims()));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn holds(&self, claims: &Claims) -> bool {
        claims
            .locate(&self.claim)
            .is_some_and(|value| self.test.holds(&value.to_value()))
    }

    pub(crate) fn fails_with(&self) -> OnFail {
        self.on_fail
    }

    pub(crate) fn check(&self, claims: &Claims, trace: &mut impl Trace) -> Result<(), Reason> {
        let reason = match self.on_fail {
            OnFail::Token => Reason::ClaimMismatch,
            OnFail::Forbid => Reason::ClaimForbidden,
        };
        let got = || match claims.locate(&self.claim) {
            Some(value) => format!("`{}` is {value}", self.claim),
            None => format!("no `{}`", self.claim),
        };
        trace.check(
            Step::ClaimRules,
            self.holds(claims),
            reason,
            || self.to_string(),
            got,
        )
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::OneOf(wanted) => wanted.iter().any(|one| same(one, value)),
            Self::IncludesAll(wanted) => wanted.iter().all(|one| includes(value, one)),
            Self::IncludesAny(wanted) => wanted.iter().any(|one| includes(value, one)),
            Self::Exists => !value.is_null(),
            Self::Within(start, end) => value
                .as_f64()
                .is_some_and(|number| (*start, *end).contains(&number)),
            Self::Matches(regex) => value.as_str().is_some_and(|text| regex.is_match(text)),
            Self::Satisfies(holds) => holds(value),
        }
    }
}

fn collect<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Vec<Value> {
    values.into_iter().map(Into::into).collect()
}

fn includes(value: &Value, wanted: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| same(item, wanted)),
        one => same(one, wanted),
    }
}

/// Equal, where `1` and `1.0` are the same number.
fn same(a: &Value, b: &Value) -> bool {
    let is_fraction = a.is_f64() || b.is_f64();
    a == b || (is_fraction && a.as_f64().is_some_and(|number| b.as_f64() == Some(number)))
}

impl fmt::Display for ClaimRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.claim)?;
        match &self.test {
            Test::OneOf(values) => write!(f, "equal to {}", list(values, " or ")),
            Test::IncludesAll(values) => write!(f, "with {}", list(values, " and ")),
            Test::IncludesAny(values) => write!(f, "with {}", list(values, " or ")),
            Test::Exists => f.write_str("present"),
            Test::Within(start, end) => write!(f, "within {start:?} to {end:?}"),
            Test::Matches(regex) => write!(f, "matching {regex}"),
            Test::Satisfies(_) => f.write_str("as the service's own rule asks"),
        }
    }
}

fn list(values: &[Value], between: &str) -> String {
    let values: Vec<String> = values.iter().map(Value::to_string).collect();
    values.join(between)
}

impl fmt::Debug for ClaimRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClaimRule({self}, {:?})", self.on_fail)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(json: &Value) -> Claims {
        Claims::from_json(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn each_rule_holds_for_its_values_only() {
        let matches = |pattern| ClaimRule::matches("c", pattern).unwrap();
        let even = || ClaimRule::satisfies("c", |n: u64| n.is_multiple_of(2));
        for (rule, value, expected) in [
            (ClaimRule::equals("c", "a"), json!("a"), true),
            (ClaimRule::equals("c", "a"), json!("A"), false),
            (ClaimRule::equals("c", "a"), json!(["a"]), false),
            (ClaimRule::equals("c", 1), json!(1.0), true),
            (ClaimRule::equals("c", 1), json!("1"), false),
            (ClaimRule::equals("c", true), json!(true), true),
            (ClaimRule::one_of("c", ["a", "b"]), json!("b"), true),
            (ClaimRule::one_of("c", ["a", "b"]), json!("c"), false),
            (
                ClaimRule::includes_all("c", ["a", "b"]),
                json!(["b", "x", "a"]),
                true,
            ),
            (
                ClaimRule::includes_all("c", ["a", "b"]),
                json!(["a"]),
                false,
            ),
            (ClaimRule::includes_all("c", ["a"]), json!("a"), true),
            (ClaimRule::includes_all("c", ["a"]), json!("a b"), false),
            (ClaimRule::includes_any("c", ["a", "b"]), json!(["b"]), true),
            (ClaimRule::includes_any("c", ["a", "b"]), json!([]), false),
            (ClaimRule::exists("c"), json!(false), true),
            (ClaimRule::exists("c"), Value::Null, false),
            (ClaimRule::within("c", 1.0..=2.0), json!(2), true),
            (ClaimRule::within("c", 1.0..2.0), json!(2), false),
            (ClaimRule::within("c", 1.0..), json!(0.9), false),
            (ClaimRule::within("c", ..), json!("1"), false),
            (matches("a|b"), json!("b"), true),
            (matches("a|b"), json!("ab"), false),
            (matches("a"), json!("a\n"), false),
            (matches("a"), json!(["a"]), false),
            (even(), json!(2), true),
            (even(), json!(3), false),
            (even(), json!("2"), false),
        ] {
            let held = rule.holds(&claims(&json!({ "c": value })));
            assert_eq!(held, expected, "{rule} for {value}");
            assert!(!rule.holds(&claims(&json!({}))), "{rule} for nothing");
        }
    }

    #[test]
    fn a_claim_is_named_literally_or_by_a_pointer() {
        let claims = claims(&json!({
            "https://a.example/team": "x",
            "a": { "b": ["y"], "c/d": 1 },
        }));
        for (name, expected) in [
            ("https://a.example/team", true),
            ("/a/b/0", true),
            ("/a/c~1d", true),
            ("/a/b/1", false),
            ("a/b", false),
            ("/x", false),
        ] {
            assert_eq!(ClaimRule::exists(name).holds(&claims), expected, "{name}");
        }
    }

    #[test]
    fn a_pattern_is_bounded() {
        for (name, pattern, expected) in [
            ("the longest", "a".repeat(1024), "ok"),
            ("too long", "a".repeat(1025), "too long"),
            ("too large", "(a{1000}){1000}".to_owned(), "invalid"),
            ("not a pattern", "(".to_owned(), "invalid"),
            ("no way out of the group", "a)|(b".to_owned(), "invalid"),
            ("back reference", "(a)\\1".to_owned(), "invalid"),
        ] {
            let got = match ClaimRule::matches("c", &pattern) {
                Ok(_) => "ok",
                Err(PatternError::TooLong) => "too long",
                Err(PatternError::Invalid(_)) => "invalid",
            };
            assert_eq!(got, expected, "{name}");
        }
    }
}
