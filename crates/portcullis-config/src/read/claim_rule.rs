//! Rules for the claims of a token: `[[authorizer.NAME.claim]]`.

use std::ops::Bound;

use portcullis_token::{ClaimRule, OnFail};
use serde_json::{Number, Value};
use toml::de::DeValue;

use super::authorizer::some;
use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::diagnostic::Diagnostic;
use crate::keys::CLAIM;

const SCALAR: &str = "a string, a number or a boolean";

/// Reads one rule from the entry of its key.
type ReadTest = fn(&mut Reader<'_>, &Entry<'_>, &str) -> Result<ClaimRule, Reported>;

/// What a rule can ask besides a range.
const TESTS: [(&str, ReadTest); 6] = [
    ("equals", |reader, entry, claim| {
        scalar(reader, entry).map(|value| ClaimRule::equals(claim, value))
    }),
    ("in", |reader, entry, claim| {
        scalars(reader, entry).map(|values| ClaimRule::one_of(claim, values))
    }),
    ("includes_any", |reader, entry, claim| {
        scalars(reader, entry).map(|values| ClaimRule::includes_any(claim, values))
    }),
    ("includes_all", |reader, entry, claim| {
        scalars(reader, entry).map(|values| ClaimRule::includes_all(claim, values))
    }),
    ("exists", |reader, entry, claim| {
        if reader.flag(entry)? {
            Ok(ClaimRule::exists(claim))
        } else {
            Err(reader.bad(entry, "must be `true`: no rule asks for a claim's absence"))
        }
    }),
    ("matches", |reader, entry, claim| {
        let pattern = reader.text(entry)?.value();
        ClaimRule::matches(claim, &pattern)
            .map_err(|error| reader.bad(entry, format!("is {error}")))
    }),
];

pub(super) fn read_all(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<ClaimRule>, Reported> {
    let rules = fields.optional("claim", |entry| {
        reader.list(&entry, "a list of tables", read)
    });
    Ok(rules?.unwrap_or_default())
}

fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<ClaimRule, Reported> {
    let fields = Fields::open(reader, &CLAIM, entry)?;
    let name = fields.required(reader, "name");
    let name = name.and_then(|entry| reader.nonempty(&entry));
    let on_fail = fields.optional("on_fail", |entry| {
        reader.choice(
            &entry,
            &[("token", OnFail::Token), ("forbid", OnFail::Forbid)],
        )
    });
    let rule = read_test(reader, &fields, name.as_deref().unwrap_or_default());
    name?;
    Ok(rule?.on_fail(on_fail?.unwrap_or_default()))
}

fn read_test(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    claim: &str,
) -> Result<ClaimRule, Reported> {
    let mut tests = TESTS
        .iter()
        .filter_map(|(name, read)| fields.find(name).map(|entry| (entry, *read)));
    let range = fields.find("at_least").or_else(|| fields.find("at_most"));
    let first = tests.next();
    let other = tests.next().map(|(entry, _)| entry).or(range.clone());
    match (first, other, range) {
        (None, _, None) => {
            if let Some(reported) = fields.refused() {
                return Err(reported);
            }
            let problem = Diagnostic::new(fields.span(), "the rule asks nothing of the claim")
                .hint("write for example `equals = \"org_1\"` or `exists = true`");
            Err(reader.refuse(problem))
        }
        (Some((entry, _)), Some(other), _) => {
            let problem = Diagnostic::new(entry.key, "a rule asks one thing, this one asks two")
                .secondary(other.key, "the other one")
                .hint("write a rule for each");
            Err(reader.refuse(problem))
        }
        (Some((entry, read)), None, _) => read(reader, &entry, claim),
        (None, _, Some(range)) => read_range(reader, fields, &range, claim),
    }
}

/// Reads `at_least` and `at_most`, of which one may be absent.
fn read_range(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    range: &Entry<'_>,
    claim: &str,
) -> Result<ClaimRule, Reported> {
    let least = fields.optional("at_least", |entry| number(reader, &entry));
    let most = fields.optional("at_most", |entry| number(reader, &entry));
    let (least, most) = (least?, most?);
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        return Err(reader.bad(range, "is more than `at_most`: no number would be good"));
    }
    let bound = |end: Option<f64>| end.map_or(Bound::Unbounded, Bound::Included);
    Ok(ClaimRule::within(claim, (bound(least), bound(most))))
}

fn scalars(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Vec<Value>, Reported> {
    let list = reader.list(entry, "a list of strings, numbers or booleans", scalar)?;
    some(reader, entry, list)
}

fn scalar(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Value, Reported> {
    match entry.value.get_ref() {
        DeValue::String(_) => Ok(reader.text(entry)?.value().into()),
        DeValue::Boolean(flag) => Ok((*flag).into()),
        DeValue::Integer(_) | DeValue::Float(_) => finite(reader, entry).map(Value::Number),
        _ => Err(reader.mismatch(entry, SCALAR)),
    }
}

fn number(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<f64, Reported> {
    if !matches!(
        entry.value.get_ref(),
        DeValue::Integer(_) | DeValue::Float(_)
    ) {
        return Err(reader.mismatch(entry, "a number"));
    }
    let number = finite(reader, entry)?;
    number
        .as_f64()
        .ok_or_else(|| reader.bad(entry, "is not a number that a claim can have"))
}

/// A number that JSON can hold.
fn finite(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Number, Reported> {
    let number = match entry.value.get_ref() {
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .map(Number::from),
        DeValue::Float(float) => float.as_str().parse().ok().and_then(Number::from_f64),
        _ => None,
    };
    number.ok_or_else(|| reader.bad(entry, "is not a number that a claim can have"))
}
