use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The parameters of a token request by name, whether they came as a form or as JSON.
///
/// There is no `Debug`: passwords and secrets are among them.
pub(super) struct Parameters(BTreeMap<String, Value>);

/// Why a body holds no parameters. The parser's own message would repeat parts of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ParametersError {
    #[error("The body is not a form of UTF-8 text.")]
    Form,
    #[error("The body is not a JSON object.")]
    Json,
    #[error("The parameter {0} is there more than once.")]
    Repeated(String),
    #[error("The parameter {0} is not a string.")]
    NotText(&'static str),
    #[error("Missing required parameter: {0}")]
    Missing(&'static str),
}

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` (RFC 6749 appendix B).
    pub(super) fn from_form(content: &[u8]) -> Result<Self, ParametersError> {
        let text = str::from_utf8(content).map_err(|_| ParametersError::Form)?;
        let decode = |text| decode_form(text).ok_or(ParametersError::Form);
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, Value::String(decode(value)?)));
        }
        Self::from_pairs(pairs)
    }

    /// Reads a JSON object whose members are the parameters, as Auth0 does.
    pub(super) fn from_json(content: &[u8]) -> Result<Self, ParametersError> {
        let Members(pairs) = serde_json::from_slice(content).map_err(|_| ParametersError::Json)?;
        Self::from_pairs(pairs)
    }

    /// RFC 6749 section 3.2: a parameter must not be sent more than once, not even an unknown one.
    fn from_pairs(pairs: Vec<(String, Value)>) -> Result<Self, ParametersError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            if parameters.insert(name.clone(), value).is_some() {
                return Err(ParametersError::Repeated(name));
            }
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter. RFC 6749 section 3.2: one without a value counts as omitted.
    ///
    /// # Errors
    /// [`ParametersError::NotText`] for JSON that is neither a string nor null. Parameters that
    /// nobody asks for may be anything.
    pub(super) fn find(&self, name: &'static str) -> Result<Option<&str>, ParametersError> {
        match self.0.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            None | Some(Value::String(_) | Value::Null) => Ok(None),
            Some(_) => Err(ParametersError::NotText(name)),
        }
    }

    /// The value of a parameter that must be there.
    pub(super) fn require(&self, name: &'static str) -> Result<&str, ParametersError> {
        self.find(name)?.ok_or(ParametersError::Missing(name))
    }
}

/// Decodes one name or value of a form; absent when it is not UTF-8.
pub(super) fn decode_form(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .ok()
        .map(Cow::into_owned)
}

/// The members of a JSON object in their order, with those that a map would swallow.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `scope` is, with the body read as a form or as JSON.
    type Expected = Result<Option<&'static str>, ParametersError>;

    fn repeated(name: &str) -> Expected {
        Err(ParametersError::Repeated(name.to_owned()))
    }

    fn check(name: &str, read: Result<Parameters, ParametersError>, expected: &Expected) {
        let found = read.and_then(|read| Ok(read.find("scope")?.map(str::to_owned)));
        assert_eq!(
            found.as_ref().map(Option::as_deref),
            expected.as_ref().copied(),
            "{name}"
        );
    }

    #[test]
    fn a_form_is_read_strictly() {
        let long = "&".repeat(64 * 1024);
        for (body, expected) in [
            (b"".as_slice(), Ok(None)),
            (b"scope=read", Ok(Some("read"))),
            (b"scope=a+b%20c%2Bd", Ok(Some("a b c+d"))),
            (b"%73cope=read", Ok(Some("read"))),
            (b"scope=a=b", Ok(Some("a=b"))),
            (b"scope=%zz%", Ok(Some("%zz%"))),
            (b"scope", Ok(None)),
            (b"scope=", Ok(None)),
            (b"&&scope=read&", Ok(Some("read"))),
            (b"Scope=read", Ok(None)),
            (b"scope=a&scope=a", repeated("scope")),
            (b"scope=&scope=a", repeated("scope")),
            (b"scope=a&%73cope=b", repeated("scope")),
            (b"scope=a&x=1&x=2", repeated("x")),
            (b"scope=\xff", Err(ParametersError::Form)),
            (b"scope=%ff", Err(ParametersError::Form)),
            (b"%ff=1&scope=a", Err(ParametersError::Form)),
            (b"scope=%C3%A9", Ok(Some("é"))),
            (b"scope=%00", Ok(Some("\0"))),
            (long.as_bytes(), Ok(None)),
        ] {
            let name = String::from_utf8_lossy(body);
            check(&name, Parameters::from_form(body), &expected);
        }
    }

    #[test]
    fn json_is_read_strictly() {
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
        for (body, expected) in [
            (br#"{"scope":"read"}"#.as_slice(), Ok(Some("read"))),
            (br#" {"scope":"a\u0020b","x":[{"y":1}]} "#, Ok(Some("a b"))),
            (b"{}", Ok(None)),
            (br#"{"scope":null}"#, Ok(None)),
            (br#"{"scope":""}"#, Ok(None)),
            (
                br#"{"scope":["read"]}"#,
                Err(ParametersError::NotText("scope")),
            ),
            (
                br#"{"scope":{"a":"b"}}"#,
                Err(ParametersError::NotText("scope")),
            ),
            (br#"{"scope":1}"#, Err(ParametersError::NotText("scope"))),
            (br#"{"scope":true}"#, Err(ParametersError::NotText("scope"))),
            (br#"{"scope":"a","scope":"a"}"#, repeated("scope")),
            (br#"{"scope":null,"scope":"a"}"#, repeated("scope")),
            (br#"{"scope":"a","sc\u006fpe":"b"}"#, repeated("scope")),
            (br#"{"x":1,"x":2}"#, repeated("x")),
            (b"", Err(ParametersError::Json)),
            (b"{", Err(ParametersError::Json)),
            (b"[]", Err(ParametersError::Json)),
            (b"null", Err(ParametersError::Json)),
            (br#""scope""#, Err(ParametersError::Json)),
            (br#"{"scope":"a"}{}"#, Err(ParametersError::Json)),
            (br#"{"scope":"a",}"#, Err(ParametersError::Json)),
            (br#"{"scope":"\ud800"}"#, Err(ParametersError::Json)),
            (b"{\"scope\":\"\xff\"}", Err(ParametersError::Json)),
            (br#"{"scope":1e999}"#, Err(ParametersError::Json)),
            (b"scope=read", Err(ParametersError::Json)),
            (deep.as_bytes(), Err(ParametersError::Json)),
        ] {
            let name: String = String::from_utf8_lossy(body).chars().take(80).collect();
            check(&name, Parameters::from_json(body), &expected);
        }
    }
}
