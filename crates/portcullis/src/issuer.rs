use std::sync::Arc;
use std::time::Duration;

use portcullis_token::{
    Algorithm, ClaimRule, DuplicateClaims, KeySet, ProofRules, Rules, TokenType,
};

use crate::{Introspection, KeySettings, Keys, SnapshotFile};

/// One issuer whose tokens are accepted, and what they must be like.
///
/// A token must name the issuer and one of the audiences; a check is given up only in words, by
/// [`Issuer::any_audience`] or by [`Issuer::jwks`] without [`Issuer::named`].
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Algorithm, Issuer, Verifier};
///
/// let auth0 = Issuer::discover("https://tenant.eu.auth0.com/")
///     .audience("https://expenses-api")
///     .algorithms([Algorithm::Rs256])
///     .leeway(Duration::from_secs(30));
/// let partner = Issuer::jwks("https://partner.example/keys.json")
///     .named("https://partner.example/")
///     .audience("https://expenses-api");
/// let auth = Verifier::builder().issuer(auth0).issuer(partner).build()?;
/// assert_eq!(auth.key_status().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Issuer {
    pub(crate) source: Source,
    pub(crate) rules: Rules,
    pub(crate) keys: KeySettings,
    pub(crate) introspection: Option<Introspection>,
}

/// Where the issuer's keys come from, as configured.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Discovery(String),
    Jwks(String),
    Fixed(Arc<KeySet>),
    Shared(Keys),
}

impl Issuer {
    /// An issuer whose discovery document names its keys and its exact `iss`.
    ///
    /// `issuer` may have a slash at its end or not; the document decides (OpenID Connect
    /// Discovery 1.0 section 4).
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, Issuer, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::named("https://issuer.example/");
    /// // Without the slash: the discovery document has the exact name.
    /// let issuer = Issuer::discover("https://issuer.example").audience("api");
    /// let auth = Verifier::builder()
    ///     .issuer(issuer)
    ///     .fetcher(Arc::new(provider.clone()))
    ///     .clock(Arc::new(TestClock::default()))
    ///     .build()?;
    /// let token = provider.token().audience("api").sign();
    /// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn discover(issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        Self::from_source(Source::Discovery(issuer.clone())).named(issuer)
    }

    /// An issuer known by its key set alone; add [`Issuer::named`], or any `iss` is accepted.
    ///
    /// ```
    /// # use portcullis::{Issuer, Verifier};
    /// let issuer = Issuer::jwks("https://partner.example/keys.json")
    ///     .named("https://partner.example/")
    ///     .audience("https://expenses-api");
    /// let auth = Verifier::builder().issuer(issuer).build()?;
    /// let source = auth.key_status()[0].source.clone();
    /// assert_eq!(source, Some("https://partner.example/keys.json".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn jwks(url: impl Into<String>) -> Self {
        Self::from_source(Source::Jwks(url.into()))
    }

    /// An issuer whose keys are given and never fetched, as `explain` and tests need it.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, Issuer, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set()).named(provider.name()).audience("api");
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// assert!(auth.is_ready(), "there is nothing to fetch");
    /// let token = provider.token().audience("api").sign();
    /// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn fixed(keys: impl Into<Arc<KeySet>>) -> Self {
        Self::from_source(Source::Fixed(keys.into()))
    }

    /// An issuer whose keys others use too, so that they are fetched once.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{HttpFetcher, Issuer, KeySource, Keys, SystemClock, Verifier};
    /// let source = KeySource::Discovery("https://tenant.eu.auth0.com/".parse()?);
    /// let keys = Keys::new(source, Arc::new(HttpFetcher::new()?), Arc::new(SystemClock));
    /// for audience in ["https://expenses-api", "https://travel-api"] {
    ///     let issuer = Issuer::sharing(keys.clone()).named("https://tenant.eu.auth0.com/");
    ///     let auth = Verifier::builder().issuer(issuer.audience(audience)).build()?;
    ///     assert_eq!(auth.key_status()[0].issuer.as_deref(), Some("https://tenant.eu.auth0.com/"));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sharing(keys: Keys) -> Self {
        Self::from_source(Source::Shared(keys))
    }

    fn from_source(source: Source) -> Self {
        Self {
            source,
            rules: Rules::new(None, Some(Vec::new())),
            keys: KeySettings::default(),
            introspection: None,
        }
    }

    /// The `iss` that tokens must carry, byte for byte.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::named("https://issuer.example/");
    /// let issuer = Issuer::fixed(provider.key_set()).named("https://issuer.example").any_audience();
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let answer = auth.verify(&Credentials::bearer(&provider.token().sign())).await;
    /// assert_eq!(answer.unwrap_err(), Reason::IssUnknown, "the slash at the end counts");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn named(mut self, issuer: impl Into<String>) -> Self {
        self.rules.issuer = Some(issuer.into());
        self
    }

    /// Adds an audience; a token needs one of them.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set()).audience("expenses").audience("travel");
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let token = provider.token().audience("travel").sign();
    /// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok());
    /// let token = provider.token().audience("payroll").sign();
    /// let answer = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(answer.unwrap_err(), Reason::AudMismatch);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        let audiences = self.rules.audience.get_or_insert_default();
        audiences.push(audience.into());
        self
    }

    /// Gives the check of `aud` up: tokens for other APIs of the issuer are then good here.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, Issuer, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set()).any_audience();
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let token = provider.token().audience("another API").sign();
    /// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn any_audience(mut self) -> Self {
        self.rules.audience = None;
        self
    }

    /// What the issuer may sign with. Default: RS256, PS256, ES256, `EdDSA`.
    ///
    /// The algorithms with a shared secret are for [`Issuer::fixed`] keys of that kind, alone.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Algorithm, Credentials, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set())
    ///     .audience("api")
    ///     .algorithms([Algorithm::Es256]);
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let token = provider.token().audience("api").sign();
    /// let answer = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(answer.unwrap_err(), Reason::AlgNotAllowed);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl Into<Vec<Algorithm>>) -> Self {
        self.rules.algorithms = algorithms.into();
        self
    }

    /// How far clocks may differ. Default 5 s, at most 300 s; fractions are dropped.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Credentials, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set()).audience("api").leeway(Duration::from_secs(60));
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let token = |seconds| provider.token().audience("api").expires_in(seconds).sign();
    /// assert!(auth.verify(&Credentials::bearer(&token(-59))).await.is_ok());
    /// let answer = auth.verify(&Credentials::bearer(&token(-60))).await;
    /// assert_eq!(answer.unwrap_err(), Reason::Expired);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway;
        self
    }

    /// Which `typ` a token may carry. Default: absent, `JWT` or `at+jwt`.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, Issuer, Reason, TokenType, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set())
    ///     .audience("api")
    ///     .token_type(TokenType::AccessToken);
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let token = provider.token().audience("api").typ("JWT").sign();
    /// let answer = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(answer.unwrap_err(), Reason::TypNotAllowed);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn token_type(mut self, token_type: TokenType) -> Self {
        self.rules.token_type = token_type;
        self
    }

    /// The claims that list scopes: names, or JSON pointers such as `/realm_access/roles`.
    /// Default: `scope` and `scp`.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, Issuer, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set())
    ///     .audience("api")
    ///     .scope_claims(["/realm_access/roles".to_owned()]);
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let roles = serde_json::json!({ "roles": ["clerk"] });
    /// let token = provider.token().audience("api").claim("realm_access", roles).sign();
    /// let verified = auth.verify(&Credentials::bearer(&token)).await?;
    /// assert_eq!(verified.scopes().collect::<Vec<_>>(), ["clerk"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn scope_claims(mut self, names: impl Into<Vec<String>>) -> Self {
        self.rules.scope_claims = names.into().into();
        self
    }

    /// Adds a claim that a token must have, besides `exp` and what the other rules ask for.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set()).audience("api").required_claim("org_id");
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let token = provider.token().audience("api").sign();
    /// let answer = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(answer.unwrap_err(), Reason::ClaimMissing);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn required_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.required_claims.push(name.into());
        self
    }

    /// How long ago a token may have been issued; it must then say when. Default: any time.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Credentials, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set()).audience("api").max_age(Duration::from_mins(5));
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let an_hour_ago = TestClock::START.0 - 3600;
    /// let token = provider.token().audience("api").claim("iat", an_hour_ago).sign();
    /// let answer = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(answer.unwrap_err(), Reason::TooOld);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.rules.max_age = Some(max_age);
        self
    }

    /// How long a token may be good for, from `iat` to `exp`. Default: any time.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Credentials, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set())
    ///     .audience("api")
    ///     .max_lifetime(Duration::from_hours(24));
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let token = provider.token().audience("api").expires_in(90_000).sign();
    /// let answer = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(answer.unwrap_err(), Reason::Lifetime);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.rules.max_lifetime = Some(max_lifetime);
        self
    }

    /// Adds a rule that the claims of every token must keep.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{ClaimRule, Credentials, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let issuer = Issuer::fixed(provider.key_set())
    ///     .audience("api")
    ///     .claim_rule(ClaimRule::equals("org_id", "org_1"));
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let token = provider.token().audience("api").claim("org_id", "org_2").sign();
    /// let answer = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(answer.unwrap_err(), Reason::ClaimMismatch);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn claim_rule(mut self, rule: ClaimRule) -> Self {
        let rules = self.rules.claim_rules.iter().cloned();
        self.rules.claim_rules = rules.chain([rule]).collect();
        self
    }

    /// What `DPoP` proofs must be like (RFC 9449 section 4.3).
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Algorithm, Credentials, Issuer, ProofOffer, ProofRules, Reason, Verifier};
    /// # use portcullis_testkit::{ProofKey, TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (provider, key) = (TestIssuer::new(), ProofKey::new());
    /// let rules = ProofRules { algorithms: vec![Algorithm::EdDsa], ..ProofRules::default() };
    /// let issuer = Issuer::fixed(provider.key_set()).audience("api").proofs(rules);
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let token = provider.token().audience("api").claim("cnf", key.confirmation()).sign();
    /// let (method, url) = ("GET", "https://api.example.com/");
    /// let proof = &key.proof(method, url, &token, &[]); // with ES256
    /// let credentials = Credentials::bearer(&token).proof(ProofOffer { proof, method, url });
    /// assert_eq!(auth.verify(&credentials).await.unwrap_err(), Reason::DpopProof);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn proofs(mut self, proofs: ProofRules) -> Self {
        self.rules.proofs = proofs;
        self
    }

    /// Gives up that a bound token comes with its key: a stolen one can then be used.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, Issuer, Verifier};
    /// # use portcullis_testkit::{ProofKey, TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (provider, key) = (TestIssuer::new(), ProofKey::new());
    /// let issuer = Issuer::fixed(provider.key_set()).audience("api").ignore_confirmation();
    /// let auth = Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()?;
    /// let bound = provider.token().audience("api").claim("cnf", key.confirmation()).sign();
    /// assert!(auth.verify(&Credentials::bearer(&bound)).await.is_ok(), "by whoever has it");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ignore_confirmation(mut self) -> Self {
        self.rules.ignore_confirmation = true;
        self
    }

    /// What becomes of a token with a claim that stands twice. Default: it is refused.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, DuplicateClaims, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let auth = |duplicates| {
    ///     let issuer = Issuer::fixed(provider.key_set()).audience("api").duplicate_claims(duplicates);
    ///     Verifier::builder().issuer(issuer).clock(Arc::new(TestClock::default())).build()
    /// };
    /// let token = provider.token().audience("api").dup_claim("sub");
    /// let refused = auth(DuplicateClaims::Rejected)?.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::BadClaims);
    /// assert!(auth(DuplicateClaims::Last)?.verify(&Credentials::bearer(&token)).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn duplicate_claims(mut self, duplicates: DuplicateClaims) -> Self {
        self.rules.duplicate_claims = duplicates;
        self
    }

    /// How long keys are used after the provider last vouched for them. Default 24 h.
    ///
    /// Zero keeps them only until shortly after they should have been fetched again. Keys that
    /// are [shared](Issuer::sharing) or [fixed](Issuer::fixed) have their own settings.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Issuer, Verifier};
    /// # use portcullis_testkit::{Answer, TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (provider, clock) = (TestIssuer::new(), TestClock::default());
    /// let issuer = Issuer::discover(provider.name())
    ///     .audience("api")
    ///     .max_stale(Duration::from_hours(2));
    /// let auth = Verifier::builder()
    ///     .issuer(issuer)
    ///     .fetcher(Arc::new(provider.clone()))
    ///     .clock(Arc::new(clock.clone()))
    ///     .build()?;
    /// auth.ready().await?;
    /// provider.answer(Answer::Reset);
    /// clock.advance(Duration::from_mins(119));
    /// assert!(auth.is_ready());
    /// clock.advance(Duration::from_mins(1));
    /// assert!(!auth.is_ready(), "too old to be trusted");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.keys.max_stale = max_stale;
        self
    }

    /// Keeps the last good keys in a file, so that a restart during an outage keeps serving.
    ///
    /// ```
    /// # use portcullis::{Issuer, Secret, SnapshotFile, Verifier};
    /// let folder = tempfile::tempdir()?;
    /// let snapshot = SnapshotFile::new(folder.path().join("keys.json"), Secret::new([7; 32]));
    /// let issuer = Issuer::discover("https://tenant.eu.auth0.com/").audience("api").snapshot(snapshot);
    /// let auth = Verifier::builder().issuer(issuer).build()?;
    /// assert!(!auth.is_ready(), "the file is read when the verifier starts");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn snapshot(mut self, snapshot: SnapshotFile) -> Self {
        self.keys.snapshot = Some(snapshot);
        self
    }

    /// Asks the issuer about tokens (RFC 7662): opaque ones, or all of them.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, Introspection, Issuer, Reason, Verifier};
    /// # use portcullis_testkit::{TestIntrospection, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let endpoint = Arc::new(TestIntrospection::new());
    /// let issuer = Issuer::fixed(provider.key_set())
    ///     .audience("api")
    ///     .introspection(Introspection::new(endpoint));
    /// let auth = Verifier::builder().issuer(issuer).build()?;
    /// let answer = auth.verify(&Credentials::bearer("an-opaque-token")).await;
    /// assert_eq!(answer.unwrap_err(), Reason::Inactive);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn introspection(self, introspection: Introspection) -> Self {
        Self {
            introspection: Some(introspection),
            ..self
        }
    }
}
