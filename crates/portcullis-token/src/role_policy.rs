//! What a role may do: IAM's policies, as far as requests to an API need them.

mod condition;
mod pattern;

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use self::condition::Condition;
use crate::UnixTime;

/// The longest pattern, which is as long as IAM's ARNs may be.
const MAX_PATTERN: usize = 2048;

/// The statements of a role, compiled.
///
/// ```
/// use portcullis_token::{Access, RolePolicy, RoleDecision, UnixTime};
///
/// let policy = RolePolicy::parse(br#"{ "Version": "2012-10-17", "Statement": [
///     { "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "arn:aws:execute-api:*:*:Api/*" },
///     { "Effect": "Deny", "Action": "execute-api:*", "Resource": "*/DELETE/*" }
/// ] }"#)?;
/// let access = |method| Access {
///     action: "execute-api:Invoke",
///     resource: format!("arn:aws:execute-api:us-east-1:000000000000:Api/$default/{method}/notes"),
///     tags: &[],
///     source: [127, 0, 0, 1].into(),
///     now: UnixTime(0),
/// };
/// assert_eq!(policy.decide(&access("GET")), RoleDecision::Allowed);
/// assert_eq!(policy.decide(&access("DELETE")), RoleDecision::Denied);
/// # Ok::<(), portcullis_token::RolePolicyError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolePolicy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    denies: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

/// What somebody wants to do.
///
/// ```
/// use portcullis_token::{Access, UnixTime};
///
/// let access = Access {
///     action: "execute-api:Invoke",
///     resource: "arn:aws:execute-api:us-east-1:000000000000:Api/$default/GET/notes".to_owned(),
///     tags: &[("department".to_owned(), "sales".to_owned())],
///     source: [192, 0, 2, 1].into(),
///     now: UnixTime(1_790_000_000),
/// };
/// assert!(access.resource.ends_with("/GET/notes"));
/// ```
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// `execute-api:Invoke`.
    pub action: &'a str,
    /// `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/VERB/PATH`.
    pub resource: String,
    /// The principal tags, by name.
    pub tags: &'a [(String, String)],
    /// Where the request comes from.
    pub source: IpAddr,
    /// The time.
    pub now: UnixTime,
}

/// What a policy says.
///
/// ```
/// use portcullis_token::RoleDecision;
///
/// assert_ne!(RoleDecision::Denied, RoleDecision::NotAllowed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleDecision {
    /// A statement allows it, and none denies it.
    Allowed,
    /// A statement denies it, whatever the others say.
    Denied,
    /// No statement speaks of it, which is a no.
    NotAllowed,
}

/// Why a text is not a policy.
///
/// ```
/// use portcullis_token::{RolePolicy, RolePolicyError};
///
/// let error = RolePolicy::parse(b"[]").unwrap_err();
/// assert!(matches!(error, RolePolicyError::Json(_)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RolePolicyError {
    /// Not the JSON of a policy, or one with members that are not understood.
    #[error("not a policy")]
    Json(#[source] serde_json::Error),
    /// An operator, a key or a value of a condition that is not understood.
    #[error("the condition `{0}` is not understood")]
    Condition(String),
    /// A pattern that is too long, or has a variable in it.
    #[error("the pattern `{0}` is not understood")]
    Pattern(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Document {
    #[serde(rename = "Version")]
    _version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Written {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
    #[serde(default)]
    condition: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl RolePolicy {
    /// Reads a policy document in IAM's JSON.
    ///
    /// Understood are `Action` and `Resource` with wildcards, and of `Condition` what compares
    /// `aws:PrincipalTag/…`, `aws:SourceIp` and `aws:CurrentTime`. All else is an error: a
    /// condition that is not understood must not be one that always holds.
    ///
    /// # Errors
    /// [`RolePolicyError`], for the first thing that is not understood.
    ///
    /// ```
    /// use portcullis_token::RolePolicy;
    ///
    /// let policy = br#"{ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } }"#;
    /// assert!(RolePolicy::parse(policy).is_ok());
    /// ```
    pub fn parse(json: &[u8]) -> Result<Self, RolePolicyError> {
        let document: Document = serde_json::from_slice(json).map_err(RolePolicyError::Json)?;
        let statements = document.statement.into_vec().into_iter().map(compile);
        Ok(Self {
            statements: statements.collect::<Result<_, _>>()?,
        })
    }

    /// A policy that allows one action on these resources, wildcards in them understood.
    ///
    /// ```
    /// use portcullis_token::RolePolicy;
    ///
    /// let policy = RolePolicy::allowing("execute-api:Invoke", vec!["*:Api/*".to_owned()]);
    /// assert_ne!(policy, RolePolicy::default());
    /// ```
    pub fn allowing(action: &str, resources: Vec<String>) -> Self {
        Self {
            statements: vec![Statement {
                denies: false,
                actions: vec![action.to_owned()],
                resources,
                conditions: Vec::new(),
            }],
        }
    }

    /// The statements of both.
    ///
    /// ```
    /// use portcullis_token::RolePolicy;
    ///
    /// let one = RolePolicy::allowing("execute-api:Invoke", vec!["*".to_owned()]);
    /// assert_eq!(RolePolicy::default().with(one.clone()), one);
    /// ```
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.statements.extend(other.statements);
        self
    }

    /// What the policy says about `access`: a `Deny` wins, and silence is a no.
    ///
    /// ```
    /// use portcullis_token::{Access, RoleDecision, RolePolicy, UnixTime};
    ///
    /// let access = Access {
    ///     action: "execute-api:Invoke",
    ///     resource: "arn".to_owned(),
    ///     tags: &[],
    ///     source: [127, 0, 0, 1].into(),
    ///     now: UnixTime(0),
    /// };
    /// assert_eq!(RolePolicy::default().decide(&access), RoleDecision::NotAllowed);
    /// ```
    pub fn decide(&self, access: &Access<'_>) -> RoleDecision {
        let mut decision = RoleDecision::NotAllowed;
        for statement in self.statements.iter().filter(|own| own.is_about(access)) {
            if statement.denies {
                return RoleDecision::Denied;
            }
            decision = RoleDecision::Allowed;
        }
        decision
    }
}

impl Statement {
    fn is_about(&self, access: &Access<'_>) -> bool {
        let action = access.action.to_ascii_lowercase();
        let mut actions = self.actions.iter();
        let mut resources = self.resources.iter();
        actions.any(|pattern| pattern::matches(&pattern.to_ascii_lowercase(), &action))
            && resources.any(|pattern| pattern::matches(pattern, &access.resource))
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(access))
    }
}

fn compile(written: Written) -> Result<Statement, RolePolicyError> {
    let actions = written.action.into_vec();
    let resources = written.resource.into_vec();
    let is_bad = |pattern: &&String| pattern.len() > MAX_PATTERN || pattern.contains("${");
    if let Some(pattern) = actions.iter().chain(&resources).find(is_bad) {
        return Err(RolePolicyError::Pattern(pattern.clone()));
    }
    Ok(Statement {
        denies: matches!(written.effect, Effect::Deny),
        actions,
        resources,
        conditions: condition::compile(&written.condition)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: &str = r#""Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*""#;

    fn decide(condition: &str, tags: &[(String, String)], source: &str) -> RoleDecision {
        let json = format!(r#"{{ "Statement": [{{ {ALLOW}, "Condition": {condition} }}] }}"#);
        let policy = RolePolicy::parse(json.as_bytes()).unwrap();
        policy.decide(&Access {
            action: "execute-api:Invoke",
            resource: "arn".to_owned(),
            tags,
            source: source.parse().unwrap(),
            now: UnixTime(1_790_000_000),
        })
    }

    #[test]
    fn conditions_hold_as_those_of_iam_do() {
        let sales = [("department".to_owned(), "sales".to_owned())];
        let yes = RoleDecision::Allowed;
        let no = RoleDecision::NotAllowed;
        for (condition, tags, source, expected) in [
            ("{}", &sales[..], "192.0.2.1", yes),
            (
                r#"{"StringEquals":{"aws:PrincipalTag/department":"sales"}}"#,
                &sales,
                "192.0.2.1",
                yes,
            ),
            (
                r#"{"StringEquals":{"aws:PrincipalTag/department":["x","sales"]}}"#,
                &sales,
                "192.0.2.1",
                yes,
            ),
            (
                r#"{"StringEquals":{"aws:PrincipalTag/department":"Sales"}}"#,
                &sales,
                "192.0.2.1",
                no,
            ),
            (
                r#"{"StringEquals":{"aws:PrincipalTag/department":"sales"}}"#,
                &[],
                "192.0.2.1",
                no,
            ),
            (
                r#"{"StringNotEquals":{"aws:PrincipalTag/department":"sales"}}"#,
                &[],
                "192.0.2.1",
                yes,
            ),
            (
                r#"{"StringNotEquals":{"aws:PrincipalTag/department":"sales"}}"#,
                &sales,
                "192.0.2.1",
                no,
            ),
            (
                r#"{"StringLike":{"aws:PrincipalTag/department":"s?l*"}}"#,
                &sales,
                "192.0.2.1",
                yes,
            ),
            (
                r#"{"StringNotLike":{"aws:PrincipalTag/department":"s?l*"}}"#,
                &sales,
                "192.0.2.1",
                no,
            ),
            (
                r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
                &[],
                "192.0.2.255",
                yes,
            ),
            (
                r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
                &[],
                "192.0.3.0",
                no,
            ),
            (
                r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#,
                &[],
                "2001:db8::1",
                no,
            ),
            (
                r#"{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}"#,
                &[],
                "2001:db8::1",
                yes,
            ),
            (
                r#"{"NotIpAddress":{"aws:SourceIp":"192.0.2.1"}}"#,
                &[],
                "192.0.2.1",
                no,
            ),
            (
                r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-09-21T14:13:19Z"}}"#,
                &[],
                "192.0.2.1",
                yes,
            ),
            (
                r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-09-21T14:13:20Z"}}"#,
                &[],
                "192.0.2.1",
                no,
            ),
            (
                r#"{"DateLessThan":{"aws:CurrentTime":"2026-09-21T14:13:21Z"}}"#,
                &[],
                "192.0.2.1",
                yes,
            ),
            (
                r#"{"DateLessThan":{"aws:CurrentTime":"2026-09-21T14:13:20Z"}}"#,
                &[],
                "192.0.2.1",
                no,
            ),
        ] {
            assert_eq!(
                decide(condition, tags, source),
                expected,
                "{condition} {tags:?} {source}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_no_policy() {
        for (json, expected) in [
            ("", "not a policy"),
            (
                r#"{"Statement":[{"Effect":"Maybe","Action":"a","Resource":"b"}]}"#,
                "not a policy",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","NotAction":"a","Resource":"b"}]}"#,
                "not a policy",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"a","Resource":"${x}"}]}"#,
                "the pattern `${x}` is not understood",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"a","Resource":"b","Condition":{"Bool":{"aws:x":"y"}}}]}"#,
                "the condition `Bool` is not understood",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"a","Resource":"b","Condition":{"StringEquals":{"aws:x":"y"}}}]}"#,
                "the condition `aws:x` is not understood",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"a","Resource":"b","Condition":{"IpAddress":{"aws:SourceIp":"1.2.3.4/33"}}}]}"#,
                "the condition `1.2.3.4/33` is not understood",
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Action":"a","Resource":"b","Condition":{"DateLessThan":{"aws:CurrentTime":"soon"}}}]}"#,
                "the condition `soon` is not understood",
            ),
        ] {
            let error = RolePolicy::parse(json.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), expected, "{json}");
        }
    }
}
