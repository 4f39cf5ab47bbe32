//! Rows 44 and 45: the issuer is asked about opaque tokens.

use portcullis_token::Reason;

use super::Route;
use super::case::Case;
use crate::TestIntrospection;

const ACTIVE: &str = "portcullis-conformance-active";

/// Cases while the endpoint answers.
pub(super) fn cases(route: &Route) -> Vec<Case> {
    let Some((path, endpoint)) = &route.setup.introspection else {
        return Vec::new();
    };
    endpoint.activate(ACTIVE, route.token().claims());
    [
        Case::token(0, "opaque and active", ACTIVE, Reason::Inactive).passing(),
        Case::token(44, "opaque and unknown", "ended", Reason::Inactive),
        Case::token(
            44,
            "undefined, which is opaque",
            "undefined",
            Reason::Inactive,
        ),
    ]
    .map(|case| case.at(path))
    .to_vec()
}

/// The endpoint fails for as long as this lives.
pub(super) struct Failure<'r> {
    path: &'r str,
    endpoint: &'r TestIntrospection,
}

impl<'r> Failure<'r> {
    /// Begins one, where an endpoint is asked.
    pub(super) fn begin(route: &'r Route) -> Option<Self> {
        let (path, endpoint) = route.setup.introspection.as_ref()?;
        endpoint.fail(500);
        Some(Self { path, endpoint })
    }

    /// Tokens that nobody has asked about before, so that no answer is remembered.
    pub(super) fn case(&self) -> Case {
        let name = "opaque while the issuer fails";
        Case::token(45, name, "never-seen", Reason::IntrospectionUnavailable).at(self.path)
    }
}

impl Drop for Failure<'_> {
    fn drop(&mut self) {
        self.endpoint.recover();
    }
}
