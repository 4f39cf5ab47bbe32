//! JSON objects as tokens may carry them: no member twice, bounded depth and size.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How large an object may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Arrays and objects within one another, the outermost included.
    pub(crate) depth: usize,
    /// Members of the outermost object.
    pub(crate) members: usize,
}

/// The bytes are not one JSON object, or go beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnObject;

/// Reads one JSON object, nothing before or after it but white space.
///
/// A name that stands twice is refused, at the top and inside `cnf`: parsers differ in which of
/// the two they believe (RFC 7519 section 4), and what one checks another would forward.
pub(crate) fn parse_object(json: &[u8], limits: Limits) -> Result<Map<String, Value>, NotAnObject> {
    let seed = UniqueMembers {
        most: limits.members,
    };
    parse_whole(json, limits.depth, seed)
}

/// Reads one JSON object like [`parse_object`], but leaves its values as they are written.
pub(crate) fn parse_members(
    json: &[u8],
    limits: Limits,
) -> Result<Vec<(Cow<'_, str>, &RawValue)>, NotAnObject> {
    let seed = RawMembers {
        most: limits.members,
    };
    parse_whole(json, limits.depth, seed)
}

fn parse_whole<'j, S: DeserializeSeed<'j>>(
    json: &'j [u8],
    depth: usize,
    seed: S,
) -> Result<S::Value, NotAnObject> {
    let text = str::from_utf8(json).map_err(|_| NotAnObject)?;
    if !is_within_depth(json, depth) {
        return Err(NotAnObject);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let object = seed
        .deserialize(&mut deserializer)
        .map_err(|_| NotAnObject)?;
    deserializer.end().map_err(|_| NotAnObject)?;
    Ok(object)
}

/// Whether brackets nest at most `depth` deep. Looks at brackets outside of strings only.
fn is_within_depth(json: &[u8], depth: usize) -> bool {
    // So few brackets cannot nest deeper, wherever they stand; real tokens end here.
    if json.iter().filter(|b| matches!(b, b'{' | b'[')).count() <= depth {
        return true;
    }
    let mut open = 0_usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'{' | b'[' => {
                open += 1;
                if open > depth {
                    return false;
                }
            }
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    true
}

fn skip_string<'j>(bytes: &mut impl Iterator<Item = &'j u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

/// Reads an object whose names are all different.
struct UniqueMembers {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for UniqueMembers {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for UniqueMembers {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = if name == "cnf" {
                unique_inside(access.next_value()?, self.most).map_err(A::Error::custom)?
            } else {
                access.next_value()?
            };
            if members.insert(name, value).is_some() || members.len() > self.most {
                return Err(A::Error::custom(
                    "a name stands twice, or there are too many",
                ));
            }
        }
        Ok(members)
    }
}

/// Reads an object whose names are all different; its values stay text.
struct RawMembers {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for RawMembers {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RawMembers {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members: Self::Value = Vec::with_capacity(4);
        while let Some((Name(name), value)) = access.next_entry()? {
            if members.len() == self.most || members.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::custom(
                    "a name stands twice, or there are too many",
                ));
            }
            members.push((name, value));
        }
        Ok(members)
    }
}

/// A string that is borrowed unless it has escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

/// The text of a JSON string; nothing when the value is of another type.
pub(crate) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get())
        .ok()
        .map(|Name(text)| text)
}

/// Any value; if it is an object, one whose names are all different.
fn unique_inside(json: &RawValue, most: usize) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(json.get());
    if json.get().starts_with('{') {
        UniqueMembers { most }
            .deserialize(&mut deserializer)
            .map(Value::Object)
    } else {
        Value::deserialize(&mut deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        depth: 3,
        members: 2,
    };

    #[test]
    fn one_object_within_the_limits_is_read() {
        for json in [
            "{}",
            " {\"a\":1}\n",
            r#"{"a":[[1]]}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":"[[[[[["}"#,
            r#"{"a":"\"[[[[[["}"#,
            r#"{"cnf":{"jkt":"x"}}"#,
            r#"{"cnf":1}"#,
        ] {
            assert!(parse_object(json.as_bytes(), LIMITS).is_ok(), "{json}");
            assert!(parse_members(json.as_bytes(), LIMITS).is_ok(), "{json}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for json in [
            "",
            "[]",
            "\"a\"",
            "null",
            "{}x",
            "{} {}",
            "\u{feff}{}",
            "{\"a\":1",
            r#"{"a":[[[1]]]}"#,
            r#"{"a":1,"b":2,"c":3}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
        ] {
            assert_eq!(
                parse_object(json.as_bytes(), LIMITS),
                Err(NotAnObject),
                "{json}"
            );
            let raw = parse_members(json.as_bytes(), LIMITS);
            assert_eq!(raw.map(|_| ()), Err(NotAnObject), "{json}");
        }
        let twice_inside = br#"{"cnf":{"jkt":1,"jkt":1}}"#;
        assert_eq!(parse_object(twice_inside, LIMITS), Err(NotAnObject));
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}", LIMITS), Err(NotAnObject));
    }

    #[test]
    fn values_that_stay_text_are_read_when_they_are_asked_for() {
        let json = br#"{"\u0061":"b\n","c":[1, 2]}"#;
        let members = parse_members(json, LIMITS).unwrap();
        assert_eq!(members[0].0, "a");
        assert_eq!(text(members[0].1).as_deref(), Some("b\n"));
        assert_eq!(text(members[1].1), None);
        assert_eq!(members[1].1.get(), "[1, 2]");
    }
}
