/// What shows that a token is in the hands of the one it was given to.
///
/// The default shows nothing, which is enough for a bearer token and for no other.
///
/// ```
/// use portcullis_token::{ProofOffer, Sender};
///
/// let sender = Sender {
///     proof: Some(ProofOffer {
///         proof: "eyJ0eXAiOiJkcG9wK2p3dCI…",
///         method: "GET",
///         url: "https://api.example/reports",
///     }),
///     certificate: None,
/// };
/// # let _ = sender;
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
/// use portcullis_token::{ProofOffer, Sender};
///
/// let sender = Sender {
///     proof: Some(ProofOffer {
///         proof: "eyJ0eXAiOiJkcG9wK2p3dCIs…",
///         method: "GET",
///         url: "https://api.example.com/reports",
///     }),
///     certificate: None,
/// };
/// # let _ = sender;
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
