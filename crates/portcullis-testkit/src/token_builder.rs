use std::sync::Arc;

use portcullis_token::{SigningKey, UnixTime, base64url};
use serde_json::{Map, Value, json};

use crate::TestClock;

/// Builds one token, good or hostile.
///
/// ```
/// use portcullis_testkit::TestIssuer;
///
/// let token = TestIssuer::new()
///     .token()
///     .subject("auth0|ada")
///     .scope("read:reports")
///     .claim("org_id", "org_1");
/// assert!(token.accept().has_scope("read:reports"));
/// ```
#[derive(Debug)]
pub struct TokenBuilder {
    pub(crate) key: Arc<SigningKey>,
    pub(crate) typ: String,
    pub(crate) claims: Map<String, Value>,
}

impl TokenBuilder {
    pub(crate) fn new(key: Arc<SigningKey>, issuer: &str) -> Self {
        let UnixTime(now) = TestClock::START;
        let claims = [
            ("iss", json!(issuer)),
            ("sub", json!("ada")),
            ("iat", json!(now)),
            ("exp", json!(now + 3600)),
        ];
        Self {
            key,
            typ: "JWT".to_owned(),
            claims: claims
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
        }
    }

    /// Sets `aud`.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().audience("https://expenses-api").accept();
    /// assert_eq!(token.claims().audience().collect::<Vec<_>>(), ["https://expenses-api"]);
    /// ```
    #[must_use]
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// Sets `sub`.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().subject("auth0|bo").accept();
    /// assert_eq!(token.subject(), Some("auth0|bo"));
    /// ```
    #[must_use]
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// Sets `scope`, the scopes between spaces.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().scope("read:reports write:reports").accept();
    /// assert_eq!(token.scopes().count(), 2);
    /// ```
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// Sets `iat` and `exp`: good for `seconds` from `now` on.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Clock as _, Credentials, SystemClock};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").clock(Arc::new(SystemClock)).build()?;
    /// let token = issuer.token().audience("api").valid_from(SystemClock.now(), 60).sign();
    /// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn valid_from(self, now: UnixTime, seconds: u64) -> Self {
        self.claim("iat", now.0).claim("exp", now.0 + seconds)
    }

    /// Sets `exp`: so many seconds after [`TestClock::START`], or before it where negative.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").expires_in(-60).sign();
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::Expired);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn expires_in(self, seconds: i64) -> Self {
        self.claim("exp", TestClock::START.0.saturating_add_signed(seconds))
    }

    /// Sets any claim.
    ///
    /// ```
    /// # use portcullis::ClaimValue;
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().claim("roles", vec!["clerk"]).accept();
    /// let roles = token.claims().find("roles").unwrap();
    /// assert_eq!(roles.items().next().and_then(ClaimValue::as_str), Some("clerk"));
    /// ```
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().without("sub").accept();
    /// assert_eq!(token.subject(), None);
    /// ```
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets `typ` of the header.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").typ("logout+jwt").sign();
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::TypNotAllowed);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn typ(self, typ: &str) -> Self {
        Self {
            typ: typ.to_owned(),
            ..self
        }
    }

    /// The claims as they are.
    pub(crate) fn claims(self) -> Value {
        Value::Object(self.claims)
    }

    /// The token, signed.
    ///
    /// ```
    /// # use portcullis::Credentials;
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").sign();
    /// assert!(token.starts_with("eyJ"));
    /// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the machine runs out of memory or randomness.
    pub fn sign(self) -> String {
        self.key
            .sign(&self.typ, &self.claims)
            .expect("signing needs memory and randomness only")
    }

    /// The token with `alg` `none` and a signature that is not one (RFC 8725 section 2.1).
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").alg_none();
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::AlgNotAllowed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn alg_none(self) -> String {
        self.unsigned(&json!({ "alg": "none", "typ": "JWT" }))
    }

    /// The token as if it were signed with HS256 (RFC 8725 section 2.1).
    ///
    /// A verifier must refuse it by its `alg`, whatever key was used.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").hs256();
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::AlgNotAllowed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn hs256(self) -> String {
        let kid = self.key.kid().to_owned();
        self.unsigned(&json!({ "alg": "HS256", "typ": "JWT", "kid": kid }))
    }

    /// The token with another header, and the signature of none.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").unsigned(&json!({ "alg": "RS256", "kid": "nope" }));
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::KeyUnknown);
    /// # Ok(())
    /// # }
    /// ```
    pub fn unsigned(self, header: &Value) -> String {
        let claims = Value::Object(self.claims).to_string();
        let [header, claims] =
            [header.to_string(), claims].map(|json| base64url::encode(json.as_bytes()));
        format!("{header}.{claims}.{}", base64url::encode(&[0; 32]))
    }
}
