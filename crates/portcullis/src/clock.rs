use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_token::UnixTime;

/// Where the time comes from, so that a test can move it.
///
/// ```
/// use portcullis::{Clock, UnixTime};
///
/// /// Always the same moment.
/// #[derive(Debug)]
/// struct Stopped(UnixTime);
///
/// impl Clock for Stopped {
///     fn now(&self) -> UnixTime {
///         self.0
///     }
/// }
/// assert_eq!(Stopped(UnixTime(60)).now().to_string(), "1970-01-01T00:01:00Z");
/// ```
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time at this moment.
    ///
    /// ```
    /// use portcullis::{Clock as _, SystemClock, UnixTime};
    ///
    /// assert!(SystemClock.now() > UnixTime(1_767_225_600), "2026 has begun");
    /// ```
    fn now(&self) -> UnixTime;

    /// The same since 1970, as exactly as the clock can tell; whole seconds unless it can do more.
    ///
    /// ```
    /// use portcullis::{Clock as _, SystemClock};
    ///
    /// let before = SystemClock.now_exact();
    /// assert!(SystemClock.now_exact() >= before);
    /// ```
    fn now_exact(&self) -> Duration {
        Duration::from_secs(self.now().0)
    }
}

/// The machine's clock.
///
/// ```
/// use portcullis::{Clock as _, SystemClock};
///
/// let tomorrow = SystemClock.now().plus(std::time::Duration::from_hours(24));
/// assert!(tomorrow > SystemClock.now());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.now_exact().as_secs())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now_exact(&self) -> Duration {
        // A clock before 1970 is read as 1970: every token is then not valid yet.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }
}
