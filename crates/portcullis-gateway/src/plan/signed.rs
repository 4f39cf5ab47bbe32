use super::{Plan, Route};
use crate::signed::SignedBy;

impl Plan {
    /// Whether any route may take signatures.
    pub(crate) const fn has_signed(&self) -> bool {
        !self.signed.is_empty()
    }

    /// Who takes signatures at this route; nobody when absent.
    pub(crate) fn signed(&self, route: &Route) -> Option<&SignedBy> {
        self.signed.get(route.auth.signed?)
    }
}
