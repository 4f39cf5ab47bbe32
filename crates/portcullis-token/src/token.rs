use std::fmt;

use crate::{Claims, Header, ParsePolicy, Reason, Step, Trace, base64url};

/// The longest token that is looked at unless a [`ParsePolicy`] says otherwise: 16 KiB.
///
/// ```
/// use portcullis_token::{MAX_TOKEN_BYTES, Reason, TokenType, Unverified};
///
/// let token = "a".repeat(MAX_TOKEN_BYTES + 1);
/// let refused = Unverified::parse(&token, TokenType::Lenient, &mut ());
/// assert_eq!(refused.map(drop), Err(Reason::TooLarge));
/// ```
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token whose form was checked and nothing else: no signature, no issuer, no time.
///
/// Only [`Rules::verify`](crate::Rules::verify) turns it into something to believe.
///
/// ```
/// use portcullis_token::{TokenType, Unverified};
///
/// // {"alg":"RS256","kid":"a"}.{"sub":"ada"}, and no signature to speak of.
/// let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJhZGEifQ.AA";
/// let token = Unverified::parse(token, TokenType::Lenient, &mut ())?;
/// assert_eq!(token.claims().subject(), Some("ada"));
/// # Ok::<(), portcullis_token::Reason>(())
/// ```
#[derive(Clone)]
pub struct Unverified<'t> {
    text: &'t str,
    signing_input: &'t [u8],
    signature: Vec<u8>,
    header: Header,
    claims: Claims,
    /// Whether a claim stood twice, of which the last one is there.
    repeats: bool,
}

impl<'t> Unverified<'t> {
    /// Reads a compact JWS (RFC 7515 section 7.1) that holds JSON claims (RFC 7519).
    ///
    /// # Errors
    /// The first of [`Reason::TooLarge`], [`Reason::NotJwt`], [`Reason::JweUnsupported`],
    /// [`Reason::BadBase64`], the header's and the claims' reasons that applies.
    ///
    /// ```
    /// use portcullis_token::{Reason, TokenType, Unverified};
    ///
    /// let parse = |token| Unverified::parse(token, TokenType::Lenient, &mut ()).map(drop);
    /// assert_eq!(parse("eyJhbGciOiJSUzI1NiJ9.e30.AA"), Ok(()));
    /// assert_eq!(parse("undefined"), Err(Reason::NotJwt));
    /// ```
    pub fn parse<'p>(
        token: &'t str,
        policy: impl Into<ParsePolicy<'p>>,
        trace: &mut impl Trace,
    ) -> Result<Self, Reason> {
        let policy = policy.into();
        let segments = Segments::split(token, policy.max_bytes);
        match &segments {
            Ok(_) => trace.passed(Step::Shape, || format!("a JWT of {} bytes", token.len())),
            Err(_) => trace.refused(
                Step::Shape,
                || {
                    let most = policy.max_bytes;
                    format!("three segments between two dots, at most {most} bytes")
                },
                || format!("{} dots, {} bytes", token.matches('.').count(), token.len()),
            ),
        }
        let segments = segments?;
        let header = Header::parse(segments.header, &policy, trace)?;
        let (claims, repeats) = Claims::parse(segments.claims, policy.duplicates, trace)?;
        let signature = base64url::decode(segments.signature)
            .map_err(|_| Reason::BadBase64)
            .inspect_err(|reason| {
                trace.refused(
                    Step::Signature,
                    || "base64url without padding".to_owned(),
                    || reason.code().to_owned(),
                );
            })?;
        Ok(Self {
            text: token,
            signing_input: segments.signing_input,
            signature,
            header,
            claims,
            repeats,
        })
    }

    /// The JOSE header.
    ///
    /// ```
    /// use portcullis_token::{TokenType, Unverified};
    ///
    /// // {"alg":"RS256","kid":"a"}
    /// let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AA";
    /// let token = Unverified::parse(token, TokenType::Lenient, &mut ())?;
    /// assert_eq!(token.header().kid(), Some("a"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The claims, which anybody may have written.
    ///
    /// ```
    /// use portcullis_token::{TokenType, Unverified};
    ///
    /// // {"alg":"RS256"}.{"sub":"ada"}
    /// let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.AA";
    /// let token = Unverified::parse(token, TokenType::Lenient, &mut ())?;
    /// assert_eq!(token.claims().subject(), Some("ada"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The whole token, as it was sent; whoever has it can use it.
    ///
    /// ```
    /// use portcullis_token::{TokenType, Unverified};
    ///
    /// let token = Unverified::parse("eyJhbGciOiJSUzI1NiJ9.e30.AA", TokenType::Lenient, &mut ())?;
    /// assert_eq!(token.text(), "eyJhbGciOiJSUzI1NiJ9.e30.AA");
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn text(&self) -> &'t str {
        self.text
    }

    /// The bytes that the signature covers (RFC 7515 section 5.2, step 8).
    pub(crate) const fn signing_input(&self) -> &'t [u8] {
        self.signing_input
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whether a claim stood twice.
    pub(crate) const fn repeats(&self) -> bool {
        self.repeats
    }
}

impl fmt::Debug for Unverified<'_> {
    /// Without the token: whoever reads it in a log could send it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// The three parts of a compact JWS, still base64url.
pub(crate) struct Segments<'t> {
    pub(crate) signing_input: &'t [u8],
    pub(crate) header: &'t [u8],
    pub(crate) claims: &'t [u8],
    pub(crate) signature: &'t [u8],
}

impl<'t> Segments<'t> {
    pub(crate) fn split(token: &'t str, max_bytes: usize) -> Result<Self, Reason> {
        if token.len() > max_bytes {
            return Err(Reason::TooLarge);
        }
        let mut parts = token.split('.').map(str::as_bytes);
        let (Some(header), Some(claims), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Reason::NotJwt);
        };
        match parts.count() {
            0 => {}
            2 => return Err(Reason::JweUnsupported),
            _ => return Err(Reason::NotJwt),
        }
        if header.is_empty() || claims.is_empty() || signature.is_empty() {
            return Err(Reason::NotJwt);
        }
        let signing_input = &token.as_bytes()[..=header.len() + claims.len()];
        Ok(Self {
            signing_input,
            header,
            claims,
            signature,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TokenType;

    fn parse(token: &str) -> Result<Unverified<'_>, Reason> {
        Unverified::parse(token, TokenType::Lenient, &mut ())
    }

    #[test]
    fn a_token_is_three_segments_of_base64url() {
        let header = base64url::encode(br#"{"alg":"RS256"}"#);
        let long = "a".repeat(MAX_TOKEN_BYTES);
        for (token, expected) in [
            (format!("{header}.e30.AA"), Ok(())),
            (String::new(), Err(Reason::NotJwt)),
            ("undefined".to_owned(), Err(Reason::NotJwt)),
            (format!("{header}.e30"), Err(Reason::NotJwt)),
            (format!("{header}.e30.AA.AA"), Err(Reason::NotJwt)),
            (
                format!("{header}.e30.AA.AA.AA"),
                Err(Reason::JweUnsupported),
            ),
            (format!("{header}.e30.AA.AA.AA.AA"), Err(Reason::NotJwt)),
            (".".repeat(2_000), Err(Reason::NotJwt)),
            (format!(".{header}.e30"), Err(Reason::NotJwt)),
            (format!("{header}..AA"), Err(Reason::NotJwt)),
            (format!("{header}.e30."), Err(Reason::NotJwt)),
            (format!("{header}=.e30.AA"), Err(Reason::BadBase64)),
            (format!("{header}.e30=.AA"), Err(Reason::BadBase64)),
            (format!("{header}.e30.AA=="), Err(Reason::BadBase64)),
            (format!("{header}.e30.AB"), Err(Reason::BadBase64)),
            (format!("{header}.e30.A+"), Err(Reason::BadBase64)),
            (long.clone(), Err(Reason::NotJwt)),
            (long + "a", Err(Reason::TooLarge)),
        ] {
            assert_eq!(parse(&token).map(drop), expected, "{token:.60}");
        }
    }

    #[test]
    fn the_policy_says_how_long_a_token_may_be() {
        let header = base64url::encode(br#"{"alg":"RS256"}"#);
        let token = format!("{header}.e30.AA");
        for (max_bytes, expected) in [
            (token.len(), Ok(())),
            (token.len() - 1, Err(Reason::TooLarge)),
        ] {
            let policy = ParsePolicy {
                max_bytes,
                ..TokenType::Lenient.into()
            };
            let parsed = Unverified::parse(&token, policy, &mut ());
            assert_eq!(parsed.map(drop), expected, "{max_bytes}");
        }
    }

    #[test]
    fn the_signature_covers_the_first_two_segments_and_their_dot() {
        let header = base64url::encode(br#"{"alg":"RS256"}"#);
        let token = format!("{header}.e30.AA");
        let unverified = parse(&token).unwrap();
        assert_eq!(
            unverified.signing_input(),
            format!("{header}.e30").as_bytes()
        );
        assert_eq!(unverified.signature(), [0]);
    }
}
