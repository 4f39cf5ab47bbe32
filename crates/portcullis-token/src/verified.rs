use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{AcceptedProof, ClaimRule, ClaimValue, Claims, KeyIdentity, OnFail, Reason, Trace};

/// A token that its issuer vouches for and that is good here and at this time.
///
/// There is no way to make one but [`Rules::verify`](crate::Rules::verify) and its siblings, so a
/// function that takes it need not check.
///
/// ```
/// use portcullis_token::{KeySet, Rules, Sender, UnixTime, Unverified, Verified};
///
/// fn greet(token: &Verified) -> String {
///     format!("hello {}", token.subject().unwrap_or("stranger"))
/// }
///
/// let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
/// // {"alg":"EdDSA","kid":"a"}.{"sub":"ada","exp":100}
/// let token = "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJzdWIiOiJhZGEiLCJleHAiOjEwMH0.\
///     zMalPNIFxmuDDEidk8WJlxgov63tapv_QM5q5i21_jGJjs7z_tFiKNj89KGJMhAukfLUUbbH2nG_MEAikF5VBQ";
/// let rules = Rules::new(None, None);
/// let token = Unverified::parse(token, &rules, &mut ())?;
/// let token = rules.verify(&token, &keys, &Sender::default(), UnixTime(0), &mut ())?;
/// assert_eq!(greet(&token), "hello ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verified {
    pub(crate) claims: Claims,
    pub(crate) scope_claims: Arc<[String]>,
    pub(crate) claim_rules: Arc<[ClaimRule]>,
    pub(crate) leeway: Duration,
    pub(crate) kid: Option<Arc<String>>,
    pub(crate) key: Option<Arc<KeyIdentity>>,
    pub(crate) proof: Option<AcceptedProof>,
}

/// A token that was verified, to be asked about again: [`Rules::verify_again`].
///
/// It is small, for a cache that has many of them.
///
/// [`Rules::verify_again`]: crate::Rules::verify_again
///
/// ```
/// use portcullis_token::{Introspected, Rules, Sender, UnixTime};
///
/// let answer = Introspected::parse(br#"{"active":true,"exp":100,"sub":"ada"}"#)?;
/// let (rules, sender) = (Rules::new(None, None), Sender::default());
/// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
/// let cached = token.remember();
/// let again = rules.verify_again(&cached, "opaque", &sender, UnixTime(50), &mut ())?;
/// assert_eq!(again.subject(), Some("ada"));
/// # Ok::<(), portcullis_token::Reason>(())
/// ```
#[derive(Clone, Debug)]
pub struct Remembered {
    pub(crate) claims: Claims,
    pub(crate) kid: Option<Arc<String>>,
    pub(crate) key: Option<Arc<KeyIdentity>>,
}

impl Remembered {
    /// The claims, as the issuer signed them.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// assert_eq!(token.remember().claims().expires_at(), Some(UnixTime(100)));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The `kid` of the token's header, in the memory of the key's where the two are the same.
    ///
    /// ```
    /// # use portcullis_token::{KeySet, Rules, Sender, UnixTime, Unverified};
    /// # let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
    /// #     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// // {"alg":"EdDSA","kid":"a"}.{"sub":"ada","exp":100}
    /// let token = "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJzdWIiOiJhZGEiLCJleHAiOjEwMH0.\
    ///     zMalPNIFxmuDDEidk8WJlxgov63tapv_QM5q5i21_jGJjs7z_tFiKNj89KGJMhAukfLUUbbH2nG_MEAikF5VBQ";
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// # let token = Unverified::parse(token, &rules, &mut ())?;
    /// let token = rules.verify(&token, &keys, &sender, UnixTime(0), &mut ())?;
    /// assert_eq!(token.remember().kid(), Some("a"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref().map(String::as_str)
    }

    /// The key that signed the token; absent for one that was introspected.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// // Nobody signed it.
    /// assert!(token.remember().key().is_none());
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn key(&self) -> Option<&KeyIdentity> {
        self.key.as_deref()
    }
}

impl Verified {
    /// The claims, as the issuer signed them.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100,"iss":"https://a.example/"}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// assert_eq!(token.claims().issuer(), Some("https://a.example/"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The scopes that the token grants.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100,
    ///     "scope":"read:reports","scp":["admin"]}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// assert!(token.scopes().eq(["read:reports", "admin"]));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.claims.scopes(&self.scope_claims)
    }

    /// `sub`: whom the token is about. Unique within its issuer only.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100,"sub":"ada"}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// assert_eq!(token.subject(), Some("ada"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn subject(&self) -> Option<&str> {
        self.claims.subject()
    }

    /// The application the token was issued to.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100,"client_id":"web"}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// assert_eq!(token.client_id(), Some("web"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn client_id(&self) -> Option<&str> {
        self.claims.client_id()
    }

    /// Whether an application calls on its own behalf, as Auth0 marks its tokens: `gty` is
    /// `client-credentials`, or `sub` ends with `@clients`.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100,"sub":"web@clients"}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// assert!(token.is_machine());
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn is_machine(&self) -> bool {
        let granted = self.claims.find("gty");
        granted.and_then(ClaimValue::as_str) == Some("client-credentials")
            || self.subject().is_some_and(|sub| sub.ends_with("@clients"))
    }

    /// Whether the token is that of an anonymous session of Auth0: `sub` begins with `anon@`.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100,"sub":"anon@1"}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// assert!(token.is_anonymous_session());
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn is_anonymous_session(&self) -> bool {
        self.subject().is_some_and(|sub| sub.starts_with("anon@"))
    }

    /// All claims as a type of the service's own.
    ///
    /// # Errors
    /// [`Reason::ClaimType`], when they do not read as that type.
    ///
    /// ```
    /// use serde::Deserialize;
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100,
    ///     "https://example.com/team":"red"}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    ///
    /// #[derive(Deserialize)]
    /// struct Membership {
    ///     #[serde(rename = "https://example.com/team")]
    ///     team: String,
    /// }
    ///
    /// assert_eq!(token.deserialize::<Membership>()?.team, "red");
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Reason> {
        T::deserialize(self.claims.to_value()).map_err(|_| Reason::ClaimType)
    }

    /// The `kid` of the token's header; absent for one that was introspected.
    ///
    /// ```
    /// # use portcullis_token::{KeySet, Rules, Sender, UnixTime, Unverified};
    /// # let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
    /// #     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// // {"alg":"EdDSA","kid":"a"}.{"sub":"ada","exp":100}
    /// let token = "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJzdWIiOiJhZGEiLCJleHAiOjEwMH0.\
    ///     zMalPNIFxmuDDEidk8WJlxgov63tapv_QM5q5i21_jGJjs7z_tFiKNj89KGJMhAukfLUUbbH2nG_MEAikF5VBQ";
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// # let token = Unverified::parse(token, &rules, &mut ())?;
    /// let token = rules.verify(&token, &keys, &sender, UnixTime(0), &mut ())?;
    /// assert_eq!(token.kid(), Some("a"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref().map(String::as_str)
    }

    /// The RFC 7638 thumbprint of the key that signed the token; absent for one that was
    /// introspected.
    ///
    /// A cached token is good only while [`KeySet::contains`](crate::KeySet::contains) it.
    ///
    /// ```
    /// # use portcullis_token::{KeySet, Rules, Sender, UnixTime, Unverified};
    /// # let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
    /// #     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// // {"alg":"EdDSA","kid":"a"}.{"sub":"ada","exp":100}
    /// let token = "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJzdWIiOiJhZGEiLCJleHAiOjEwMH0.\
    ///     zMalPNIFxmuDDEidk8WJlxgov63tapv_QM5q5i21_jGJjs7z_tFiKNj89KGJMhAukfLUUbbH2nG_MEAikF5VBQ";
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// # let token = Unverified::parse(token, &rules, &mut ())?;
    /// let token = rules.verify(&token, &keys, &sender, UnixTime(0), &mut ())?;
    /// assert!(token.key_thumbprint().is_some_and(|thumbprint| keys.contains(thumbprint)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key_thumbprint(&self) -> Option<&[u8; 32]> {
        self.key.as_deref().map(KeyIdentity::thumbprint)
    }

    /// The key that signed the token; absent for one that was introspected.
    ///
    /// ```
    /// # use portcullis_token::{KeySet, Rules, Sender, UnixTime, Unverified};
    /// # let keys = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
    /// #     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// // {"alg":"EdDSA","kid":"a"}.{"sub":"ada","exp":100}
    /// let token = "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJzdWIiOiJhZGEiLCJleHAiOjEwMH0.\
    ///     zMalPNIFxmuDDEidk8WJlxgov63tapv_QM5q5i21_jGJjs7z_tFiKNj89KGJMhAukfLUUbbH2nG_MEAikF5VBQ";
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// # let token = Unverified::parse(token, &rules, &mut ())?;
    /// let token = rules.verify(&token, &keys, &sender, UnixTime(0), &mut ())?;
    /// assert_eq!(token.key().and_then(|key| key.kid()), Some("a"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key(&self) -> Option<&KeyIdentity> {
        self.key.as_deref()
    }

    /// What of it a cache keeps, without what belongs to its issuer's rules and to this request.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100,"sub":"ada"}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// let cached = token.remember();
    /// assert_eq!(cached.claims(), token.claims());
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn remember(&self) -> Remembered {
        Remembered {
            claims: self.claims.clone(),
            kid: self.kid.clone(),
            key: self.key.clone(),
        }
    }

    /// The `DPoP` proof that came with the token. The caller must see to it that it is used once.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// // It is bound to no key, so it came without a proof.
    /// assert_eq!(token.proof(), None);
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn proof(&self) -> Option<&AcceptedProof> {
        self.proof.as_ref()
    }

    /// Runs the issuer's rules that forbid, and then those of a route.
    ///
    /// The issuer's other rules were part of verifying the token.
    ///
    /// # Errors
    /// [`Reason::ClaimForbidden`], or [`Reason::ClaimMismatch`] for a rule of the route that asks
    /// for it.
    ///
    /// ```
    /// use portcullis_token::{ClaimRule, OnFail, Reason};
    /// # use portcullis_token::{Introspected, Rules, Sender, UnixTime};
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100,"team":"red"}"#)?;
    /// # let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// let check = |team| {
    ///     let rule = ClaimRule::equals("team", team).on_fail(OnFail::Forbid);
    ///     token.check_claims(&[rule], &mut ())
    /// };
    /// assert_eq!(check("red"), Ok(()));
    /// assert_eq!(check("blue"), Err(Reason::ClaimForbidden));
    /// # Ok::<(), Reason>(())
    /// ```
    pub fn check_claims(&self, route: &[ClaimRule], trace: &mut impl Trace) -> Result<(), Reason> {
        let forbidding = |rule: &&ClaimRule| rule.fails_with() == OnFail::Forbid;
        self.claim_rules
            .iter()
            .filter(forbidding)
            .chain(route)
            .try_for_each(|rule| rule.check(&self.claims, trace))
    }

    pub(crate) const fn leeway(&self) -> Duration {
        self.leeway
    }
}
