//! Who is calling: from a route and a request's headers to a [`Caller`].

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use portcullis::Credentials;
use portcullis_config::Dpop;
use portcullis_token::sigv4::Principal;
use portcullis_token::{
    Credential, ProofOffer, Reason, Step, TokenSource, Trace, Verified, find_credential,
};

use crate::plan::{Authorizer, Matched, Plan, Route};
use crate::refuse::Refusal;
use crate::request::Asked;

/// Who is calling, as the route's authorizers found it. [`identify`] makes one, or `signed`.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    /// What each authorizer that accepted the credential says of it.
    verified: Vec<(usize, Verified)>,
    /// Whether the scheme was `DPoP`, which then carries the error.
    by_dpop: bool,
    /// Who has signed the request, where it was signed.
    signed: Option<Box<Principal>>,
    /// Whether the credential is in the query, so that no shared cache may store the answer.
    by_query: bool,
}

impl Caller {
    /// Whoever has signed the request, as `signed` has verified it.
    pub(crate) fn of_signed(principal: Principal, by_query: bool) -> Self {
        Self {
            signed: Some(Box::new(principal)),
            by_query,
            ..Self::default()
        }
    }

    /// Who has signed the request; absent where it was not signed.
    pub(crate) fn signed(&self) -> Option<&Principal> {
        self.signed.as_deref()
    }

    /// What the authorizer of this index says, if it accepted the credential.
    pub(crate) fn verified_by(&self, authorizer: usize) -> Option<&Verified> {
        self.verified
            .iter()
            .find(|(index, _)| *index == authorizer)
            .map(|(_, token)| token)
    }

    /// Why this caller may not call `route`.
    pub(crate) fn refuse(&self, route: &Route, reason: Reason) -> Refusal {
        refuse(route, reason, self.by_dpop, None)
    }

    /// Whether the credential is in the query of the address.
    pub(crate) const fn is_by_query(&self) -> bool {
        self.by_query
    }

    /// Whether there is no credential at all.
    pub(crate) const fn is_anonymous(&self) -> bool {
        self.verified.is_empty() && self.signed.is_none()
    }
}

/// Finds out who is calling.
///
/// A route without requirements does not look at credentials. One where they are optional lets a
/// caller without them in, but never one with bad ones.
pub(crate) async fn identify(
    plan: &Plan,
    matched: &Matched<'_>,
    asked: &Asked<'_>,
    trace: &mut impl Trace,
) -> Result<Caller, Refusal> {
    let route = matched.route;
    if route.auth.anonymous && route.auth.alternatives.is_empty() {
        trace.passed(Step::Credential, || {
            "none needed: the route is public".to_owned()
        });
        return Ok(Caller::default());
    }
    let by_dpop = is_dpop(asked.headers);
    let refuse = |reason, nonce| refuse(route, reason, by_dpop, nonce);
    let credential = match credential(route, asked, trace) {
        Err(Reason::Missing) if route.auth.anonymous => {
            trace.passed(Step::Credential, || "none, which is allowed".to_owned());
            return Ok(Caller::default());
        }
        credential => credential.map_err(|reason| refuse(reason, None))?,
    };
    let mut caller = Caller {
        verified: Vec::new(),
        signed: None,
        by_dpop,
        by_query: matches!(
            route.places.sources().get(credential.source()),
            Some(TokenSource::Query { .. })
        ),
    };
    let mut weightiest: Option<(usize, Reason)> = None;
    for authorizer in authorizers(route) {
        trace.authorizer(&plan.authorizer(authorizer).name);
        let verified = if route.places.takes(credential.source(), authorizer) {
            verify(plan, plan.authorizer(authorizer), &credential, asked, trace).await
        } else {
            let expected = || "a token in one of its `sources`".to_owned();
            trace.refused(Step::Credential, expected, || {
                "one in another place".to_owned()
            });
            Err(Reason::Missing)
        };
        match verified {
            Ok(verified) => caller.verified.push((authorizer, verified)),
            Err(reason) => {
                weightiest = weightiest
                    .into_iter()
                    .chain([(authorizer, reason)])
                    .max_by_key(|(_, reason)| weight(*reason));
            }
        }
    }
    let complete = route.auth.alternatives.iter().any(|needs| {
        needs
            .iter()
            .all(|need| caller.verified_by(need.authorizer).is_some())
    });
    if complete {
        return Ok(caller);
    }
    let Some((authorizer, reason)) = weightiest else {
        return Err(refuse(Reason::IssUnknown, None));
    };
    // The steps that decided are the last ones that `explain` shows.
    let Authorizer { name, verifier, .. } = plan.authorizer(authorizer);
    trace.authorizer(name);
    log_refusal(plan, authorizer, credential.token(), reason, trace);
    let nonce = (reason == Reason::DpopNonce).then(|| verifier.nonce());
    Err(refuse(reason, nonce.flatten()))
}

/// Logs that a good token is not good enough here, by the word of this authorizer.
pub(crate) fn log_forbidden(
    plan: &Plan,
    route: &Route,
    asked: &Asked<'_>,
    (authorizer, reason): (usize, Reason),
    trace: &mut impl Trace,
) {
    if let Ok(credential) = credential(route, asked, &mut ()) {
        log_refusal(plan, authorizer, credential.token(), reason, trace);
    }
}

/// Once a request, whoever else has refused its token; `explain` refuses nobody.
fn log_refusal(
    plan: &Plan,
    authorizer: usize,
    token: &str,
    reason: Reason,
    trace: &mut impl Trace,
) {
    if plan.observed.logs_refusals && !is_read(trace) {
        let Authorizer {
            verifier, observer, ..
        } = plan.authorizer(authorizer);
        verifier.log_refusal(observer, token, reason);
    }
}

/// Has one authorizer judge the credential, with the proof that came with it.
async fn verify(
    plan: &Plan,
    authorizer: &Authorizer,
    credential: &Credential<'_>,
    asked: &Asked<'_>,
    trace: &mut impl Trace,
) -> Result<Verified, Reason> {
    let refuse = |trace: &mut _, reason: Reason, expected: &str| {
        let got = || reason.description().to_owned();
        Trace::refused(trace, Step::Credential, || expected.to_owned(), got);
        reason
    };
    let address;
    let mut credentials = Credentials::bearer(credential.token());
    match credential.proof() {
        Some(proof) => {
            let spoken = plan
                .address(asked.path)
                .filter(|_| authorizer.dpop != Dpop::Off);
            address = spoken
                .ok_or_else(|| refuse(trace, Reason::UnsupportedScheme, "the scheme `Bearer`"))?;
            credentials = credentials.proof(ProofOffer {
                proof,
                method: asked.method,
                url: &address,
            });
        }
        None if authorizer.dpop == Dpop::Require => {
            return Err(refuse(trace, Reason::DpopRequired, "the scheme `DPoP`"));
        }
        None => {}
    }
    if let Some(certificate) = asked.certificate {
        credentials = credentials.certificate(certificate);
    }
    authorizer.verifier.verify_traced(&credentials, trace).await
}

const fn is_read<T: Trace>(_: &T) -> bool {
    T::IS_READ
}

/// Whether the caller used the scheme `DPoP`.
fn is_dpop(headers: &HeaderMap) -> bool {
    let line = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let scheme = line.and_then(|line| line.split(|byte| *byte == b' ').next());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"dpop"))
}

/// Which of several authorizers' refusals is the answer.
///
/// Whoever cannot tell at the moment comes first: the token may be good. Whoever does not know
/// the issuer, or the place where the token is, comes last: the token is none of theirs.
const fn weight(reason: Reason) -> (bool, bool, Reason) {
    let cannot_tell = matches!(
        reason,
        Reason::KeysUnavailable | Reason::IntrospectionUnavailable
    );
    let is_theirs = !matches!(reason, Reason::IssUnknown | Reason::Missing);
    (cannot_tell, is_theirs, reason)
}

fn credential<'r>(
    route: &Route,
    asked: &Asked<'r>,
    trace: &mut impl Trace,
) -> Result<Credential<'r>, Reason> {
    let headers = asked.headers;
    let lines = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let credential = find_credential(route.places.sources(), lines, asked.query, asked.form);
    match &credential {
        Ok(found) if found.proof().is_some() => {
            trace.passed(Step::Credential, || "a token with a proof".to_owned());
        }
        Ok(_) => trace.passed(Step::Credential, || "a bearer token".to_owned()),
        Err(reason) => trace.refused(
            Step::Credential,
            || expected_place(route.places.sources()),
            || reason.description().to_owned(),
        ),
    }
    credential
}

/// Where a token could have been, in words.
fn expected_place(sources: &[TokenSource]) -> String {
    let place = |source: &TokenSource| match source {
        TokenSource::Authorization => "one header `Authorization: Bearer TOKEN`".to_owned(),
        TokenSource::OptionalScheme => "one header `Authorization` with the token".to_owned(),
        TokenSource::Header { name, .. } => format!("one header `{name}`"),
        TokenSource::Cookie { name, .. } => format!("one cookie `{name}`"),
        TokenSource::Query { name } => format!("one parameter `{name}` in the query"),
        TokenSource::Form { name } => format!("one field `{name}` in a form"),
    };
    let places: Vec<_> = sources.iter().map(place).collect();
    places.join(", or ")
}

/// The authorizers that the route's alternatives name, each once.
fn authorizers(route: &Route) -> impl Iterator<Item = usize> {
    let named = || {
        route
            .auth
            .alternatives
            .iter()
            .flatten()
            .map(|need| need.authorizer)
    };
    named()
        .enumerate()
        .filter(move |(index, own)| named().take(*index).all(|other| other != *own))
        .map(|(_, authorizer)| authorizer)
}

fn refuse(route: &Route, reason: Reason, by_dpop: bool, nonce: Option<String>) -> Refusal {
    Refusal::Credential {
        reason,
        scopes: route.scopes(),
        step_up: route.auth.step_up.clone(),
        by_dpop,
        nonce,
        answers: Arc::clone(&route.answers),
    }
}
