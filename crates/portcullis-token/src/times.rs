//! The time claims of RFC 7519 sections 4.1.4 to 4.1.6.

use std::time::Duration;

use crate::{Claims, Reason, Rules, Step, Trace, UnixTime};

/// Refuses a token from the second it expires, `leeway` later.
///
/// This runs before any key is looked for: an expired token can never cause a key fetch.
pub(crate) fn check_expiry(
    claims: &Claims,
    now: UnixTime,
    leeway: Duration,
    trace: &mut impl Trace,
) -> Result<(), Reason> {
    let expected = || format!("`exp` later than now, {now} less {} s", leeway.as_secs());
    let Some(expires_at) = claims.expires_at() else {
        trace.refused(Step::Expiry, expected, || "no `exp`".to_owned());
        return Err(Reason::ClaimMissing);
    };
    let holds = now < expires_at.plus(leeway);
    trace.check(Step::Expiry, holds, Reason::Expired, expected, || {
        if holds {
            format!(
                "`exp` {expires_at}, in {} s",
                expires_at.since(now).as_secs()
            )
        } else {
            format!(
                "`exp` {expires_at}, {} s ago",
                now.since(expires_at).as_secs()
            )
        }
    })
}

/// Refuses a token that is not valid yet, or that says it was issued in the future.
pub(crate) fn check_valid_from(
    claims: &Claims,
    now: UnixTime,
    leeway: Duration,
    trace: &mut impl Trace,
) -> Result<(), Reason> {
    let expected = || {
        format!(
            "`nbf` and `iat` not after now, {now} plus {} s",
            leeway.as_secs()
        )
    };
    let reached = |time: Option<UnixTime>| time.is_none_or(|time| time <= now.plus(leeway));
    let got = |name: &'static str, time: Option<UnixTime>| {
        move || time.map_or_else(|| "neither".to_owned(), |time| format!("`{name}` {time}"))
    };
    let (not_before, issued_at) = (claims.not_before(), claims.issued_at());
    if !reached(not_before) {
        trace.refused(Step::ValidFrom, expected, got("nbf", not_before));
        return Err(Reason::NotYetValid);
    }
    let holds = reached(issued_at);
    trace.check(
        Step::ValidFrom,
        holds,
        Reason::BadIat,
        expected,
        got("iat", issued_at),
    )
}

/// Refuses a token that was issued too long ago, or for too long. Without either limit `iat` need
/// not be there.
pub(crate) fn check_age(
    claims: &Claims,
    rules: &Rules,
    now: UnixTime,
    trace: &mut impl Trace,
) -> Result<(), Reason> {
    if rules.max_age.is_none() && rules.max_lifetime.is_none() {
        return Ok(());
    }
    let expected = || describe_limits(rules);
    let Some(issued_at) = claims.issued_at() else {
        trace.refused(Step::Age, expected, || "no `iat`".to_owned());
        return Err(Reason::ClaimMissing);
    };
    let is_young = rules
        .max_age
        .is_none_or(|age| now <= issued_at.plus(age).plus(rules.leeway));
    let is_short = rules.max_lifetime.is_none_or(|lifetime| {
        claims
            .expires_at()
            .is_some_and(|expires_at| expires_at.since(issued_at) <= lifetime)
    });
    let got = || format!("`iat` {issued_at}");
    trace.check(Step::Age, is_young, Reason::TooOld, expected, got)?;
    trace.check(Step::Age, is_short, Reason::Lifetime, expected, got)
}

fn describe_limits(rules: &Rules) -> String {
    let limit = |name: &str, limit: Option<Duration>| {
        limit.map(|limit| format!("{name} at most {} s", limit.as_secs()))
    };
    let limits = [
        limit("age", rules.max_age),
        limit("`iat` to `exp`", rules.max_lifetime),
    ];
    limits.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEEWAY: Duration = Duration::from_secs(5);

    fn claims(json: &str) -> Claims {
        Claims::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn a_token_is_refused_from_the_second_it_expires() {
        for (json, now, expected) in [
            (r#"{"exp":100}"#, 0, Ok(())),
            (r#"{"exp":100}"#, 104, Ok(())),
            (r#"{"exp":100}"#, 105, Err(Reason::Expired)),
            (r#"{"exp":0}"#, 1_000, Err(Reason::Expired)),
            ("{}", 0, Err(Reason::ClaimMissing)),
        ] {
            let result = check_expiry(&claims(json), UnixTime(now), LEEWAY, &mut ());
            assert_eq!(result, expected, "{json} at {now}");
        }
    }

    #[test]
    fn a_token_is_refused_until_the_second_it_is_valid() {
        for (json, now, expected) in [
            ("{}", 0, Ok(())),
            (r#"{"nbf":100}"#, 95, Ok(())),
            (r#"{"nbf":100}"#, 94, Err(Reason::NotYetValid)),
            (r#"{"iat":100}"#, 95, Ok(())),
            (r#"{"iat":100}"#, 94, Err(Reason::BadIat)),
            (r#"{"nbf":100,"iat":200}"#, 150, Err(Reason::BadIat)),
        ] {
            let result = check_valid_from(&claims(json), UnixTime(now), LEEWAY, &mut ());
            assert_eq!(result, expected, "{json} at {now}");
        }
    }

    #[test]
    fn a_token_is_refused_when_it_is_old_or_lives_long() {
        let limited = |max_age, max_lifetime| Rules {
            max_age,
            max_lifetime,
            leeway: LEEWAY,
            ..Rules::new(None, None)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (json, age, lifetime, expected) in [
            (r#"{"exp":2000}"#, None, None, Ok(())),
            (
                r#"{"exp":2000}"#,
                seconds(1),
                None,
                Err(Reason::ClaimMissing),
            ),
            (
                r#"{"exp":2000}"#,
                None,
                seconds(1),
                Err(Reason::ClaimMissing),
            ),
            (r#"{"exp":2000,"iat":895}"#, seconds(100), None, Ok(())),
            (
                r#"{"exp":2000,"iat":894}"#,
                seconds(100),
                None,
                Err(Reason::TooOld),
            ),
            (r#"{"exp":2000,"iat":900}"#, None, seconds(1100), Ok(())),
            (
                r#"{"exp":2000,"iat":900}"#,
                None,
                seconds(1099),
                Err(Reason::Lifetime),
            ),
        ] {
            let rules = limited(age, lifetime);
            let result = check_age(&claims(json), &rules, UnixTime(1_000), &mut ());
            assert_eq!(result, expected, "{json} with {age:?}, {lifetime:?}");
        }
    }
}
