//! Whether a bound token is in the right hands (RFC 9449 section 6, RFC 8705 section 3).

use subtle::ConstantTimeEq as _;

use crate::{
    AcceptedProof, ClaimValue, Claims, ProofRules, Reason, Sender, Step, Trace, UnixTime, base64url,
};

/// Checks `cnf`: a bound token is worth nothing without its key.
///
/// A `cnf` of which no member is known is refused, since what it asks for cannot be shown. A proof
/// that comes with a token of no key, or of another, is refused as well (RFC 9449 section 7.1).
pub(crate) fn check_binding(
    claims: &Claims,
    token: &str,
    proofs: &ProofRules,
    sender: &Sender<'_>,
    now: UnixTime,
    trace: &mut impl Trace,
) -> Result<Option<AcceptedProof>, Reason> {
    let confirmation = claims.find("cnf");
    let result = Confirmation::of(confirmation).check(token, proofs, sender, now);
    match &result {
        Ok(_) => trace.passed(Step::Binding, || match confirmation {
            Some(_) => "bound to a key that the caller has shown".to_owned(),
            None => "a bearer token".to_owned(),
        }),
        Err(reason) => trace.refused(
            Step::Binding,
            || match confirmation {
                Some(confirmation) => format!("the key of `cnf` {confirmation}"),
                None => "a bearer token without a proof".to_owned(),
            },
            || reason.description().to_owned(),
        ),
    }
    result
}

/// The members of `cnf` that are known.
struct Confirmation<'c> {
    is_present: bool,
    key: Option<ClaimValue<'c>>,
    certificate: Option<ClaimValue<'c>>,
}

impl<'c> Confirmation<'c> {
    fn of(claim: Option<ClaimValue<'c>>) -> Self {
        Self {
            is_present: claim.is_some(),
            key: claim.and_then(|claim| claim.member("jkt")),
            certificate: claim.and_then(|claim| claim.member("x5t#S256")),
        }
    }

    fn check(
        &self,
        token: &str,
        proofs: &ProofRules,
        sender: &Sender<'_>,
        now: UnixTime,
    ) -> Result<Option<AcceptedProof>, Reason> {
        if self.is_present && self.key.is_none() && self.certificate.is_none() {
            return Err(Reason::MtlsBinding);
        }
        if let Some(thumbprint) = self.certificate {
            let shown = sender.certificate.ok_or(Reason::MtlsBinding)?;
            require(is_thumbprint(thumbprint, &shown), Reason::MtlsBinding)?;
        }
        match (self.key, &sender.proof) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(Reason::DpopRequired),
            (None, Some(_)) => Err(Reason::DpopBinding),
            (Some(thumbprint), Some(offer)) => {
                let proof = proofs.check(offer, token, now)?;
                require(
                    is_thumbprint(thumbprint, &proof.thumbprint),
                    Reason::DpopBinding,
                )?;
                Ok(Some(proof.accepted))
            }
        }
    }
}

fn require(holds: bool, reason: Reason) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(reason) }
}

/// Compared in constant time: the thumbprints are those of an attacker who guesses.
fn is_thumbprint(claim: ClaimValue<'_>, shown: &[u8; 32]) -> bool {
    claim.as_str().is_some_and(|text| {
        text.as_bytes()
            .ct_eq(base64url::encode(shown).as_bytes())
            .into()
    })
}
