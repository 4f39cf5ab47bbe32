mod error;

use std::sync::Arc;

use portcullis_token::{Algorithm, DuplicateClaims, MAX_TOKEN_BYTES, TokenSource, TokenType};
use url::Url;

pub use self::error::BuildError;
pub(crate) use self::error::LONGEST_TOKEN;
use self::error::{MAX_LEEWAY, SHORTEST_LIMIT};
use super::trusted::{KeyHolder, Trusted};
use super::{RevocationCheck, Shared, Verifier};
use crate::fetch::is_secure;
use crate::introspection::Asking;
use crate::issuer::Source;
use crate::{
    Answers, Cache, Clock, DistrustList, Issuer, KeyFetcher, KeySource, Keys, MemoryReplayStore,
    Observer, OnFailure, ReplayStore, Revocations, SystemClock,
};

/// Collects what a [`Verifier`] is made of.
///
/// ```
/// use std::sync::Arc;
/// use portcullis::{Cache, Issuer, SystemClock, Verifier};
///
/// let auth = Verifier::builder()
///     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
///     .cache(Cache::default())
///     .clock(Arc::new(SystemClock)) // which is the default
///     .build()?;
/// assert_eq!(auth.key_status().len(), 1);
/// # Ok::<(), portcullis::BuildError>(())
/// ```
#[derive(Debug, Default)]
pub struct VerifierBuilder {
    issuers: Vec<Issuer>,
    clock: Option<Arc<dyn Clock>>,
    fetcher: Option<Arc<dyn KeyFetcher>>,
    cache: Option<Cache>,
    distrust: DistrustList,
    replays: Option<Arc<dyn ReplayStore>>,
    revocations: Option<Arc<dyn Revocations>>,
    on_revocations_failure: OnFailure,
    sources: Option<Vec<TokenSource>>,
    observer: Option<Observer>,
    max_token_bytes: Option<usize>,
    answers: Answers,
}

impl VerifierBuilder {
    /// Adds an issuer.
    ///
    /// ```
    /// # use portcullis::{Issuer, Verifier};
    /// let issuer = |name: &str| Issuer::discover(name).audience("https://expenses-api");
    /// let twice = Verifier::builder()
    ///     .issuer(issuer("https://a.example/"))
    ///     .issuer(issuer("https://a.example/"))
    ///     .build();
    /// assert_eq!(twice.unwrap_err().to_string(), "the issuer `https://a.example/` is there twice");
    /// ```
    #[must_use]
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Takes the time from `clock` instead of from the machine.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (issuer, clock) = (TestIssuer::new(), TestClock::default());
    /// let auth = issuer.verifier("api").clock(Arc::new(clock.clone())).build()?;
    /// let token = issuer.token().audience("api").sign(); // good for an hour
    /// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok());
    /// clock.advance(Duration::from_hours(2));
    /// assert_eq!(auth.verify(&Credentials::bearer(&token)).await.unwrap_err(), Reason::Expired);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Some(clock),
            ..self
        }
    }

    /// Fetches documents by `fetcher` instead of by HTTP.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Issuer, Verifier};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = TestIssuer::new();
    /// let auth = Verifier::builder()
    ///     .issuer(Issuer::discover(provider.name()).audience("api"))
    ///     .fetcher(Arc::new(provider.clone()))
    ///     .build()?;
    /// auth.ready().await?;
    /// assert_eq!(provider.fetched().len(), 2, "the discovery document and the keys");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn fetcher(self, fetcher: Arc<dyn KeyFetcher>) -> Self {
        Self {
            fetcher: Some(fetcher),
            ..self
        }
    }

    /// Remembers verified tokens in `cache`. Without one each token is verified each time.
    ///
    /// ```
    /// # use portcullis::{Cache, Credentials};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (issuer, cache) = (TestIssuer::new(), Cache::default());
    /// let auth = issuer.verifier("api").cache(cache.clone()).build()?;
    /// let token = issuer.token().audience("api").sign();
    /// auth.verify(&Credentials::bearer(&token)).await?;
    /// auth.verify(&Credentials::bearer(&token)).await?;
    /// assert_eq!(cache.status().hits, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cache(self, cache: Cache) -> Self {
        Self {
            cache: Some(cache),
            ..self
        }
    }

    /// Refuses what `list` concerns, from the next request after it was changed on.
    ///
    /// ```
    /// # use portcullis::{Credentials, DistrustList, Distrusted, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let list = DistrustList::new([Distrusted::issuer(issuer.name())]);
    /// let auth = issuer.verifier("api").distrust(list).build()?;
    /// let token = issuer.token().audience("api").sign();
    /// assert_eq!(auth.verify(&Credentials::bearer(&token)).await.unwrap_err(), Reason::Revoked);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn distrust(self, list: DistrustList) -> Self {
        Self {
            distrust: list,
            ..self
        }
    }

    /// Asks `revocations` about each token that is good in every other way.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Credentials, Reason, Revocation, RevocationList};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (issuer, clock) = (TestIssuer::new(), Arc::new(TestClock::default()));
    /// let list = RevocationList::new(clock.clone());
    /// let auth = issuer.verifier("api").revocations(Arc::new(list.clone())).build()?;
    /// let revocation = Revocation::Token("a-jti".to_owned());
    /// list.revoke(issuer.name(), revocation, TestClock::START.plus(Duration::from_hours(1)))?;
    /// let token = issuer.token().audience("api").claim("jti", "a-jti").sign();
    /// assert_eq!(auth.verify(&Credentials::bearer(&token)).await.unwrap_err(), Reason::Revoked);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn revocations(self, revocations: Arc<dyn Revocations>) -> Self {
        Self {
            revocations: Some(revocations),
            ..self
        }
    }

    /// What becomes of a token when the revocations cannot be read. Default: it is refused.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{BoxFuture, Credentials, OnFailure, Revocations, RevocationsError, Verified};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[derive(Debug)]
    /// # struct Down;
    /// # impl Revocations for Down {
    /// #     fn is_revoked<'a>(&'a self, _: &'a Verified) -> BoxFuture<'a, Result<bool, RevocationsError>> {
    /// #         Box::pin(async { Err(RevocationsError::new("connection refused")) })
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let token = issuer.token().audience("api").sign();
    /// // `Down` is a store of revocations that cannot be reached.
    /// let auth = |policy| {
    ///     let builder = issuer.verifier("api").revocations(Arc::new(Down));
    ///     builder.on_revocations_failure(policy).build()
    /// };
    /// let denied = auth(OnFailure::Deny)?.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(denied.unwrap_err().status(), 503);
    /// assert!(auth(OnFailure::Allow)?.verify(&Credentials::bearer(&token)).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_revocations_failure(self, policy: OnFailure) -> Self {
        Self {
            on_revocations_failure: policy,
            ..self
        }
    }

    /// Remembers used `DPoP` proofs in `store`. Default: in memory, 100,000 of them.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{Credentials, MemoryReplayStore};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let store = Arc::new(MemoryReplayStore::new(1_000_000)); // or one that several processes share
    /// let auth = issuer.verifier("api").replays(store).build()?;
    /// let token = issuer.token().audience("api").sign();
    /// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok(), "it needs no proof");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn replays(self, store: Arc<dyn ReplayStore>) -> Self {
        Self {
            replays: Some(store),
            ..self
        }
    }

    /// Looks for a request's token in these places, of which only one may have one.
    ///
    /// Default: the `Authorization` header. A token in the query counts behind a layer only, which
    /// keeps the answer out of shared caches; one in a form needs a [`FormBody`](crate::FormBody).
    ///
    /// ```
    /// # use axum::{Router, body::Body, routing::get};
    /// # use http::Request;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # use portcullis::{CrossSite, TokenSource};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let session = TokenSource::Cookie { name: "session".to_owned(), cross_site: CrossSite::Refused };
    /// let auth = issuer.verifier("api").sources([session]).build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let token = issuer.token().audience("api").sign();
    /// let request = Request::get("/")
    ///     .header("sec-fetch-site", "same-origin")
    ///     .header("cookie", format!("theme=dark; session={token}"));
    /// assert_eq!(app.oneshot(request.body(Body::empty())?).await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sources(self, sources: impl Into<Vec<TokenSource>>) -> Self {
        Self {
            sources: Some(sources.into()),
            ..self
        }
    }

    /// Refuses longer tokens before anything of them is looked at. Default 16 KiB.
    ///
    /// From 1 KiB to 64 KiB.
    ///
    /// ```
    /// # use portcullis::{BuildError, Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").max_token_bytes(1024).build()?;
    /// let long = "a".repeat(1025);
    /// let refused = auth.verify(&Credentials::bearer(&long)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::TooLarge);
    /// let none = issuer.verifier("api").max_token_bytes(1023).build();
    /// assert!(matches!(none, Err(BuildError::TokenBytes)));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_token_bytes(self, bytes: usize) -> Self {
        Self {
            max_token_bytes: Some(bytes),
            ..self
        }
    }

    /// Has `observer` count, time and log each answer. Without one, none of that happens.
    ///
    /// ```
    /// # use portcullis::{Credentials, Observer, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let observer = Observer::default();
    /// let auth = TestIssuer::new().verifier("api").observer(observer.clone()).build()?;
    /// assert!(auth.verify(&Credentials::bearer("not a token")).await.is_err());
    /// assert!(observer.status().refused.contains(&(Reason::NotJwt, 1)));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn observer(self, observer: Observer) -> Self {
        Self {
            observer: Some(observer),
            ..self
        }
    }

    /// Presents itself to callers as `answers` say, in refusals and in metadata.
    ///
    /// ```
    /// # use axum::{Router, body::Body, routing::get};
    /// # use http::Request;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # use portcullis::Answers;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let answers = Answers::default().realm("expenses");
    /// let auth = TestIssuer::new().verifier("api").answers(answers).build()?;
    /// let app = Router::new().route("/", get(async || "in").layer(auth.layer()));
    /// let refused = app.oneshot(Request::get("/").body(Body::empty())?).await?;
    /// assert_eq!(refused.headers()["www-authenticate"], r#"Bearer realm="expenses""#);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn answers(self, answers: Answers) -> Self {
        Self { answers, ..self }
    }

    /// Checks everything together. No I/O happens here.
    ///
    /// ```
    /// # use portcullis::{BuildError, Issuer, Verifier};
    /// let build = |name: &str| Verifier::builder().issuer(Issuer::discover(name).audience("api")).build();
    /// assert!(build("https://tenant.eu.auth0.com/").is_ok());
    /// assert!(matches!(build("http://tenant.eu.auth0.com/"), Err(BuildError::Unsafe { .. })));
    /// ```
    ///
    /// # Errors
    /// [`BuildError`], for the first thing that is wrong.
    pub fn build(self) -> Result<Verifier, BuildError> {
        if self.issuers.is_empty() {
            return Err(BuildError::NoIssuer);
        }
        refuse_duplicates(&self.issuers)?;
        let max_token_bytes = self.max_token_bytes.unwrap_or(MAX_TOKEN_BYTES);
        if !(SHORTEST_LIMIT..=LONGEST_TOKEN).contains(&max_token_bytes) {
            return Err(BuildError::TokenBytes);
        }
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let answers = Arc::new(complete(self.answers, &self.issuers));
        let mut fetcher = self.fetcher;
        let mut issuers = Vec::with_capacity(self.issuers.len());
        for issuer in self.issuers {
            issuers.push(compile(issuer, &mut fetcher, &clock)?);
        }
        let replays = self
            .replays
            .unwrap_or_else(|| Arc::new(MemoryReplayStore::default()));
        let revocations = self.revocations.map(|source| RevocationCheck {
            source,
            on_failure: self.on_revocations_failure,
        });
        let (algorithms, token_type) = header_policy(&issuers);
        let lenient = |issuer: &Trusted| issuer.rules.duplicate_claims == DuplicateClaims::Last;
        let duplicate_claims = if issuers.iter().any(lenient) {
            DuplicateClaims::Last
        } else {
            DuplicateClaims::Rejected
        };
        Ok(Verifier {
            shared: Arc::new(Shared {
                issuers,
                algorithms,
                token_type,
                duplicate_claims,
                max_token_bytes,
                clock,
                cache: self.cache.map(Cache::owned),
                distrust: self.distrust,
                replays,
                revocations,
                sources: self
                    .sources
                    .unwrap_or_else(|| vec![TokenSource::Authorization]),
                observer: self.observer,
                answers,
            }),
        })
    }
}

/// What any of the issuers takes: the earliest answer to what none does.
fn header_policy(issuers: &[Trusted]) -> (Vec<Algorithm>, TokenType) {
    let mut algorithms: Vec<Algorithm> = Vec::new();
    let mut token_type: Option<TokenType> = None;
    for Trusted { rules, .. } in issuers {
        algorithms.extend(&rules.algorithms);
        token_type = Some(match token_type {
            Some(others) => others.or(&rules.token_type),
            None => rules.token_type.clone(),
        });
    }
    algorithms.sort_unstable();
    algorithms.dedup();
    (algorithms, token_type.unwrap_or_default())
}

/// Names in `answers` what the issuers' tokens must carry.
fn complete(answers: Answers, issuers: &[Issuer]) -> Answers {
    let rules = || issuers.iter().map(|issuer| &issuer.rules);
    let names = rules().filter_map(|rules| rules.issuer.clone());
    let audiences = rules().filter_map(|rules| rules.audience.clone());
    answers.of_verifier(names.collect(), audiences.flatten().collect())
}

fn refuse_duplicates(issuers: &[Issuer]) -> Result<(), BuildError> {
    for (index, issuer) in issuers.iter().enumerate() {
        if let Some(name) = &issuer.rules.issuer
            && issuers[..index]
                .iter()
                .any(|other| other.rules.issuer.as_ref() == Some(name))
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
    let rules = issuer.rules;
    if rules.audience.as_ref().is_some_and(Vec::is_empty) {
        return Err(BuildError::NoAudience);
    }
    if rules.algorithms.is_empty() {
        return Err(BuildError::NoAlgorithm);
    }
    if rules.leeway > MAX_LEEWAY {
        return Err(BuildError::Leeway);
    }
    refuse_shared_secrets(&issuer.source, &rules.algorithms)?;
    let mut fetched = |source| -> Result<KeyHolder, BuildError> {
        let fetcher = match fetcher {
            Some(fetcher) => Arc::clone(fetcher),
            None => Arc::clone(fetcher.insert(default_fetcher()?)),
        };
        Ok(KeyHolder::Fetched(Keys::with(
            source,
            fetcher,
            Arc::clone(clock),
            issuer.keys.clone(),
        )))
    };
    let keys = match issuer.source {
        Source::Discovery(issuer) => fetched(KeySource::Discovery(secure_url(&issuer)?))?,
        Source::Jwks(url) => fetched(KeySource::Jwks(secure_url(&url)?))?,
        Source::Fixed(keys) => KeyHolder::Fixed(keys),
        Source::Shared(keys) => KeyHolder::Fetched(keys),
    };
    let introspection = match issuer.introspection {
        Some(introspection) => Some(Asking::new(introspection).ok_or(BuildError::NoRandomness)?),
        None => None,
    };
    Ok(Trusted {
        rules,
        keys,
        introspection,
    })
}

/// RFC 8725 section 3.1: a public key must never be taken for a shared secret, nor be able to be.
fn refuse_shared_secrets(source: &Source, algorithms: &[Algorithm]) -> Result<(), BuildError> {
    let asymmetric = algorithms.iter().filter(|one| one.is_asymmetric()).count();
    let safe = match source {
        Source::Fixed(_) => asymmetric == algorithms.len() || algorithms.len() == 1,
        Source::Discovery(_) | Source::Jwks(_) | Source::Shared(_) => {
            asymmetric == algorithms.len()
        }
    };
    if safe {
        Ok(())
    } else {
        Err(BuildError::SharedSecret)
    }
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
mod tests;
