use std::sync::Arc;

use crate::{Algorithm, DuplicateClaims, MAX_TOKEN_BYTES, Reason, Rules};

/// Which `typ` a token may carry (RFC 8725 section 3.11).
///
/// A `typ` is compared in any case, with or without `application/` (RFC 7515 section 4.1.9). One
/// that is not a string is always refused.
///
/// ```
/// use portcullis_token::{Reason, TokenType, Unverified};
///
/// // {"alg":"RS256","typ":"JWT"}
/// let token = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.AA";
/// assert!(Unverified::parse(token, TokenType::Lenient, &mut ()).is_ok());
/// let strict = Unverified::parse(token, TokenType::AccessToken, &mut ());
/// assert_eq!(strict.map(drop), Err(Reason::TypNotAllowed));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenType {
    /// Absent, `JWT` or `at+jwt`.
    #[default]
    Lenient,
    /// `at+jwt` only, and all the claims that RFC 9068 section 2.2 requires.
    AccessToken,
    /// One of these; a token without `typ` is refused.
    Listed(Arc<[String]>),
    /// Whatever it is: tokens of other kinds by the same issuer are then good here.
    Any,
}

/// What a token may look like, for all issuers of a verifier together.
///
/// The rules of the token's own issuer are checked again by
/// [`Rules::verify`](crate::Rules::verify); this one is the earliest answer to what nobody takes.
///
/// ```
/// use portcullis_token::{Algorithm, ParsePolicy, Reason, TokenType, Unverified};
///
/// let policy = ParsePolicy {
///     algorithms: &[Algorithm::Es256],
///     ..TokenType::Lenient.into()
/// };
/// // {"alg":"RS256"}
/// let token = Unverified::parse("eyJhbGciOiJSUzI1NiJ9.e30.AA", policy, &mut ());
/// assert_eq!(token.map(drop), Err(Reason::AlgNotAllowed));
/// ```
#[derive(Clone, Debug)]
pub struct ParsePolicy<'p> {
    /// The algorithms that any of the issuers may sign with.
    pub algorithms: &'p [Algorithm],
    /// The types that any of the issuers may give a token.
    pub token_type: TokenType,
    /// The longest token that is looked at, in bytes.
    pub max_bytes: usize,
    /// What is made of a claim that stands twice, by any of the issuers.
    pub duplicates: DuplicateClaims,
}

/// The normalised `typ` of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    Absent,
    Jwt,
    AccessToken,
    Other(Box<str>),
}

impl TokenType {
    /// The type that takes what either of the two takes, as several issuers together need it.
    ///
    /// ```
    /// use portcullis_token::TokenType;
    ///
    /// assert_eq!(TokenType::Lenient.or(&TokenType::AccessToken), TokenType::Lenient);
    /// assert_eq!(TokenType::Lenient.or(&TokenType::Any), TokenType::Any);
    /// ```
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        match (&self, other) {
            (Self::Lenient, Self::AccessToken) | (Self::AccessToken, Self::Lenient) => {
                Self::Lenient
            }
            (own, other) if own == other => self,
            _ => Self::Any,
        }
    }

    pub(crate) fn check(&self, typ: &MediaType) -> Result<(), Reason> {
        let allowed = match self {
            Self::Lenient => !matches!(typ, MediaType::Other(_)),
            Self::AccessToken => *typ == MediaType::AccessToken,
            Self::Listed(list) => {
                *typ != MediaType::Absent && list.iter().any(|one| MediaType::parse(one) == *typ)
            }
            Self::Any => true,
        };
        if allowed {
            Ok(())
        } else {
            Err(Reason::TypNotAllowed)
        }
    }
}

impl MediaType {
    pub(crate) fn parse(typ: &str) -> Self {
        let prefix = "application/";
        let name = match typ.split_at_checked(prefix.len()) {
            Some((start, name)) if start.eq_ignore_ascii_case(prefix) => name,
            _ => typ,
        };
        if name.eq_ignore_ascii_case("jwt") {
            Self::Jwt
        } else if name.eq_ignore_ascii_case("at+jwt") {
            Self::AccessToken
        } else {
            Self::Other(name.to_ascii_lowercase().into())
        }
    }
}

impl From<TokenType> for ParsePolicy<'_> {
    /// Any public-key algorithm, [`MAX_TOKEN_BYTES`], and no claim twice.
    fn from(token_type: TokenType) -> Self {
        Self {
            algorithms: &Algorithm::ALL,
            token_type,
            max_bytes: MAX_TOKEN_BYTES,
            duplicates: DuplicateClaims::Rejected,
        }
    }
}

impl<'r> From<&'r Rules> for ParsePolicy<'r> {
    fn from(rules: &'r Rules) -> Self {
        Self {
            algorithms: &rules.algorithms,
            token_type: rules.token_type.clone(),
            max_bytes: MAX_TOKEN_BYTES,
            duplicates: rules.duplicate_claims,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_takes_its_types() {
        let listed =
            TokenType::Listed(["application/Secevent+JWT".to_owned(), "JWT".to_owned()].into());
        let refused = Err(Reason::TypNotAllowed);
        for (policy, typ, expected) in [
            (TokenType::Lenient, "jwt", Ok(())),
            (TokenType::Lenient, "APPLICATION/AT+JWT", Ok(())),
            (TokenType::Lenient, "application/jwt2", refused),
            (TokenType::Lenient, "", refused),
            (TokenType::AccessToken, "at+jwt", Ok(())),
            (TokenType::AccessToken, "jwt", refused),
            (listed.clone(), "secevent+jwt", Ok(())),
            (listed.clone(), "Jwt", Ok(())),
            (listed.clone(), "at+jwt", refused),
            (TokenType::Any, "dpop+jwt", Ok(())),
        ] {
            let result = policy.check(&MediaType::parse(typ));
            assert_eq!(result, expected, "{typ} under {policy:?}");
        }
        for (policy, expected) in [
            (TokenType::Lenient, Ok(())),
            (TokenType::AccessToken, refused),
            (listed, refused),
            (TokenType::Any, Ok(())),
        ] {
            assert_eq!(policy.check(&MediaType::Absent), expected, "{policy:?}");
        }
    }
}
