//! A claim as a header: what upstreams read instead of the token.

use http::HeaderValue;
use portcullis_token::base64url;
use serde_json::Value;

/// The value of an identity header; none for `null`.
///
/// Strings, numbers and booleans stand for themselves, arrays and objects are JSON. Whatever is
/// not visible ASCII then is sent as the base64url of its JSON, so that no claim can end a header.
pub(super) fn header_value(claim: &Value) -> Option<HeaderValue> {
    let text = match claim {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text;
    let text = if plain {
        text
    } else {
        base64url::encode(claim.to_string().as_bytes())
    };
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_sent_as_it_is_where_a_header_can_carry_it() {
        for (claim, expected) in [
            (json!("auth0|ada"), Some("auth0|ada".to_owned())),
            (
                json!("read:reports write:reports"),
                Some("read:reports write:reports".to_owned()),
            ),
            (json!(""), Some(String::new())),
            (json!(42), Some("42".to_owned())),
            (json!(true), Some("true".to_owned())),
            (json!(["a", "b"]), Some(r#"["a","b"]"#.to_owned())),
            (json!(null), None),
            (
                json!("a\r\nx-admin: 1"),
                Some(base64url::encode(br#""a\r\nx-admin: 1""#)),
            ),
            (
                json!("ada\u{e9}"),
                Some(base64url::encode("\"ada\u{e9}\"".as_bytes())),
            ),
            (json!(" ada"), Some(base64url::encode(br#"" ada""#))),
        ] {
            let value = header_value(&claim).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(value, expected, "{claim}");
        }
    }
}
