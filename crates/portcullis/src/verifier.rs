mod admission;
mod builder;
mod observed;
mod ready;
mod trusted;

use std::sync::Arc;

use portcullis_token::{
    Algorithm, DuplicateClaims, ParsePolicy, Reason, Sender, Step, TokenSource, TokenType, Trace,
    UnixTime, Unverified, Verified,
};

use self::admission::{Purpose, RevocationCheck};
pub(crate) use self::builder::LONGEST_TOKEN;
pub use self::builder::{BuildError, VerifierBuilder};
pub use self::ready::NotReady;
use self::trusted::{Proven, Trusted};
use crate::cache::{Digest, Entry, OwnedCache};
use crate::{Answers, Clock, Credentials, DistrustList, KeyStatus, Observer, ReplayStore, Stage};

/// Decides whether access tokens are good here. Cheap to clone.
///
/// It is built without any I/O. A service chooses how it starts:
///
/// - lazily: keys are fetched when the first token needs them, or from [`Verifier::start`] on, and
///   [`Verifier::is_ready`] tells when they are there;
/// - [`Verifier::ready_within`]: it waits for its issuers;
/// - [`Verifier::ready`]: it fails without them.
///
/// ```
/// use std::sync::Arc;
/// use portcullis::{Credentials, Issuer, Verifier};
/// use portcullis_testkit::{TestClock, TestIssuer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new(); // stands for https://issuer.example/
/// let auth = Verifier::builder()
///     .issuer(Issuer::discover("https://issuer.example/").audience("https://expenses-api"))
///     .fetcher(Arc::new(issuer.clone())) // without it: over HTTPS
///     .clock(Arc::new(TestClock::default()))
///     .build()?;
/// auth.ready().await?;
///
/// let token = issuer.token().audience("https://expenses-api").subject("ada").sign();
/// let verified = auth.verify(&Credentials::bearer(&token)).await?;
/// assert_eq!(verified.subject(), Some("ada"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    issuers: Vec<Trusted>,
    /// What any of the issuers may sign with.
    algorithms: Vec<Algorithm>,
    /// What any of the issuers may write as `typ`.
    token_type: TokenType,
    /// Whether any of them lets claims stand twice.
    duplicate_claims: DuplicateClaims,
    max_token_bytes: usize,
    clock: Arc<dyn Clock>,
    cache: Option<OwnedCache>,
    distrust: DistrustList,
    replays: Arc<dyn ReplayStore>,
    revocations: Option<RevocationCheck>,
    /// Where a request may carry its token.
    sources: Vec<TokenSource>,
    observer: Option<Observer>,
    answers: Arc<Answers>,
}

impl Verifier {
    /// A verifier without issuers, to which they are added.
    ///
    /// ```
    /// # use portcullis::{Issuer, Verifier};
    /// let auth = Verifier::builder()
    ///     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
    ///     .build()?;
    /// assert!(!auth.is_ready(), "no key was fetched yet");
    /// # Ok::<(), portcullis::BuildError>(())
    /// ```
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::default()
    }

    /// Decides about a caller's credentials.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let good = issuer.token().audience("api").sign();
    /// assert_eq!(auth.verify(&Credentials::bearer(&good)).await?.subject(), Some("ada"));
    /// let expired = issuer.token().audience("api").expires_in(-60).sign();
    /// let refused = auth.verify(&Credentials::bearer(&expired)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::Expired);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The [`Reason`] of the first check that fails.
    ///
    /// # Cancel safety
    /// Safe: what is fetched belongs to background tasks. A `DPoP` proof may count as used.
    pub async fn verify(&self, credentials: &Credentials<'_>) -> Result<Verified, Reason> {
        self.verify_traced(credentials, &mut ()).await
    }

    /// The same, showing each step to `trace`.
    ///
    /// For a trace that somebody reads, nothing is taken from memory, so that no step is left out,
    /// no `DPoP` proof counts as used, and no [`Observer`] sees the answer: it explains one and
    /// serves nobody.
    ///
    /// ```
    /// # use portcullis::Credentials;
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use portcullis_token::{Outcome, Recorder};
    ///
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("another").sign();
    /// let mut steps = Recorder::default();
    /// assert!(auth.verify_traced(&Credentials::bearer(&token), &mut steps).await.is_err());
    /// let records = steps.into_records();
    /// let last = records.last().unwrap();
    /// assert_eq!(last.step.name(), "audience");
    /// assert!(matches!(&last.outcome, Outcome::Refused { got, .. } if got.contains("another")));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The [`Reason`] of the first check that fails.
    pub async fn verify_traced<T: Trace>(
        &self,
        credentials: &Credentials<'_>,
        trace: &mut T,
    ) -> Result<Verified, Reason> {
        match self.shared.observer.as_ref().filter(|_| !T::IS_READ) {
            Some(observer) => self.decide_observed(observer, credentials, trace).await,
            None => self.decide(credentials, trace, &mut Stage::Full).await,
        }
    }

    async fn decide<T: Trace>(
        &self,
        credentials: &Credentials<'_>,
        trace: &mut T,
        stage: &mut Stage,
    ) -> Result<Verified, Reason> {
        let (token, sender) = (credentials.token(), credentials.sender());
        let most = self.shared.max_token_bytes;
        if token.len() > most {
            let expected = || format!("at most {most} bytes");
            trace.refused(Step::Shape, expected, || format!("{} bytes", token.len()));
            return Err(Reason::TooLarge);
        }
        let cache = self.shared.cache.as_ref().filter(|_| !T::IS_READ);
        let Some((cache, digest)) = cache.and_then(|cache| Some((cache, cache.digest(token)?)))
        else {
            let (proven, _) = self.verify_anew(token, sender, trace).await?;
            return Ok(proven.verified);
        };
        let now = self.shared.clock.now();
        if let Some(entry) = self.find_cached(cache, &digest, now) {
            cache.count_hit();
            *stage = Stage::Cached;
            return self.verify_again(&entry, token, sender, now).await;
        }
        cache.count_miss();
        let (proven, issuer) = self.verify_anew(token, sender, trace).await?;
        if let Some(generation) = proven.generation {
            let entry = Entry::new(&proven.verified, issuer, generation);
            cache.insert(digest, entry, self.shared.clock.now());
        }
        Ok(proven.verified)
    }

    /// The keys of each issuer at this moment, for a page or a metric.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// auth.ready().await?;
    /// let [status] = auth.key_status().try_into().unwrap();
    /// assert_eq!(status.issuer.as_deref(), Some("https://issuer.example/"));
    /// assert_eq!((status.keys.len(), status.failures), (1, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn key_status(&self) -> Vec<KeyStatus> {
        let mut all: Vec<_> = self.shared.issuers.iter().map(Trusted::status).collect();
        for status in &mut all {
            let issuer = status.issuer.as_deref().unwrap_or_default();
            for key in &mut status.keys {
                let list = &self.shared.distrust;
                key.is_distrusted =
                    list.concerns(issuer, key.kid.as_deref(), &key.thumbprint_bytes);
            }
        }
        all
    }

    /// The address of the discovery document of its one issuer; none for several, or for keys
    /// that come from elsewhere.
    #[cfg(feature = "utoipa")]
    pub(crate) fn discovery_document(&self) -> Option<url::Url> {
        match &*self.shared.issuers {
            [issuer] => issuer.discovery_document(),
            _ => None,
        }
    }

    /// How it presents itself to callers.
    pub(crate) fn presentation(&self) -> &Arc<Answers> {
        &self.shared.answers
    }

    pub(crate) fn sources(&self) -> &[TokenSource] {
        &self.shared.sources
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// A nonce for a caller's next `DPoP` proof; none where no issuer asks for nonces.
    ///
    /// An adapter sends it as `DPoP-Nonce` where the reason is
    /// [`Reason::DpopNonce`] (RFC 9449 section 9).
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let auth = TestIssuer::new().verifier("api").build()?;
    /// assert_eq!(auth.nonce(), None, "nonces are switched on by `Issuer::proofs`");
    /// # Ok::<(), portcullis::BuildError>(())
    /// ```
    pub fn nonce(&self) -> Option<String> {
        let mut issuers = self.shared.issuers.iter();
        let nonces = issuers.find_map(|issuer| issuer.rules.proofs.nonces.as_ref())?;
        Some(nonces.issue(self.shared.clock.now()))
    }

    /// Whether `other` is a clone of this.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The remembered answer about a token, as long as its key is one of the issuer's.
    fn find_cached(
        &self,
        cache: &OwnedCache,
        digest: &Digest,
        now: UnixTime,
    ) -> Option<Arc<Entry>> {
        let entry = cache.find(digest, now)?;
        let has_key = self.shared.issuers[entry.issuer].still_has_key(&entry, now)?;
        if has_key {
            return Some(entry);
        }
        cache.drop_stale(digest);
        None
    }

    /// Checks of a remembered token what may have changed since.
    async fn verify_again(
        &self,
        entry: &Entry,
        token: &str,
        sender: &Sender<'_>,
        now: UnixTime,
    ) -> Result<Verified, Reason> {
        let issuer = &self.shared.issuers[entry.issuer];
        let verified = issuer
            .rules
            .verify_again(&entry.token, token, sender, now, &mut ())?;
        self.admit(
            &verified,
            entry.token.key(),
            issuer,
            token,
            Purpose::Serving,
        )
        .await?;
        Ok(verified)
    }

    async fn verify_anew<T: Trace>(
        &self,
        token: &str,
        sender: &Sender<'_>,
        trace: &mut T,
    ) -> Result<(Proven, usize), Reason> {
        if is_opaque(token) && self.introspects() {
            return self.introspect(token, sender, Purpose::of::<T>()).await;
        }
        let policy = ParsePolicy {
            algorithms: &self.shared.algorithms,
            token_type: self.shared.token_type.clone(),
            max_bytes: self.shared.max_token_bytes,
            duplicates: self.shared.duplicate_claims,
        };
        let token = Unverified::parse(token, policy, trace)?;
        self.prove(&token, sender, trace).await
    }

    /// The first issuer's answer that is not about a token of another one.
    async fn prove<T: Trace>(
        &self,
        token: &Unverified<'_>,
        sender: &Sender<'_>,
        trace: &mut T,
    ) -> Result<(Proven, usize), Reason> {
        for (index, issuer) in self.shared.issuers.iter().enumerate() {
            match issuer
                .verify(token, sender, &*self.shared.clock, trace)
                .await
            {
                Err(Reason::IssUnknown) => {}
                Err(reason) => return Err(reason),
                Ok(proven) => {
                    let key = proven.verified.key();
                    let purpose = Purpose::of::<T>();
                    self.admit(&proven.verified, key, issuer, token.text(), purpose)
                        .await
                        .inspect_err(|reason| tell_replay(*reason, trace))?;
                    return Ok((proven, index));
                }
            }
        }
        Err(Reason::IssUnknown)
    }
}

/// The one refusal after the token's own checks that is about what the caller sent beside it.
fn tell_replay(reason: Reason, trace: &mut impl Trace) {
    if reason == Reason::DpopReplay {
        let expected = || "a `DPoP` proof that was not used before".to_owned();
        trace.refused(Step::Binding, expected, || "one that was".to_owned());
    }
}

/// A token that says nothing of itself; what is not of RFC 6750's characters is no token at all.
fn is_opaque(token: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~+/=".contains(&byte);
    !token.is_empty() && token.bytes().all(allowed)
}
