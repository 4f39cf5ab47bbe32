use serde_json::{Map, Value};

use crate::json::{Limits, parse_object};
use crate::{Algorithm, Reason, Step, Trace, base64url};

/// At most this many bytes of JSON; real headers have about a hundred.
const MAX_BYTES: usize = 4096;
const LIMITS: Limits = Limits {
    depth: 8,
    members: 64,
};

/// The parts of a JOSE header that are believed (RFC 7515 section 4.1).
///
/// `jku`, `jwk`, `x5u`, `x5c` and `x5t` are never read: a token does not choose its own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
}

/// Which `typ` a token may carry (RFC 8725 section 3.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenType {
    /// Absent, `JWT` or `at+jwt`, with or without `application/`, in any case.
    #[default]
    Lenient,
    /// `at+jwt` only (RFC 9068 section 2.1).
    AccessToken,
}

impl Header {
    /// Reads the first segment, still base64url.
    pub(crate) fn parse(
        segment: &[u8],
        token_type: TokenType,
        trace: &mut impl Trace,
    ) -> Result<Self, Reason> {
        let json = base64url::decode(segment).map_err(|_| Reason::BadBase64);
        let header = json.and_then(|json| Self::from_json(&json, token_type));
        match &header {
            Ok(header) => trace.passed(Step::Header, || header.summary()),
            Err(reason) => trace.refused(
                Step::Header,
                || "a JSON object with a supported `alg`, a short `kid`, and the `typ` of an access token".to_owned(),
                || reason.code().to_owned(),
            ),
        }
        header
    }

    fn from_json(json: &[u8], token_type: TokenType) -> Result<Self, Reason> {
        if json.len() > MAX_BYTES {
            return Err(Reason::BadHeader);
        }
        let members = parse_object(json, LIMITS).map_err(|_| Reason::BadHeader)?;
        let algorithm = parse_algorithm(&members)?;
        refuse_extensions(&members)?;
        let kid = parse_kid(&members)?;
        check_type(&members, token_type)?;
        Ok(Self { algorithm, kid })
    }

    /// The algorithm the token says it is signed with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The id of the key the token says it is signed with.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    fn summary(&self) -> String {
        match &self.kid {
            Some(kid) => format!("alg {}, kid {kid}", self.algorithm),
            None => format!("alg {}, no kid", self.algorithm),
        }
    }
}

fn parse_algorithm(members: &Map<String, Value>) -> Result<Algorithm, Reason> {
    let name = members
        .get("alg")
        .and_then(Value::as_str)
        .ok_or(Reason::AlgNotAllowed)?;
    name.parse().map_err(|_| Reason::AlgNotAllowed)
}

/// RFC 7515 section 4.1.11: an extension that is not understood makes the token invalid.
fn refuse_extensions(members: &Map<String, Value>) -> Result<(), Reason> {
    let present = ["crit", "b64", "zip", "enc"]
        .iter()
        .any(|name| members.contains_key(*name));
    if present {
        Err(Reason::CritUnsupported)
    } else {
        Ok(())
    }
}

fn parse_kid(members: &Map<String, Value>) -> Result<Option<String>, Reason> {
    match members.get("kid") {
        None => Ok(None),
        Some(Value::String(kid)) if is_key_id(kid) => Ok(Some(kid.clone())),
        Some(_) => Err(Reason::KidInvalid),
    }
}

fn is_key_id(kid: &str) -> bool {
    (1..=256).contains(&kid.len()) && kid.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn check_type(members: &Map<String, Value>, token_type: TokenType) -> Result<(), Reason> {
    let typ = match members.get("typ") {
        None => None,
        Some(Value::String(typ)) => Some(typ.to_ascii_lowercase()),
        Some(_) => return Err(Reason::TypNotAllowed),
    };
    let typ = typ
        .as_deref()
        .map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    let allowed = match token_type {
        TokenType::Lenient => matches!(typ, None | Some("jwt" | "at+jwt")),
        TokenType::AccessToken => typ == Some("at+jwt"),
    };
    if allowed {
        Ok(())
    } else {
        Err(Reason::TypNotAllowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str, token_type: TokenType) -> Result<Header, Reason> {
        Header::parse(
            base64url::encode(json.as_bytes()).as_bytes(),
            token_type,
            &mut (),
        )
    }

    #[test]
    fn each_header_has_one_answer() {
        let long_kid =
            |length: usize| format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(length));
        let (longest, too_long) = (long_kid(256), long_kid(257));
        let too_large = format!(r#"{{"alg":"RS256","x":"{}"}}"#, "x".repeat(MAX_BYTES));
        for (json, expected) in [
            (r#"{"alg":"RS256"}"#, Ok(())),
            (r#"{"alg":"EdDSA","typ":"JWT","kid":"a"}"#, Ok(())),
            (r#"{"alg":"RS256","typ":"application/at+JWT"}"#, Ok(())),
            (
                r#"{"alg":"RS256","jku":"https://evil.example/","jwk":{},"x5c":[]}"#,
                Ok(()),
            ),
            (longest.as_str(), Ok(())),
            (too_long.as_str(), Err(Reason::KidInvalid)),
            (too_large.as_str(), Err(Reason::BadHeader)),
            ("[]", Err(Reason::BadHeader)),
            (r#""RS256""#, Err(Reason::BadHeader)),
            (r#"{"alg":"RS256","alg":"none"}"#, Err(Reason::BadHeader)),
            (
                r#"{"alg":"RS256","x":[[[[[[[[1]]]]]]]]}"#,
                Err(Reason::BadHeader),
            ),
            ("{}", Err(Reason::AlgNotAllowed)),
            (r#"{"alg":256}"#, Err(Reason::AlgNotAllowed)),
            (r#"{"alg":"none"}"#, Err(Reason::AlgNotAllowed)),
            (r#"{"alg":"nOnE"}"#, Err(Reason::AlgNotAllowed)),
            (r#"{"alg":"HS256"}"#, Err(Reason::AlgNotAllowed)),
            (r#"{"alg":"RS256\u0000"}"#, Err(Reason::AlgNotAllowed)),
            (r#"{"alg":"RS256","crit":[]}"#, Err(Reason::CritUnsupported)),
            (
                r#"{"alg":"RS256","crit":["exp"]}"#,
                Err(Reason::CritUnsupported),
            ),
            (
                r#"{"alg":"RS256","b64":true}"#,
                Err(Reason::CritUnsupported),
            ),
            (
                r#"{"alg":"RS256","zip":"DEF"}"#,
                Err(Reason::CritUnsupported),
            ),
            (r#"{"alg":"RS256","kid":1}"#, Err(Reason::KidInvalid)),
            (r#"{"alg":"RS256","kid":""}"#, Err(Reason::KidInvalid)),
            (r#"{"alg":"RS256","kid":null}"#, Err(Reason::KidInvalid)),
            (r#"{"alg":"RS256","kid":"a\n"}"#, Err(Reason::KidInvalid)),
            (
                r#"{"alg":"RS256","typ":"dpop+jwt"}"#,
                Err(Reason::TypNotAllowed),
            ),
            (
                r#"{"alg":"RS256","typ":"id+jwt"}"#,
                Err(Reason::TypNotAllowed),
            ),
            (r#"{"alg":"RS256","typ":1}"#, Err(Reason::TypNotAllowed)),
        ] {
            assert_eq!(
                parse(json, TokenType::Lenient).map(drop),
                expected,
                "{json:.80}"
            );
        }
    }

    #[test]
    fn an_access_token_profile_asks_for_its_own_type() {
        for (json, expected) in [
            (r#"{"alg":"RS256","typ":"at+jwt"}"#, Ok(())),
            (r#"{"alg":"RS256","typ":"JWT"}"#, Err(Reason::TypNotAllowed)),
            (r#"{"alg":"RS256"}"#, Err(Reason::TypNotAllowed)),
        ] {
            assert_eq!(
                parse(json, TokenType::AccessToken).map(drop),
                expected,
                "{json}"
            );
        }
    }

    #[test]
    fn a_segment_that_is_not_base64url_is_told_apart() {
        let header = Header::parse(b"e30=", TokenType::Lenient, &mut ());
        assert_eq!(header, Err(Reason::BadBase64));
    }
}
