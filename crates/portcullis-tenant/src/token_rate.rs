//! How often an application may ask for tokens, counted in memory.

use std::time::Duration;

use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use portcullis_store::{Allowance, CallerKey, MemoryLimits, PolicyLimit, Standing};

use crate::settings::TokenRate;

/// Applications and addresses that are counted at once. Those that were quiet for a second are not.
const CAPACITY: usize = 1 << 16;

/// The counters of a tenant's token endpoint.
#[derive(Debug)]
pub(crate) struct TokenLimits {
    allowance: Option<Allowance>,
    counters: MemoryLimits,
}

/// A request that is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// How many there may be in the period of the limit.
    pub(crate) limit: u32,
    /// When to try again, in whole seconds and at least one.
    pub(crate) retry_after: u64,
}

impl TooMany {
    /// One that may be tried again after so many seconds, whatever the limit is.
    pub(crate) fn until(seconds: i64) -> Self {
        Self {
            limit: 0,
            retry_after: u64::try_from(seconds).unwrap_or(0).max(1),
        }
    }

    /// The answer with status 429 and `Retry-After` (RFC 6585 section 4).
    pub(crate) fn mark(self, mut response: Response) -> Response {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        let seconds = HeaderValue::from(self.retry_after);
        response.headers_mut().insert(RETRY_AFTER, seconds);
        response
    }
}

impl TokenLimits {
    pub(crate) fn new(rate: TokenRate) -> Self {
        let allowance = match rate {
            TokenRate::Unlimited => None,
            // More than the arithmetic can tell apart is no limit.
            TokenRate::PerSecond(count) => {
                Allowance::rate(count.get(), Duration::from_secs(1)).ok()
            }
        };
        Self {
            allowance,
            counters: MemoryLimits::with_capacity(CAPACITY),
        }
    }

    /// Counts a request of the application from the address, at `now` since 1970.
    ///
    /// By the address, too: a client id is no secret, and who knows one must not be able to use up
    /// what its owner may do.
    pub(crate) fn charge(&self, client_id: &str, ip: &str, now: Duration) -> Result<(), TooMany> {
        let Some(allowance) = self.allowance else {
            return Ok(());
        };
        let caller = CallerKey::new("token endpoint", [client_id, ip]);
        charge(&self.counters, &caller, allowance, now)
    }
}

/// Counts one request of the caller. One that cannot be counted is one too many.
pub(crate) fn charge(
    counters: &MemoryLimits,
    caller: &CallerKey,
    allowance: Allowance,
    now: Duration,
) -> Result<(), TooMany> {
    let limit = PolicyLimit::new("requests", allowance);
    let standing = match counters.charge_now(caller, &[limit], now) {
        Ok(charge) => charge.standings.first().copied(),
        Err(_) => None,
    };
    let refused = |retry_after: Duration| TooMany {
        limit: allowance.count(),
        retry_after: retry_after.as_secs().saturating_add(1),
    };
    match standing {
        Some(Standing { allowed: true, .. }) => Ok(()),
        Some(standing) => Err(refused(standing.retry_after)),
        None => Err(refused(Duration::ZERO)),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn each_application_and_address_has_requests_of_its_own() {
        let limits = TokenLimits::new(TokenRate::PerSecond(NonZeroU32::new(2).unwrap()));
        let now = Duration::from_secs(1_700_000_000);
        let too_many = TooMany {
            limit: 2,
            retry_after: 1,
        };
        for (client_id, ip, expected) in [
            ("web", "192.0.2.1", Ok(())),
            ("web", "192.0.2.1", Ok(())),
            ("web", "192.0.2.1", Err(too_many)),
            ("web", "192.0.2.2", Ok(())),
            ("other", "192.0.2.1", Ok(())),
            ("web", "192.0.2.1", Err(too_many)),
        ] {
            let charged = limits.charge(client_id, ip, now);
            assert_eq!(charged, expected, "{client_id} {ip}");
        }
        let later = now + Duration::from_secs(1);
        assert_eq!(limits.charge("web", "192.0.2.1", later), Ok(()));
        let unlimited = TokenLimits::new(TokenRate::Unlimited);
        assert!((0..1000).all(|_| unlimited.charge("web", "", now).is_ok()));
    }
}
