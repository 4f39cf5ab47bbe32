//! JSON objects as tokens may carry them: no member twice, bounded depth and size.

use std::fmt;

use serde::Deserialize as _;
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
    if !is_within_depth(json, limits.depth) {
        return Err(NotAnObject);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let object = UniqueMembers {
        most: limits.members,
    }
    .deserialize(&mut deserializer)
    .map_err(|_| NotAnObject)?;
    deserializer.end().map_err(|_| NotAnObject)?;
    Ok(object)
}

/// Whether brackets nest at most `depth` deep. Looks at brackets outside of strings only.
fn is_within_depth(json: &[u8], depth: usize) -> bool {
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
            r#"{"cnf":{"jkt":1,"jkt":1}}"#,
        ] {
            assert_eq!(
                parse_object(json.as_bytes(), LIMITS),
                Err(NotAnObject),
                "{json}"
            );
        }
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}", LIMITS), Err(NotAnObject));
    }
}
