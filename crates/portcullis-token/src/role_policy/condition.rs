use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Access, RolePolicyError, pattern};
use crate::UnixTime;

/// One key of a condition, any one of whose values is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    subject: Subject,
    /// For `…Not…`: none of the values may hold, and a missing tag is none of them.
    negated: bool,
    tests: Vec<Test>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    Tag(String),
    Source,
    Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Equals(String),
    Like(String),
    Within { network: IpAddr, prefix: u8 },
    Before { time: UnixTime, or_at: bool },
    After { time: UnixTime, or_at: bool },
}

/// Reads `{ "StringEquals": { "aws:PrincipalTag/department": ["sales"] } }`.
pub(super) fn compile(written: &Map<String, Value>) -> Result<Vec<Condition>, RolePolicyError> {
    let mut conditions = Vec::new();
    for (operator, keys) in written {
        let unknown = || RolePolicyError::Condition(operator.clone());
        let (plain, negated) = match operator.as_str() {
            "StringNotEquals" => ("StringEquals", true),
            "StringNotLike" => ("StringLike", true),
            "NotIpAddress" => ("IpAddress", true),
            other => (other, false),
        };
        for (key, values) in keys.as_object().ok_or_else(unknown)? {
            let subject = subject(plain, key)?;
            let tests = texts(values)
                .ok_or_else(|| RolePolicyError::Condition(key.clone()))?
                .into_iter()
                .map(|value| test(plain, value));
            conditions.push(Condition {
                subject,
                negated,
                tests: tests.collect::<Result<_, _>>()?,
            });
        }
    }
    Ok(conditions)
}

/// What an operator compares.
fn subject(operator: &str, key: &str) -> Result<Subject, RolePolicyError> {
    let lower = key.to_ascii_lowercase();
    let subject = match operator {
        "StringEquals" | "StringLike" => {
            let is_tag = lower.starts_with("aws:principaltag/");
            let tag = key.split_once('/').filter(|_| is_tag);
            tag.map(|(_, name)| Subject::Tag(name.to_owned()))
        }
        "IpAddress" => (lower == "aws:sourceip").then_some(Subject::Source),
        "DateLessThan" | "DateLessThanEquals" | "DateGreaterThan" | "DateGreaterThanEquals" => {
            (lower == "aws:currenttime").then_some(Subject::Time)
        }
        _ => return Err(RolePolicyError::Condition(operator.to_owned())),
    };
    subject.ok_or_else(|| RolePolicyError::Condition(key.to_owned()))
}

fn texts(values: &Value) -> Option<Vec<&str>> {
    match values {
        Value::String(text) => Some(vec![text]),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn test(operator: &str, value: &str) -> Result<Test, RolePolicyError> {
    let bad = || RolePolicyError::Condition(value.to_owned());
    if value.contains("${") {
        return Err(bad());
    }
    let or_at = operator.ends_with("Equals");
    Ok(match operator {
        "StringLike" => Test::Like(value.to_owned()),
        "IpAddress" => network(value).ok_or_else(bad)?,
        "DateLessThan" | "DateLessThanEquals" => Test::Before {
            time: time(value).ok_or_else(bad)?,
            or_at,
        },
        "DateGreaterThan" | "DateGreaterThanEquals" => Test::After {
            time: time(value).ok_or_else(bad)?,
            or_at,
        },
        _ => Test::Equals(value.to_owned()),
    })
}

fn network(text: &str) -> Option<Test> {
    let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
    let network: IpAddr = address.parse().ok()?;
    let longest = if network.is_ipv4() { 32 } else { 128 };
    let prefix = if prefix.is_empty() && !text.contains('/') {
        longest
    } else {
        prefix.parse().ok().filter(|prefix| *prefix <= longest)?
    };
    Some(Test::Within { network, prefix })
}

fn time(text: &str) -> Option<UnixTime> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_second()).ok().map(UnixTime)
}

impl Condition {
    pub(super) fn holds(&self, access: &Access<'_>) -> bool {
        let tag = match &self.subject {
            Subject::Tag(name) => {
                let tag = access.tags.iter().find(|(own, _)| own == name);
                let Some((_, value)) = tag else {
                    return self.negated;
                };
                value.as_str()
            }
            Subject::Source | Subject::Time => "",
        };
        let any = self.tests.iter().any(|test| test.holds(tag, access));
        any != self.negated
    }
}

impl Test {
    fn holds(&self, tag: &str, access: &Access<'_>) -> bool {
        match self {
            Self::Equals(value) => value == tag,
            Self::Like(value) => pattern::matches(value, tag),
            Self::Within { network, prefix } => is_within(access.source, *network, *prefix),
            Self::Before { time, or_at } => access.now < *time || (*or_at && access.now == *time),
            Self::After { time, or_at } => access.now > *time || (*or_at && access.now == *time),
        }
    }
}

fn is_within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let (address, network, bits) = match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (
            u128::from(address.to_bits()),
            u128::from(network.to_bits()),
            32,
        ),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    let host = u32::from(bits - prefix.min(bits));
    let differing = address ^ network;
    differing.checked_shr(host).unwrap_or_default() == 0
}
