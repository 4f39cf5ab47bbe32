use std::sync::Arc;
use std::time::Duration;

use portcullis_token::{KeySet, UnixTime};

/// Where the keys that are there came from.
///
/// ```
/// use portcullis::Origin;
///
/// assert_eq!(Origin::Snapshot.name(), "snapshot");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// There are none.
    #[default]
    Nowhere,
    /// The configuration.
    Given,
    /// The provider.
    Provider,
    /// The [`SnapshotFile`](crate::SnapshotFile) of an earlier run.
    Snapshot,
}

impl Origin {
    /// The name in logs and metrics.
    ///
    /// ```
    /// assert_eq!(portcullis::Origin::Given.name(), "given");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nowhere => "nowhere",
            Self::Given => "given",
            Self::Provider => "provider",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A key set, and when the provider last vouched for it.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    pub(super) set: Arc<KeySet>,
    pub(super) at: Option<UnixTime>,
    /// From `at` on.
    pub(super) usable_for: Duration,
    pub(super) origin: Origin,
    /// Differs between any two sets of one source; 0 is the empty one.
    pub(super) generation: u64,
}

impl Fetched {
    /// The keys, as long as they are not too old at `now`.
    pub(crate) fn usable(&self, now: UnixTime) -> Option<&KeySet> {
        let age = self.age(now)?;
        (age < self.usable_for).then_some(&*self.set)
    }

    /// The time since the provider last vouched for the keys, as long as they are usable.
    pub(super) fn usable_age(&self, now: UnixTime) -> Option<Duration> {
        self.age(now).filter(|age| *age < self.usable_for)
    }

    pub(super) fn age(&self, now: UnixTime) -> Option<Duration> {
        self.at.map(|at| now.since(at))
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }
}
