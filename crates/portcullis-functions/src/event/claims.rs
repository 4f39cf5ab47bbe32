use serde_json::{Map, Value};

/// Claims as API Gateway renders them: all are strings, and what is null is left out.
pub(super) fn as_texts(claims: &Map<String, Value>) -> Map<String, Value> {
    let rendered = claims.iter().filter(|(_, value)| !value.is_null());
    rendered
        .map(|(name, value)| (name.clone(), Value::String(as_text(value))))
        .collect()
}

/// A list is `[admin user]`: from it, elements with blanks cannot be told apart.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(as_text).collect();
            format!("[{}]", items.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_claim_is_a_string() {
        for (value, expected) in [
            (json!("ada"), "ada"),
            (json!(1_583_348_638), "1583348638"),
            (json!(1.5), "1.5"),
            (json!(true), "true"),
            (json!(["admin", "poweruser"]), "[admin poweruser]"),
            (json!(["two words", 1, false]), "[two words 1 false]"),
            (json!([]), "[]"),
            (json!({ "id": 7 }), r#"{"id":7}"#),
        ] {
            let claims = Map::from_iter([("it".to_owned(), value.clone())]);
            assert_eq!(as_texts(&claims)["it"], expected, "{value}");
        }
        let null = Map::from_iter([("it".to_owned(), Value::Null)]);
        assert!(as_texts(&null).is_empty());
    }
}
