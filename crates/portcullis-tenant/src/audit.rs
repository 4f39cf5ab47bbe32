//! What happened, for those who run the tenant: Auth0's log events.

use portcullis::Chain;
use portcullis_store::tenant::LogEntry;
use serde_json::Value;

use crate::address_rate::Unproven;
use crate::caller::Caller;
use crate::{Tenant, ids};

/// No longer description is kept.
const MAX_DESCRIPTION: usize = 1024;

/// Something that happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event<'a> {
    /// Auth0's code, such as `s` for a login and `fp` for a wrong password.
    pub(crate) code: &'a str,
    pub(crate) client_id: Option<&'a str>,
    pub(crate) user_id: Option<&'a str>,
    /// What happened, for people. No secrets.
    pub(crate) description: &'a str,
    /// Whatever else there is to say. No secrets.
    pub(crate) details: Value,
}

/// Keeps an event that anybody can bring about, if not too many of them were kept.
pub(crate) async fn record_unproven(tenant: &Tenant, caller: &Caller, event: Event<'_>) {
    if tenant.charge(Unproven::Event, caller).is_ok() {
        record(tenant, caller, event).await;
    } else {
        tracing::debug!(event = event.code, "did not keep one event of too many");
    }
}

/// Keeps the event; a log that cannot be written stops nobody's login.
pub(crate) async fn record(tenant: &Tenant, caller: &Caller, event: Event<'_>) {
    let Ok(suffix) = ids::object_id() else {
        tracing::warn!(event = event.code, "could not name an event");
        return;
    };
    let nanoseconds = tenant.clock.now_exact().as_nanos();
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let description: String = event.description.chars().take(MAX_DESCRIPTION).collect();
    let entry = LogEntry {
        // Ids are to be in the order of time.
        id: format!("{nanoseconds:020}{suffix}"),
        at: tenant.now(),
        event: event.code.to_owned(),
        client_id: owned(event.client_id),
        user_id: owned(event.user_id),
        ip: Some(caller.ip.clone()),
        description: Some(description).filter(|text| !text.is_empty()),
        details: event.details,
    };
    if let Err(error) = tenant.database.logs().insert(&entry).await {
        tracing::warn!(event = event.code, error = %Chain(&error), "could not keep an event");
    }
}
