use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use portcullis_config::{Protocol, UpstreamTls};

use super::{Plan, Route, Target};
use crate::forward::check;
use crate::forward::upstream::{Upstream, UpstreamError};
use crate::tls::{ClientTls, TlsError};

/// The upstreams of a plan, each prepared once.
pub(super) struct Upstreams<'d> {
    /// What the paths of files are relative to.
    directory: &'d Path,
    prepared: BTreeMap<portcullis_config::Upstream, Arc<Upstream>>,
    tls: BTreeMap<(UpstreamTls, Protocol), ClientTls>,
}

/// How one address of an upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamHealth {
    /// The API that it stands behind.
    pub api: Arc<str>,
    /// Host and port.
    pub address: String,
    /// Whether requests are sent there as if nothing had happened.
    pub healthy: bool,
    /// How many requests in a row got no answer.
    pub failures: u32,
}

impl<'d> Upstreams<'d> {
    pub(super) const fn new(directory: &'d Path) -> Self {
        Self {
            directory,
            prepared: BTreeMap::new(),
            tls: BTreeMap::new(),
        }
    }

    pub(super) fn prepare(
        &mut self,
        config: &portcullis_config::Upstream,
    ) -> Result<Arc<Upstream>, UpstreamError> {
        if let Some(upstream) = self.prepared.get(config) {
            return Ok(Arc::clone(upstream));
        }
        let upstream = Upstream::new(config, || self.tls(config))?;
        let upstream = Arc::new(upstream);
        self.prepared.insert(config.clone(), Arc::clone(&upstream));
        Ok(upstream)
    }

    fn tls(&mut self, config: &portcullis_config::Upstream) -> Result<ClientTls, TlsError> {
        // The name is the address's own affair.
        let mut files = config.tls.clone();
        files.server_name = None;
        let key = (files, config.protocol);
        if let Some(tls) = self.tls.get(&key) {
            return Ok(tls.clone());
        }
        let tls = ClientTls::load(&key.0, key.1, self.directory)?;
        self.tls.insert(key, tls.clone());
        Ok(tls)
    }
}

/// Has `routes` go on with the upstreams of `earlier` ones that are the same.
pub(super) fn keep(routes: &mut [Route], earlier: &[Route]) {
    let earlier: BTreeMap<_, _> = earlier
        .iter()
        .filter_map(Route::upstream)
        .map(|upstream| (&upstream.config, upstream))
        .collect();
    for route in routes {
        if let Target::Upstream { upstream, .. } = &mut route.target
            && let Some(known) = earlier.get(&upstream.config)
            && known.is_same(upstream)
        {
            *upstream = Arc::clone(known);
        }
    }
}

impl Plan {
    /// Asks upstreams how they are, where the file says so.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where the file says so.
    pub(crate) fn start_checks(&self) {
        for upstream in self.routes.iter().filter_map(Route::upstream) {
            check::start(upstream);
        }
    }

    /// How the addresses of all upstreams are at this moment, each once for each API.
    pub fn upstream_health(&self) -> Vec<UpstreamHealth> {
        let mut found: BTreeMap<(Arc<str>, &str), UpstreamHealth> = BTreeMap::new();
        for route in &self.routes {
            let upstream = route.upstream();
            for address in upstream.iter().flat_map(|upstream| &upstream.addresses) {
                let (healthy, failures) = (address.health.is_well(), address.health.failures());
                let api = &route.api.name;
                let known = found
                    .entry((Arc::clone(api), address.authority.as_str()))
                    .or_insert_with(|| UpstreamHealth {
                        api: Arc::clone(api),
                        address: address.authority.to_string(),
                        healthy,
                        failures,
                    });
                // An API may have the address twice, in different words.
                known.healthy &= healthy;
                known.failures = known.failures.max(failures);
            }
        }
        found.into_values().collect()
    }
}

impl Route {
    fn upstream(&self) -> Option<&Arc<Upstream>> {
        match &self.target {
            Target::Upstream { upstream, .. } => Some(upstream),
            Target::Respond(_) | Target::Metadata(_) | Target::Function(_) => None,
        }
    }
}
