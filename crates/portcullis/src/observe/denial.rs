use portcullis_token::{Header, Reason, UnixTime};

use super::hint::Hint;
use super::sampler::Sampler;
use super::{Glance, Observer, place};

/// A longer `jti` is not logged.
const MAX_ID: usize = 128;

/// A token that was refused, and what is known of it.
pub(crate) struct Refused<'r> {
    pub(crate) reason: Reason,
    pub(crate) token: &'r str,
    /// The names of the verifier's issuers.
    pub(crate) issuers: &'r [&'r str],
    /// The audiences that those want.
    pub(crate) audiences: &'r [&'r str],
}

/// Writes the lines, few enough of each reason.
#[derive(Debug)]
pub(super) struct Denials {
    /// In the order of [`Reason::ALL`].
    samplers: [Sampler; Reason::ALL.len()],
}

impl Default for Denials {
    fn default() -> Self {
        Self {
            samplers: std::array::from_fn(|_| Sampler::default()),
        }
    }
}

impl Denials {
    pub(super) fn log(&self, refused: &Refused<'_>, observer: &Observer, now: UnixTime) {
        let &Refused {
            reason,
            token,
            issuers,
            ..
        } = refused;
        // What nobody reads must not use up what may be logged, nor take time.
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let Some(suppressed) = self.samplers[place(reason)].sample(now) else {
            return;
        };
        let glance = Glance::at(token);
        let header = glance.header();
        let kid = header.and_then(Header::kid);
        let claims = glance.claims().filter(|_| refused.is_signed());
        let jti = claims.and_then(portcullis_token::Claims::token_id);
        tracing::debug!(
            reason = reason.code(),
            issuer = glance.issuer(issuers.iter().copied()).unwrap_or("unknown"),
            alg = header.map(|header| header.algorithm().name()),
            kid = kid.and_then(|kid| observer.key_id(kid)).map(tracing::field::display),
            token_id = observer.token_id(token).map(tracing::field::display),
            jti = jti.filter(|jti| jti.len() <= MAX_ID),
            hint = %Hint::find(refused, &glance, now),
            suppressed,
            "token refused"
        );
    }
}

impl Refused<'_> {
    /// Whether the issuer has signed the token for certain. `exp` is looked at before, so a
    /// missing or past one tells nothing, and neither does a claim that is missing.
    fn is_signed(&self) -> bool {
        matches!(
            self.reason,
            Reason::NotYetValid
                | Reason::BadIat
                | Reason::TooOld
                | Reason::Lifetime
                | Reason::AudMismatch
                | Reason::IdToken
                | Reason::ClaimMismatch
                | Reason::DpopRequired
                | Reason::DpopProof
                | Reason::DpopNonce
                | Reason::DpopReplay
                | Reason::DpopBinding
                | Reason::MtlsBinding
                | Reason::Revoked
                | Reason::Inactive
                | Reason::IntrospectionUnavailable
                | Reason::Scope
                | Reason::ClaimForbidden
                | Reason::StepUp
        )
    }
}
