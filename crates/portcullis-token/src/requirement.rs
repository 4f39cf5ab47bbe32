use std::fmt;

use crate::{Reason, Step, Trace, Verified};

/// Which scopes a route asks for (RFC 6749 section 3.3), compared byte for byte.
///
/// A text asks for all scopes between its spaces; [`Requirement::any`] for one of several such
/// sets. The empty requirement, which is the default, asks for a valid token and no scope.
///
/// ```
/// use portcullis_token::Requirement;
///
/// let both = Requirement::from("read:reports write:reports");
/// assert_eq!(both.to_string(), "read:reports write:reports");
/// let either = Requirement::any(["reports:admin", "reports:delete"]);
/// assert_eq!(either.to_string(), "reports:admin or reports:delete");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// Any one of these is enough; of its scopes all are needed. None: nothing is asked for.
    alternatives: Vec<Vec<String>>,
}

impl Requirement {
    /// Asks for all of these scopes.
    pub fn all<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        let alternatives = if scopes.is_empty() {
            Vec::new()
        } else {
            vec![scopes]
        };
        Self { alternatives }
    }

    /// Asks for any one of these, each of which may be several scopes between spaces.
    pub fn any<'s>(sets: impl IntoIterator<Item = &'s str>) -> Self {
        Self {
            alternatives: sets.into_iter().map(split).collect(),
        }
    }

    /// The scopes that a challenge names: those of the first alternative.
    pub fn challenge_scopes(&self) -> &[String] {
        self.alternatives.first().map_or(&[], Vec::as_slice)
    }

    /// Every scope that is named, for lists of what an API knows.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.alternatives.iter().flatten().map(String::as_str)
    }

    /// Checks that `token` grants what is asked for.
    ///
    /// # Errors
    /// [`Reason::Scope`].
    pub fn check(&self, token: &Verified, trace: &mut impl Trace) -> Result<(), Reason> {
        let granted = |wanted: &String| token.scopes().any(|scope| scope == wanted);
        let holds = self.alternatives.is_empty()
            || self
                .alternatives
                .iter()
                .any(|scopes| scopes.iter().all(granted));
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

fn split(scopes: &str) -> Vec<String> {
    scopes
        .split(' ')
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect()
}

impl From<&str> for Requirement {
    fn from(scopes: &str) -> Self {
        Self::all(split(scopes))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets: Vec<String> = self
            .alternatives
            .iter()
            .map(|scopes| scopes.join(" "))
            .collect();
        f.write_str(&sets.join(" or "))
    }
}
