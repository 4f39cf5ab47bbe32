use crate::{ClaimValue, Claims, Reason};

/// The longest answer that is looked at: 64 KiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// An issuer's answer that a token is active, and what it is good for (RFC 7662 section 2.2).
///
/// [`Rules::verify_introspected`](crate::Rules::verify_introspected) checks it like a signed
/// token's claims.
///
/// ```
/// use portcullis_token::{Introspected, Reason};
///
/// let answer = Introspected::parse(br#"{"active":true,"sub":"ada"}"#)?;
/// assert_eq!(answer.claims().subject(), Some("ada"));
/// let ended = Introspected::parse(br#"{"active":false}"#);
/// assert_eq!(ended.map(drop), Err(Reason::Inactive));
/// # Ok::<(), Reason>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Introspected {
    claims: Claims,
}

impl Introspected {
    /// Reads the body of an answer.
    ///
    /// # Errors
    /// - [`Reason::IntrospectionUnavailable`] for a body that is not one JSON object within the
    ///   limits of a token's claims, or is longer than 64 KiB: the issuer's fault.
    /// - [`Reason::Inactive`] unless `active` is the boolean `true`.
    /// - [`Reason::ClaimType`] for a registered claim of the wrong type.
    ///
    /// ```
    /// use portcullis_token::{Introspected, Reason};
    ///
    /// let parse = |body: &str| Introspected::parse(body.as_bytes()).map(drop);
    /// assert_eq!(parse(r#"{"active":true}"#), Ok(()));
    /// assert_eq!(parse(r#"{"active":"true"}"#), Err(Reason::Inactive));
    /// assert_eq!(parse("<html>"), Err(Reason::IntrospectionUnavailable));
    /// ```
    pub fn parse(json: &[u8]) -> Result<Self, Reason> {
        if json.len() > MAX_ANSWER_BYTES {
            return Err(Reason::IntrospectionUnavailable);
        }
        let claims = Claims::from_json(json).map_err(|reason| match reason {
            Reason::BadClaims => Reason::IntrospectionUnavailable,
            other => other,
        })?;
        let active = claims.find("active").and_then(ClaimValue::as_bool);
        if active == Some(true) {
            Ok(Self { claims })
        } else {
            Err(Reason::Inactive)
        }
    }

    /// The answer's members, which have the types of a token's claims.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"aud":["api"]}"#)?;
    /// assert!(answer.claims().audience().eq(["api"]));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_boolean_true_is_active() {
        let long = |length: usize| format!("{}{{\"active\":true}}", " ".repeat(length - 15));
        for (json, expected) in [
            (r#"{"active":true}"#, Ok(())),
            (&long(MAX_ANSWER_BYTES), Ok(())),
            (
                &long(MAX_ANSWER_BYTES + 1),
                Err(Reason::IntrospectionUnavailable),
            ),
            (r#"{"active":false,"sub":"a"}"#, Err(Reason::Inactive)),
            (r#"{"active":"true"}"#, Err(Reason::Inactive)),
            (r#"{"active":1}"#, Err(Reason::Inactive)),
            (r#"{"active":null}"#, Err(Reason::Inactive)),
            ("{}", Err(Reason::Inactive)),
            (r#"{"active":true,"exp":"soon"}"#, Err(Reason::ClaimType)),
            (
                r#"{"active":false,"active":true}"#,
                Err(Reason::IntrospectionUnavailable),
            ),
            ("true", Err(Reason::IntrospectionUnavailable)),
            ("<html>", Err(Reason::IntrospectionUnavailable)),
        ] {
            let result = Introspected::parse(json.as_bytes());
            assert_eq!(result.map(drop), expected, "{json:.60}");
        }
    }
}
