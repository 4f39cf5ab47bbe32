//! How often one may try a user's password: Auth0's `attack-protection/brute-force-protection`.

use std::net::IpAddr;

use portcullis::caller_network;
use portcullis_store::tenant::LoginLimit;
use serde_json::{Value, json};

use crate::Tenant;
use crate::caller::Caller;
use crate::fault::Fault;

/// Where it is kept among the tenant's settings.
pub(crate) const KEPT_AS: &str = "brute_force_protection";

const DAY: i64 = 24 * 60 * 60;

/// What a tenant does about those who guess passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BruteForce {
    /// Whether anybody is blocked.
    blocks: bool,
    /// Attempts that are allowed in a day: 10.
    attempts: i64,
    /// Whether the attempts of all addresses count together.
    of_all_addresses: bool,
    /// Whom it is not about.
    allowed: Vec<IpAddr>,
}

impl BruteForce {
    pub(crate) async fn load(tenant: &Tenant) -> Result<Self, Fault> {
        let saved = tenant.database.settings().load().await?;
        let saved = saved.as_ref().and_then(|saved| saved.get(KEPT_AS));
        Ok(Self::read(&shown(saved)))
    }

    fn read(object: &Value) -> Self {
        let texts = |name: &str| {
            let texts = object[name].as_array().into_iter().flatten();
            texts.filter_map(Value::as_str)
        };
        let blocks = texts("shields").any(|shield| shield == "block");
        let allowed = texts("allowlist").filter_map(|text| text.parse().ok());
        Self {
            blocks: blocks && object["enabled"] == true,
            attempts: object["max_attempts"].as_i64().unwrap_or(10),
            of_all_addresses: object["mode"] == "count_per_identifier",
            allowed: allowed.collect(),
        }
    }

    /// By which limit, and under which address, an attempt of the caller is counted.
    ///
    /// Absent where it is not.
    pub(crate) fn limit<'c>(&self, caller: &'c Caller) -> Option<(LoginLimit, &'c str)> {
        let is_caller = |allowed: &IpAddr| caller_network(*allowed).to_string() == caller.ip;
        if !self.blocks || self.allowed.iter().any(is_caller) {
            return None;
        }
        let limit = LoginLimit {
            attempts: self.attempts,
            window: DAY,
            block: 30 * DAY,
        };
        let address = if self.of_all_addresses {
            ""
        } else {
            &caller.ip
        };
        Some((limit, address))
    }
}

/// The object as it is shown: what is not kept is Auth0's default.
pub(crate) fn shown(kept: Option<&Value>) -> Value {
    let mut object = json!({
        "enabled": true,
        "shields": ["block", "user_notification"],
        "mode": "count_per_identifier_and_ip",
        "allowlist": [],
        "max_attempts": 10,
    });
    for (name, value) in kept.and_then(Value::as_object).into_iter().flatten() {
        object[name] = value.clone();
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_as_the_tenant_says() {
        let caller = Caller {
            ip: "192.0.2.1".to_owned(),
            user_agent: String::new(),
        };
        for (name, kept, expected) in [
            ("by default", json!({}), Some((10, "192.0.2.1"))),
            (
                "fewer",
                json!({ "max_attempts": 3 }),
                Some((3, "192.0.2.1")),
            ),
            (
                "of all",
                json!({ "mode": "count_per_identifier" }),
                Some((10, "")),
            ),
            ("disabled", json!({ "enabled": false }), None),
            (
                "only told",
                json!({ "shields": ["user_notification"] }),
                None,
            ),
            ("allowed", json!({ "allowlist": ["192.0.2.1"] }), None),
            (
                "another",
                json!({ "allowlist": ["192.0.2.2", "x"] }),
                Some((10, "192.0.2.1")),
            ),
        ] {
            let limit = BruteForce::read(&shown(Some(&kept))).limit(&caller);
            let found = limit.map(|(limit, address)| (limit.attempts, address));
            assert_eq!(found, expected, "{name}");
        }
    }
}
