use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis::Clock;
use portcullis_token::UnixTime;

/// A clock that stands still until it is moved. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use portcullis::Clock as _;
/// use portcullis_testkit::TestClock;
///
/// let clock = TestClock::default();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), TestClock::START.plus(Duration::from_secs(60)));
/// ```
#[derive(Clone, Debug)]
pub struct TestClock {
    seconds: Arc<AtomicU64>,
}

impl TestClock {
    /// Where a [`TestClock`] starts: 2026-01-01T00:00:00Z.
    ///
    /// ```
    /// use portcullis_testkit::TestClock;
    ///
    /// assert_eq!(TestClock::START.to_string(), "2026-01-01T00:00:00Z");
    /// ```
    pub const START: UnixTime = UnixTime(1_767_225_600);

    /// Moves the clock forward; fractions of a second are dropped.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use portcullis::Clock as _;
    /// # use portcullis_testkit::TestClock;
    /// let clock = TestClock::default();
    /// clock.clone().advance(Duration::from_millis(2_900));
    /// assert_eq!(clock.now().since(TestClock::START), Duration::from_secs(2));
    /// ```
    pub fn advance(&self, by: Duration) {
        self.seconds.fetch_add(by.as_secs(), Ordering::AcqRel);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self {
            seconds: Arc::new(AtomicU64::new(Self::START.0)),
        }
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.seconds.load(Ordering::Acquire))
    }
}
