use std::fmt;

use crate::{Reason, Step, Trace, Verified};

/// Which scopes a route asks for (RFC 6749 section 3.3), compared byte for byte.
///
/// A text asks for all scopes between its spaces; [`Requirement::any`] for one of several such
/// sets. Requirements may stand within one another: [`Requirement::all_of`],
/// [`Requirement::any_of`] and [`Requirement::none_of`]. The empty requirement, which is the
/// default, asks for a valid token and no scope.
///
/// ```
/// use portcullis_token::Requirement;
///
/// let both = Requirement::from("read:reports write:reports");
/// assert_eq!(both.to_string(), "read:reports write:reports");
/// let either = Requirement::any(["reports:admin", "reports:delete"]);
/// assert_eq!(either.to_string(), "reports:admin or reports:delete");
/// let own = Requirement::all_of([either, Requirement::none_of(["guest".into()])]);
/// assert_eq!(own.to_string(), "(reports:admin or reports:delete) not (guest)");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    rule: Rule,
    /// The first way to meet it.
    challenge: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Scope(String),
    All(Vec<Self>),
    /// Never empty: who asks for one of nothing asks for nothing.
    Any(Vec<Self>),
    None(Vec<Self>),
}

impl Requirement {
    /// Asks for all of these scopes.
    ///
    /// ```
    /// use portcullis_token::Requirement;
    ///
    /// let both = Requirement::all(["read:reports", "write:reports"]);
    /// assert_eq!(both, Requirement::from("read:reports write:reports"));
    /// ```
    pub fn all<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self::all_of(scopes.into_iter().map(Self::scope))
    }

    /// Asks for any one of these, each of which may be several scopes between spaces.
    ///
    /// ```
    /// use portcullis_token::Requirement;
    ///
    /// let either = Requirement::any(["admin", "read:reports read:users"]);
    /// assert_eq!(either.to_string(), "admin or read:reports read:users");
    /// ```
    pub fn any<'s>(sets: impl IntoIterator<Item = &'s str>) -> Self {
        Self::any_of(sets.into_iter().map(Self::from))
    }

    /// Asks for all that each of these asks for; without any, for nothing.
    ///
    /// ```
    /// use portcullis_token::Requirement;
    ///
    /// let requirement = Requirement::all_of([
    ///     Requirement::from("read:reports"),
    ///     Requirement::any(["auditor", "admin"]),
    /// ]);
    /// assert_eq!(requirement.challenge_scopes(), ["read:reports", "auditor"]);
    /// ```
    pub fn all_of(requirements: impl IntoIterator<Item = Self>) -> Self {
        let mut rules = Vec::new();
        let mut challenge: Vec<String> = Vec::new();
        for requirement in requirements {
            match requirement.rule {
                Rule::All(inner) => rules.extend(inner),
                rule => rules.push(rule),
            }
            for scope in requirement.challenge {
                if !challenge.contains(&scope) {
                    challenge.push(scope);
                }
            }
        }
        Self {
            rule: Rule::All(rules),
            challenge,
        }
    }

    /// Asks for what one of these asks for, whichever; without any, for nothing.
    ///
    /// ```
    /// use portcullis_token::Requirement;
    ///
    /// let requirement = Requirement::any_of([
    ///     Requirement::from("admin"),
    ///     Requirement::all_of(["read:reports".into(), Requirement::none_of(["guest".into()])]),
    /// ]);
    /// assert_eq!(requirement.to_string(), "admin or read:reports not (guest)");
    /// ```
    pub fn any_of(requirements: impl IntoIterator<Item = Self>) -> Self {
        let mut requirements = requirements.into_iter();
        let Some(first) = requirements.next() else {
            return Self::default();
        };
        let mut others = requirements.map(|other| other.rule).peekable();
        if others.peek().is_none() {
            return first;
        }
        Self {
            rule: Rule::Any([first.rule].into_iter().chain(others).collect()),
            challenge: first.challenge,
        }
    }

    /// Refuses a token that meets any one of these; without any, no token.
    ///
    /// The empty requirement among them is met by every token, so that none passes.
    ///
    /// ```
    /// use portcullis_token::Requirement;
    ///
    /// let requirement = Requirement::none_of(["guest".into(), "trial".into()]);
    /// assert_eq!(requirement.to_string(), "not (guest or trial)");
    /// assert!(requirement.challenge_scopes().is_empty());
    /// ```
    pub fn none_of(requirements: impl IntoIterator<Item = Self>) -> Self {
        let rules: Vec<_> = requirements.into_iter().map(|one| one.rule).collect();
        if rules.is_empty() {
            return Self::default();
        }
        Self {
            rule: Rule::None(rules),
            challenge: Vec::new(),
        }
    }

    fn scope(scope: impl Into<String>) -> Self {
        let scope = scope.into();
        Self {
            rule: Rule::All(vec![Rule::Scope(scope.clone())]),
            challenge: vec![scope],
        }
    }

    /// The scopes that a challenge names: those of the first of several ways to meet it.
    ///
    /// ```
    /// use portcullis_token::Requirement;
    ///
    /// let either = Requirement::any(["read:reports read:users", "admin"]);
    /// assert_eq!(either.challenge_scopes(), ["read:reports", "read:users"]);
    /// ```
    pub fn challenge_scopes(&self) -> &[String] {
        &self.challenge
    }

    /// Every scope that may be asked for, for lists of what an API knows; not those that refuse.
    ///
    /// ```
    /// use portcullis_token::Requirement;
    ///
    /// let either = Requirement::any(["read:reports", "admin"]);
    /// assert!(either.scopes().eq(["read:reports", "admin"]));
    /// ```
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let mut scopes = Vec::new();
        self.rule.collect(&mut scopes);
        scopes.into_iter()
    }

    /// Checks that `token` grants what is asked for.
    ///
    /// # Errors
    /// [`Reason::Scope`].
    ///
    /// ```
    /// use portcullis_token::{Introspected, Reason, Requirement, Rules, Sender, UnixTime};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100,"scope":"read:reports"}"#)?;
    /// let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// let check = |scopes| Requirement::from(scopes).check(&token, &mut ());
    /// assert_eq!(check("read:reports"), Ok(()));
    /// assert_eq!(check("read:reports admin"), Err(Reason::Scope));
    /// # Ok::<(), Reason>(())
    /// ```
    pub fn check(&self, token: &Verified, trace: &mut impl Trace) -> Result<(), Reason> {
        let granted = |wanted: &str| token.scopes().any(|scope| scope == wanted);
        let holds = self.rule.holds(&granted);
        let expected = || format!("`{self}`");
        trace.check(Step::Scopes, holds, Reason::Scope, expected, || match token
            .scopes()
            .collect::<Vec<_>>()
        {
            none if none.is_empty() => "no scopes".to_owned(),
            some => format!("`{}`", some.join(" ")),
        })
    }
}

impl Rule {
    fn holds(&self, granted: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Scope(scope) => granted(scope),
            Self::All(rules) => rules.iter().all(|rule| rule.holds(granted)),
            Self::Any(rules) => rules.iter().any(|rule| rule.holds(granted)),
            Self::None(rules) => !rules.iter().any(|rule| rule.holds(granted)),
        }
    }

    fn collect<'r>(&'r self, scopes: &mut Vec<&'r str>) {
        match self {
            Self::Scope(scope) => scopes.push(scope),
            Self::All(rules) | Self::Any(rules) => {
                for rule in rules {
                    rule.collect(scopes);
                }
            }
            Self::None(_) => {}
        }
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl From<&str> for Requirement {
    fn from(scopes: &str) -> Self {
        Self::all(scopes.split(' ').filter(|scope| !scope.is_empty()))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.fmt(f)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(scope) => f.write_str(scope),
            Self::All(rules) => joined(f, rules, " ", |rule| matches!(rule, Self::Any(_))),
            Self::Any(rules) => joined(f, rules, " or ", |rule| matches!(rule, Self::Any(_))),
            Self::None(rules) => {
                f.write_str("not (")?;
                joined(f, rules, " or ", |_| false)?;
                f.write_str(")")
            }
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    rules: &[Rule],
    between: &str,
    in_parentheses: impl Fn(&Rule) -> bool,
) -> fmt::Result {
    for (place, rule) in rules.iter().enumerate() {
        if place > 0 {
            f.write_str(between)?;
        }
        if in_parentheses(rule) {
            write!(f, "({rule})")?;
        } else {
            write!(f, "{rule}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(requirement: &Requirement, granted: &str) -> bool {
        let granted = |wanted: &str| granted.split(' ').any(|scope| scope == wanted);
        requirement.rule.holds(&granted)
    }

    #[test]
    fn requirements_stand_within_one_another() {
        let none = || Requirement::none_of(["guest".into(), "a b".into()]);
        let nested = Requirement::all_of([
            Requirement::any(["read", "admin audit"]),
            Requirement::from("api"),
            none(),
        ]);
        for (name, requirement, granted, expected) in [
            ("nothing asked", &Requirement::default(), "", true),
            ("any of nothing", &Requirement::any([]), "", true),
            ("none of nothing", &Requirement::none_of([]), "guest", true),
            (
                "none of anything",
                &Requirement::none_of([Requirement::default()]),
                "",
                false,
            ),
            ("the first way", &nested, "api read", true),
            ("the second way", &nested, "api admin audit", true),
            ("half of the second way", &nested, "api admin", false),
            ("neither way", &nested, "api", false),
            ("one part only", &nested, "read", false),
            ("what refuses", &nested, "api read guest", false),
            ("half of what refuses", &nested, "api read a", true),
            ("a set that refuses", &nested, "api read a b", false),
        ] {
            assert_eq!(holds(requirement, granted), expected, "{name}");
        }
        assert_eq!(nested.challenge_scopes(), ["read", "api"]);
        let scopes: Vec<_> = nested.scopes().collect();
        assert_eq!(scopes, ["read", "admin", "audit", "api"]);
        assert_eq!(
            nested.to_string(),
            "(read or admin audit) api not (guest or a b)"
        );
    }

    #[test]
    fn one_of_one_is_that_one() {
        let one = Requirement::from("a b");
        assert_eq!(Requirement::any(["a b"]), one);
        assert_eq!(Requirement::all_of([one.clone()]), one);
        assert_eq!(Requirement::any([""]), Requirement::default());
        assert_eq!(Requirement::any(["", "a"]).challenge_scopes().len(), 0);
        let outer = Requirement::any_of([Requirement::none_of([one]), "c".into()]);
        assert_eq!(outer.to_string(), "not (a b) or c");
    }
}
