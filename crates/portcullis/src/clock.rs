use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

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
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> UnixTime {
        // A clock before 1970 is read as 1970: every token is then not valid yet.
        let elapsed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UnixTime(elapsed.as_secs())
    }
}
