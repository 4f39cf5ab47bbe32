use std::sync::Arc;
use std::time::Duration;

use portcullis_token::{
    Algorithm, KeySet, Reason, Rules, Sender, TokenType, Trace, Unverified, Verified,
};
use url::Url;

use crate::fetch::is_secure;
use crate::{Answers, Clock, Credentials, KeyFetcher, KeySource, Keys, SystemClock};

/// The most that clocks may be allowed to differ.
const MAX_LEEWAY: Duration = Duration::from_mins(5);

/// Decides whether access tokens are good here. Cheap to clone.
///
/// It is built without any I/O; keys are fetched when the first token needs them, or from
/// [`Verifier::start`] on.
#[derive(Clone, Debug)]
pub struct Verifier {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    issuers: Vec<Trusted>,
    clock: Arc<dyn Clock>,
    answers: Arc<Answers>,
}

/// One issuer, compiled.
#[derive(Debug)]
struct Trusted {
    rules: Rules,
    keys: KeyHolder,
}

/// Keys that are fetched, or that were given.
#[derive(Clone, Debug)]
enum KeyHolder {
    Fetched(Keys),
    Fixed(Arc<KeySet>),
}

/// One issuer whose tokens are accepted, and what they must be like.
///
/// A token must name the issuer and one of the audiences; a check is given up only in words, by
/// [`Issuer::any_audience`] or by [`Issuer::jwks`] without [`Issuer::named`].
#[derive(Clone, Debug)]
pub struct Issuer {
    source: Source,
    name: Option<String>,
    audience: Option<Vec<String>>,
    algorithms: Vec<Algorithm>,
    leeway: Duration,
    token_type: TokenType,
    scope_claims: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
enum Source {
    Discovery(String),
    Jwks(String),
    Fixed(Arc<KeySet>),
    Shared(Keys),
}

/// Why a verifier could not be built. The configuration's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No issuer was given, so every token would be refused.
    #[error("a verifier needs at least one issuer")]
    NoIssuer,
    /// The address is not an absolute URL.
    #[error("`{address}` is not a URL")]
    Address {
        /// The text that was given.
        address: String,
        /// What is wrong with it.
        #[source]
        cause: url::ParseError,
    },
    /// The address is neither https nor on this machine, or has a user name, query or fragment.
    #[error(
        "`{address}` must be https, or http on this machine, without user name, query and fragment"
    )]
    Unsafe {
        /// The text that was given.
        address: String,
    },
    /// Without an audience, any API's token would be accepted.
    #[error("an issuer needs an audience: a token for another API must not be good here")]
    NoAudience,
    /// Without an algorithm, every token would be refused.
    #[error("an issuer needs at least one algorithm")]
    NoAlgorithm,
    /// More than five minutes of leeway.
    #[error("a leeway of more than {} s is not allowed", MAX_LEEWAY.as_secs())]
    Leeway,
    /// Two issuers of one name: which rules apply would depend on their order.
    #[error("the issuer `{0}` is there twice")]
    Duplicate(String),
    /// No fetcher was given, and the crate was built without its own.
    #[error("fetching keys needs a `KeyFetcher`, or the feature `reqwest`")]
    NoFetcher,
    /// TLS cannot be set up on this machine.
    #[cfg(feature = "reqwest")]
    #[error("TLS cannot be set up")]
    Tls(#[source] reqwest::Error),
}

/// Collects the issuers of a [`Verifier`].
#[derive(Debug, Default)]
pub struct VerifierBuilder {
    issuers: Vec<Issuer>,
    clock: Option<Arc<dyn Clock>>,
    fetcher: Option<Arc<dyn KeyFetcher>>,
    answers: Answers,
}

impl Verifier {
    /// A verifier without issuers, to which they are added.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::default()
    }

    /// Starts fetching keys in the background, on the current tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(&self) {
        for issuer in &self.shared.issuers {
            if let KeyHolder::Fetched(keys) = &issuer.keys {
                keys.start();
            }
        }
    }

    /// Decides about a caller's credentials.
    ///
    /// # Errors
    /// The [`Reason`] of the first check that fails.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed but the keys, which belong to the background task.
    pub async fn verify(&self, credentials: &Credentials<'_>) -> Result<Verified, Reason> {
        let token = Unverified::parse(credentials.token(), TokenType::Lenient, &mut ())?;
        self.verify_parsed(&token, credentials.sender(), &mut ())
            .await
    }

    /// Decides about a token whose form is already checked, and shows the steps to `trace`.
    ///
    /// # Errors
    /// The [`Reason`] of the first check that fails.
    pub async fn verify_parsed(
        &self,
        token: &Unverified<'_>,
        sender: &Sender<'_>,
        trace: &mut impl Trace,
    ) -> Result<Verified, Reason> {
        let mut answer = Err(Reason::IssUnknown);
        for issuer in &self.shared.issuers {
            answer = issuer
                .verify(token, sender, &*self.shared.clock, trace)
                .await;
            if !matches!(answer, Err(Reason::IssUnknown)) {
                break;
            }
        }
        answer
    }
}

impl Verifier {
    /// How it presents itself to callers.
    pub(crate) fn presentation(&self) -> &Arc<Answers> {
        &self.shared.answers
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// Whether `other` is a clone of this.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Trusted {
    async fn verify(
        &self,
        token: &Unverified<'_>,
        sender: &Sender<'_>,
        clock: &dyn Clock,
        trace: &mut impl Trace,
    ) -> Result<Verified, Reason> {
        let now = clock.now();
        let keys = match &self.keys {
            KeyHolder::Fixed(keys) => return self.rules.verify(token, keys, sender, now, trace),
            KeyHolder::Fetched(keys) => keys,
        };
        let none = KeySet::default();
        let fetched = keys.load();
        match self.rules.verify(
            token,
            fetched.usable(now).unwrap_or(&none),
            sender,
            now,
            trace,
        ) {
            Err(Reason::KeyUnknown) => {}
            decided => return decided,
        }
        // Only a key that was published since the last fetch can change the answer.
        let fetched = keys.refreshed().await?;
        self.rules.verify(
            token,
            fetched.usable(now).unwrap_or(&none),
            sender,
            now,
            trace,
        )
    }
}

impl Issuer {
    /// An issuer whose discovery document names its keys and its exact `iss`.
    ///
    /// `issuer` may have a slash at its end or not; the document decides (OpenID Connect
    /// Discovery 1.0 section 4).
    pub fn discover(issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        Self {
            name: Some(issuer.clone()),
            ..Self::from_source(Source::Discovery(issuer))
        }
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
            name: None,
            audience: Some(Vec::new()),
            algorithms: Algorithm::DEFAULT.to_vec(),
            leeway: Duration::from_secs(5),
            token_type: TokenType::default(),
            scope_claims: None,
        }
    }

    /// The `iss` that tokens must carry, byte for byte.
    #[must_use]
    pub fn named(self, issuer: impl Into<String>) -> Self {
        Self {
            name: Some(issuer.into()),
            ..self
        }
    }

    /// Adds an audience; a token needs one of them.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience.get_or_insert_default().push(audience.into());
        self
    }

    /// Gives the check of `aud` up: tokens for other APIs of the issuer are then good here.
    #[must_use]
    pub fn any_audience(self) -> Self {
        Self {
            audience: None,
            ..self
        }
    }

    /// What the issuer may sign with. Default: RS256, PS256, ES256, `EdDSA`.
    #[must_use]
    pub fn algorithms(self, algorithms: impl Into<Vec<Algorithm>>) -> Self {
        Self {
            algorithms: algorithms.into(),
            ..self
        }
    }

    /// How far clocks may differ. Default 5 s, at most 300 s; fractions are dropped.
    #[must_use]
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// The claims that list scopes. Default: `scope` and `scp`.
    #[must_use]
    pub fn scope_claims(self, names: impl Into<Vec<String>>) -> Self {
        Self {
            scope_claims: Some(names.into()),
            ..self
        }
    }
}

impl VerifierBuilder {
    /// Adds an issuer.
    #[must_use]
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Takes the time from `clock` instead of from the machine.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Some(clock),
            ..self
        }
    }

    /// Fetches documents by `fetcher` instead of by HTTP.
    #[must_use]
    pub fn fetcher(self, fetcher: Arc<dyn KeyFetcher>) -> Self {
        Self {
            fetcher: Some(fetcher),
            ..self
        }
    }

    /// Presents itself to callers as `answers` say, in refusals and in metadata.
    #[must_use]
    pub fn answers(self, answers: Answers) -> Self {
        Self { answers, ..self }
    }

    /// Checks everything together. No I/O happens here.
    ///
    /// # Errors
    /// [`BuildError`], for the first thing that is wrong.
    pub fn build(self) -> Result<Verifier, BuildError> {
        if self.issuers.is_empty() {
            return Err(BuildError::NoIssuer);
        }
        refuse_duplicates(&self.issuers)?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let answers = Arc::new(complete(self.answers, &self.issuers));
        let mut fetcher = self.fetcher;
        let mut issuers = Vec::with_capacity(self.issuers.len());
        for issuer in self.issuers {
            issuers.push(compile(issuer, &mut fetcher, &clock)?);
        }
        Ok(Verifier {
            shared: Arc::new(Shared {
                issuers,
                clock,
                answers,
            }),
        })
    }
}

/// Names in `answers` what the issuers' tokens must carry.
fn complete(answers: Answers, issuers: &[Issuer]) -> Answers {
    let names = issuers.iter().filter_map(|issuer| issuer.name.clone());
    let audiences = issuers.iter().filter_map(|issuer| issuer.audience.clone());
    answers.of_verifier(names.collect(), audiences.flatten().collect())
}

fn refuse_duplicates(issuers: &[Issuer]) -> Result<(), BuildError> {
    for (index, issuer) in issuers.iter().enumerate() {
        if let Some(name) = &issuer.name
            && issuers[..index]
                .iter()
                .any(|other| other.name.as_ref() == Some(name))
        {
            return Err(BuildError::Duplicate(name.clone()));
        }
    }
    Ok(())
}

fn compile(
    issuer: Issuer,
    fetcher: &mut Option<Arc<dyn KeyFetcher>>,
    clock: &Arc<dyn Clock>,
) -> Result<Trusted, BuildError> {
    if issuer.audience.as_ref().is_some_and(Vec::is_empty) {
        return Err(BuildError::NoAudience);
    }
    if issuer.algorithms.is_empty() {
        return Err(BuildError::NoAlgorithm);
    }
    if issuer.leeway > MAX_LEEWAY {
        return Err(BuildError::Leeway);
    }
    let mut fetched = |source| -> Result<KeyHolder, BuildError> {
        let fetcher = match fetcher {
            Some(fetcher) => Arc::clone(fetcher),
            None => Arc::clone(fetcher.insert(default_fetcher()?)),
        };
        Ok(KeyHolder::Fetched(Keys::new(
            source,
            fetcher,
            Arc::clone(clock),
        )))
    };
    let keys = match issuer.source {
        Source::Discovery(issuer) => fetched(KeySource::Discovery(secure_url(&issuer)?))?,
        Source::Jwks(url) => fetched(KeySource::Jwks(secure_url(&url)?))?,
        Source::Fixed(keys) => KeyHolder::Fixed(keys),
        Source::Shared(keys) => KeyHolder::Fetched(keys),
    };
    let defaults = Rules::new(issuer.name, issuer.audience);
    let rules = Rules {
        algorithms: issuer.algorithms,
        leeway: issuer.leeway,
        token_type: issuer.token_type,
        scope_claims: issuer.scope_claims.map_or(defaults.scope_claims, Arc::from),
        ..defaults
    };
    Ok(Trusted { rules, keys })
}

fn secure_url(address: &str) -> Result<Url, BuildError> {
    let url = Url::parse(address).map_err(|cause| BuildError::Address {
        address: address.to_owned(),
        cause,
    })?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain && is_secure(&url) {
        Ok(url)
    } else {
        Err(BuildError::Unsafe {
            address: address.to_owned(),
        })
    }
}

#[cfg(feature = "reqwest")]
fn default_fetcher() -> Result<Arc<dyn KeyFetcher>, BuildError> {
    Ok(Arc::new(
        crate::HttpFetcher::new().map_err(BuildError::Tls)?,
    ))
}

#[cfg(not(feature = "reqwest"))]
fn default_fetcher() -> Result<Arc<dyn KeyFetcher>, BuildError> {
    Err(BuildError::NoFetcher)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(issuer: Issuer) -> Result<Verifier, BuildError> {
        Verifier::builder().issuer(issuer).build()
    }

    #[test]
    fn a_verifier_that_would_be_open_or_useless_is_not_built() {
        let good = || Issuer::discover("https://a.example/").audience("api");
        assert!(build(good()).is_ok());
        assert!(build(good().leeway(MAX_LEEWAY)).is_ok());
        assert!(build(Issuer::jwks("http://127.0.0.1:1/jwks").any_audience()).is_ok());

        assert!(matches!(
            Verifier::builder().build(),
            Err(BuildError::NoIssuer)
        ));
        let no_audience = build(Issuer::discover("https://a.example/"));
        assert!(matches!(no_audience, Err(BuildError::NoAudience)));
        let leeway = build(good().leeway(MAX_LEEWAY + Duration::from_secs(1)));
        assert!(matches!(leeway, Err(BuildError::Leeway)));
        assert!(matches!(
            build(good().algorithms([])),
            Err(BuildError::NoAlgorithm)
        ));
        let twice = Verifier::builder().issuer(good()).issuer(good()).build();
        assert!(matches!(twice, Err(BuildError::Duplicate(_))));
        let relative = build(Issuer::discover("a.example").audience("api"));
        assert!(matches!(relative, Err(BuildError::Address { .. })));
    }

    #[test]
    fn an_issuer_is_https_or_on_this_machine_and_nothing_more() {
        for address in [
            "http://a.example/",
            "https://user@a.example/",
            "https://:secret@a.example/",
            "https://a.example/?x",
            "https://a.example/#x",
            "ftp://a.example/",
        ] {
            let result = build(Issuer::discover(address).audience("api"));
            assert!(
                matches!(result, Err(BuildError::Unsafe { .. })),
                "{address}"
            );
        }
    }
}
