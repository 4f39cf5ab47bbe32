use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use http::request::Parts;
use portcullis_token::{Reason, Requirement, Secret, UnixTime, Verified, bearer_token};

use crate::{Answers, Credentials, Rejection, Verifier};

/// The SHA-256 of the DER of the client's certificate, for tokens bound to it (RFC 8705).
///
/// Whoever ends TLS puts it into the request's extensions; without it such tokens are refused.
///
/// ```
/// use portcullis::ClientCertificate;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(ClientCertificate([0; 32]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCertificate(pub [u8; 32]);

/// What a request must bring.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    verifier: Verifier,
    presence: Presence,
    requirement: Requirement,
    pub(super) acr_values: Vec<String>,
    pub(super) max_age: Option<Duration>,
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
    pub(crate) answers: Arc<Answers>,
}

/// A good token.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) verified: Verified,
    pub(crate) token: Secret<Arc<str>>,
}

impl Guard {
    pub(crate) fn new(verifier: &Verifier, presence: Presence, requirement: Requirement) -> Self {
        Self {
            verifier: verifier.clone(),
            presence,
            requirement,
            acr_values: Vec::new(),
            max_age: None,
            answers: Arc::clone(verifier.presentation()),
        }
    }

    /// Decides about a request, and leaves in its extensions what was found out.
    pub(crate) async fn admit(&self, head: &mut Parts) -> Result<(), Rejection> {
        let credential = self.identify(head).await;
        let permitted = credential.and_then(|credential| {
            if let Some(credential) = &credential {
                self.permit(&credential.verified)?;
            }
            Ok(credential)
        });
        let credential = permitted.map_err(|reason| self.refuse(reason, head))?;
        head.extensions.insert(Checked {
            verifier: self.verifier.clone(),
            credential,
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
        let lines = head.headers.get_all(AUTHORIZATION);
        let token = bearer_token(lines.iter().map(HeaderValue::as_bytes))?;
        let mut credentials = Credentials::bearer(token);
        if let Some(ClientCertificate(thumbprint)) = head.extensions.get() {
            credentials = credentials.certificate(*thumbprint);
        }
        let verified = self.verifier.verify(&credentials).await?;
        Ok(Credential {
            verified,
            token: Secret::new(token.into()),
        })
    }

    /// Whether a good token is good enough. Only here is 403 possible.
    fn permit(&self, verified: &Verified) -> Result<(), Reason> {
        self.requirement.check(verified, &mut ())?;
        self.check_login(verified, self.verifier.clock().now())
    }

    /// RFC 9470 section 4: the strength and the age of the login behind the token.
    fn check_login(&self, verified: &Verified, now: UnixTime) -> Result<(), Reason> {
        let claim = |name| verified.claims().find(name);
        let strong = self.acr_values.is_empty()
            || claim("acr").is_some_and(|acr| self.acr_values.iter().any(|value| acr == value));
        let logged_in = || claim("auth_time").and_then(serde_json::Value::as_u64);
        let recent = self
            .max_age
            .is_none_or(|age| logged_in().is_some_and(|at| now.since(UnixTime(at)) <= age));
        if strong && recent {
            Ok(())
        } else {
            Err(Reason::StepUp)
        }
    }

    fn refuse(&self, reason: Reason, head: &Parts) -> Rejection {
        tracing::debug!(
            method = %head.method,
            path = head.uri.path(),
            reason = reason.code(),
            hint = reason.remedy(),
            "request refused"
        );
        Rejection::new(reason, &self.answers)
            .scopes(self.requirement.challenge_scopes())
            .step_up(self.acr_values.as_slice(), self.max_age)
    }
}
