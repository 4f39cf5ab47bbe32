//! What APIs say about themselves: routes that the gateway adds, and no file spells out.

use portcullis::{Answers, Metadata};
use portcullis_config::{Api, Config, Method};

/// What answers there.
pub(super) const TARGET: &str = "what the API says of itself (RFC 9728)";

/// The APIs with a `resource`, and where it is: except where the file has a route of its own.
pub(super) fn paths(config: &Config) -> impl Iterator<Item = (&Api, String)> {
    let described = config.apis.iter().filter_map(|api| {
        let resource = api.resource.as_ref()?;
        let answers = Answers::default().resource(&resource.identifier);
        Some((api, Metadata::of(&answers, [], &[]).path()))
    });
    described.filter(|(_, path)| !is_spelled_out(config, path))
}

fn is_spelled_out(config: &Config, path: &str) -> bool {
    let mut routes = config.apis.iter().flat_map(|api| &api.routes);
    let get = Method::One("GET".to_owned());
    routes.any(|route| route.methods == get && route.path.to_string() == path)
}
