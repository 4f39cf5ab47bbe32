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
        if let Some(reason) = refusal {
            let refused = Refused {
                reason,
                token: credentials.token(),
                issuers: &self.issuer_names(),
            };
            let now = self.shared.clock.now();
            span.in_scope(|| observer.log(&refused, now));
        }
        answer
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

    fn issuer_names(&self) -> Vec<&str> {
        let issuers = self.shared.issuers.iter();
        issuers
            .filter_map(|issuer| issuer.rules.issuer.as_deref())
            .collect()
    }
}
