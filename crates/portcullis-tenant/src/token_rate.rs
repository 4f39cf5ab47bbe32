//! How often an application may ask for tokens, counted in memory.

use std::time::Duration;

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
    /// How many a second there may be.
    pub(crate) limit: u32,
    /// When to try again, in whole seconds and at least one.
    pub(crate) retry_after: u64,
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
        let limit = PolicyLimit::new("requests", allowance);
        let standing = match self.counters.charge_now(&caller, &[limit], now) {
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
