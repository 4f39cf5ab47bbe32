//! The same answers, counted, timed and logged for an observer.

use std::time::Instant;

use portcullis_token::{Header, Reason, Trace, Verified};
use tracing::field::{Empty, display};
use tracing::{Instrument as _, Span};

use super::Verifier;
use crate::observe::{Glance, Refused};
use crate::{Credentials, Observer, Stage};

impl Verifier {
    pub(super) async fn decide_observed<T: Trace>(
        &self,
        observer: &Observer,
        credentials: &Credentials<'_>,
        trace: &mut T,
    ) -> Result<Verified, Reason> {
        let span = tracing::debug_span!(
            "auth.verify",
            reason = Empty,
            issuer = Empty,
            alg = Empty,
            kid = Empty
        );
        let started = Instant::now();
        let mut stage = Stage::Full;
        let deciding = self.decide(credentials, trace, &mut stage);
        let answer = deciding.instrument(span.clone()).await;
        let refusal = answer.as_ref().err().copied();
        observer.count(refusal, stage, started.elapsed());
        if !span.is_disabled() {
            self.describe(&span, observer, credentials.token(), refusal);
        }
        if let Some(reason) = refusal.filter(|_| observer.writes_lines()) {
            span.in_scope(|| self.log_refusal(observer, credentials.token(), reason));
        }
        answer
    }

    /// Has `observer` log that this verifier has refused `token`, as if it had seen that itself.
    ///
    /// For an observer [without lines](Observer::without_lines), once it is known that the request
    /// is refused.
    ///
    /// ```
    /// use portcullis::{Issuer, Observer, Reason, Verifier};
    ///
    /// let issuer = Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api");
    /// let verifier = Verifier::builder().issuer(issuer).build().unwrap();
    /// verifier.log_refusal(&Observer::default(), "undefined", Reason::NotJwt);
    /// ```
    pub fn log_refusal(&self, observer: &Observer, token: &str, reason: Reason) {
        let refused = Refused {
            reason,
            token,
            issuers: &self.issuer_names(),
            audiences: &self.audiences(),
        };
        observer.log(&refused, self.shared.clock.now());
    }

    /// Counts and logs that a good token is not good enough for a route.
    pub(crate) fn note_forbidden(&self, token: &str, reason: Reason) {
        let Some(observer) = &self.shared.observer else {
            return;
        };
        observer.count_forbidden(reason);
        if observer.writes_lines() {
            self.log_refusal(observer, token, reason);
        }
    }

    fn describe(&self, span: &Span, observer: &Observer, token: &str, refusal: Option<Reason>) {
        let glance = Glance::at(token);
        let issuer = glance.issuer(self.issuer_names()).unwrap_or("unknown");
        span.record("reason", refusal.map_or("ok", Reason::code));
        span.record("issuer", issuer);
        if let Some(header) = glance.header() {
            span.record("alg", header.algorithm().name());
        }
        let kid = glance.header().and_then(Header::kid);
        if let Some(kid) = kid.and_then(|kid| observer.key_id(kid)) {
            span.record("kid", display(kid));
        }
    }

    fn audiences(&self) -> Vec<&str> {
        let wanted = self.shared.issuers.iter();
        let wanted = wanted.flat_map(|issuer| issuer.rules.audience.iter().flatten());
        wanted.map(String::as_str).collect()
    }

    fn issuer_names(&self) -> Vec<&str> {
        let issuers = self.shared.issuers.iter();
        issuers
            .filter_map(|issuer| issuer.rules.issuer.as_deref())
            .collect()
    }
}
