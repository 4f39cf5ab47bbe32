//! Who is calling: from a route and a request's headers to a [`Caller`].

use http::HeaderMap;
use http::header::AUTHORIZATION;
use portcullis::Credentials;
use portcullis_token::{Reason, Step, Trace, Verified, bearer_token};

use crate::plan::{Authorizer, Matched, Plan, Route};
use crate::refuse::Refusal;

/// Who is calling, as the route's authorizers found it. Only [`identify`] makes one.
#[derive(Debug)]
pub(crate) struct Caller {
    /// What each authorizer that accepted the credential says of it.
    verified: Vec<(usize, Verified)>,
}

impl Caller {
    /// What the authorizer of this index says, if it accepted the credential.
    pub(crate) fn verified_by(&self, authorizer: usize) -> Option<&Verified> {
        self.verified
            .iter()
            .find(|(index, _)| *index == authorizer)
            .map(|(_, token)| token)
    }

    /// Whether there is no credential at all.
    pub(crate) const fn is_anonymous(&self) -> bool {
        self.verified.is_empty()
    }
}

/// Finds out who is calling.
///
/// A route without requirements does not look at credentials. One where they are optional lets a
/// caller without them in, but never one with bad ones.
pub(crate) async fn identify(
    plan: &Plan,
    matched: &Matched<'_>,
    headers: &HeaderMap,
    trace: &mut impl Trace,
) -> Result<Caller, Refusal> {
    let route = matched.route;
    if route.auth.anonymous && route.auth.alternatives.is_empty() {
        trace.passed(Step::Credential, || {
            "none needed: the route is public".to_owned()
        });
        return Ok(Caller {
            verified: Vec::new(),
        });
    }
    let refuse = |reason| refuse(route, reason);
    let token = match credential(headers, trace) {
        Err(Reason::Missing) if route.auth.anonymous => {
            trace.passed(Step::Credential, || "none, which is allowed".to_owned());
            return Ok(Caller {
                verified: Vec::new(),
            });
        }
        token => token.map_err(refuse)?,
    };
    let credentials = Credentials::bearer(token);
    let mut caller = Caller {
        verified: Vec::new(),
    };
    let mut weightiest: Option<(usize, Reason)> = None;
    for authorizer in authorizers(route) {
        let Authorizer { name, verifier, .. } = plan.authorizer(authorizer);
        trace.authorizer(name);
        match verifier.verify_traced(&credentials, trace).await {
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
        return Err(refuse(Reason::IssUnknown));
    };
    // The steps that decided are the last ones that `explain` shows.
    trace.authorizer(&plan.authorizer(authorizer).name);
    Err(refuse(reason))
}

/// Which of several authorizers' refusals is the answer.
///
/// Whoever cannot tell at the moment comes first: the token may be good. Whoever does not know
/// the issuer comes last: the token is none of theirs.
const fn weight(reason: Reason) -> (bool, bool, Reason) {
    let cannot_tell = matches!(reason, Reason::KeysUnavailable);
    let is_theirs = !matches!(reason, Reason::IssUnknown);
    (cannot_tell, is_theirs, reason)
}

fn credential<'h>(headers: &'h HeaderMap, trace: &mut impl Trace) -> Result<&'h str, Reason> {
    let lines = headers
        .get_all(AUTHORIZATION)
        .iter()
        .map(http::HeaderValue::as_bytes);
    let token = bearer_token(lines);
    match &token {
        Ok(_) => trace.passed(Step::Credential, || "a bearer token".to_owned()),
        Err(reason) => trace.refused(
            Step::Credential,
            || "one header `Authorization: Bearer TOKEN`".to_owned(),
            || reason.description().to_owned(),
        ),
    }
    token
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

pub(crate) fn refuse(route: &Route, reason: Reason) -> Refusal {
    Refusal::Credential {
        reason,
        scopes: route.scopes(),
        answers: route.api.answers.clone(),
    }
}
