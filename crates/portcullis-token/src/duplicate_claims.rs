/// What becomes of a token with a claim that stands twice (RFC 7519 section 4).
///
/// ```
/// use portcullis_token::{DuplicateClaims, ParsePolicy, Reason, TokenType, Unverified};
///
/// // {"alg":"RS256"}.{"sub":"ada","sub":"bob"}
/// let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEiLCJzdWIiOiJib2IifQ.AA";
/// let parse = |duplicates| {
///     let policy = ParsePolicy { duplicates, ..TokenType::Lenient.into() };
///     Unverified::parse(token, policy, &mut ())
/// };
/// assert_eq!(parse(DuplicateClaims::Rejected).map(drop), Err(Reason::BadClaims));
/// assert_eq!(parse(DuplicateClaims::Last)?.claims().subject(), Some("bob"));
/// # Ok::<(), Reason>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateClaims {
    /// It is refused.
    #[default]
    Rejected,
    /// The last one counts. Whoever parses the token after us may believe another one.
    Last,
}
