use std::sync::Arc;

use crate::json::{ClaimValue, Limits, Object};
use crate::token_type::{MediaType, ParsePolicy};
use crate::{Algorithm, Reason, Step, TokenType, Trace, base64url};

/// At most this many bytes of JSON; real headers have about a hundred.
const MAX_BYTES: usize = 4096;
pub(crate) const LIMITS: Limits = Limits {
    depth: 8,
    members: 64,
};

/// The parts of a JOSE header that are believed (RFC 7515 section 4.1).
///
/// `jku`, `jwk`, `x5u`, `x5c` and `x5t` are never read: a token does not choose its own key.
///
/// ```
/// use portcullis_token::{Algorithm, TokenType, Unverified};
///
/// // {"alg":"RS256","kid":"a"}
/// let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AA";
/// let token = Unverified::parse(token, TokenType::Lenient, &mut ())?;
/// assert_eq!(token.header().algorithm(), Algorithm::Rs256);
/// assert_eq!(token.header().kid(), Some("a"));
/// # Ok::<(), portcullis_token::Reason>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Algorithm,
    kid: Option<Box<str>>,
    media_type: MediaType,
}

impl Header {
    /// Reads the first segment, still base64url.
    pub(crate) fn parse(
        segment: &[u8],
        policy: &ParsePolicy<'_>,
        trace: &mut impl Trace,
    ) -> Result<Self, Reason> {
        let json = base64url::decode(segment).map_err(|_| Reason::BadBase64);
        let header = json.and_then(|json| Self::from_json(&json, policy));
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

    fn from_json(json: &[u8], policy: &ParsePolicy<'_>) -> Result<Self, Reason> {
        if json.len() > MAX_BYTES {
            return Err(Reason::BadHeader);
        }
        let members = Object::parse(json, LIMITS).map_err(|_| Reason::BadHeader)?;
        let algorithm = parse_algorithm(&members)?;
        if !policy.algorithms.contains(&algorithm) {
            return Err(Reason::AlgNotAllowed);
        }
        refuse_extensions(&members)?;
        let kid = parse_kid(&members)?;
        let media_type = parse_type(&members)?;
        policy.token_type.check(&media_type)?;
        Ok(Self {
            algorithm,
            kid,
            media_type,
        })
    }

    /// The algorithm the token says it is signed with.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, TokenType, Unverified};
    ///
    /// // {"alg":"ES256"}
    /// let token = Unverified::parse("eyJhbGciOiJFUzI1NiJ9.e30.AA", TokenType::Lenient, &mut ())?;
    /// assert_eq!(token.header().algorithm(), Algorithm::Es256);
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The id of the key the token says it is signed with.
    ///
    /// ```
    /// use portcullis_token::{TokenType, Unverified};
    ///
    /// // {"alg":"ES256"}
    /// let token = Unverified::parse("eyJhbGciOiJFUzI1NiJ9.e30.AA", TokenType::Lenient, &mut ())?;
    /// assert_eq!(token.header().kid(), None);
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn shared_kid(&self) -> Option<Arc<String>> {
        self.kid().map(|kid| Arc::new(kid.to_owned()))
    }

    /// Refuses a `typ` that these rules do not take, though another issuer's may.
    pub(crate) fn check_type(&self, token_type: &TokenType) -> Result<(), Reason> {
        token_type.check(&self.media_type)
    }

    fn summary(&self) -> String {
        match &self.kid {
            Some(kid) => format!("alg {}, kid {kid}", self.algorithm),
            None => format!("alg {}, no kid", self.algorithm),
        }
    }
}

pub(crate) fn parse_algorithm(members: &Object) -> Result<Algorithm, Reason> {
    members
        .find("alg")
        .and_then(ClaimValue::as_str)
        .and_then(Algorithm::from_header)
        .ok_or(Reason::AlgNotAllowed)
}

/// RFC 7515 section 4.1.11: an extension that is not understood makes the token invalid.
pub(crate) fn refuse_extensions(members: &Object) -> Result<(), Reason> {
    let present = ["crit", "b64", "zip", "enc"]
        .iter()
        .any(|name| members.find(name).is_some());
    if present {
        Err(Reason::CritUnsupported)
    } else {
        Ok(())
    }
}

fn parse_kid(members: &Object) -> Result<Option<Box<str>>, Reason> {
    match members.find("kid").map(ClaimValue::as_str) {
        None => Ok(None),
        Some(Some(kid)) if is_key_id(kid) => Ok(Some(kid.into())),
        Some(_) => Err(Reason::KidInvalid),
    }
}

fn is_key_id(kid: &str) -> bool {
    (1..=256).contains(&kid.len()) && kid.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

pub(crate) fn parse_type(members: &Object) -> Result<MediaType, Reason> {
    match members.find("typ") {
        None => Ok(MediaType::Absent),
        Some(value) => value
            .as_str()
            .map(MediaType::parse)
            .ok_or(Reason::TypNotAllowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str, token_type: TokenType) -> Result<Header, Reason> {
        Header::parse(
            base64url::encode(json.as_bytes()).as_bytes(),
            &token_type.into(),
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
        let header = Header::parse(b"e30=", &TokenType::Lenient.into(), &mut ());
        assert_eq!(header, Err(Reason::BadBase64));
    }
}
