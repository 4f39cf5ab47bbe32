//! What a limit means: pure, in whole nanoseconds, exact.
//!
//! A rate is GCRA: a bucket of `count` places that refills evenly within `period`. A quota is a
//! fixed window that begins with its first use. Both have a state of two integers.

use std::time::Duration;

/// How much a caller may use: `count` requests in `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Allowance {
    kind: Kind,
    count: u32,
    period: u64,
}

/// How an [`Allowance`] comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Evenly, a request each `period / count`; all of it may be used at once.
    Rate,
    /// All of it at once, `period` after its first use.
    Quota,
}

/// Why an allowance means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllowanceError {
    /// Nobody could ever call.
    #[error("a limit allows at least one request")]
    Count,
    /// No time, or more than 366 days.
    #[error("a limit's period is longer than zero, and 366 days at most")]
    Period,
}

/// What a store keeps of one limit of one caller.
///
/// Of a rate, the theoretical arrival time: `at` nanoseconds since 1970 and `part / count` of one
/// more. Of a quota, when its window began, and how much of it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Nanoseconds since 1970.
    pub at: u64,
    /// A fraction of a nanosecond, or requests.
    pub part: u64,
}

/// Where a caller stands with one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether this limit lets the request pass.
    pub allowed: bool,
    /// Requests that may follow at once.
    pub remaining: u32,
    /// How long until a request passes again; zero while any remain.
    pub retry_after: Duration,
    /// How long until all of the allowance is back.
    pub reset_after: Duration,
}

const LONGEST_PERIOD: Duration = Duration::from_hours(366 * 24);

impl Allowance {
    /// A rate of `count` requests in `period`, also the largest burst.
    ///
    /// # Errors
    /// [`AllowanceError`], for zero of either, or a period longer than 366 days.
    pub fn rate(count: u32, period: Duration) -> Result<Self, AllowanceError> {
        Self::new(Kind::Rate, count, period)
    }

    /// A quota of `count` requests in `period`.
    ///
    /// # Errors
    /// [`AllowanceError`], for zero of either, or a period longer than 366 days.
    pub fn quota(count: u32, period: Duration) -> Result<Self, AllowanceError> {
        Self::new(Kind::Quota, count, period)
    }

    fn new(kind: Kind, count: u32, period: Duration) -> Result<Self, AllowanceError> {
        if count == 0 {
            return Err(AllowanceError::Count);
        }
        if period.is_zero() || period > LONGEST_PERIOD {
            return Err(AllowanceError::Period);
        }
        let period = nanoseconds(period);
        Ok(Self {
            kind,
            count,
            period,
        })
    }

    /// How it comes back.
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// Requests in one period.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The time in which it comes back.
    pub const fn period(self) -> Duration {
        Duration::from_nanos(self.period)
    }

    /// What one request at `now`, since 1970, finds, and the state after it.
    ///
    /// The state is unchanged in effect where the request is not allowed. A state from the future,
    /// as after the clock was set back, is read as one that has just been used up.
    pub fn charge(self, state: Option<State>, now: Duration) -> (Standing, State) {
        let now = nanoseconds(now);
        match self.kind {
            Kind::Rate => self.charge_rate(state, now),
            Kind::Quota => self.charge_quota(state, now),
        }
    }

    /// When the state means no more than none: all of the allowance is back. Since 1970.
    pub fn full_again(self, state: State) -> Duration {
        let end = match self.kind {
            Kind::Rate => state.at.saturating_add(u64::from(state.part > 0)),
            Kind::Quota => state.at.saturating_add(self.period),
        };
        Duration::from_nanos(end)
    }

    /// GCRA in units of `1 / count` of a nanosecond, in which every interval is whole.
    fn charge_rate(self, state: Option<State>, now: u64) -> (Standing, State) {
        let count = u128::from(self.count);
        let interval = u128::from(self.period);
        let burst = interval * count;
        let now = u128::from(now) * count;
        let stored = state.unwrap_or_default();
        let stored = u128::from(stored.at) * count + u128::from(stored.part);
        let arrival = stored.clamp(now, now + burst);
        let after = arrival + interval;
        let allowed = after <= now + burst;
        let used = if allowed { after } else { arrival };
        let remaining = (now + burst - used) / interval;
        // The next request passes once `used + interval` is no further off than the burst.
        let wait = (used + interval).saturating_sub(now + burst);
        let standing = Standing {
            allowed,
            remaining: u32::try_from(remaining).unwrap_or(self.count),
            retry_after: duration(wait.div_ceil(count)),
            reset_after: duration((used - now).div_ceil(count)),
        };
        (standing, State::of_parts(used, count))
    }

    fn charge_quota(self, state: Option<State>, now: u64) -> (Standing, State) {
        let fresh = State { at: now, part: 0 };
        let open = |state: &State| now < state.at.saturating_add(self.period);
        let mut state = state.filter(open).unwrap_or(fresh);
        state.at = state.at.min(now);
        let count = u64::from(self.count);
        let allowed = state.part < count;
        state.part = state.part.saturating_add(u64::from(allowed)).min(count);
        let left = Duration::from_nanos(state.at.saturating_add(self.period).saturating_sub(now));
        let remaining = u32::try_from(count - state.part).unwrap_or(self.count);
        let standing = Standing {
            allowed,
            remaining,
            retry_after: if remaining > 0 { Duration::ZERO } else { left },
            reset_after: left,
        };
        (standing, state)
    }
}

impl State {
    fn of_parts(parts: u128, count: u128) -> Self {
        Self {
            at: u64::try_from(parts / count).unwrap_or(u64::MAX),
            part: u64::try_from(parts % count).unwrap_or_default(),
        }
    }
}

/// Until the year 2554, where it stops.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn duration(nanoseconds: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
