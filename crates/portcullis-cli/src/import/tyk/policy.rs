//! Tyk's policies: access rights, rate, quota and age.

use std::collections::BTreeSet;

use serde_json::Value;
use toml_edit::InlineTable;

use super::super::Problem;
use super::super::document::step;
use super::super::draft::{Draft, Entries, text, texts};
use super::{is_set, member};
use crate::arguments::Tyk;

/// Drafts each policy that gives access to the API of one of these ids, and says which they are.
pub(super) fn read(
    policies: Option<&Value>,
    ids: &[Option<&str>],
    api: &str,
    options: &Tyk,
    draft: &mut Draft,
    problems: &mut Vec<Problem>,
) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for (pointer, key, policy) in listed(policies) {
        let id = member(policy, "id").or(key).unwrap_or_default();
        let rights = policy.get("access_rights").and_then(Value::as_object);
        let right = rights.into_iter().flatten().find(|(key, right)| {
            let own = member(right, "api_id").unwrap_or(key);
            ids.contains(&Some(own))
        });
        let Some((key, right)) = right else {
            draft.notes.push(format!(
                "the policy `{id}` is about other APIs and is left out"
            ));
            continue;
        };
        let at = format!("{pointer}/access_rights{}", step(key));
        match convert(policy, right, id, api, (&pointer, &at), options) {
            Ok(entries) => {
                draft.policies.insert(id.to_owned(), entries);
                known.insert(id.to_owned());
            }
            Err(problem) => problems.push(problem),
        }
    }
    known
}

/// The policies with where they stand: an object by id, a list, or one alone.
fn listed(policies: Option<&Value>) -> Vec<(String, Option<&str>, &Value)> {
    match policies {
        None => Vec::new(),
        Some(Value::Array(list)) => list
            .iter()
            .enumerate()
            .map(|(index, policy)| (format!("/{index}"), None, policy))
            .collect(),
        Some(one) if one.get("access_rights").is_some() => vec![(String::new(), None, one)],
        Some(by_id) => by_id
            .as_object()
            .into_iter()
            .flatten()
            .map(|(id, policy)| (step(id), Some(id.as_str()), policy))
            .collect(),
    }
}

fn convert(
    policy: &Value,
    right: &Value,
    id: &str,
    api: &str,
    (pointer, at): (&str, &str),
    options: &Tyk,
) -> Result<Entries, Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !(1..=64).contains(&id.len()) || !id.bytes().all(plain) {
        let message = "a policy's id is 1 to 64 letters, digits, `_` and `-` here";
        return Err(Problem::new(format!("{pointer}/id"), message));
    }
    let inactive = policy.get("is_inactive").is_some_and(is_set)
        || policy.get("active") == Some(&Value::Bool(false));
    if inactive {
        let message = format!("the policy `{id}` is not active: remove it, and what names it");
        return Err(Problem::new(pointer, message));
    }
    let given_up = options.without.iter().any(|own| own == "limit");
    for field in ["limit", "endpoints"] {
        if right.get(field).is_some_and(is_set) && !given_up {
            let message = "a limit for one API of a policy has no counterpart";
            return Err(Problem::new(format!("{at}/{field}"), message)
                .hint("say `--without limit` to do without it"));
        }
    }
    let mut entries = Entries::default();
    match endpoints(right, at)? {
        None => entries.set("apis", texts([api])),
        Some(list) => {
            let mut apis = InlineTable::new();
            apis.insert(api, texts(list.iter().map(String::as_str)));
            entries.set("apis", apis);
        }
    }
    let number = |name: &str| {
        policy
            .get(name)
            .and_then(Value::as_f64)
            .filter(|&number| number > 0.0)
    };
    if let (Some(rate), Some(per)) = (number("rate"), number("per")) {
        entries.set("rate", text(&format!("{rate}/{}", duration(per))));
    }
    if let (Some(quota), Some(renewal)) = (number("quota_max"), number("quota_renewal_rate")) {
        entries.set("quota", text(&format!("{quota}/{}", duration(renewal))));
    }
    if let Some(age) = number("key_expires_in") {
        entries.set("expires", text(&duration(age)));
    }
    Ok(entries)
}

/// The endpoints that a policy narrows its access to; absent when it does not.
fn endpoints(right: &Value, at: &str) -> Result<Option<Vec<String>>, Problem> {
    let Some(allowed) = right.get("allowed_urls").filter(|allowed| is_set(allowed)) else {
        return Ok(None);
    };
    let at = format!("{at}/allowed_urls");
    let mut endpoints = Vec::new();
    for allowed in allowed.as_array().into_iter().flatten() {
        let url = member(allowed, "url").unwrap_or_default();
        let path = literal(url).ok_or_else(|| {
            Problem::new(
                &at,
                format!("`{url}` is a regular expression, which has no counterpart"),
            )
            .hint("write the endpoints of the policy by hand")
        })?;
        let methods = allowed.get("methods").and_then(Value::as_array);
        for method in methods.into_iter().flatten().filter_map(Value::as_str) {
            endpoints.push(format!("{method} {path}"));
        }
    }
    Ok(Some(endpoints))
}

/// A path that Tyk reads as itself: it matches anywhere in a path unless it is held at both ends.
fn literal(url: &str) -> Option<&str> {
    let held = url.strip_prefix('^')?.strip_suffix('$')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
    (held.starts_with('/') && held.bytes().all(plain)).then_some(held)
}

/// Seconds in the largest unit that they are a whole number of.
pub(super) fn duration(seconds: f64) -> String {
    let whole = [(86400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s")]
        .into_iter()
        .find(|(unit, _)| seconds % unit == 0.0);
    match whole {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{}ms", (seconds * 1000.0).round()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_written_in_their_largest_unit() {
        for (seconds, expected) in [
            (86400.0, "1d"),
            (90000.0, "25h"),
            (60.0, "1m"),
            (1.0, "1s"),
            (0.5, "500ms"),
        ] {
            assert_eq!(duration(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn only_a_path_held_at_both_ends_is_literal() {
        for (url, expected) in [
            ("^/get$", Some("/get")),
            ("/get", None),
            ("^/get", None),
            ("^/get/.*$", None),
            ("^/a/{b}$", None),
            ("^get$", None),
        ] {
            assert_eq!(literal(url), expected, "{url}");
        }
    }
}
