//! JSON objects as tokens may carry them: no member twice, bounded depth and size.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
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
/// A name that stands twice is refused, at the top and inside `cnf` and `jwk`: parsers differ in
/// which of the two they believe (RFC 7519 section 4), and what one checks another would forward.
pub(crate) fn parse_object(json: &[u8], limits: Limits) -> Result<Map<String, Value>, NotAnObject> {
    let text = str::from_utf8(json).map_err(|_| NotAnObject)?;
    if !is_within_depth(json, limits.depth) {
        return Err(NotAnObject);
    }
    let most = limits.members;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let object = deserializer
        .deserialize_map(UniqueMembers { most })
        .map_err(|_| NotAnObject)?;
    deserializer.end().map_err(|_| NotAnObject)?;
    Ok(object)
}

/// Reads any JSON value, nothing before or after it but white space.
///
/// Its depth is at most that of `serde_json`, 127; a name that stands twice has its last value.
pub(crate) fn parse_value(json: &[u8]) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = Plain { most: None }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
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

impl<'de> Visitor<'de> for UniqueMembers {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let most = matches!(name.as_str(), "cnf" | "jwk").then_some(self.most);
            let value = access.next_value_seed(Plain { most })?;
            if members.insert(name, value).is_some() || members.len() > self.most {
                return Err(A::Error::custom(
                    "a name stands twice, or there are too many",
                ));
            }
        }
        Ok(members)
    }
}

/// Any value, read member by member.
///
/// Not by `Value::deserialize`: with the features `raw_value` or `arbitrary_precision`, which any
/// crate of the program may turn on, it takes an object of one magic name for another value, whose
/// text was never looked at here.
#[derive(Clone, Copy)]
struct Plain {
    /// For an object whose names must all be different: how many there may be.
    most: Option<usize>,
}

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Self { most: None })? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        if let Some(most) = self.most {
            return UniqueMembers { most }.visit_map(access).map(Value::Object);
        }
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            members.insert(name, access.next_value_seed(Self { most: None })?);
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names by which `serde_json` hands values to itself when some of its features are on.
    const MAGIC_NAMES: [&str; 2] = [
        "$serde_json::private::RawValue",
        "$serde_json::private::Number",
    ];

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
            r#"{"cnf":[1]}"#,
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
        ] {
            assert_eq!(
                parse_object(json.as_bytes(), LIMITS),
                Err(NotAnObject),
                "{json}"
            );
        }
        for name in ["cnf", "jwk"] {
            let twice_inside = format!(r#"{{"{name}":{{"jkt":1,"jkt":1}}}}"#);
            let read = parse_object(twice_inside.as_bytes(), LIMITS);
            assert_eq!(read, Err(NotAnObject), "{twice_inside}");
        }
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}", LIMITS), Err(NotAnObject));
    }

    #[test]
    fn an_object_stands_for_itself_whatever_its_names() {
        for name in MAGIC_NAMES {
            let json = format!(r#"{{"a":{{"{name}":"1"}}}}"#);
            let members = parse_object(json.as_bytes(), LIMITS).unwrap();
            assert_eq!(members["a"][name], "1", "{json}");
            assert_eq!(
                parse_value(json.as_bytes()).unwrap()["a"][name],
                "1",
                "{json}"
            );
        }
    }
}
