use std::num::NonZeroU32;

/// What the tenant writes for people who have proven nothing, in ten minutes.
///
/// The defaults leave room for an office behind one address, and for tests that log in again and
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRates {
    /// Requests that wait on a page, and devices that wait for their users. 3000 and 60 000.
    pub pages: AddressRate,
    /// Events of the log. Further ones are not kept, and refuse nobody. 200 and 2000.
    pub events: AddressRate,
    /// Accounts. 50 and 5000.
    pub sign_ups: AddressRate,
    /// Links to replace a password. 20 and 1000.
    pub links: AddressRate,
}

/// How many there may be in ten minutes, and no more than that at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRate {
    /// From one address, or one IPv6 network of 64 bits.
    pub each: NonZeroU32,
    /// From all addresses together.
    pub all: NonZeroU32,
}

impl AddressRate {
    /// Zero counts as one.
    const fn new(each: u32, all: u32) -> Self {
        const fn count(number: u32) -> NonZeroU32 {
            match NonZeroU32::new(number) {
                Some(count) => count,
                None => NonZeroU32::MIN,
            }
        }
        Self {
            each: count(each),
            all: count(all),
        }
    }
}

impl Default for AddressRates {
    fn default() -> Self {
        Self {
            pages: AddressRate::new(3000, 60_000),
            events: AddressRate::new(200, 2000),
            sign_ups: AddressRate::new(50, 5000),
            links: AddressRate::new(20, 1000),
        }
    }
}
