use std::fmt;
use std::time::Duration;

/// Whole seconds since 1970-01-01T00:00:00Z, leap seconds ignored (RFC 7519's `NumericDate`).
///
/// Printed as RFC 3339 in UTC, or as the number of seconds where that has no such form.
///
/// ```
/// use std::time::Duration;
/// use portcullis_token::UnixTime;
///
/// let time = UnixTime(0).plus(Duration::from_secs(60));
/// assert_eq!(time.to_string(), "1970-01-01T00:01:00Z");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// The time `duration` later; fractions of a second are dropped, overflow stops at the end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis_token::UnixTime;
    ///
    /// assert_eq!(UnixTime(100).plus(Duration::from_millis(1_900)), UnixTime(101));
    /// ```
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// The time from `earlier` to this one; zero when `earlier` is the later of the two.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis_token::UnixTime;
    ///
    /// assert_eq!(UnixTime(100).since(UnixTime(40)), Duration::from_secs(60));
    /// assert_eq!(UnixTime(40).since(UnixTime(100)), Duration::ZERO);
    /// ```
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = i64::try_from(self.0)
            .ok()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        match timestamp {
            Some(timestamp) => timestamp.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_printed_as_rfc_3339() {
        assert_eq!(UnixTime(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(UnixTime(1_790_000_000).to_string(), "2026-09-21T14:13:20Z");
        assert_eq!(UnixTime(u64::MAX).to_string(), "18446744073709551615");
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(
            UnixTime(u64::MAX).plus(Duration::from_secs(1)),
            UnixTime(u64::MAX)
        );
        assert_eq!(UnixTime(5).since(UnixTime(8)), Duration::ZERO);
        assert_eq!(UnixTime(8).since(UnixTime(5)), Duration::from_secs(3));
    }
}
