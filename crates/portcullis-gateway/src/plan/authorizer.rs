use std::sync::Arc;

use portcullis::{
    Cache, DistrustList, Distrusted, Issuer, Observer, Revocation, RevocationList, Verifier,
};
use portcullis_config::{AuthorizerKind, Check, Config, Dpop, IssuerUrl, JwtAuthorizer, Readiness};
use portcullis_token::{ProofRules, TokenSource, UnixTime};

use super::{Environment, PlanError};
use crate::policy::Imposed;

/// One way to prove who a caller is.
#[derive(Debug)]
pub(crate) struct Authorizer {
    pub(crate) name: String,
    pub(crate) verifier: Verifier,
    /// Who logs its refusals, and counts its answers where somebody may ask for metrics.
    pub(crate) observer: Observer,
    pub(crate) is_counted: bool,
    pub(crate) dpop: Dpop,
    pub(crate) sources: Vec<TokenSource>,
    /// The issuer as the file has it; none when any may issue.
    pub(crate) issuer: Option<String>,
    /// Whether the gateway is ready without its keys.
    pub(crate) readiness: Readiness,
    /// The policies it imposes; none when absent.
    pub(crate) imposed: Option<Imposed>,
}

pub(super) fn compile(
    authorizer: &portcullis_config::Authorizer,
    config: &Config,
    cache: &Cache,
    environment: &mut Environment<'_>,
) -> Result<Authorizer, PlanError> {
    let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
    let mut issuer = (environment.issuer)(jwt)
        .algorithms(jwt.algorithms.clone())
        .leeway(jwt.leeway)
        .scope_claims(jwt.scope_claims.clone())
        .token_type(jwt.token_type.clone())
        .duplicate_claims(jwt.duplicate_claims);
    if jwt.ignores_confirmation {
        issuer = issuer.ignore_confirmation();
    }
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
        .cache(cache.clone())
        .max_token_bytes(jwt.max_token_bytes)
        .distrust(distrust(jwt));
    let observer = (environment.observer)(&authorizer.name);
    // Nobody else could see the counters, which take time for each token.
    let is_counted = config.server.admin.is_some();
    if is_counted {
        builder = builder.observer(observer.clone().without_lines());
    }
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
        observer,
        is_counted,
        dpop: jwt.dpop,
        sources: jwt.sources.clone(),
        issuer: match &jwt.issuer {
            Check::Is(url) => Some(url.as_written().to_owned()),
            Check::Any => None,
        },
        readiness: jwt.fetching.readiness,
        imposed: Imposed::compile(jwt),
    })
}

/// How tokens may spell an issuer: as its discovery document does, with or without a last slash.
fn spellings(issuer: &IssuerUrl) -> [String; 2] {
    let bare = issuer.as_written().trim_end_matches('/');
    [bare.to_owned(), format!("{bare}/")]
}

/// The keys that the file does not trust.
fn distrust(jwt: &JwtAuthorizer) -> DistrustList {
    let thumbprints = jwt.distrust.thumbprints.iter().copied();
    let thumbprints = thumbprints.map(Distrusted::Thumbprint);
    let Check::Is(issuer) = &jwt.issuer else {
        return DistrustList::new(thumbprints);
    };
    let spellings = spellings(issuer);
    let of_issuers = spellings.iter().flat_map(|issuer| {
        let ids = jwt.distrust.ids.iter();
        ids.map(move |id| Distrusted::key_id(issuer, id))
    });
    DistrustList::new(thumbprints.chain(of_issuers))
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
    let spellings = spellings(url);
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
