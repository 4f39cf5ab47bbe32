use portcullis_token::{ClaimValue, Claims, RolePolicy};

use crate::fault::Fault;
use crate::login::Login;

/// What credentials may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The name, the last part of its ARN.
    pub name: String,
    /// What it may do.
    pub policy: RolePolicy,
}

/// A claim of a login that chooses a role. The first rule that holds is the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The claim's name. A rule of a claim that is absent does not hold, whatever it compares.
    pub claim: String,
    /// How the claim is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: String,
    /// The role's name.
    pub role: String,
}

/// How a rule compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The claim is the value.
    Equals,
    /// It is there, and another one.
    NotEqual,
    /// It begins with the value.
    StartsWith,
    /// The value is in it.
    Contains,
}

/// What happens when no rule holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ambiguity {
    /// The role of everybody who is logged in.
    #[default]
    AuthenticatedRole,
    /// No credentials.
    Deny,
}

/// Whom a pool gives which role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    pub(crate) rules: Vec<Rule>,
    /// Whether `cognito:roles` and `cognito:preferred_role` are asked.
    pub(crate) by_token: bool,
    pub(crate) ambiguity: Ambiguity,
    pub(crate) authenticated: Option<String>,
}

impl Rule {
    fn holds(&self, claims: &Claims) -> bool {
        let Some(claim) = claims.find(&self.claim).and_then(ClaimValue::as_str) else {
            return false;
        };
        match self.comparison {
            Comparison::Equals => claim == self.value,
            Comparison::NotEqual => claim != self.value,
            Comparison::StartsWith => claim.starts_with(&self.value),
            Comparison::Contains => claim.contains(&self.value),
        }
    }
}

impl Choice {
    /// The name of the role for a login; with `custom`, that one, if the login may have it.
    pub(crate) fn of_login(&self, login: &Login, custom: Option<&str>) -> Result<String, Fault> {
        let claims = login.token.claims();
        let by_rules: Vec<&str> = self
            .rules
            .iter()
            .filter(|rule| rule.holds(claims))
            .map(|rule| rule.role.as_str())
            .collect();
        let by_token = if self.by_token {
            roles(claims)
        } else {
            Vec::new()
        };
        if let Some(custom) = custom {
            let mut allowed = by_rules
                .iter()
                .copied()
                .chain(by_token.iter().map(String::as_str))
                .chain(self.fallback());
            return if allowed.any(|role| role == custom) {
                Ok(custom.to_owned())
            } else {
                Err(Fault::not_authorized(
                    "Invalid role arn passed in for the identity.",
                ))
            };
        }
        let preferred = claims.find("cognito:preferred_role");
        let preferred = preferred.and_then(ClaimValue::as_str).map(role_name);
        let preferred = preferred.filter(|role| by_token.iter().any(|own| own == role));
        let only = by_token.first().filter(|_| by_token.len() == 1);
        let chosen = by_rules
            .first()
            .copied()
            .or(preferred)
            .or(only.map(String::as_str));
        chosen
            .or(self.fallback())
            .map(str::to_owned)
            .ok_or_else(Fault::no_role)
    }

    /// The role of logins that nothing else gives one, whichever way they ask.
    pub(crate) fn fallback(&self) -> Option<&str> {
        self.authenticated
            .as_deref()
            .filter(|_| self.ambiguity == Ambiguity::AuthenticatedRole || !self.is_mapped())
    }

    const fn is_mapped(&self) -> bool {
        self.by_token || !self.rules.is_empty()
    }
}

fn roles(claims: &Claims) -> Vec<String> {
    let listed = claims.find("cognito:roles");
    let listed = listed.into_iter().flat_map(ClaimValue::items);
    listed
        .filter_map(ClaimValue::as_str)
        .map(|arn| role_name(arn).to_owned())
        .collect()
}

/// The last part of an ARN.
pub(crate) fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
