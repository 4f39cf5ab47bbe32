//! How long an application's refresh tokens live, and whether they rotate.

use serde_json::Value;

/// 30 days: what a rotating token gets unless told otherwise.
const ROTATING_LIFETIME: i64 = 30 * 24 * 60 * 60;

/// Auth0's `refresh_token` of a client. Times are seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefreshPolicy {
    /// Whether each use gives another token.
    pub(crate) rotates: bool,
    /// For how long after its use a token gives the same successor again.
    pub(crate) leeway: i64,
    /// From the login to the end of the last token. Absent for ever.
    lifetime: Option<i64>,
    /// From one use to the next. Absent for ever.
    idle_lifetime: Option<i64>,
}

impl RefreshPolicy {
    /// Reads the object. What is absent or no number has Auth0's default, and a rotating token one
    /// of 30 days.
    pub(crate) fn read(object: &Value) -> Self {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let flag = |name: &str| object.get(name).and_then(Value::as_bool);
        let number = |name: &str| {
            let number = object.get(name).and_then(Value::as_i64);
            number.filter(|number| *number >= 0)
        };
        let rotates = text("rotation_type") == Some("rotating");
        let expires = text("expiration_type").map_or(rotates, |kind| kind == "expiring");
        let lifetime = |endless: &str, name: &str| {
            let is_endless = flag(endless).unwrap_or(!rotates);
            let seconds = number(name).unwrap_or(ROTATING_LIFETIME);
            (expires && !is_endless).then_some(seconds)
        };
        Self {
            rotates,
            leeway: number("leeway").unwrap_or(0),
            lifetime: lifetime("infinite_token_lifetime", "token_lifetime"),
            idle_lifetime: lifetime("infinite_idle_token_lifetime", "idle_token_lifetime"),
        }
    }

    /// When the tokens of a login at `now` end, however much they are used.
    pub(crate) fn family_expiry(&self, now: i64) -> Option<i64> {
        self.lifetime.map(|lifetime| now.saturating_add(lifetime))
    }

    /// When a token of `now` ends unless it is used.
    pub(crate) fn token_expiry(&self, now: i64) -> Option<i64> {
        self.idle_lifetime.map(|idle| now.saturating_add(idle))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_object_is_read_with_auth0_s_defaults() {
        let recorded = json!({
            "rotation_type": "non-rotating", "expiration_type": "non-expiring", "leeway": 0,
            "token_lifetime": 31_557_600, "infinite_token_lifetime": true,
            "infinite_idle_token_lifetime": true, "idle_token_lifetime": 2_592_000,
        });
        let spa = json!({
            "rotation_type": "rotating", "expiration_type": "expiring", "leeway": 10,
            "token_lifetime": 100, "infinite_token_lifetime": false,
            "infinite_idle_token_lifetime": false, "idle_token_lifetime": 50,
        });
        let month = Some(ROTATING_LIFETIME);
        for (name, object, rotates, leeway, lifetime, idle) in [
            ("nothing", json!({}), false, 0, None, None),
            ("no object", json!(null), false, 0, None, None),
            ("Auth0's default", recorded, false, 0, None, None),
            (
                "rotating",
                json!({ "rotation_type": "rotating" }),
                true,
                0,
                month,
                month,
            ),
            (
                "a single-page application's",
                spa,
                true,
                10,
                Some(100),
                Some(50),
            ),
            (
                "absolute only",
                json!({ "expiration_type": "expiring", "infinite_token_lifetime": false, "token_lifetime": 7 }),
                false,
                0,
                Some(7),
                None,
            ),
            (
                "nonsense",
                json!({ "rotation_type": "rotating", "leeway": -1, "token_lifetime": "7" }),
                true,
                0,
                month,
                month,
            ),
        ] {
            let expected = RefreshPolicy {
                rotates,
                leeway,
                lifetime,
                idle_lifetime: idle,
            };
            assert_eq!(RefreshPolicy::read(&object), expected, "{name}");
        }
    }
}
