//! Row 27: the issuer fails while an unknown key is looked for.

use portcullis_token::Reason;

use super::Route;
use super::case::Case;
use super::twins::COOLDOWN;
use crate::{Answer, TestIssuer};

/// The issuer answers 500 for as long as this lives.
pub(super) struct Outage<'r> {
    issuer: &'r TestIssuer,
}

impl<'r> Outage<'r> {
    /// Begins one, if the clock can be moved beyond the pause between fetches.
    pub(super) fn begin(route: &'r Route) -> Option<Self> {
        let clock = route.clock.as_ref()?;
        clock.advance(COOLDOWN);
        route.issuer.answer(Answer::Status(500));
        Some(Self {
            issuer: &route.issuer,
        })
    }

    pub(super) fn case(route: &Route) -> Case {
        let stranger = route.stranger.token();
        let token = stranger.valid_from(route.now(), 3600).sign();
        let name = "an unknown kid while the issuer fails";
        Case::token(27, name, &token, Reason::KeysUnavailable)
    }
}

impl Drop for Outage<'_> {
    fn drop(&mut self) {
        self.issuer.answer(Answer::Documents);
    }
}
