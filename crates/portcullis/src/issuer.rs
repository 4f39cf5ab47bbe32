use std::sync::Arc;
use std::time::Duration;

use portcullis_token::{Algorithm, ClaimRule, KeySet, ProofRules, Rules, TokenType};

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
/// let verifier = Verifier::builder().issuer(auth0).issuer(partner).build().unwrap();
/// # let _ = verifier;
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
    pub fn discover(issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        Self::from_source(Source::Discovery(issuer.clone())).named(issuer)
    }

    /// An issuer known by its key set alone; add [`Issuer::named`], or any `iss` is accepted.
    pub fn jwks(url: impl Into<String>) -> Self {
        Self::from_source(Source::Jwks(url.into()))
    }

    /// An issuer whose keys are given and never fetched, as `explain` and tests need it.
    pub fn fixed(keys: impl Into<Arc<KeySet>>) -> Self {
        Self::from_source(Source::Fixed(keys.into()))
    }

    /// An issuer whose keys others use too, so that they are fetched once.
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
    #[must_use]
    pub fn named(mut self, issuer: impl Into<String>) -> Self {
        self.rules.issuer = Some(issuer.into());
        self
    }

    /// Adds an audience; a token needs one of them.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        let audiences = self.rules.audience.get_or_insert_default();
        audiences.push(audience.into());
        self
    }

    /// Gives the check of `aud` up: tokens for other APIs of the issuer are then good here.
    #[must_use]
    pub fn any_audience(mut self) -> Self {
        self.rules.audience = None;
        self
    }

    /// What the issuer may sign with. Default: RS256, PS256, ES256, `EdDSA`.
    ///
    /// The algorithms with a shared secret are for [`Issuer::fixed`] keys of that kind, alone.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl Into<Vec<Algorithm>>) -> Self {
        self.rules.algorithms = algorithms.into();
        self
    }

    /// How far clocks may differ. Default 5 s, at most 300 s; fractions are dropped.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway;
        self
    }

    /// Which `typ` a token may carry. Default: absent, `JWT` or `at+jwt`.
    #[must_use]
    pub fn token_type(mut self, token_type: TokenType) -> Self {
        self.rules.token_type = token_type;
        self
    }

    /// The claims that list scopes: names, or JSON pointers such as `/realm_access/roles`.
    /// Default: `scope` and `scp`.
    #[must_use]
    pub fn scope_claims(mut self, names: impl Into<Vec<String>>) -> Self {
        self.rules.scope_claims = names.into().into();
        self
    }

    /// Adds a claim that a token must have, besides `exp` and what the other rules ask for.
    #[must_use]
    pub fn required_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.required_claims.push(name.into());
        self
    }

    /// How long ago a token may have been issued; it must then say when. Default: any time.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.rules.max_age = Some(max_age);
        self
    }

    /// How long a token may be good for, from `iat` to `exp`. Default: any time.
    #[must_use]
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.rules.max_lifetime = Some(max_lifetime);
        self
    }

    /// Adds a rule that the claims of every token must keep.
    ///
    /// ```
    /// use portcullis::Issuer;
    /// use portcullis_token::ClaimRule;
    ///
    /// let issuer = Issuer::discover("https://tenant.eu.auth0.com/")
    ///     .audience("https://expenses-api")
    ///     .claim_rule(ClaimRule::equals("org_id", "org_1"));
    /// # let _ = issuer;
    /// ```
    #[must_use]
    pub fn claim_rule(mut self, rule: ClaimRule) -> Self {
        let rules = self.rules.claim_rules.iter().cloned();
        self.rules.claim_rules = rules.chain([rule]).collect();
        self
    }

    /// What `DPoP` proofs must be like (RFC 9449 section 4.3).
    #[must_use]
    pub fn proofs(mut self, proofs: ProofRules) -> Self {
        self.rules.proofs = proofs;
        self
    }

    /// Gives up that a bound token comes with its key: a stolen one can then be used.
    #[must_use]
    pub fn ignore_confirmation(mut self) -> Self {
        self.rules.ignore_confirmation = true;
        self
    }

    /// How long keys are used after the provider last vouched for them. Default 24 h.
    ///
    /// Zero keeps them only until shortly after they should have been fetched again. Keys that
    /// are [shared](Issuer::sharing) or [fixed](Issuer::fixed) have their own settings.
    #[must_use]
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.keys.max_stale = max_stale;
        self
    }

    /// Keeps the last good keys in a file, so that a restart during an outage keeps serving.
    #[must_use]
    pub fn snapshot(mut self, snapshot: SnapshotFile) -> Self {
        self.keys.snapshot = Some(snapshot);
        self
    }

    /// Asks the issuer about tokens (RFC 7662): opaque ones, or all of them.
    #[must_use]
    pub fn introspection(self, introspection: Introspection) -> Self {
        Self {
            introspection: Some(introspection),
            ..self
        }
    }
}
