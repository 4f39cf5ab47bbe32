//! The limits of callers without a token, who are told apart by their addresses.

use portcullis::{caller_address, caller_network};
use portcullis_store::CallerKey;
use portcullis_token::{Step, Trace};

use super::{Charging, Granted, most_generous, show};
use crate::plan::Plan;
use crate::request::Asked;

/// Finds what a request without a token must be charged to, by the policy of this index.
///
/// The configuration sees to it that the policy gives access to all of the API.
pub(crate) fn check_anonymous<'p>(
    plan: &'p Plan,
    policy: usize,
    asked: &Asked<'_>,
    trace: &mut impl Trace,
) -> Granted<'p> {
    let policies: Vec<_> = plan.policies.list.get(policy).into_iter().collect();
    trace.passed(Step::Policy, || {
        let names = policies.iter().map(|policy| format!("`{}`", policy.name));
        names.collect::<Vec<_>>().join(", ")
    });
    let limits = most_generous(&policies);
    let charging = (!limits.is_empty()).then(|| {
        trace.passed(Step::Limits, || show(&limits));
        let address = caller_address(asked.peer, asked.headers, |address| plan.trusts(address));
        // Tokens have two values at least, so nobody's can be mistaken for an address.
        let caller = CallerKey::new("", [caller_network(address).to_string().as_str()]);
        Charging { caller, limits }
    });
    Granted { policies, charging }
}
