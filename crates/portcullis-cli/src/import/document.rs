//! A document of somebody else's: JSON or YAML, bounded, and without two members of one name.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::environment::unreadable;

/// The largest document, in bytes.
const LARGEST: u64 = 10 << 20;
/// How often one reference may lead to the next.
const MAX_REFERENCES: usize = 32;

/// Reads the document in `file`.
pub(super) fn read(file: &Path) -> anyhow::Result<Value> {
    let mut text = String::new();
    let opened = File::open(file).with_context(|| unreadable(file))?;
    opened
        .take(LARGEST + 1)
        .read_to_string(&mut text)
        .with_context(|| unreadable(file))?;
    if text.len() as u64 > LARGEST {
        bail!("{} is larger than 10 MiB", file.display());
    }
    parse(&text).with_context(|| format!("{} is neither JSON nor YAML", file.display()))
}

/// Parses JSON where the text begins like it, else YAML, of which JSON is nearly a part.
fn parse(text: &str) -> anyhow::Result<Value> {
    let Strict(value) = if text.trim_start().starts_with(['{', '[']) {
        serde_json::from_str(text)?
    } else {
        serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("{error}"))?
    };
    Ok(value)
}

/// What stands at `value`, or where its `$ref` leads within `document`.
pub(super) fn resolve<'d>(document: &'d Value, mut value: &'d Value) -> Option<&'d Value> {
    for _ in 0..MAX_REFERENCES {
        let Some(reference) = value.get("$ref") else {
            return Some(value);
        };
        let pointer = reference.as_str()?.strip_prefix('#')?;
        value = document.pointer(pointer)?;
    }
    None
}

/// A step of a JSON pointer (RFC 6901).
pub(super) fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A value none of whose objects has two members of one name: readers disagree on which counts.
struct Strict(Value);

struct StrictVisitor;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(element)) = access.next_element()? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        // YAML's keys may be numbers, as the status codes of OpenAPI often are.
        while let Some(Strict(key)) = access.next_key()? {
            let key = match key {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => return Err(A::Error::custom("a key is not a string")),
            };
            let Strict(value) = access.next_value()?;
            if object.insert(key.clone(), value).is_some() {
                return Err(A::Error::custom(format_args!(
                    "two members are called `{key}`"
                )));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_and_yaml_are_read_alike() {
        let expected = json!({ "a": [1, true, null, "x"], "b": { "200": "ok" } });
        for text in [
            r#"{"a": [1, true, null, "x"], "b": {"200": "ok"}}"#,
            "{\t\"a\": [1, true, null, \"x\"],\n\t\"b\": {\"200\": \"ok\"}}",
            "a: [1, true, null, x]\nb:\n  200: ok\n",
            "a:\n- 1\n- true\n- ~\n- x\nb: {200: ok}\n",
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_readers_disagree_about_is_refused() {
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for name in b'b'..=b'z' {
            let (name, before) = (char::from(name), char::from(name - 1));
            let list = vec![format!("*{before}"); 9].join(", ");
            bomb += &format!("{name}: &{name} [{list}]\n");
        }
        let deep = "[".repeat(100_000);
        for text in [
            r#"{"a": 1, "a": 2}"#,
            r#"{"a": {"b": 1, "b": 1}}"#,
            "a: 1\na: 2\n",
            "a: 1\n1: x\n'1': y\n",
            "{",
            "a: b: c",
            "a: *nowhere",
            &bomb,
            &deep,
        ] {
            let begin: String = text.chars().take(40).collect();
            assert!(parse(text).is_err(), "{begin}");
        }
    }

    #[test]
    fn a_reference_leads_to_what_is_in_the_document_and_never_in_a_circle() {
        let document = json!({
            "a": { "$ref": "#/b~1c" }, "b/c": { "$ref": "#/d" }, "d": 1,
            "loop": { "$ref": "#/loop" }, "out": { "$ref": "other.yaml#/a" }, "no": { "$ref": 1 },
            "lost": { "$ref": "#/nowhere" },
        });
        let at = |name: &str| resolve(&document, &document[name]);
        assert_eq!(at("a"), Some(&json!(1)));
        assert_eq!(at("d"), Some(&json!(1)));
        for name in ["loop", "out", "no", "lost"] {
            assert_eq!(at(name), None, "{name}");
        }
        assert_eq!(step("a/b~c"), "/a~1b~0c");
    }
}
