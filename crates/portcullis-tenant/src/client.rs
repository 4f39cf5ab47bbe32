//! An application as the database has it.

use std::time::Duration;

use portcullis_store::tenant;
use serde_json::Value;

use crate::id_token::IdToken;
use crate::refresh_policy::RefreshPolicy;
use crate::settings::GrantType;

/// The longest lifetime of an ID token: 30 days.
const MAX_LIFETIME: u64 = 30 * 24 * 60 * 60;

/// An application that has shown who it is, as far as it can.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) row: tenant::Client,
    pub(crate) proof: Proof,
}

/// How an application has shown who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Not at all: anybody may say to be it.
    None,
    /// By a secret or a signature.
    Given,
}

impl Client {
    pub(crate) fn id(&self) -> &str {
        &self.row.client_id
    }

    pub(crate) fn may_use(&self, grant_type: GrantType) -> bool {
        let name = grant_type.name();
        self.row.grant_types.iter().any(|known| known == name)
    }

    /// Whether its codes must have been asked for with a challenge (RFC 9700 section 2.1.1).
    pub(crate) fn needs_challenge(&self) -> bool {
        self.proof == Proof::None || !self.row.is_first_party
    }

    pub(crate) fn id_token_lifetime(&self) -> Duration {
        let configured = self.row.jwt_configuration.get("lifetime_in_seconds");
        let seconds = configured.and_then(Value::as_u64);
        seconds
            .filter(|seconds| (1..=MAX_LIFETIME).contains(seconds))
            .map_or(IdToken::DEFAULT_LIFETIME, Duration::from_secs)
    }

    pub(crate) fn refresh_policy(&self) -> RefreshPolicy {
        RefreshPolicy::read(&self.row.refresh_token)
    }
}
