use serde_json::{Map, Value, json};
use toml::de::DeValue;

use crate::keys::{Key, Kind, ROOT, Table};

/// What the names of authorizers and APIs look like.
const NAME: &str = "^(?!(none|any)$)[A-Za-z0-9_-]{1,64}$";

/// The types of a claim's value that a rule can name.
const SCALAR: [&str; 3] = ["string", "number", "boolean"];

/// The JSON Schema (draft 2020-12) of the file, for editors and checks.
///
/// It knows keys and types. What only [`parse`](crate::parse) knows, such as whether an authorizer
/// exists, it accepts.
pub fn schema() -> Value {
    let mut schema = table(&ROOT);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        schema.insert("title".to_owned(), json!("portcullis.toml"));
        schema.insert("$defs".to_owned(), json!({ "auth": auth() }));
    }
    schema
}

fn table(table: &Table) -> Value {
    let properties: Map<_, _> = table
        .keys
        .iter()
        .map(|known| (known.name.to_owned(), property(known)))
        .collect();
    let required: Vec<_> = table
        .keys
        .iter()
        .filter(|known| known.required)
        .map(|known| known.name)
        .collect();
    json!({
        "type": "object",
        "description": table.doc,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut property = kind(&key.kind);
    if let Some(property) = property.as_object_mut() {
        property.insert("description".to_owned(), json!(key.doc));
        property.insert("examples".to_owned(), json!([example(key.example)]));
        if let Some(default) = key.default {
            property.insert("default".to_owned(), example(default));
        }
    }
    property
}

fn kind(kind: &Kind) -> Value {
    let texts = || json!({ "type": "array", "items": text() });
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Kind::Scalar => json!({ "type": SCALAR }),
        Kind::SomeScalars => {
            json!({ "type": "array", "items": { "type": SCALAR }, "minItems": 1 })
        }
        Kind::Number => json!({ "type": "number" }),
        Kind::Choice(words) => choice(words),
        Kind::ChoiceOrSomeTexts(words) => json!({ "anyOf": [
            choice(words),
            { "type": "array", "items": text(), "minItems": 1 },
        ] }),
        Kind::Texts => texts(),
        Kind::SomeTexts => json!({ "type": "array", "items": text(), "minItems": 1 }),
        Kind::SomeTextsOrAny => json!({ "anyOf": [
            { "type": "array", "items": text(), "minItems": 1 },
            { "const": "any" },
        ]}),
        Kind::SomeChoices(words) => {
            json!({ "type": "array", "items": choice(words), "minItems": 1 })
        }
        Kind::Choices(words) => json!({ "type": "array", "items": choice(words) }),
        Kind::TextTable => json!({ "type": "object", "additionalProperties": text() }),
        Kind::TextsTable => json!({ "type": "object", "additionalProperties": texts() }),
        Kind::AnyTable => json!({ "type": "object" }),
        Kind::Auth => json!({ "$ref": "#/$defs/auth" }),
        Kind::TextOrTable(known) => json!({ "anyOf": [text(), table(known)] }),
        Kind::TextOrTexts => json!({ "anyOf": text_or_texts() }),
        Kind::TextOrTextsOrTable(known) => {
            let [one, several] = text_or_texts();
            json!({ "anyOf": [one, several, table(known)] })
        }
        Kind::FlagOrTable(known) => json!({ "anyOf": [{ "type": "boolean" }, table(known)] }),
        Kind::SomeTextsOrTables(known) => json!({
            "type": "array",
            "items": { "anyOf": [text(), table(known)] },
            "minItems": 1,
        }),
        Kind::Rights => json!({ "anyOf": [
            { "type": "array", "items": text(), "minItems": 1 },
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "pattern": NAME },
                "additionalProperties": { "type": "array", "items": text(), "minItems": 1 },
            },
        ]}),
        Kind::Table(known) => table(known),
        Kind::Named(known) => tables(known, NAME),
        Kind::NamedEither(one, other) => {
            let mut named = tables(one, NAME);
            named["additionalProperties"] = json!({ "anyOf": [table(one), table(other)] });
            named
        }
        Kind::Routes(known) => {
            let mut routes = tables(known, "^[^ a-z]+ /");
            routes["additionalProperties"] = json!({ "anyOf": [text(), table(known)] });
            routes
        }
        Kind::List(known) => json!({ "type": "array", "items": table(known) }),
    }
}

/// Tables under keys that match `pattern`.
fn tables(known: &Table, pattern: &str) -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": pattern },
        "additionalProperties": table(known),
    })
}

fn text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn text_or_texts() -> [Value; 2] {
    let several = json!({ "type": "array", "items": text(), "minItems": 1 });
    [text(), several]
}

/// One of these words, or a variable of the environment that will be one.
fn choice(words: &[&str]) -> Value {
    json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": r"\$\{" }] })
}

fn auth() -> Value {
    let one = json!({ "anyOf": [
        { "type": "string", "minLength": 1 },
        {
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": NAME },
            "additionalProperties": { "type": "array", "items": { "type": "string", "minLength": 1 } },
        },
    ]});
    json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
}

/// A value of the list of keys as JSON.
fn example(toml: &str) -> Value {
    DeValue::parse(toml).map_or(Value::Null, |value| to_json(value.get_ref()))
}

fn to_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(integer) => {
            json!(i64::from_str_radix(integer.as_str(), integer.radix()).ok())
        }
        DeValue::Float(float) => json!(float.as_str().parse::<f64>().ok()),
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Datetime(date) => json!(date.to_string()),
        DeValue::Array(array) => array.iter().map(|value| to_json(value.get_ref())).collect(),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| (key.to_string(), to_json(value.get_ref())))
                .collect(),
        ),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use toml::de::DeTable;

    use super::*;

    fn validate(text: &str) -> Result<(), String> {
        let document = DeTable::parse(text).unwrap();
        let value = to_json(&DeValue::Table(document.into_inner()));
        let validator = jsonschema::draft202012::new(&schema()).unwrap();
        validator
            .validate(&value)
            .map_err(|error| error.to_string())
    }

    pub(crate) fn assert_valid(text: &str) {
        assert_eq!(validate(text), Ok(()), "{text}");
    }

    #[test]
    fn the_schema_is_a_schema() {
        assert!(jsonschema::meta::is_valid(&schema()));
    }

    #[test]
    fn every_example_and_default_is_written_in_toml() {
        fn check(value: &Value) {
            match value {
                Value::Object(members) => {
                    assert_ne!(members.get("default"), Some(&Value::Null), "{value}");
                    assert_ne!(members.get("examples"), Some(&json!([null])), "{value}");
                    members.values().for_each(check);
                }
                Value::Array(list) => list.iter().for_each(check),
                _ => {}
            }
        }
        check(&schema());
    }

    #[test]
    fn what_the_reader_refuses_by_type_the_schema_refuses_too() {
        for text in [
            "nmae = \"x\"",
            "name = 1",
            "policy = []",
            "[policy.standard]\nrate = \"1/1s\"",
            "[policy.standard]\napis = \"main\"",
            "[policy.standard]\napis = []",
            "[server]\nworkers = 0",
            "[server]\nworkers = 1025",
            "[authorizer.user]\nissuer = \"https://example.com\"",
            "[authorizer.user]\nissuer = \"https://example.com\"\naudience = []",
            "[authorizer.user]\nissuer = \"https://example.com\"\naudience = \"a\"",
            "[authorizer.user]\nissuer = \"any\"\naudience = \"any\"\nalgorithms = [\"none\"]",
            "[authorizer.none]\nissuer = \"any\"\naudience = \"any\"",
            "[authorizer.\"a b\"]\nissuer = \"any\"\naudience = \"any\"",
            "[api.main]\nauth = []",
            "[api.main]\nauth = {}",
            "[api.main]\nauth = { user = \"read\" }",
            "[api.main]\nauth = [[\"user\"]]",
            "[api.main]\nroutes = { \"GET /\" = 1 }",
            "[api.main]\nroutes = { \"get /\" = { respond = \"\" } }",
            "[api.main]\ntoken = \"drop\"",
            "[[tenant.application]]\nname = \"a\"\ntype = \"web\"",
        ] {
            assert!(validate(text).is_err(), "{text}");
        }
    }
}
