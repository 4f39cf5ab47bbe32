use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The parameters of a query, decoded, those of one name joined by commas; none without any.
pub(super) fn parameters(query: &str) -> Option<Value> {
    let mut parameters = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        match parameters.entry(decode(name)) {
            serde_json::map::Entry::Vacant(place) => {
                place.insert(Value::String(value));
            }
            serde_json::map::Entry::Occupied(mut earlier) => {
                if let Value::String(text) = earlier.get_mut() {
                    text.push(',');
                    text.push_str(&value);
                }
            }
        }
    }
    (!parameters.is_empty()).then_some(Value::Object(parameters))
}

/// A `+` is a blank, as browsers write forms; bytes that are not UTF-8 are replaced.
fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_of_one_name_are_joined() {
        for (query, expected) in [
            ("", None),
            ("&", None),
            ("a=1", Some(json!({ "a": "1" }))),
            ("a=1&b=2&a=3", Some(json!({ "a": "1,3", "b": "2" }))),
            ("a", Some(json!({ "a": "" }))),
            ("a=b=c", Some(json!({ "a": "b=c" }))),
            ("a=%C3%B6+%2B", Some(json!({ "a": "ö +" }))),
            ("a%20b=%FF", Some(json!({ "a b": "\u{fffd}" }))),
        ] {
            assert_eq!(parameters(query), expected, "{query}");
        }
    }
}
