//! Rows 33, 36, 43, 47 and 48: what the service asks of a token beyond the table's fixed rules.

use std::time::Duration;

use portcullis::OnFail;
use portcullis_token::{Reason, UnixTime};
use serde_json::{Value, json};

use super::Route;
use super::case::Case;

/// The most that clocks may be allowed to differ.
const MAX_LEEWAY: Duration = Duration::from_mins(5);

pub(super) fn cases(route: &Route) -> Vec<Case> {
    [
        ages(route),
        required(route),
        rules(route),
        revoked(route),
        logins(route),
    ]
    .concat()
}

fn ages(route: &Route) -> Vec<Case> {
    let (UnixTime(now), setup) = (route.now(), &route.setup);
    let mut cases = Vec::new();
    if let Some(age) = setup.max_age {
        let issued = now.saturating_sub((age + MAX_LEEWAY).as_secs() + 1);
        let old = route.token().claim("iat", issued).sign();
        cases.push(Case::token(33, "issued long ago", &old, Reason::TooOld));
    }
    if let Some(lifetime) = setup.max_lifetime {
        let exp = now + lifetime.as_secs() + 1;
        let long = route.token().claim("iat", now).claim("exp", exp).sign();
        cases.push(Case::token(33, "good for long", &long, Reason::Lifetime));
    }
    cases
}

fn required(route: &Route) -> Vec<Case> {
    let names = route.setup.required_claims.iter();
    names
        .map(|claim| {
            let token = route.token().without(claim).sign();
            Case::token(36, &format!("no {claim}"), &token, Reason::ClaimMissing)
        })
        .collect()
}

fn rules(route: &Route) -> Vec<Case> {
    let rules = route.setup.claim_rules.iter();
    rules
        .flat_map(|rule| {
            let claim = rule.claim.as_str();
            let (row, reason) = match rule.on_fail {
                OnFail::Token => (36, Reason::ClaimMismatch),
                OnFail::Forbid => (47, Reason::ClaimForbidden),
            };
            let wrong = route.token().claim(claim, rule.wrong.clone()).sign();
            let none = route.token().without(claim).sign();
            [
                Case::token(row, &format!("{claim} {}", rule.wrong), &wrong, reason),
                Case::token(row, &format!("no {claim}, which has a rule"), &none, reason),
            ]
        })
        .collect()
}

fn revoked(route: &Route) -> Vec<Case> {
    let revoked = route.setup.revoked.iter();
    revoked
        .map(|(claim, value)| {
            let token = route.token().claim(claim, value.clone()).sign();
            let name = format!("revoked by {claim}");
            Case::token(43, &name, &token, Reason::Revoked)
        })
        .collect()
}

fn logins(route: &Route) -> Vec<Case> {
    let (UnixTime(now), step_up) = (route.now(), &route.setup.step_up);
    let case = |name: &str, claim: &str, value: Option<Value>| {
        let token = match value {
            Some(value) => route.token().claim(claim, value),
            None => route.token().without(claim),
        };
        Case::token(48, name, &token.sign(), Reason::StepUp)
    };
    let mut cases = Vec::new();
    if let Some(acr) = step_up.acr_values.first() {
        cases.push(case("no acr", "acr", None));
        cases.push(case("a weak acr", "acr", Some(json!("0"))));
        cases.push(case(
            "acr with one more character",
            "acr",
            Some(json!(format!("{acr}x"))),
        ));
    }
    if let Some(age) = step_up.max_age {
        let old = now.saturating_sub((age + MAX_LEEWAY).as_secs() + 1);
        cases.push(case("no auth_time", "auth_time", None));
        cases.push(case("a login long ago", "auth_time", Some(json!(old))));
    }
    cases
}
