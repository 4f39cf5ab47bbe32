//! How much an address may have the tenant write before anybody has proven anything.

use std::num::NonZeroU32;
use std::time::Duration;

use portcullis_store::{Allowance, CallerKey, MemoryLimits};

use crate::settings::{AddressRate, AddressRates};
use crate::token_rate::{TooMany, charge};

/// Addresses that are counted at once, each for every kind.
const CAPACITY: usize = 1 << 17;

/// The time in which so many are allowed.
const PERIOD: Duration = Duration::from_mins(10);

/// What is written for whoever asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// A request that waits on a page, or a device that waits for its user.
    Page,
    /// An event of the log.
    Event,
    /// An account.
    SignUp,
    /// A link to replace a password.
    Link,
}

/// What each address, and all of them, have had written.
#[derive(Debug)]
pub(crate) struct AddressLimits {
    rates: AddressRates,
    counters: MemoryLimits,
}

impl AddressLimits {
    pub(crate) fn new(rates: AddressRates) -> Self {
        Self {
            rates,
            counters: MemoryLimits::with_capacity(CAPACITY),
        }
    }

    /// Counts one of the address, at `now` since 1970.
    ///
    /// Where the address is not known, it is empty and only the bound of all holds.
    pub(crate) fn charge(&self, what: Unproven, ip: &str, now: Duration) -> Result<(), TooMany> {
        let rate = self.rate(what);
        if !ip.is_empty() {
            let caller = CallerKey::new(what.name(), [ip]);
            self.charge_one(&caller, rate.each, now)?;
        }
        // No address is empty, so this is nobody's.
        self.charge_one(&CallerKey::new(what.name(), [""]), rate.all, now)
    }

    fn charge_one(
        &self,
        caller: &CallerKey,
        count: NonZeroU32,
        now: Duration,
    ) -> Result<(), TooMany> {
        // More than the arithmetic can tell apart is no limit.
        Allowance::rate(count.get(), PERIOD).map_or(Ok(()), |allowance| {
            charge(&self.counters, caller, allowance, now)
        })
    }

    const fn rate(&self, what: Unproven) -> AddressRate {
        match what {
            Unproven::Page => self.rates.pages,
            Unproven::Event => self.rates.events,
            Unproven::SignUp => self.rates.sign_ups,
            Unproven::Link => self.rates.links,
        }
    }
}

impl Unproven {
    const fn name(self) -> &'static str {
        match self {
            Self::Page => "pages",
            Self::Event => "events",
            Self::SignUp => "sign-ups",
            Self::Link => "links",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn limits(each: u32, all: u32) -> AddressLimits {
        let count = |count| NonZeroU32::new(count).unwrap();
        let pages = AddressRate {
            each: count(each),
            all: count(all),
        };
        AddressLimits::new(AddressRates {
            pages,
            ..AddressRates::default()
        })
    }

    #[test]
    fn each_address_has_its_own_and_all_have_one_bound() {
        let limits = limits(2, 3);
        let (each, all) = (2, 3);
        let too_many = |limit: u32, seconds| TooMany {
            limit,
            retry_after: seconds,
        };
        for (name, what, ip, expected) in [
            ("first", Unproven::Page, "192.0.2.1", Ok(())),
            ("second", Unproven::Page, "192.0.2.1", Ok(())),
            (
                "third",
                Unproven::Page,
                "192.0.2.1",
                Err(too_many(each, 301)),
            ),
            ("another's", Unproven::Page, "192.0.2.2", Ok(())),
            (
                "one of all",
                Unproven::Page,
                "192.0.2.3",
                Err(too_many(all, 201)),
            ),
            ("unknown", Unproven::Page, "", Err(too_many(all, 201))),
            ("another kind", Unproven::Link, "192.0.2.1", Ok(())),
        ] {
            assert_eq!(limits.charge(what, ip, NOW), expected, "{name}");
        }
        let later = |seconds| NOW + Duration::from_secs(seconds);
        let early = limits.charge(Unproven::Page, "192.0.2.1", later(299));
        assert_eq!(early, Err(too_many(each, 2)));
        assert_eq!(
            limits.charge(Unproven::Page, "192.0.2.1", later(300)),
            Ok(())
        );
    }
}
