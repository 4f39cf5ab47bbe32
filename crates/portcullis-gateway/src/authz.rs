//! May they: from a [`Caller`] to a [`Permit`], which alone opens the way to the target.

use std::time::Duration;

use portcullis_token::sigv4::Principal;
use portcullis_token::{Reason, StepUp, Trace, Verified};

use crate::authn::{self, Caller};
use crate::plan::{Matched, Need, Plan, Route};
use crate::policy::{self, Charging, Granted, PolicyRefusal};
use crate::refuse::Refusal;
use crate::request::Asked;

/// Proof that a request may pass. Only [`permit`] and [`permit_signed`] make one, and forwarding consumes it.
#[derive(Debug)]
pub(crate) struct Permit<'p> {
    matched: Matched<'p>,
    caller: Caller,
    /// The authorizer by whose word the request passes; absent for an anonymous one.
    authorizer: Option<usize>,
    granted: Option<Granted<'p>>,
}

impl<'p> Permit<'p> {
    /// The route that the request takes.
    pub(crate) const fn route(&self) -> &'p Route {
        self.matched.route
    }

    /// The canonical path, which is the one that is forwarded.
    pub(crate) fn path(&self) -> &str {
        &self.matched.path
    }

    /// The limits that the request must be charged to before it is forwarded.
    pub(crate) fn charging(&self) -> Option<&Charging<'p>> {
        self.granted.as_ref()?.charging.as_ref()
    }

    /// The names of the policies that grant the request.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &str> {
        self.granted.iter().flat_map(Granted::policies)
    }

    /// How long a `WebSocket` may last that the request opens, where its API ends it with the token
    /// or with the credentials that signed the request.
    pub(crate) fn websocket_left(&self, now: Duration) -> Option<Duration> {
        if !self.route().api.websocket_expires {
            return None;
        }
        let expires = match self.signed() {
            Some(principal) => principal.expires?,
            None => self.token()?.claims().expires_at()?,
        };
        Some(Duration::from_secs(expires.0).saturating_sub(now))
    }

    /// Whether shared caches must not store the answer (RFC 6750 section 2.3).
    pub(crate) const fn is_private(&self) -> bool {
        self.caller.is_by_query()
    }

    /// Who has signed the request; absent where it was not signed.
    pub(crate) fn signed(&self) -> Option<&Principal> {
        self.caller.signed()
    }

    /// The token of the caller; absent for an anonymous one.
    pub(crate) fn token(&self) -> Option<&Verified> {
        self.caller.verified_by(self.authorizer?)
    }
}

/// The permit of a request whose signature and role `signed` has checked.
pub(crate) fn permit_signed(
    matched: Matched<'_>,
    principal: Principal,
    by_query: bool,
) -> Permit<'_> {
    Permit {
        matched,
        caller: Caller::of_signed(principal, by_query),
        authorizer: None,
        granted: None,
    }
}

/// Checks scopes, claims, the login and the caller's policies.
///
/// Any one of the route's alternatives must be met as a whole.
pub(crate) fn permit<'p>(
    plan: &'p Plan,
    asked: &Asked<'_>,
    matched: Matched<'p>,
    caller: Caller,
    trace: &mut impl Trace,
) -> Result<Permit<'p>, Refusal> {
    let route = matched.route;
    if caller.is_anonymous() && route.auth.anonymous {
        return Ok(Permit {
            matched,
            caller,
            authorizer: None,
            granted: route
                .auth
                .anonymous_policy
                .map(|policy| policy::check_anonymous(plan, policy, asked, trace)),
        });
    }
    let mut closest = None;
    let mut refused = None;
    for needs in &route.auth.alternatives {
        let met = needs.iter().try_for_each(|need| {
            let checked = check(plan, route, need, &caller, trace);
            let is_known = caller.verified_by(need.authorizer).is_some();
            checked.map_err(|reason| (reason, is_known, need.authorizer))
        });
        // Whoever came further learns what is missing there.
        if let Err(refusal) = met {
            closest = closest.max(Some(refusal));
            continue;
        }
        match check_policies(plan, (asked.method, &matched), &caller, needs, trace) {
            Ok(granted) => {
                let authorizer = needs.first().map(|need| need.authorizer);
                return Ok(Permit {
                    matched,
                    caller,
                    authorizer,
                    granted,
                });
            }
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    let Some((authorizer, refusal)) = refused else {
        let Some((reason, _, authorizer)) = closest else {
            return Err(caller.refuse(route, Reason::Scope));
        };
        authn::log_forbidden(plan, route, asked, (authorizer, reason), trace);
        return Err(caller.refuse(route, reason));
    };
    // The steps that decided are the last ones that `explain` shows.
    trace.authorizer(&plan.authorizer(authorizer).name);
    Err(Refusal::Policy {
        refusal,
        answers: route.answers.clone(),
    })
}

/// Whether what one authorizer found is enough, in the order of the library's layer.
fn check(
    plan: &Plan,
    route: &Route,
    need: &Need,
    caller: &Caller,
    trace: &mut impl Trace,
) -> Result<(), Reason> {
    let verified = caller.verified_by(need.authorizer).ok_or(Reason::Scope)?;
    trace.authorizer(&plan.authorizer(need.authorizer).name);
    need.scopes.check(verified, trace)?;
    verified.check_claims(&[], trace)?;
    if route.auth.step_up == StepUp::default() {
        return Ok(());
    }
    route.auth.step_up.check(verified, plan.clock.now(), trace)
}

/// The configuration sees to it that at most one of the authorizers imposes policies.
fn check_policies<'p>(
    plan: &'p Plan,
    request: (&str, &Matched<'_>),
    caller: &Caller,
    needs: &[Need],
    trace: &mut impl Trace,
) -> Result<Option<Granted<'p>>, (usize, PolicyRefusal)> {
    let mut granted = None;
    for need in needs {
        let authorizer = plan.authorizer(need.authorizer);
        let Some(token) = caller.verified_by(need.authorizer) else {
            continue;
        };
        trace.authorizer(&authorizer.name);
        let own = policy::check(plan, authorizer, request, token, trace)
            .map_err(|refusal| (need.authorizer, refusal))?;
        granted = granted.or(own);
    }
    Ok(granted)
}
