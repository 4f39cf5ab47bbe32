//! The time claims of RFC 7519 sections 4.1.4 to 4.1.6.

use std::time::Duration;

use crate::{Claims, Reason, Step, Trace, UnixTime};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base64url;

    const LEEWAY: Duration = Duration::from_secs(5);

    fn claims(json: &str) -> Claims {
        Claims::parse(base64url::encode(json.as_bytes()).as_bytes(), &mut ()).unwrap()
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
}
