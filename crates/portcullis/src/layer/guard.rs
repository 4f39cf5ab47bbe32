use std::sync::Arc;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use http::request::Parts;
use portcullis_token::{
    ClaimRule, ProofOffer, Reason, Requirement, Secret, StepUp, TokenSource, Verified,
    find_credential,
};

use super::ClientCertificate;
use crate::{Answers, Credentials, FormBody, Rejection, Verifier};

/// What a request must bring.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    verifier: Verifier,
    presence: Presence,
    requirement: Requirement,
    pub(super) claim_rules: Vec<ClaimRule>,
    pub(super) step_up: StepUp,
    pub(crate) answers: Arc<Answers>,
}

/// Whether a request may come without any credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
}

/// What a verifier found out about a request, kept in the request's extensions.
#[derive(Clone)]
pub(crate) struct Checked {
    verifier: Verifier,
    /// Absent when the request came without any credential.
    pub(crate) credential: Option<Credential>,
    /// In whose words an extractor refuses.
    #[cfg(feature = "axum")]
    pub(crate) answers: Arc<Answers>,
}

impl Checked {
    /// The verifier that found it out.
    #[cfg(feature = "axum")]
    pub(crate) const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Counts and logs that an extractor refuses the token all the same.
    #[cfg(feature = "axum")]
    pub(crate) fn note_forbidden(&self, reason: Reason) {
        if let Some(credential) = &self.credential {
            let token = credential.token.expose();
            self.verifier.note_forbidden(token, reason);
        }
    }

    /// Whether shared caches must not store the answer.
    pub(crate) fn is_private(&self) -> bool {
        self.credential
            .as_ref()
            .is_some_and(|credential| credential.by_query)
    }
}

/// A good token.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) verified: Verified,
    pub(crate) token: Secret<Arc<str>>,
    /// Whether it was in the query of the address, which caches store answers by.
    by_query: bool,
}

impl Guard {
    pub(crate) fn new(verifier: &Verifier, presence: Presence, requirement: Requirement) -> Self {
        Self {
            verifier: verifier.clone(),
            presence,
            requirement,
            claim_rules: Vec::new(),
            step_up: StepUp::default(),
            answers: Arc::clone(verifier.presentation()),
        }
    }

    /// Decides about a request, and leaves in its extensions what was found out.
    pub(crate) async fn admit(&self, head: &mut Parts) -> Result<(), Rejection> {
        let credential = self.identify(head).await;
        let permitted = credential.and_then(|credential| {
            if let Some(credential) = &credential {
                self.permit(&credential.verified).inspect_err(|reason| {
                    let token = credential.token.expose();
                    self.verifier.note_forbidden(token, *reason);
                })?;
            }
            Ok(credential)
        });
        let credential = permitted.map_err(|reason| self.refuse(reason, head))?;
        head.extensions.insert(Checked {
            verifier: self.verifier.clone(),
            credential,
            #[cfg(feature = "axum")]
            answers: Arc::clone(&self.answers),
        });
        Ok(())
    }

    /// Who is calling; nobody only where that is allowed.
    async fn identify(&self, head: &Parts) -> Result<Option<Credential>, Reason> {
        let known = head.extensions.get::<Checked>();
        let credential = match known.filter(|checked| checked.verifier.is(&self.verifier)) {
            Some(checked) => checked.credential.clone().ok_or(Reason::Missing),
            None => self.verify(head).await,
        };
        match credential {
            Err(Reason::Missing) if self.presence == Presence::Optional => Ok(None),
            credential => credential.map(Some),
        }
    }

    async fn verify(&self, head: &Parts) -> Result<Credential, Reason> {
        let lines = |name: &str| head.headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let (query, form) = (head.uri.query(), FormBody::of(head));
        let found = find_credential(self.verifier.sources(), lines, query, form)?;
        let address;
        let mut credentials = Credentials::bearer(found.token());
        if let Some(proof) = found.proof() {
            address = self.address(head).ok_or(Reason::UnsupportedScheme)?;
            credentials = credentials.proof(ProofOffer {
                proof,
                method: head.method.as_str(),
                url: &address,
            });
        }
        if let Some(ClientCertificate(thumbprint)) = head.extensions.get() {
            credentials = credentials.certificate(*thumbprint);
        }
        let verified = self.verifier.verify(&credentials).await?;
        Ok(Credential {
            verified,
            token: Secret::new(found.token().into()),
            by_query: matches!(
                self.verifier.sources().get(found.source()),
                Some(TokenSource::Query { .. })
            ),
        })
    }

    /// The address of the request as its caller knows it; none where DPoP is not switched on.
    fn address(&self, head: &Parts) -> Option<String> {
        let answers = self.verifier.presentation();
        if answers.dpop_algorithms().is_empty() {
            return None;
        }
        let base = answers.base_url()?.trim_end_matches('/');
        Some(format!("{base}{}", whole_path(head)))
    }

    /// Whether a good token is good enough. Only here is 403 possible.
    fn permit(&self, verified: &Verified) -> Result<(), Reason> {
        self.requirement.check(verified, &mut ())?;
        verified.check_claims(&self.claim_rules, &mut ())?;
        let now = self.verifier.clock().now();
        self.step_up.check(verified, now, &mut ())
    }

    fn refuse(&self, reason: Reason, head: &Parts) -> Rejection {
        tracing::debug!(
            method = %head.method,
            path = head.uri.path(),
            reason = reason.code(),
            hint = reason.remedy(),
            "request refused"
        );
        let mut rejection = Rejection::new(reason, &self.answers)
            .scopes(self.requirement.challenge_scopes())
            .step_up(self.step_up.acr_values.as_slice(), self.step_up.max_age);
        if is_dpop(head) {
            rejection = rejection.by_dpop();
        }
        match self.verifier.nonce() {
            Some(nonce) if reason == Reason::DpopNonce => rejection.nonce(&nonce),
            _ => rejection,
        }
    }
}

/// Whether the caller used the scheme `DPoP`, which then carries the error.
fn is_dpop(head: &Parts) -> bool {
    let line = head.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let scheme = line.and_then(|line| line.split(|byte| *byte == b' ').next());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"dpop"))
}

/// The path before any router took its prefix off.
#[cfg(feature = "axum")]
fn whole_path(head: &Parts) -> &str {
    let whole = head.extensions.get::<axum::extract::OriginalUri>();
    whole.map_or_else(|| head.uri.path(), |uri| uri.0.path())
}

#[cfg(not(feature = "axum"))]
fn whole_path(head: &Parts) -> &str {
    head.uri.path()
}
