/// What shows that a token is in the hands of the one it was given to.
///
/// The default shows nothing, which is enough for a bearer token and for no other.
///
/// ```
/// use portcullis_token::{Introspected, Reason, Rules, Sender, UnixTime, base64url};
///
/// // The hash of the certificate that the caller connected with.
/// let certificate = [7; 32];
/// let bound = format!(
///     r#"{{"active":true,"exp":100,"cnf":{{"x5t#S256":"{}"}}}}"#,
///     base64url::encode(&certificate),
/// );
/// let answer = Introspected::parse(bound.as_bytes())?;
/// let rules = Rules::new(None, None);
/// let check = |sender| {
///     rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ()).map(drop)
/// };
/// assert_eq!(check(Sender { certificate: Some(certificate), ..Sender::default() }), Ok(()));
/// assert_eq!(check(Sender::default()), Err(Reason::MtlsBinding));
/// # Ok::<(), Reason>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sender<'r> {
    /// The `DPoP` proof that came with the request, and the request that it must be for.
    pub proof: Option<ProofOffer<'r>>,
    /// The SHA-256 of the DER of the client certificate of the connection (RFC 8705 section 3.1).
    pub certificate: Option<[u8; 32]>,
}

/// A `DPoP` proof as it was sent, unchecked, and what it must be for (RFC 9449 section 4.3).
///
/// ```
/// use portcullis_token::{Introspected, ProofOffer, Reason, Rules, Sender, UnixTime};
///
/// let sender = Sender {
///     proof: Some(ProofOffer {
///         proof: "not a proof",
///         method: "GET",
///         url: "https://api.example.com/reports",
///     }),
///     certificate: None,
/// };
/// let answer = Introspected::parse(br#"{"active":true,"exp":100,
///     "cnf":{"jkt":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}}"#)?;
/// let rules = Rules::new(None, None);
/// let refused = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ());
/// assert_eq!(refused.map(drop), Err(Reason::DpopProof));
/// # Ok::<(), Reason>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProofOffer<'r> {
    /// The value of the one `DPoP` header.
    pub proof: &'r str,
    /// The request's method.
    pub method: &'r str,
    /// The request's address as the caller knows it, scheme and authority included.
    pub url: &'r str,
}
