use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_token::UnixTime;

/// Where the time comes from, so that a test can move it.
///
/// ```
/// use portcullis::Clock;
/// use portcullis_token::UnixTime;
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
/// ```
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time at this moment.
    fn now(&self) -> UnixTime;

    /// The same since 1970, as exactly as the clock can tell; whole seconds unless it can do more.
    fn now_exact(&self) -> Duration {
        Duration::from_secs(self.now().0)
    }
}

/// The machine's clock.
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
