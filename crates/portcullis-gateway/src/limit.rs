//! How often: charges a permitted request to its limits, and tells what is left of them.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_config::LimitHeaders;
use portcullis_store::{
    Allowance, AllowanceError, CallerKey, Charge, Kind, Limits, PolicyLimit, Standing,
};
use portcullis_token::{Step, Trace};

use crate::authz::Permit;
use crate::plan::Plan;
use crate::policy;
use crate::refuse::{Limited, Refusal};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
const LEGACY_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const LEGACY_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const LEGACY_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// What all callers of an API may use together: a rate before a quota.
#[derive(Debug)]
pub(crate) struct SharedLimits {
    /// What callers know them by: no policy has a dot in its name.
    name: String,
    /// Nobody's of whom a token or an address tells.
    key: CallerKey,
    allowances: Vec<Allowance>,
}

impl SharedLimits {
    pub(crate) fn compile(api: &portcullis_config::Api) -> Result<Self, AllowanceError> {
        let rate = api
            .rate
            .map(|rate| Allowance::rate(rate.count.get(), rate.period));
        let quota = api
            .quota
            .map(|quota| Allowance::quota(quota.count.get(), quota.period));
        Ok(Self {
            name: format!("api.{}", api.name),
            key: CallerKey::new("", ["", "", "", &*api.name]),
            allowances: rate.into_iter().chain(quota).collect::<Result<_, _>>()?,
        })
    }

    const fn is_empty(&self) -> bool {
        self.allowances.is_empty()
    }

    fn limits(&self) -> impl Iterator<Item = PolicyLimit<'_>> {
        let shared = |allowance: &Allowance| PolicyLimit::shared(&self.name, *allowance, self.key);
        self.allowances.iter().map(shared)
    }
}

/// Tells an explanation of the limits that all callers share.
pub(crate) fn trace_shared(permit: &Permit<'_>, trace: &mut impl Trace) {
    let shared = &permit.route().api.shared_limits;
    if !shared.is_empty() {
        trace.passed(Step::Limits, || {
            // In the place of what was told of the caller's own.
            let own = permit
                .charging()
                .map(|charging| charging.limits.iter().copied());
            let limits: Vec<_> = own.into_iter().flatten().chain(shared.limits()).collect();
            policy::show(&limits)
        });
    }
}

/// Charges the request to all of its limits, or to none of them.
///
/// `told` is what the answer says of them, whether or not the request is refused.
pub(crate) async fn charge(
    plan: &Plan,
    store: &impl Limits,
    permit: &Permit<'_>,
    told: &mut HeaderMap,
) -> Result<(), Refusal> {
    let shared = &permit.route().api.shared_limits;
    let charging = permit.charging();
    let own = charging.map_or(&[][..], |charging| &charging.limits);
    let limits: Cow<'_, [PolicyLimit<'_>]> = if shared.is_empty() {
        own.into()
    } else {
        own.iter().copied().chain(shared.limits()).collect()
    };
    if limits.is_empty() {
        return Ok(());
    }
    let now = plan.clock.now_exact();
    let caller = charging.map_or(&shared.key, |charging| &charging.caller);
    let limits = &*limits;
    let charge = store.charge(caller, limits, now).await.map_err(|_| {
        count(plan, limits.iter(), "unavailable");
        Refusal::StoreFull
    })?;
    tell(told, &plan.limit_headers, limits, &charge, now);
    if charge.is_allowed() {
        count(plan, limits.iter(), "allowed");
        return Ok(());
    }
    let refused = || {
        let pairs = limits.iter().zip(&charge.standings);
        pairs.filter(|(_, standing)| !standing.allowed)
    };
    // What another limit refuses has cost nothing here.
    count(plan, refused().map(|(limit, _)| limit), "refused");
    Err(Refusal::Limited(Box::new(Limited {
        // Tyk looks at the rate first.
        kind: refused()
            .next()
            .map_or(Kind::Quota, |(limit, _)| limit.allowance.kind()),
        is_shared: refused()
            .next()
            .is_some_and(|(limit, _)| limit.shared.is_some()),
        violated: refused().map(|(limit, _)| name(limit)).collect(),
        retry_after: seconds(charge.retry_after()).max(1),
        errors: permit.route().api.errors,
    })))
}

fn tell(
    told: &mut HeaderMap,
    forms: &[LimitHeaders],
    limits: &[PolicyLimit<'_>],
    charge: &Charge,
    now: Duration,
) {
    for form in forms {
        match form {
            LimitHeaders::Ietf => tell_ietf(told, limits, charge),
            LimitHeaders::Legacy => tell_legacy(told, limits, charge, now),
        }
    }
}

/// draft-ietf-httpapi-ratelimit-headers-11 sections 3 and 4: lists of structured fields.
fn tell_ietf(told: &mut HeaderMap, limits: &[PolicyLimit<'_>], charge: &Charge) {
    let policies = limits.iter().map(|limit| {
        let (count, period) = (limit.allowance.count(), limit.allowance.period());
        // Windows are whole seconds.
        let window = if period.subsec_nanos() == 0 {
            format!(";w={}", period.as_secs())
        } else {
            String::new()
        };
        format!("\"{}\";q={count}{window}", name(limit))
    });
    insert(told, POLICY, &policies.collect::<Vec<_>>().join(", "));
    let standings = limits.iter().zip(&charge.standings);
    let standings = standings.map(|(limit, standing)| {
        let (remaining, until) = (standing.remaining, seconds(more_after(standing)));
        format!("\"{}\";r={remaining};t={until}", name(limit))
    });
    insert(told, STANDING, &standings.collect::<Vec<_>>().join(", "));
}

/// When there is more than now: a request at least, or else all of the allowance.
const fn more_after(standing: &Standing) -> Duration {
    if standing.remaining == 0 {
        standing.retry_after
    } else {
        standing.reset_after
    }
}

/// As Tyk and many others have them, of the limit that is nearest; `Reset` is seconds since 1970.
fn tell_legacy(told: &mut HeaderMap, limits: &[PolicyLimit<'_>], charge: &Charge, now: Duration) {
    let nearest = limits.iter().zip(&charge.standings).min_by_key(|pair| {
        let standing = pair.1;
        let last = std::cmp::Reverse(standing.reset_after);
        (standing.allowed, standing.remaining, last)
    });
    if let Some((limit, standing)) = nearest {
        let reset = seconds(now + standing.reset_after);
        told.insert(LEGACY_LIMIT, limit.allowance.count().into());
        told.insert(LEGACY_REMAINING, standing.remaining.into());
        told.insert(LEGACY_RESET, reset.into());
    }
}

/// What callers know a limit by. A policy's name has no dot in it.
fn name(limit: &PolicyLimit<'_>) -> String {
    format!("{}.{}", limit.policy, kind(limit))
}

const fn kind(limit: &PolicyLimit<'_>) -> &'static str {
    match limit.allowance.kind() {
        Kind::Rate => "rate",
        Kind::Quota => "quota",
    }
}

fn count<'l>(
    plan: &Plan,
    limits: impl Iterator<Item = &'l PolicyLimit<'l>>,
    outcome: &'static str,
) {
    let counted = plan.observed.limits();
    limits.for_each(|limit| counted.count(limit.policy, kind(limit), outcome));
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Whole seconds, the last one begun included: whoever waits as long is not too early.
fn seconds(duration: Duration) -> u64 {
    let begun = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(begun)
}
