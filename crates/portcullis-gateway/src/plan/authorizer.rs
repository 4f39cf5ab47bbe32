use std::sync::Arc;

use portcullis::{Cache, Issuer, Revocation, RevocationList, Verifier};
use portcullis_config::{AuthorizerKind, Check, Dpop, JwtAuthorizer};
use portcullis_token::{ProofRules, TokenSource, UnixTime};

use super::{Environment, PlanError};
use crate::policy::Imposed;

/// One way to prove who a caller is.
#[derive(Debug)]
pub(crate) struct Authorizer {
    pub(crate) name: String,
    pub(crate) verifier: Verifier,
    pub(crate) dpop: Dpop,
    pub(crate) sources: Vec<TokenSource>,
    /// The issuer as the file has it; none when any may issue.
    pub(crate) issuer: Option<String>,
    /// The policies it imposes; none when absent.
    pub(crate) imposed: Option<Imposed>,
}

pub(super) fn compile(
    authorizer: &portcullis_config::Authorizer,
    cache: &Cache,
    environment: &mut Environment<'_>,
) -> Result<Authorizer, PlanError> {
    let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
    let mut issuer = (environment.issuer)(jwt)
        .algorithms(jwt.algorithms.clone())
        .leeway(jwt.leeway)
        .scope_claims(jwt.scope_claims.clone())
        .token_type(jwt.token_type.clone());
    let required = jwt.required_claims.iter();
    issuer = required.fold(issuer, Issuer::required_claim);
    if let Some(age) = jwt.max_age {
        issuer = issuer.max_age(age);
    }
    if let Some(lifetime) = jwt.max_lifetime {
        issuer = issuer.max_lifetime(lifetime);
    }
    let rules = jwt.claim_rules.iter().cloned();
    issuer = rules.fold(issuer, Issuer::claim_rule);
    let proofs = environment.proofs.of(&authorizer.name)?;
    if jwt.dpop_nonce {
        issuer = issuer.proofs(ProofRules {
            nonces: Some(proofs.nonces),
            ..ProofRules::default()
        });
    }
    if let Check::Is(url) = &jwt.issuer {
        issuer = issuer.named(url.as_written());
    }
    issuer = match &jwt.audience {
        Check::Any => issuer.any_audience(),
        Check::Is(audiences) => audiences.iter().fold(issuer, Issuer::audience),
    };
    let mut builder = Verifier::builder()
        .issuer(issuer)
        .clock(Arc::clone(&environment.clock))
        .replays(Arc::new(proofs.used))
        .cache(cache.clone());
    if !jwt.revoked.is_empty() {
        builder = builder.revocations(Arc::new(revocations(jwt, environment)?));
    }
    let verifier = builder.build().map_err(|cause| PlanError::Authorizer {
        name: authorizer.name.clone(),
        cause,
    })?;
    Ok(Authorizer {
        name: authorizer.name.clone(),
        verifier,
        dpop: jwt.dpop,
        sources: jwt.sources.clone(),
        issuer: match &jwt.issuer {
            Check::Is(url) => Some(url.as_written().to_owned()),
            Check::Any => None,
        },
        imposed: Imposed::compile(jwt),
    })
}

/// The revocations of the file, which the next file may take back, and time never does.
fn revocations(
    jwt: &JwtAuthorizer,
    environment: &Environment<'_>,
) -> Result<RevocationList, PlanError> {
    const NEVER: UnixTime = UnixTime(u64::MAX);
    let Check::Is(url) = &jwt.issuer else {
        return Err(PlanError::RevokedWithoutIssuer);
    };
    // Tokens have the spelling that the issuer's discovery document has.
    let bare = url.as_written().trim_end_matches('/');
    let spellings = [bare.to_owned(), format!("{bare}/")];
    let room = jwt.revoked.len() * spellings.len();
    let list = RevocationList::with_room(Arc::clone(&environment.clock), room);
    let tokens = jwt.revoked.tokens.iter().cloned().map(Revocation::Token);
    let sessions = jwt
        .revoked
        .sessions
        .iter()
        .cloned()
        .map(Revocation::Session);
    let subjects = jwt.revoked.subjects.iter().cloned();
    let subjects = subjects.map(|(subject, issued_before)| Revocation::Subject {
        subject,
        issued_before,
    });
    for revocation in tokens.chain(sessions).chain(subjects) {
        for issuer in &spellings {
            list.revoke(issuer, revocation.clone(), NEVER)?;
        }
    }
    Ok(list)
}
