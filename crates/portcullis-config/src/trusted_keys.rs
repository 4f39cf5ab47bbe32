use std::time::Duration;

use portcullis_token::Secret;

/// Where a secret that is shared with the issuer is; its bytes are used as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedSecret {
    /// It is this, as long as its algorithm asks at least.
    Given(Secret<String>),
    /// It is in this file, relative to the project's folder, without the line end after it.
    File(String),
}

/// How keys that are fetched are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// How long keys are used after the issuer last vouched for them; 24 hours when absent.
    pub max_stale: Duration,
    /// The file that keeps the last good keys over a restart, relative to the project's folder;
    /// none when absent.
    pub snapshot: Option<String>,
    /// What the gateway does at its start without keys.
    pub start: Start,
    /// Whether the gateway is ready without them.
    pub readiness: Readiness,
}

/// What a gateway does at its start until it has an authorizer's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// It listens.
    #[default]
    Lazy,
    /// It waits for them so long at most, and then listens without them.
    Wait(Duration),
    /// It ends without them: when so long has passed, or else when the first fetch has failed.
    Fail(Option<Duration>),
}

/// What an authorizer without keys means for the answer to load balancers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// The gateway is not ready until it has had them once.
    #[default]
    Required,
    /// Nothing: its tokens are refused with 503, and all others are served.
    Optional,
}

/// Keys whose tokens are refused, whatever the issuer says of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistrustedKeys {
    /// By `kid`.
    pub ids: Vec<String>,
    /// By RFC 7638 thumbprint.
    pub thumbprints: Vec<[u8; 32]>,
}

impl Default for Fetching {
    fn default() -> Self {
        Self {
            max_stale: Duration::from_hours(24),
            snapshot: None,
            start: Start::default(),
            readiness: Readiness::default(),
        }
    }
}
