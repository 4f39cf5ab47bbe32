use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::ClientOrigin;
use super::headers::{Framing, Nonce, Policy, failed, respond};

/// Hands an authorization response to the page that framed or opened the request.
///
/// This is how Auth0's SDKs log in silently: the one answer that may be framed, and by one origin.
#[derive(Clone, Copy, Debug)]
pub struct WebMessagePage<'a> {
    /// The registered web origin: nobody else gets the message.
    pub target: &'a ClientOrigin,
    /// Names and values of the response, in their order.
    pub parameters: &'a [(&'a str, &'a str)],
}

#[derive(Template)]
#[template(path = "web_message.html")]
struct Content<'a> {
    nonce: &'a str,
    message: &'a str,
    target: &'a str,
}

impl WebMessagePage<'_> {
    /// The whole answer; 500 when the target is not one origin, or there is no randomness.
    pub fn respond(&self) -> Response {
        if !self.target.is_exact() {
            return failed();
        }
        let Some(nonce) = Nonce::generate() else {
            return failed();
        };
        let response: Map<String, Value> = self
            .parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        let message = json!({ "type": "authorization_response", "response": response });
        let content = Content {
            nonce: nonce.as_str(),
            message: &escape_for_script(&message),
            target: &escape_for_script(&Value::from(self.target.as_source())),
        };
        let policy = Policy {
            style: false,
            nonce: Some(&nonce),
            form_action: Vec::new(),
            framing: Framing::By(self.target),
        };
        respond(&content, &policy, StatusCode::OK)
    }
}

/// JSON that neither ends the `script` element around it nor breaks a line of old engines.
fn escape_for_script(value: &Value) -> String {
    let mut escaped = String::new();
    for character in value.to_string().chars() {
        match character {
            // In JSON these stand inside of strings only.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_cannot_be_left() {
        for (text, expected) in [
            ("plain", r#""plain""#),
            ("</script>", r#""\u003c/script\u003e""#),
            ("<!--", r#""\u003c!--""#),
            ("a&b", r#""a\u0026b""#),
            ("\u{2028}\u{2029}", r#""\u2028\u2029""#),
            ("\"'\\\n", r#""\"'\\\n""#),
            ("é", "\"é\""),
        ] {
            let escaped = escape_for_script(&Value::from(text));
            assert_eq!(escaped, expected, "{text:?}");
            let read: Value = serde_json::from_str(&escaped).unwrap();
            assert_eq!(read, text, "{text:?}");
        }
    }
}
