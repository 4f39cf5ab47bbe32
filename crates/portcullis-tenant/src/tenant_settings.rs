//! The settings that can change while the tenant runs: Auth0's `tenants/settings`.

use serde_json::{Map, Value};

use crate::Tenant;
use crate::fault::Fault;

const HOUR: i64 = 60 * 60;
/// Longer sessions than a hundred years are a mistake, and would leave the range of times.
const MAX_HOURS: f64 = 876_600.0;

/// What a login and a logout need of the tenant's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TenantSettings {
    /// What people call the tenant.
    pub(crate) name: String,
    pub(crate) default_audience: Option<String>,
    /// Where a logout that names no application may return to.
    pub(crate) logout_urls: Vec<String>,
    /// Seconds that an unused session lasts: 72 hours.
    pub(crate) idle_lifetime: i64,
    /// Seconds that any session lasts: 168 hours.
    pub(crate) session_lifetime: i64,
    /// Whether people are asked before a logout that their application does not vouch for.
    pub(crate) confirms_logout: bool,
    /// Whether the consent page shows the descriptions of scopes.
    pub(crate) describes_scopes: bool,
}

impl TenantSettings {
    pub(crate) async fn load(tenant: &Tenant) -> Result<Self, Fault> {
        let saved = tenant.database.settings().load().await?;
        let host = tenant.issuer.as_str().split('/').nth(2).unwrap_or_default();
        let default_audience = tenant.options.default_audience.as_deref();
        let saved = match &saved {
            Some(Value::Object(saved)) => saved,
            _ => &Map::new(),
        };
        Ok(Self::read(saved, host, default_audience))
    }

    /// What is absent has Auth0's default.
    fn read(saved: &Map<String, Value>, host: &str, default_audience: Option<&str>) -> Self {
        let text = |name: &str| saved.get(name).and_then(Value::as_str);
        let flag = |group: &str, name: &str| {
            let group = saved.get(group).and_then(Value::as_object);
            group.and_then(|group| group.get(name)?.as_bool())
        };
        let audience = text("default_audience").or(default_audience);
        let name = text("friendly_name").filter(|name| !name.is_empty());
        let urls = saved.get("allowed_logout_urls").and_then(Value::as_array);
        let urls = urls.into_iter().flatten().filter_map(Value::as_str);
        Self {
            name: name.unwrap_or(host).to_owned(),
            default_audience: audience.filter(|text| !text.is_empty()).map(str::to_owned),
            logout_urls: urls.map(str::to_owned).collect(),
            idle_lifetime: seconds(saved.get("idle_session_lifetime"), 72),
            session_lifetime: seconds(saved.get("session_lifetime"), 168),
            confirms_logout: flag("sessions", "oidc_logout_prompt_enabled").unwrap_or(true),
            describes_scopes: flag("flags", "use_scope_descriptions_for_consent").unwrap_or(false),
        }
    }
}

/// Reads a number of hours, which may have a fraction.
fn seconds(hours: Option<&Value>, default: i64) -> i64 {
    let hours = hours.and_then(Value::as_f64);
    match hours.filter(|hours| (0.0..=MAX_HOURS).contains(hours)) {
        // Whole minutes are as exact as anybody writes it.
        Some(hours) => {
            let text = format!("{:.0}", hours * 60.0);
            text.parse::<i64>()
                .map_or(default * HOUR, |minutes| minutes * 60)
        }
        None => default * HOUR,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_absent_is_auth0_s() {
        let defaults = TenantSettings {
            name: "localhost:4000".to_owned(),
            default_audience: None,
            logout_urls: Vec::new(),
            idle_lifetime: 72 * HOUR,
            session_lifetime: 168 * HOUR,
            confirms_logout: true,
            describes_scopes: false,
        };
        let read = |saved: &Value, audience| {
            TenantSettings::read(saved.as_object().unwrap(), "localhost:4000", audience)
        };
        for (name, saved) in [
            ("empty", json!({})),
            (
                "nonsense",
                json!({
                    "friendly_name": "",
                    "default_audience": "",
                    "allowed_logout_urls": "http://localhost:3000",
                    "idle_session_lifetime": -1,
                    "session_lifetime": 1e300,
                    "sessions": true,
                }),
            ),
        ] {
            assert_eq!(read(&saved, None), defaults, "{name}");
        }
        let saved = json!({
            "friendly_name": "Expenses",
            "default_audience": "https://expenses-api",
            "allowed_logout_urls": ["http://localhost:3000", 7],
            "idle_session_lifetime": 0.5,
            "session_lifetime": 720,
            "sessions": { "oidc_logout_prompt_enabled": false },
            "flags": { "use_scope_descriptions_for_consent": true },
        });
        let expected = TenantSettings {
            name: "Expenses".to_owned(),
            default_audience: Some("https://expenses-api".to_owned()),
            logout_urls: vec!["http://localhost:3000".to_owned()],
            idle_lifetime: HOUR / 2,
            session_lifetime: 720 * HOUR,
            confirms_logout: false,
            describes_scopes: true,
        };
        assert_eq!(read(&saved, Some("other")), expected);
        let fallback = read(&json!({}), Some("other"));
        assert_eq!(fallback.default_audience.as_deref(), Some("other"));
    }
}
