use std::sync::Arc;

use portcullis::{Clock as _, Credentials, Issuer, Verifier, VerifierBuilder};
use portcullis_testkit::{TestClock, TestIssuer, TokenBuilder};
use portcullis_token::{Reason, Verified};

/// A verifier, its issuer and its clock.
pub(crate) struct Fixture {
    pub(crate) issuer: TestIssuer,
    pub(crate) clock: TestClock,
    pub(crate) verifier: Verifier,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::built(|builder| builder)
    }

    /// With what `change` adds to the verifier.
    pub(crate) fn built(change: impl FnOnce(VerifierBuilder) -> VerifierBuilder) -> Self {
        let issuer = TestIssuer::new();
        let configured = Issuer::discover(issuer.name()).audience("api");
        Self::with(issuer, configured, TestClock::default(), change)
    }

    pub(crate) fn of(issuer: TestIssuer, configured: &str) -> Self {
        let configured = Issuer::discover(configured).audience("api");
        Self::with(issuer, configured, TestClock::default(), |builder| builder)
    }

    pub(crate) fn with(
        issuer: TestIssuer,
        configured: Issuer,
        clock: TestClock,
        change: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Self {
        let builder = Verifier::builder()
            .issuer(configured)
            .fetcher(Arc::new(issuer.clone()))
            .clock(Arc::new(clock.clone()));
        Self {
            verifier: change(builder).build().expect("the issuer is well-formed"),
            issuer,
            clock,
        }
    }

    pub(crate) fn token(&self) -> String {
        self.issuer.token().audience("api").sign()
    }

    /// A token that is good for an hour from the clock's time on.
    pub(crate) fn token_now(&self) -> String {
        self.fresh(&self.issuer).sign()
    }

    /// A token whose key id nobody has published.
    pub(crate) fn foreign(&self) -> String {
        let stranger = TestIssuer::named(self.issuer.name());
        stranger.token().audience("api").sign()
    }

    /// The same, good for an hour from the clock's time on.
    pub(crate) fn forged_now(&self) -> String {
        self.fresh(&TestIssuer::named(self.issuer.name())).sign()
    }

    pub(crate) fn fresh(&self, signer: &TestIssuer) -> TokenBuilder {
        signer
            .token()
            .audience("api")
            .valid_from(self.clock.now(), 3_600)
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<(), Reason> {
        self.verify_as(&Credentials::bearer(token)).await.map(drop)
    }

    pub(crate) async fn verify_as(
        &self,
        credentials: &Credentials<'_>,
    ) -> Result<Verified, Reason> {
        self.verifier.verify(credentials).await
    }

    /// How many times the discovery document was fetched.
    pub(crate) fn discoveries(&self) -> usize {
        let fetched = self.issuer.fetched();
        let discovery = |url: &&String| url.ends_with("openid-configuration");
        fetched.iter().filter(discovery).count()
    }
}
