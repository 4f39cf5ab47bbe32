use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use portcullis_token::{UnixTime, base64url};
use serde_json::{Value, json};

use crate::TestClock;

/// The key of a client that uses `DPoP`, and its proofs (RFC 9449), signed with ES256.
///
/// ```
/// use portcullis::{Credentials, ProofOffer};
/// use portcullis_testkit::{ProofKey, TestIssuer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (issuer, key) = (TestIssuer::new(), ProofKey::new());
/// let auth = issuer.verifier("api").build()?;
/// let token = issuer.token().audience("api").claim("cnf", key.confirmation()).sign();
///
/// let (method, url) = ("GET", "https://api.example.com/");
/// let proof = &key.proof(method, url, &token, &[]);
/// let credentials = Credentials::bearer(&token).proof(ProofOffer { proof, method, url });
/// assert!(auth.verify(&credentials).await.is_ok());
/// # Ok(())
/// # }
/// ```
pub struct ProofKey {
    pair: EcdsaKeyPair,
}

impl ProofKey {
    /// Makes a key on P-256.
    ///
    /// ```
    /// use portcullis_testkit::ProofKey;
    ///
    /// assert_ne!(ProofKey::new().confirmation(), ProofKey::new().confirmation());
    /// ```
    ///
    /// # Panics
    /// When the machine has no randomness for a key.
    #[expect(clippy::new_without_default, reason = "each is another key")]
    pub fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self {
            pair: pair.expect("the system gives randomness"),
        }
    }

    /// `cnf` of a token that is bound to the key (RFC 9449 section 6.1).
    ///
    /// ```
    /// let key = portcullis_testkit::ProofKey::new();
    /// let thumbprint = key.confirmation()["jkt"].as_str().map(str::len);
    /// assert_eq!(thumbprint, Some(43), "SHA-256 in base64url");
    /// ```
    pub fn confirmation(&self) -> Value {
        let jwk = self.jwk();
        // RFC 7638 section 3.2: the required members, in lexicographic order.
        let (x, y) = (&jwk["x"], &jwk["y"]);
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{x},"y":{y}}}"#);
        json!({ "jkt": hash(&canonical) })
    }

    /// A proof for one request with `token`, made when a [`TestClock`] starts.
    ///
    /// `changes` replaces claims: `jti` to make another proof, or any to spoil it; `null` removes one.
    ///
    /// ```
    /// # use portcullis::{Credentials, ProofOffer, Reason};
    /// # use portcullis_testkit::{ProofKey, TestIssuer};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (issuer, key) = (TestIssuer::new(), ProofKey::new());
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").claim("cnf", key.confirmation()).sign();
    /// let (method, url) = ("GET", "https://api.example.com/");
    /// let proof = &key.proof(method, url, &token, &[("htm", json!("POST"))]);
    /// let credentials = Credentials::bearer(&token).proof(ProofOffer { proof, method, url });
    /// assert_eq!(auth.verify(&credentials).await.unwrap_err(), Reason::DpopProof);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the machine runs out of randomness.
    pub fn proof(&self, method: &str, url: &str, token: &str, changes: &[(&str, Value)]) -> String {
        let mut claims = Self::claims(method, url, token, TestClock::START);
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        self.sign(&self.header(), &claims)
    }

    /// The header of a good proof.
    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() })
    }

    /// The claims of a good proof that is made at `now`.
    pub(crate) fn claims(method: &str, url: &str, token: &str, now: UnixTime) -> Value {
        json!({
            "jti": "1",
            "htm": method,
            "htu": url,
            "iat": now.0,
            "ath": hash(token),
        })
    }

    /// A JWS of this header and these claims, without those that are `null`.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let [header, claims] =
            [header, claims].map(|json| base64url::encode(without_null(json).as_bytes()));
        let input = format!("{header}.{claims}");
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes());
        let signature = signature.expect("signing needs randomness only");
        format!("{input}.{}", base64url::encode(signature.as_ref()))
    }

    /// RFC 7518 section 6.2.1; the public key is `4`, then both coordinates (SEC 1 section 2.3.3).
    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        json!({
            "kty": "EC",
            "crv": "P-256",
            "x": base64url::encode(x),
            "y": base64url::encode(y),
        })
    }
}

fn without_null(object: &Value) -> String {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object.to_string()
}

fn hash(text: &str) -> String {
    base64url::encode(digest(&SHA256, text.as_bytes()).as_ref())
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofKey").finish_non_exhaustive()
    }
}
