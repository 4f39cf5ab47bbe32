use super::Plan;
use crate::token_places::Stripped;

impl Plan {
    /// The places of credentials that the upstreams of this API do not see.
    pub(super) fn stripped(&self, api: &portcullis_config::Api) -> Stripped {
        let mut stripped = Stripped::default();
        let needs = api.routes.iter().flat_map(|route| &route.auth.alternatives);
        for need in needs.flatten() {
            let sources = &self.authorizers[need.authorizer].sources;
            for source in sources {
                stripped.add(source);
            }
        }
        if api.routes.iter().any(|route| route.auth.signed.is_some()) {
            stripped.add_signature();
        }
        let all = self.authorizers.iter().flat_map(|own| &own.sources);
        for source in all {
            stripped.add_foreign(source);
        }
        stripped
    }
}
