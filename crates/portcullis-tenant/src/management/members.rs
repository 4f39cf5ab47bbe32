//! What members the objects of request bodies have, and Auth0's words for others.

use serde_json::{Map, Value};
use url::Url;

use crate::redirect_uri::parse_callback;

/// What a member's value must be like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Boolean,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// As many characters as from the first to the second.
    Text(usize, usize),
    /// One of these.
    Word(&'static [&'static str]),
    /// So many texts at most, each of so many characters at most.
    Texts(usize, usize),
    /// URIs that a browser is sent to.
    Callbacks,
    /// Such as `https://app.example`, without a path.
    Origins,
    Email,
    /// An absolute URL of `http` or `https`.
    Uri,
    /// An object of these members.
    Object(&'static [Member]),
    /// A list, as long as given at most, of objects of these members.
    Objects(usize, &'static [Member]),
    /// Whatever object.
    AnyObject,
    /// Whatever it is: kept and given back.
    Any,
}

/// A member that an object may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    name: &'static str,
    kind: Kind,
    is_required: bool,
    is_nullable: bool,
}

/// Whether the required members must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// An object is made.
    Whole,
    /// An object is changed by the members that are there.
    Partial,
}

/// A member that may be left out.
pub(super) const fn member(name: &'static str, kind: Kind) -> Member {
    Member {
        name,
        kind,
        is_required: false,
        is_nullable: false,
    }
}

impl Member {
    /// It cannot be left out.
    pub(super) const fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    /// `null` takes it away.
    pub(super) const fn or_null(self) -> Self {
        Self {
            is_nullable: true,
            ..self
        }
    }
}

/// The most URIs of one kind that an application has.
const MAX_URIS: usize = 100;
/// The longest URI that is kept.
const MAX_URI: usize = 2083;

/// Whether `object` has members of `known` only, and they are as they must be.
///
/// # Errors
/// What Auth0 says of the first that is not.
pub(super) fn check(
    object: &Map<String, Value>,
    known: &[Member],
    presence: Presence,
) -> Result<(), String> {
    check_object(object, known, presence, "")
}

/// Whether `value` is as the member must be.
///
/// # Errors
/// What Auth0 says of it.
pub(super) fn check_member(value: &Value, member: &Member) -> Result<(), String> {
    check_value(value, member.kind, member.name)
}

fn check_object(
    object: &Map<String, Value>,
    known: &[Member],
    presence: Presence,
    path: &str,
) -> Result<(), String> {
    let at = |text: String| match path {
        "" => format!("'{text}'"),
        path => format!("'{text}' on property {path}"),
    };
    let is_known = |name: &&String| known.iter().any(|member| member.name == **name);
    let unknown: Vec<&str> = object
        .keys()
        .filter(|name| !is_known(name))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(",");
        return Err(at(format!("Additional properties not allowed: {unknown}")));
    }
    for member in known {
        let name = member.name;
        let inner = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        match object.get(name) {
            None if member.is_required && presence == Presence::Whole => {
                return Err(at(format!("Missing required property: {name}")));
            }
            None => {}
            Some(Value::Null) if member.is_nullable => {}
            Some(value) => check_value(value, member.kind, &inner)?,
        }
    }
    Ok(())
}

fn check_value(value: &Value, kind: Kind, path: &str) -> Result<(), String> {
    let refuse = |text: String| Err(format!("'{text}' on property {path}"));
    let expected = |name: &str| {
        let found = type_name(value);
        Err(format!(
            "'Expected type {name} but found type {found}' on property {path}"
        ))
    };
    match (kind, value) {
        (Kind::Any, _) | (Kind::AnyObject, Value::Object(_)) | (Kind::Boolean, Value::Bool(_)) => {
            Ok(())
        }
        (Kind::AnyObject | Kind::Object(_), value) if !value.is_object() => expected("object"),
        (Kind::Boolean, _) => expected("boolean"),
        (Kind::Integer(least, most), value) => match value.as_i64() {
            Some(number) if number < least => {
                refuse(format!("Value {number} is less than minimum {least}"))
            }
            Some(number) if number > most => {
                refuse(format!("Value {number} is greater than maximum {most}"))
            }
            Some(_) => Ok(()),
            None => expected("integer"),
        },
        (Kind::Object(known), Value::Object(object)) => {
            check_object(object, known, Presence::Whole, path)
        }
        (Kind::Objects(most, known), Value::Array(items)) => {
            check_length(items, most, path)?;
            items.iter().enumerate().try_for_each(|(index, item)| {
                check_value(item, Kind::Object(known), &format!("{path}[{index}]"))
            })
        }
        (Kind::Texts(..) | Kind::Callbacks | Kind::Origins, Value::Array(items)) => {
            check_items(items, kind, path)
        }
        (Kind::Texts(..) | Kind::Callbacks | Kind::Origins | Kind::Objects(..), _) => {
            expected("array")
        }
        (kind, Value::String(text)) => match check_text(text, kind) {
            Ok(()) => Ok(()),
            Err(problem) => refuse(problem),
        },
        _ => expected("string"),
    }
}

fn check_length(items: &[Value], most: usize, path: &str) -> Result<(), String> {
    let length = items.len();
    if length <= most {
        return Ok(());
    }
    Err(format!(
        "'Array is too long ({length}), maximum {most}' on property {path}"
    ))
}

fn check_items(items: &[Value], kind: Kind, path: &str) -> Result<(), String> {
    let (most, longest) = match kind {
        Kind::Texts(most, longest) => (most, longest),
        _ => (MAX_URIS, MAX_URI),
    };
    check_length(items, most, path)?;
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        check_value(item, Kind::Text(1, longest), &path)?;
        let text = item.as_str().unwrap_or_default();
        let format = match kind {
            Kind::Callbacks if parse_callback(text).is_err() => "callback-url",
            Kind::Origins if !is_origin(text) => "origin",
            _ => continue,
        };
        return Err(format!(
            "'Object didn't pass validation for format {format}: {text}' on property {path}"
        ));
    }
    Ok(())
}

fn check_text(text: &str, kind: Kind) -> Result<(), String> {
    let format = |name: &str| {
        Err(format!(
            "Object didn't pass validation for format {name}: {text}"
        ))
    };
    let length = text.chars().count();
    match kind {
        Kind::Text(least, _) if length < least => Err(format!(
            "String is too short ({length} chars), minimum {least}"
        )),
        Kind::Text(_, most) if length > most => Err(format!(
            "String is too long ({length} chars), maximum {most}"
        )),
        Kind::Word(words) if !words.contains(&text) => Err(format!("No enum match for: {text}")),
        Kind::Email if !is_email(text) => format("email"),
        Kind::Uri if !is_web_url(text) => format("uri"),
        _ => Ok(()),
    }
}

/// Whether something may be an address; whether it is one, only a letter to it would tell.
fn is_email(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    text.len() <= 320
        && text.rsplit_once('@').is_some_and(|(local, domain)| {
            is_part(local) && is_part(domain) && !local.contains('@') && !domain.starts_with('.')
        })
}

fn is_web_url(text: &str) -> bool {
    text.len() <= MAX_URI
        && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn is_origin(text: &str) -> bool {
    is_web_url(text) && Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

/// The name of a value's type in messages.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The texts of a list that was checked.
pub(super) fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Changes the members of `object` that `change` has; `null` takes one away.
pub(super) fn merge(object: &mut Value, change: &Value) {
    let Some(change) = change.as_object() else {
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    for (name, value) in change {
        match object.as_object_mut() {
            Some(object) if value.is_null() => drop(object.remove(name)),
            Some(object) => drop(object.insert(name.clone(), value.clone())),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const INNER: &[Member] = &[member("value", Kind::Text(1, 3)).required()];
    const KNOWN: &[Member] = &[
        member("name", Kind::Text(1, 5)).required(),
        member("flag", Kind::Boolean),
        member("count", Kind::Integer(1, 3)).or_null(),
        member("word", Kind::Word(&["a", "b"])),
        member("texts", Kind::Texts(2, 3)),
        member("callbacks", Kind::Callbacks),
        member("origins", Kind::Origins),
        member("email", Kind::Email),
        member("uri", Kind::Uri),
        member("inner", Kind::Object(INNER)),
        member("list", Kind::Objects(1, INNER)),
        member("free", Kind::AnyObject),
    ];

    #[test]
    fn what_a_body_may_be_is_said_in_auth0_s_words() {
        for (change, expected) in [
            (json!({}), None),
            (
                json!({ "name": "abcde", "flag": true, "count": null }),
                None,
            ),
            (
                json!({ "name": null }),
                Some("'Expected type string but found type null' on property name"),
            ),
            (
                json!({ "name": "" }),
                Some("'String is too short (0 chars), minimum 1' on property name"),
            ),
            (
                json!({ "name": "äöüßé!" }),
                Some("'String is too long (6 chars), maximum 5' on property name"),
            ),
            (
                json!({ "name": 1 }),
                Some("'Expected type string but found type integer' on property name"),
            ),
            (
                json!({ "flag": "true" }),
                Some("'Expected type boolean but found type string' on property flag"),
            ),
            (
                json!({ "count": 0 }),
                Some("'Value 0 is less than minimum 1' on property count"),
            ),
            (json!({ "count": 3 }), None),
            (
                json!({ "count": 4 }),
                Some("'Value 4 is greater than maximum 3' on property count"),
            ),
            (
                json!({ "count": 1.5 }),
                Some("'Expected type integer but found type number' on property count"),
            ),
            (
                json!({ "word": "c" }),
                Some("'No enum match for: c' on property word"),
            ),
            (
                json!({ "texts": ["a", "b", "c"] }),
                Some("'Array is too long (3), maximum 2' on property texts"),
            ),
            (
                json!({ "texts": ["a", 1] }),
                Some("'Expected type string but found type integer' on property texts[1]"),
            ),
            (
                json!({ "texts": "a" }),
                Some("'Expected type array but found type string' on property texts"),
            ),
            (
                json!({ "callbacks": ["http://localhost:3000/callback", "app.example:/cb"] }),
                None,
            ),
            (
                json!({ "callbacks": ["javascript:alert(1)"] }),
                Some(
                    "'Object didn't pass validation for format callback-url: javascript:alert(1)' on property callbacks[0]",
                ),
            ),
            (json!({ "origins": ["http://localhost:3000"] }), None),
            (
                json!({ "origins": ["http://localhost:3000/"] }),
                Some(
                    "'Object didn't pass validation for format origin: http://localhost:3000/' on property origins[0]",
                ),
            ),
            (json!({ "email": "ada@example.com" }), None),
            (
                json!({ "email": "ada" }),
                Some("'Object didn't pass validation for format email: ada' on property email"),
            ),
            (
                json!({ "email": "a@b@c" }),
                Some("'Object didn't pass validation for format email: a@b@c' on property email"),
            ),
            (
                json!({ "uri": "ftp://a" }),
                Some("'Object didn't pass validation for format uri: ftp://a' on property uri"),
            ),
            (
                json!({ "inner": {} }),
                Some("'Missing required property: value' on property inner"),
            ),
            (
                json!({ "inner": [] }),
                Some("'Expected type object but found type array' on property inner"),
            ),
            (
                json!({ "list": [{ "value": "abcd" }] }),
                Some("'String is too long (4 chars), maximum 3' on property list[0].value"),
            ),
            (
                json!({ "list": [1] }),
                Some("'Expected type object but found type integer' on property list[0]"),
            ),
            (
                json!({ "free": 1 }),
                Some("'Expected type object but found type integer' on property free"),
            ),
            (
                json!({ "x": 1, "y": 2 }),
                Some("'Additional properties not allowed: x,y'"),
            ),
        ] {
            let mut object = json!({ "name": "name" });
            for (name, value) in change.as_object().unwrap() {
                object[name] = value.clone();
            }
            let checked = check(object.as_object().unwrap(), KNOWN, Presence::Whole);
            assert_eq!(checked.err().as_deref(), expected, "{change}");
        }
        let missing = Some("'Missing required property: name'".to_owned());
        assert_eq!(check(&Map::new(), KNOWN, Presence::Whole).err(), missing);
        assert_eq!(check(&Map::new(), KNOWN, Presence::Partial), Ok(()));
    }
}
