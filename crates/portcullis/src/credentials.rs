use portcullis_token::{ProofOffer, Sender};

/// What a caller sends to prove who they are: a token, and what it may be bound to.
///
/// ```
/// use portcullis::Credentials;
///
/// let credentials = Credentials::bearer("eyJhbGciOi…");
/// # let _ = credentials;
/// ```
#[derive(Clone, Debug)]
pub struct Credentials<'r> {
    token: &'r str,
    sender: Sender<'r>,
}

impl<'r> Credentials<'r> {
    /// A token that came alone, given without its `Bearer`.
    pub fn bearer(token: &'r str) -> Self {
        Self {
            token,
            sender: Sender::default(),
        }
    }

    /// The same with the `DPoP` proof that came with it (RFC 9449).
    #[must_use]
    pub fn proof(mut self, proof: ProofOffer<'r>) -> Self {
        self.sender.proof = Some(proof);
        self
    }

    /// The same over a connection with this client certificate: the SHA-256 of its DER
    /// (RFC 8705 section 3.1).
    #[must_use]
    pub const fn certificate(mut self, thumbprint: [u8; 32]) -> Self {
        self.sender.certificate = Some(thumbprint);
        self
    }

    pub(crate) const fn token(&self) -> &'r str {
        self.token
    }

    pub(crate) const fn sender(&self) -> &Sender<'r> {
        &self.sender
    }
}
