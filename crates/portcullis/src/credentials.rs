use portcullis_token::{ProofOffer, Sender};

/// What a caller sends to prove who they are: a token, and what it may be bound to.
///
/// ```
/// use portcullis::{Credentials, Reason};
/// use portcullis_testkit::TestIssuer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = TestIssuer::new().verifier("api").build()?;
/// let answer = auth.verify(&Credentials::bearer("eyJhbGciOi…")).await;
/// assert_eq!(answer.unwrap_err(), Reason::NotJwt);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Credentials<'r> {
    token: &'r str,
    sender: Sender<'r>,
}

impl<'r> Credentials<'r> {
    /// A token that came alone, given without its `Bearer`.
    ///
    /// ```
    /// # use portcullis::Credentials;
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").sign();
    /// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn bearer(token: &'r str) -> Self {
        Self {
            token,
            sender: Sender::default(),
        }
    }

    /// The same with the `DPoP` proof that came with it (RFC 9449).
    ///
    /// ```
    /// # use portcullis::{Credentials, ProofOffer, Reason};
    /// # use portcullis_testkit::{ProofKey, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (issuer, key) = (TestIssuer::new(), ProofKey::new());
    /// let auth = issuer.verifier("api").build()?;
    /// let bound = issuer.token().audience("api").claim("cnf", key.confirmation()).sign();
    /// let stolen = auth.verify(&Credentials::bearer(&bound)).await;
    /// assert_eq!(stolen.unwrap_err(), Reason::DpopRequired);
    ///
    /// let (method, url) = ("GET", "https://api.example.com/reports");
    /// let proof = &key.proof(method, url, &bound, &[]);
    /// let credentials = Credentials::bearer(&bound).proof(ProofOffer { proof, method, url });
    /// assert!(auth.verify(&credentials).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn proof(mut self, proof: ProofOffer<'r>) -> Self {
        self.sender.proof = Some(proof);
        self
    }

    /// The same over a connection with this client certificate: the SHA-256 of its DER
    /// (RFC 8705 section 3.1).
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// // 32 zeros in base64url.
    /// let confirmation = serde_json::json!({ "x5t#S256": "A".repeat(43) });
    /// let bound = issuer.token().audience("api").claim("cnf", confirmation).sign();
    /// let credentials = Credentials::bearer(&bound);
    /// let other = auth.verify(&credentials.clone().certificate([1; 32])).await;
    /// assert_eq!(other.unwrap_err(), Reason::MtlsBinding);
    /// assert!(auth.verify(&credentials.certificate([0; 32])).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
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
