//! May they: from a [`Caller`] to a [`Permit`], which alone opens the way to the target.

use portcullis_token::{Reason, Trace, Verified};

use crate::authn::{Caller, refuse};
use crate::plan::{Matched, Plan, Route};
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

/// Checks the scopes: any one of the route's alternatives must be met as a whole.
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
    for needs in &route.auth.alternatives {
        let met = needs.iter().all(|need| {
            let Some(verified) = caller.verified_by(need.authorizer) else {
                return false;
            };
            trace.authorizer(&plan.authorizer(need.authorizer).name);
            need.scopes.check(verified, trace).is_ok()
        });
        if met {
            let authorizer = needs.first().map(|need| need.authorizer);
            return Ok(Permit {
                matched,
                caller,
                authorizer,
            });
        }
    }
    Err(refuse(route, Reason::Scope))
}
