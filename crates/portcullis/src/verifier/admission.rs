//! What may refuse a token that is good by itself: a replay, a revocation, the issuer's second
//! thoughts.

use std::sync::Arc;

use portcullis_token::{KeyIdentity, Reason, Sender, Trace, Verified};

use super::Verifier;
use super::trusted::{Proven, Trusted};
use crate::{Chain, OnFailure, Revocations};

/// Whom to ask for revocations, and what to do when they do not answer.
#[derive(Debug)]
pub(super) struct RevocationCheck {
    pub(super) source: Arc<dyn Revocations>,
    pub(super) on_failure: OnFailure,
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Serving,
    /// Somebody wants to know why, and nothing must change by that.
    Explaining,
}

impl Purpose {
    pub(super) const fn of<T: Trace>() -> Self {
        if T::IS_READ {
            Self::Explaining
        } else {
            Self::Serving
        }
    }
}

impl Verifier {
    /// Lets a token in whose claims are good, or says why not. This is asked on every request.
    pub(super) async fn admit(
        &self,
        verified: &Verified,
        key: Option<&KeyIdentity>,
        issuer: &Trusted,
        token: &str,
        purpose: Purpose,
    ) -> Result<(), Reason> {
        if key.is_some_and(|key| self.distrusts(verified, key)) {
            return Err(Reason::Revoked);
        }
        self.check_replay(verified, purpose).await?;
        if let Some(check) = &self.shared.revocations {
            check.check(verified).await?;
        }
        match &issuer.introspection {
            Some(asking) => asking.confirm(token, self.shared.clock.now()).await,
            None => Ok(()),
        }
    }

    pub(super) fn introspects(&self) -> bool {
        let mut issuers = self.shared.issuers.iter();
        issuers.any(|issuer| issuer.introspection.is_some())
    }

    /// The answer of the first issuer that knows an opaque token.
    pub(super) async fn introspect(
        &self,
        token: &str,
        sender: &Sender<'_>,
        purpose: Purpose,
    ) -> Result<(Proven, usize), Reason> {
        let mut refused = None;
        for (index, issuer) in self.shared.issuers.iter().enumerate() {
            let Some(asking) = &issuer.introspection else {
                continue;
            };
            let now = self.shared.clock.now();
            let answer = match asking.ask(token, now).await {
                Ok(answer) => answer,
                // Another issuer may know the token; if none does, this one must be asked again.
                Err(reason) => {
                    refused = refused.max(Some(reason));
                    continue;
                }
            };
            let verified =
                issuer
                    .rules
                    .verify_introspected(&answer, token, sender, now, &mut ())?;
            self.check_replay(&verified, purpose).await?;
            if let Some(check) = &self.shared.revocations {
                check.check(&verified).await?;
            }
            let generation = None;
            return Ok((
                Proven {
                    verified,
                    generation,
                },
                index,
            ));
        }
        Err(refused.unwrap_or(Reason::Inactive))
    }

    fn distrusts(&self, verified: &Verified, key: &KeyIdentity) -> bool {
        let issuer = verified.claims().issuer().unwrap_or_default();
        let (list, kid) = (&self.shared.distrust, key.kid());
        list.concerns(issuer, kid, key.thumbprint())
    }

    /// RFC 9449 section 11.1: a proof is used once.
    async fn check_replay(&self, verified: &Verified, purpose: Purpose) -> Result<(), Reason> {
        let Some(proof) = verified.proof() else {
            return Ok(());
        };
        let (key, until) = (proof.replay_key(), proof.expires_at());
        let now = self.shared.clock.now();
        let replays = &self.shared.replays;
        let is_first = match purpose {
            Purpose::Serving => replays.remember(key, until, now).await,
            Purpose::Explaining => replays.is_used(key, now).await.map(|used| !used),
        };
        match is_first {
            Ok(true) => Ok(()),
            Ok(false) => Err(Reason::DpopReplay),
            Err(error) => {
                tracing::error!(error = %Chain(&error), "could not remember a DPoP proof");
                Err(Reason::IntrospectionUnavailable)
            }
        }
    }
}

impl RevocationCheck {
    async fn check(&self, verified: &Verified) -> Result<(), Reason> {
        match self.source.is_revoked(verified).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(Reason::Revoked),
            Err(error) => {
                let allowed = self.on_failure == OnFailure::Allow;
                tracing::error!(allowed, error = %Chain(&error), "could not read revocations");
                if allowed {
                    Ok(())
                } else {
                    Err(Reason::IntrospectionUnavailable)
                }
            }
        }
    }
}
