//! Row 28: the issuer publishes two keys of one id.

use std::time::Duration;

use portcullis_token::Reason;

use super::Route;
use super::case::Case;

/// For how long an unknown key id may not cause another fetch.
pub(super) const COOLDOWN: Duration = Duration::from_secs(10);

/// The keys are published for as long as this lives.
pub(super) struct Twins<'r> {
    route: &'r Route,
}

impl<'r> Twins<'r> {
    /// Publishes them, if the clock can be moved so that the service looks for keys again.
    pub(super) fn publish(route: &'r Route) -> Option<Self> {
        route.clock.as_ref()?.advance(COOLDOWN);
        route.issuer.publish_twins(&route.stranger);
        Some(Self { route })
    }

    pub(super) fn case(&self) -> Case {
        Case::token(
            28,
            "two keys of one kid",
            &by_stranger(self.route),
            Reason::KeyAmbiguous,
        )
    }
}

impl Drop for Twins<'_> {
    fn drop(&mut self) {
        self.route.issuer.withdraw_twins(&self.route.stranger);
    }
}

/// What makes the service look for keys again, and forget what its issuer has shown it.
pub(super) fn looking_case(route: &Route, name: &str) -> Option<Case> {
    route.clock.as_ref()?.advance(COOLDOWN);
    let token = route.token().kid("nobody's");
    Some(Case::token(26, name, &token, Reason::KeyUnknown))
}

/// A token that would be good if the stranger's key were the only one of its id.
fn by_stranger(route: &Route) -> String {
    let claims = route.token().claims();
    let mut token = route.stranger.token();
    if let serde_json::Value::Object(claims) = claims {
        token.claims = claims;
    }
    token.sign()
}
