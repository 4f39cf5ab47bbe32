//! Proof Key for Code Exchange (RFC 7636), with the method `S256` only.

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_token::base64url;
use subtle::ConstantTimeEq as _;

/// The hash of a verifier that only the application knows: 43 characters of base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

/// Why an authorization request's challenge is refused. The text is an `error_description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeError {
    /// Absent means `plain` (RFC 7636 section 4.3), which protects nothing that is sent in clear.
    #[error("code_challenge_method must be S256")]
    Method,
    /// It cannot be the SHA-256 of anything.
    #[error("code_challenge must be 43 characters of base64url")]
    Challenge,
    /// A method without a challenge is a request that lost something on its way.
    #[error("code_challenge_method was sent without code_challenge")]
    MethodAlone,
}

/// Why a code is not exchanged. The text is an `error_description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierError {
    /// The code has a challenge.
    #[error("Parameter 'code_verifier' is required")]
    Missing,
    /// The code has no challenge: somebody took it out of the authorization request.
    #[error("A code_verifier was sent, but the code was requested without a code_challenge")]
    Unexpected,
    /// It is not 43 to 128 of the characters of RFC 7636 section 4.1.
    #[error("code_verifier must be 43 to 128 of the characters A-Z, a-z, 0-9, -, ., _ and ~")]
    Malformed,
    /// Auth0's words, which SDKs know.
    #[error("Failed to verify code verifier")]
    Mismatch,
}

impl Challenge {
    /// Reads the two parameters of an authorization request; absent when neither is there.
    ///
    /// # Errors
    /// [`ChallengeError`] when they are not a challenge of `S256`.
    pub fn parse(
        challenge: Option<&str>,
        method: Option<&str>,
    ) -> Result<Option<Self>, ChallengeError> {
        let Some(challenge) = challenge else {
            return match method {
                Some(_) => Err(ChallengeError::MethodAlone),
                None => Ok(None),
            };
        };
        if method != Some("S256") {
            return Err(ChallengeError::Method);
        }
        Self::from_stored(challenge)
            .map(Some)
            .ok_or(ChallengeError::Challenge)
    }

    /// Reads what [`as_str`](Self::as_str) wrote; absent when it is no challenge.
    pub fn from_stored(text: &str) -> Option<Self> {
        let digest = base64url::decode(text.as_bytes()).ok()?;
        (digest.len() == 32).then(|| Self(text.to_owned()))
    }

    /// The challenge as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn matches(&self, verifier: &str) -> bool {
        let expected = base64url::encode(digest(&SHA256, verifier.as_bytes()).as_ref());
        expected.as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

/// Holds the verifier of a token request against the challenge that its code was asked for with.
///
/// Both absent is right here: who must send a challenge is decided when a code is asked for.
///
/// # Errors
/// [`VerifierError`] when one is missing, or they do not belong together.
pub fn check_verifier(
    challenge: Option<&Challenge>,
    verifier: Option<&str>,
) -> Result<(), VerifierError> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(VerifierError::Missing),
        (None, Some(_)) => Err(VerifierError::Unexpected),
        (Some(_), Some(verifier)) if !is_verifier(verifier) => Err(VerifierError::Malformed),
        (Some(challenge), Some(verifier)) if challenge.matches(verifier) => Ok(()),
        (Some(_), Some(_)) => Err(VerifierError::Mismatch),
    }
}

fn is_verifier(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn only_a_challenge_of_s256_is_taken() {
        let long = format!("{CHALLENGE}A");
        for (challenge, method, expected) in [
            (None, None, Ok(None)),
            (Some(CHALLENGE), Some("S256"), Ok(Some(CHALLENGE))),
            (Some(CHALLENGE), Some("plain"), Err(ChallengeError::Method)),
            (Some(CHALLENGE), Some("s256"), Err(ChallengeError::Method)),
            (Some(CHALLENGE), None, Err(ChallengeError::Method)),
            (None, Some("S256"), Err(ChallengeError::MethodAlone)),
            (Some(""), Some("S256"), Err(ChallengeError::Challenge)),
            (Some("short"), Some("S256"), Err(ChallengeError::Challenge)),
            (Some(&long), Some("S256"), Err(ChallengeError::Challenge)),
        ] {
            let parsed = Challenge::parse(challenge, method);
            let parsed = parsed.map(|challenge| challenge.map(|challenge| challenge.0));
            let expected = expected.map(|challenge| challenge.map(str::to_owned));
            assert_eq!(parsed, expected, "{challenge:?} {method:?}");
        }
    }

    #[test]
    fn a_verifier_is_held_against_its_challenge() {
        let challenge = Challenge::from_stored(CHALLENGE).unwrap();
        let of = |verifier: &str| {
            let hash = digest(&SHA256, verifier.as_bytes());
            Challenge::from_stored(&base64url::encode(hash.as_ref())).unwrap()
        };
        let (short, least) = ("a".repeat(42), "a".repeat(43));
        let (most, long) = ("~".repeat(128), "~".repeat(129));
        let odd = format!("{least}+");
        for (name, challenge, verifier, expected) in [
            ("RFC 7636", Some(&challenge), Some(VERIFIER), Ok(())),
            ("none", None, None, Ok(())),
            (
                "42",
                Some(&of(&short)),
                Some(short.as_str()),
                Err(VerifierError::Malformed),
            ),
            ("43", Some(&of(&least)), Some(&least), Ok(())),
            ("128", Some(&of(&most)), Some(&most), Ok(())),
            (
                "129",
                Some(&of(&long)),
                Some(&long),
                Err(VerifierError::Malformed),
            ),
            (
                "plus",
                Some(&of(&odd)),
                Some(&odd),
                Err(VerifierError::Malformed),
            ),
            (
                "other",
                Some(&challenge),
                Some(&least),
                Err(VerifierError::Mismatch),
            ),
            (
                "the challenge",
                Some(&challenge),
                Some(CHALLENGE),
                Err(VerifierError::Mismatch),
            ),
            (
                "missing",
                Some(&challenge),
                None,
                Err(VerifierError::Missing),
            ),
            (
                "downgraded",
                None,
                Some(VERIFIER),
                Err(VerifierError::Unexpected),
            ),
        ] {
            assert_eq!(check_verifier(challenge, verifier), expected, "{name}");
        }
    }
}
