//! May they: from a [`Caller`] to a [`Permit`], which alone opens the way to the target.

use portcullis_token::{Reason, StepUp, Trace, Verified};

use crate::authn::Caller;
use crate::plan::{Matched, Need, Plan, Route};
use crate::refuse::Refusal;

/// Proof that a request may pass. Only [`permit`] makes one, and forwarding consumes it.
#[derive(Debug)]
pub(crate) struct Permit<'p> {
    matched: Matched<'p>,
    caller: Caller,
    /// The authorizer by whose word the request passes; absent for an anonymous one.
    authorizer: Option<usize>,
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

    /// The token of the caller; absent for an anonymous one.
    pub(crate) fn token(&self) -> Option<&Verified> {
        self.caller.verified_by(self.authorizer?)
    }
}

/// Checks scopes, claims and the login: one of the alternatives must be met as a whole.
pub(crate) fn permit<'p>(
    plan: &Plan,
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
        });
    }
    let mut closest = Reason::Scope;
    for needs in &route.auth.alternatives {
        let met = needs
            .iter()
            .try_for_each(|need| check(plan, route, need, &caller, trace));
        match met {
            Ok(()) => {
                let authorizer = needs.first().map(|need| need.authorizer);
                return Ok(Permit {
                    matched,
                    caller,
                    authorizer,
                });
            }
            // Whoever came further learns what is missing there.
            Err(reason) => closest = closest.max(reason),
        }
    }
    Err(caller.refuse(route, closest))
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
    let authorizer = plan.authorizer(need.authorizer);
    trace.authorizer(&authorizer.name);
    need.scopes.check(verified, trace)?;
    verified.check_claims(&[], trace)?;
    if route.auth.step_up == StepUp::default() {
        return Ok(());
    }
    let now = authorizer.verifier.clock().now();
    route.auth.step_up.check(verified, now, trace)
}
