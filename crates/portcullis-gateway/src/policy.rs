//! What a policy lets its callers reach, and how often: from a token to the policies that grant.

mod anonymous;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_config::{Amount, Check};
use portcullis_store::{Allowance, AllowanceError, CallerKey, PolicyLimit};
use portcullis_token::{ClaimValue, Claims, Step, Trace, UnixTime, Verified};

pub(crate) use self::anonymous::check_anonymous;
use crate::plan::{Authorizer, Matched, Plan};
use crate::route::RouteTable;

/// A policy, compiled.
#[derive(Debug)]
struct Policy {
    name: Arc<str>,
    access: Vec<Access>,
    rate: Option<Allowance>,
    quota: Option<Allowance>,
    expires: Option<Duration>,
}

/// Every policy, compiled.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    list: Vec<Policy>,
    by_name: HashMap<Arc<str>, usize>,
}

/// What a policy gives of one API.
#[derive(Debug)]
struct Access {
    api: usize,
    /// All of them when absent.
    endpoints: Option<RouteTable>,
}

/// How an authorizer finds the policies of its tokens, and tells its callers apart.
#[derive(Debug)]
pub(crate) struct Imposed {
    claim: Option<String>,
    /// Indexes of policies, like the scopes' ones.
    default: Vec<usize>,
    scopes: HashMap<String, usize>,
    identity: Vec<String>,
    /// Who issues the tokens, also those that do not say so; none when any may.
    issuer: Option<String>,
}

/// Why the policies of a caller do not let a request pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyRefusal {
    /// The token has neither the claim nor a scope that brings one, and there is no default.
    Missing,
    /// The claim names policies that do not exist, and no others.
    Unknown,
    /// The token has scopes, and none of them brings a policy.
    Scopes,
    /// None of the caller's policies gives access to the API.
    Api,
    /// None of the caller's policies gives access to the endpoint.
    Endpoint,
    /// The token is older than the policies that give access to the endpoint allow.
    Expired,
    /// The token does not say who the caller is, who must be counted.
    Identity,
}

/// The policies that grant a request.
#[derive(Debug)]
pub(crate) struct Granted<'p> {
    policies: Vec<&'p Policy>,
    /// Absent where none of them limits the caller.
    pub(crate) charging: Option<Charging<'p>>,
}

impl Granted<'_> {
    /// Their names, in the order of the file.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(|policy| &*policy.name)
    }
}

/// The limits that a request must be charged to.
#[derive(Debug)]
pub(crate) struct Charging<'p> {
    pub(crate) caller: CallerKey,
    /// Never empty; a rate before a quota.
    pub(crate) limits: Vec<PolicyLimit<'p>>,
}

impl Policies {
    pub(crate) fn compile(config: &[portcullis_config::Policy]) -> Result<Self, AllowanceError> {
        let list: Vec<_> = config
            .iter()
            .map(Policy::compile)
            .collect::<Result<_, _>>()?;
        let names = list.iter().map(|policy| Arc::clone(&policy.name));
        let by_name = names.zip(0..).collect();
        Ok(Self { list, by_name })
    }
}

impl Policy {
    fn compile(config: &portcullis_config::Policy) -> Result<Self, AllowanceError> {
        let access = config.apis.iter().map(|access| Access {
            api: access.api,
            endpoints: access.endpoints.as_ref().map(|endpoints| {
                let mut table = RouteTable::default();
                for (index, endpoint) in endpoints.iter().enumerate() {
                    table.insert(&endpoint.methods, &endpoint.path, index);
                }
                table
            }),
        });
        let rate = |amount: Amount| Allowance::rate(amount.count.get(), amount.period);
        let quota = |amount: Amount| Allowance::quota(amount.count.get(), amount.period);
        Ok(Self {
            name: config.name.as_str().into(),
            access: access.collect(),
            rate: config.rate.map(rate).transpose()?,
            quota: config.quota.map(quota).transpose()?,
            expires: config.expires,
        })
    }

    fn access(&self, api: usize) -> Option<&Access> {
        self.access.iter().find(|access| access.api == api)
    }

    /// Whether the policy still serves a token that was issued then.
    fn serves(&self, claims: &Claims, now: UnixTime) -> bool {
        self.expires.is_none_or(|expires| {
            // A token from the future is the verifier's to judge.
            let age = |issued: UnixTime| now.0.saturating_sub(issued.0);
            claims
                .issued_at()
                .is_some_and(|issued| age(issued) < expires.as_secs())
        })
    }
}

impl Access {
    fn grants(&self, method: &str, path: &str) -> bool {
        let endpoints = self.endpoints.as_ref();
        endpoints.is_none_or(|endpoints| endpoints.find(method, path).is_some())
    }
}

impl Imposed {
    pub(crate) fn compile(jwt: &portcullis_config::JwtAuthorizer) -> Option<Self> {
        jwt.policy.as_ref().map(|choice| Self {
            claim: choice.claim.clone(),
            default: choice.default.clone(),
            scopes: choice.scopes.iter().cloned().collect(),
            identity: jwt.identity.clone(),
            issuer: match &jwt.issuer {
                Check::Is(url) => Some(url.as_written().to_owned()),
                Check::Any => None,
            },
        })
    }

    /// The policies of a token, each once: those of its claim and of its scopes, or the defaults.
    fn choose<'p>(
        &self,
        policies: &'p Policies,
        token: &Verified,
    ) -> Result<Vec<&'p Policy>, PolicyRefusal> {
        let named = self.claim.as_deref();
        let claim = named.and_then(|name| token.claims().locate(name));
        let claim = claim.filter(|value| !value.is_null());
        let mut chosen: Vec<usize> = Vec::new();
        for name in claim.into_iter().flat_map(names) {
            chosen.extend(policies.by_name.get(name));
        }
        let mut has_scopes = false;
        if !self.scopes.is_empty() {
            for scope in token.scopes() {
                has_scopes = true;
                chosen.extend(self.scopes.get(scope));
            }
        }
        if claim.is_none() && !has_scopes {
            chosen.clone_from(&self.default);
        }
        chosen.sort_unstable();
        chosen.dedup();
        if !chosen.is_empty() {
            return Ok(chosen
                .into_iter()
                .filter_map(|index| policies.list.get(index))
                .collect());
        }
        Err(match (claim, has_scopes) {
            (Some(_), _) => PolicyRefusal::Unknown,
            (None, true) => PolicyRefusal::Scopes,
            (None, false) => PolicyRefusal::Missing,
        })
    }

    /// Who the caller is, among all callers of all issuers.
    fn caller(&self, authorizer: &str, token: &Verified) -> Option<CallerKey> {
        let claims = token.claims();
        let (name, value) = self.identity.iter().find_map(|name| {
            let value = claims.locate(name)?.as_str()?;
            Some((name.as_str(), value))
        })?;
        if value.is_empty() {
            return None;
        }
        Some(if let Some(own) = &self.issuer {
            // RFC 7662 section 2.2: an issuer that is asked need not say who it is.
            CallerKey::new(claims.issuer().unwrap_or(own), [name, value])
        } else {
            // Whoever signs for an authorizer of any issuer may claim to be another one.
            let issuer = claims.issuer().unwrap_or_default();
            CallerKey::new(issuer, [authorizer, name, value])
        })
    }
}

/// The policies that a claim names: its text, or those of an array.
fn names(value: ClaimValue<'_>) -> impl Iterator<Item = &str> {
    let one = value.as_str();
    one.into_iter()
        .chain(value.items().filter_map(ClaimValue::as_str))
}

/// Checks that a policy of the caller grants the request, and finds what it must be charged to.
///
/// Access is the union of the caller's policies, and of those that grant the request the most
/// generous limits hold. An authorizer without `policy` imposes none.
pub(crate) fn check<'p>(
    plan: &'p Plan,
    authorizer: &Authorizer,
    (method, matched): (&str, &Matched<'_>),
    token: &Verified,
    trace: &mut impl Trace,
) -> Result<Option<Granted<'p>>, PolicyRefusal> {
    let Some(imposed) = &authorizer.imposed else {
        return Ok(None);
    };
    let now = plan.clock.now();
    let granting = imposed
        .choose(&plan.policies, token)
        .and_then(|chosen| grant(chosen, method, matched, token.claims(), now));
    let granting = granting.inspect_err(|refusal| {
        trace.refused(
            Step::Policy,
            || "a policy that gives access to this endpoint".to_owned(),
            || refusal.description().to_owned(),
        );
    })?;
    trace.passed(Step::Policy, || {
        let names = granting.iter().map(|policy| format!("`{}`", policy.name));
        names.collect::<Vec<_>>().join(", ")
    });
    let limits = most_generous(&granting);
    if limits.is_empty() {
        return Ok(Some(Granted {
            policies: granting,
            charging: None,
        }));
    }
    let Some(caller) = imposed.caller(&authorizer.name, token) else {
        let expected = || format!("the caller, in one of `{}`", imposed.identity.join("`, `"));
        trace.refused(Step::Limits, expected, || "a token without it".to_owned());
        return Err(PolicyRefusal::Identity);
    };
    trace.passed(Step::Limits, || show(&limits));
    Ok(Some(Granted {
        policies: granting,
        charging: Some(Charging { caller, limits }),
    }))
}

/// Those of the policies that give access to the endpoint.
fn grant<'p>(
    mut policies: Vec<&'p Policy>,
    method: &str,
    matched: &Matched<'_>,
    claims: &Claims,
    now: UnixTime,
) -> Result<Vec<&'p Policy>, PolicyRefusal> {
    let api = matched.route.api.index;
    policies.retain(|policy| policy.access(api).is_some());
    if policies.is_empty() {
        return Err(PolicyRefusal::Api);
    }
    policies.retain(|policy| {
        let access = policy.access(api);
        // Some server may take the path for one of its other readings.
        let mut paths = std::iter::once(&matched.path).chain(&matched.readings);
        access.is_some_and(|access| paths.all(|path| access.grants(method, path)))
    });
    if policies.is_empty() {
        return Err(PolicyRefusal::Endpoint);
    }
    policies.retain(|policy| policy.serves(claims, now));
    if policies.is_empty() {
        Err(PolicyRefusal::Expired)
    } else {
        Ok(policies)
    }
}

/// The most generous rate and quota; none where a policy has none.
fn most_generous<'p>(policies: &[&'p Policy]) -> Vec<PolicyLimit<'p>> {
    let of = |limit: fn(&Policy) -> Option<Allowance>| {
        let limits = policies.iter().map(|policy| {
            let allowance = limit(policy)?;
            Some(PolicyLimit::new(&policy.name, allowance))
        });
        let limits: Option<Vec<_>> = limits.collect();
        limits?.into_iter().reduce(|most, other| {
            if is_more_generous(other.allowance, most.allowance) {
                other
            } else {
                most
            }
        })
    };
    let both = [of(|policy| policy.rate), of(|policy| policy.quota)];
    both.into_iter().flatten().collect()
}

/// More requests in the same time, or in a burst where that is equal.
fn is_more_generous(one: Allowance, other: Allowance) -> bool {
    let scaled = |one: Allowance, other: Allowance| {
        (
            u128::from(one.count()).saturating_mul(other.period().as_nanos()),
            one.count(),
        )
    };
    scaled(one, other) > scaled(other, one)
}

pub(crate) fn show(limits: &[PolicyLimit<'_>]) -> String {
    let limit = |limit: &PolicyLimit<'_>| {
        let (count, period) = (limit.allowance.count(), limit.allowance.period());
        let of_all = limit.shared.map_or("", |_| " for all callers together");
        format!("{count} in {period:?} by `{}`{of_all}", limit.policy)
    };
    limits.iter().map(limit).collect::<Vec<_>>().join(", ")
}

impl PolicyRefusal {
    /// Every one there is.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] = [
        Self::Missing,
        Self::Unknown,
        Self::Scopes,
        Self::Api,
        Self::Endpoint,
        Self::Expired,
        Self::Identity,
    ];

    /// The exact reason as logs and `explain` name it.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Missing => "policy_missing",
            Self::Unknown => "policy_unknown",
            Self::Scopes => "policy_scopes",
            Self::Api => "policy_api",
            Self::Endpoint => "policy_endpoint",
            Self::Expired => "policy_expired",
            Self::Identity => "policy_identity",
        }
    }

    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Missing => "no policy applies to the caller",
            Self::Unknown => "no policy that the token names exists",
            Self::Scopes => "no scope of the token brings a policy",
            Self::Api => "no policy of the caller gives access to this API",
            Self::Endpoint => "no policy of the caller gives access to this endpoint",
            Self::Expired => "the token was issued too long ago for its policies",
            Self::Identity => "the token does not say who the caller is",
        }
    }

    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::Missing => {
                "add a `default` to the authorizer's `policy`, or a claim to the token"
            }
            Self::Unknown => "name an existing policy in the token, or add it as `[policy.NAME]`",
            Self::Scopes => "add the scope to `scopes` in the authorizer's `policy`",
            Self::Api => "add the API to `apis` of a policy that the caller has",
            Self::Endpoint => "add the endpoint to `apis` of a policy that the caller has",
            Self::Expired => "get a token again, or raise `expires` of the policy",
            Self::Identity => "name a claim that the token has in the authorizer's `identity`",
        }
    }

    /// Tyk's words for it.
    pub(crate) const fn tyk(self) -> &'static str {
        match self {
            Self::Missing => "key not authorized: no matching policy found",
            Self::Unknown => "key not authorized: no matching policy",
            Self::Scopes => "key not authorized: no matching policy found in scope claim",
            Self::Api => "Access to this API has been disallowed",
            Self::Endpoint => "Access to this resource has been disallowed",
            Self::Expired => "Key has expired, please renew",
            Self::Identity => "no suitable claims for user ID were found",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rate: Option<(u32, u64)>, quota: Option<(u32, u64)>) -> Policy {
        let seconds = Duration::from_secs;
        let rate = rate.map(|(count, period)| Allowance::rate(count, seconds(period)).unwrap());
        let quota = quota.map(|(count, period)| Allowance::quota(count, seconds(period)).unwrap());
        Policy {
            name: "p".into(),
            access: Vec::new(),
            rate,
            quota,
            expires: None,
        }
    }

    #[test]
    fn the_most_generous_limits_hold() {
        let rate = |count, period| policy(Some((count, period)), None);
        let quota = |count, period| policy(None, Some((count, period)));
        for (name, policies, expected) in [
            ("one", vec![rate(10, 1)], "10 in 1s by `p`"),
            ("none", vec![policy(None, None)], ""),
            ("unlimited", vec![rate(10, 1), policy(None, None)], ""),
            (
                "faster",
                vec![rate(10, 1), rate(500, 60)],
                "10 in 1s by `p`",
            ),
            (
                "as fast",
                vec![rate(10, 1), rate(600, 60)],
                "600 in 60s by `p`",
            ),
            ("one of each", vec![rate(10, 1), quota(10, 1)], ""),
            (
                "both",
                vec![
                    policy(Some((1, 1)), Some((10, 60))),
                    policy(Some((2, 1)), Some((5, 60))),
                ],
                "2 in 1s by `p`, 10 in 60s by `p`",
            ),
        ] {
            let policies: Vec<_> = policies.iter().collect();
            assert_eq!(show(&most_generous(&policies)), expected, "{name}");
            let reversed: Vec<_> = policies.into_iter().rev().collect();
            assert_eq!(
                show(&most_generous(&reversed)),
                expected,
                "{name}, reversed"
            );
        }
    }
}
