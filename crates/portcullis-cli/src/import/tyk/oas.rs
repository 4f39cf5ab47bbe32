//! Tyk's definitions in the form of `OpenAPI`: what `x-tyk-api-gateway` says besides the document.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::document::step;
use super::super::draft::{Api, Draft, slug, text};
use super::super::{Problem, openapi};
use super::{is_set, policy, rate, scheme};
use crate::arguments::{OpenApi, Tyk};

const EXTENSION: &str = "/x-tyk-api-gateway";
const SCHEMES: &str = "/x-tyk-api-gateway/server/authentication/securitySchemes";
const OPERATIONS: &str = "/x-tyk-api-gateway/middleware/operations";

/// Protections that have no counterpart, by what `--without` calls them.
const PROTECTIONS: [(&str, &str); 4] = [
    ("ipAccessControl", "/server/ipAccessControl/enabled"),
    ("clientCertificates", "/server/clientCertificates/enabled"),
    ("authentication", "/server/authentication/custom/enabled"),
    ("versioning", "/info/versioning/enabled"),
];

/// The same of single operations.
const OF_OPERATIONS: [&str; 5] = [
    "allow",
    "block",
    "rateLimit",
    "validateRequest",
    "requestSizeLimit",
];

/// Drafts the file for a document; policies are those that give access to it.
pub(super) fn import(
    document: &Value,
    policies: Option<&Value>,
    options: &Tyk,
) -> Result<Draft, Vec<Problem>> {
    let mut draft = openapi::import(&without_policies(document), &OpenApi::default())?;
    let mut problems = Vec::new();
    check(document, options, &mut draft, &mut problems);
    let id = at(document, "/info/id").and_then(Value::as_str);
    let name = draft.apis.keys().next().cloned().unwrap_or_default();
    let known = policy::read(policies, &[id], &name, options, &mut draft, &mut problems);
    choose_policies(document, &known, &mut draft, &mut problems);
    for api in draft.apis.values_mut() {
        if let Err(problem) = extend(document, api) {
            problems.push(problem);
        }
    }
    if problems.is_empty() {
        Ok(draft)
    } else {
        Err(problems)
    }
}

fn at<'d>(document: &'d Value, pointer: &str) -> Option<&'d Value> {
    document.pointer(&format!("{EXTENSION}{pointer}"))
}

fn schemes(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let schemes = document.pointer(SCHEMES).and_then(Value::as_object);
    schemes.into_iter().flatten()
}

/// The document as if its schemes chose no policies: that follows, once these are read.
fn without_policies(document: &Value) -> Value {
    let mut document = document.clone();
    let schemes = document.pointer_mut(SCHEMES).and_then(Value::as_object_mut);
    for scheme in schemes.into_iter().flat_map(Map::values_mut) {
        if let Some(scheme) = scheme.as_object_mut() {
            scheme.retain(|field, _| !scheme::POLICY_FIELDS.contains(&field.as_str()));
        }
    }
    document
}

fn choose_policies(
    document: &Value,
    known: &BTreeSet<String>,
    draft: &mut Draft,
    problems: &mut Vec<Problem>,
) {
    for (name, scheme) in schemes(document) {
        // A scheme that no operation asks for is no authorizer.
        let Some(entries) = draft.authorizers.get_mut(&slug(name)) else {
            continue;
        };
        let pointer = format!("{SCHEMES}{}", step(name));
        match scheme::choose_policies(entries, scheme, &pointer, known) {
            Ok(notes) => draft.notes.extend(notes),
            Err(problem) => problems.push(problem),
        }
    }
}

/// Refuses what protects and has no counterpart, and notes what is merely lost.
fn check(document: &Value, options: &Tyk, draft: &mut Draft, problems: &mut Vec<Problem>) {
    let mut refuse = |field: &str, pointer: String, message: &str| {
        if !options.without.iter().any(|own| own == field) {
            let hint = format!("say `--without {field}` to do without it");
            problems.push(Problem::new(pointer, message).hint(hint));
        }
    };
    if at(document, "/info/state/active") == Some(&Value::Bool(false)) {
        let pointer = format!("{EXTENSION}/info/state/active");
        refuse("active", pointer, "the API is not active");
    }
    for (field, pointer) in PROTECTIONS {
        if at(document, pointer).is_some_and(is_set) {
            let pointer = format!("{EXTENSION}{pointer}");
            refuse(field, pointer, "this protection has no counterpart");
        }
    }
    let operations = document.pointer(OPERATIONS).and_then(Value::as_object);
    for (name, operation) in operations.into_iter().flatten() {
        let is_on = |field: &str| {
            let enabled = operation.get(field).and_then(|own| own.get("enabled"));
            enabled.is_some_and(is_set)
        };
        for field in OF_OPERATIONS.into_iter().filter(|field| is_on(field)) {
            let pointer = format!("{OPERATIONS}{}/{field}", step(name));
            refuse(field, pointer, "this protection has no counterpart");
        }
        if is_on("ignoreAuthentication") {
            draft.notes.push(format!(
                "the operation `{name}` without authentication is left out: a token is needed \
                 there too"
            ));
        }
    }
}

/// What the API itself is told.
fn extend(document: &Value, api: &mut Api) -> Result<(), Problem> {
    let is_on = |pointer: &str| at(document, pointer).is_some_and(is_set);
    let listen = at(document, "/server/listenPath/value").and_then(Value::as_str);
    let has_base = listen.is_some_and(|listen| !listen.trim_end_matches('/').is_empty());
    if has_base && is_on("/server/listenPath/strip") {
        api.entries.set("strip_base", true);
    }
    if !is_on("/server/authentication/stripAuthorizationData") {
        api.entries.set("token", text("keep"));
    }
    let limit = "/upstream/rateLimit";
    if is_on(&format!("{limit}/enabled")) {
        let field = |name: &str| at(document, &format!("{limit}/{name}"));
        let per = field("per").and_then(Value::as_str);
        let written = rate(field("rate").and_then(Value::as_f64), per.and_then(seconds));
        let written = written.ok_or_else(|| {
            let message = "this is not so many requests in a time";
            Problem::new(format!("{EXTENSION}{limit}"), message)
        })?;
        api.entries.set("rate", text(&written));
    }
    api.entries.set("errors", text("tyk"));
    Ok(())
}

/// Tyk's durations, in seconds: `1h30m`, `500ms`.
fn seconds(duration: &str) -> Option<f64> {
    let mut rest = duration;
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, after) = rest.split_at_checked(end)?;
        let end = after.find(|letter: char| letter.is_ascii_digit());
        let (unit, after) = after.split_at_checked(end.unwrap_or(after.len()))?;
        let scale = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        rest = after;
    }
    Some(total).filter(|total| *total > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (duration, expected) in [
            ("10s", Some(10.0)),
            ("1h30m", Some(5400.0)),
            ("500ms", Some(0.5)),
            ("1m0s", Some(60.0)),
            ("0s", None),
            ("", None),
            ("10", None),
            ("s", None),
            ("10d", None),
            ("-1s", None),
        ] {
            assert_eq!(seconds(duration), expected, "{duration}");
        }
    }
}
