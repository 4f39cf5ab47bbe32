//! What is counted for the routes of one plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis::Cache;
use portcullis_config::{Config, LoggedSubject};

use super::series::{Decisions, Durations, LimitDecisions};
use crate::forward::upstream::Address;
use crate::plan::{Route, Target};

/// What a plan has counted and told about its requests.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(super) logs_access: bool,
    /// Whether refused tokens are told, each with a hint.
    pub(crate) logs_refusals: bool,
    pub(super) subject: LoggedSubject,
    /// Whether spans are made at all.
    pub(super) traces: bool,
    pub(super) sample_percent: u8,
    pub(super) cache: Cache,
    /// By the index of the route.
    routes: Vec<RouteSeries>,
    unmatched: RouteSeries,
    pub(super) all: Catalogue,
}

/// The handles of one route, so that nothing is looked up for a request.
#[derive(Debug)]
pub(crate) struct RouteSeries {
    pub(super) api: Arc<str>,
    /// The template of the path; empty where no route answers.
    pub(super) route: Arc<str>,
    pub(super) durations: Arc<Durations>,
    pub(super) decisions: Arc<Decisions>,
    /// By the index of the upstream's address.
    pub(super) upstream: Box<[UpstreamSeries]>,
}

#[derive(Debug)]
pub(super) struct UpstreamSeries {
    /// Host and port.
    pub(super) address: Arc<str>,
    pub(super) durations: Arc<Durations>,
}

/// Every series, by its labels.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// By API and template.
    pub(super) routes: BTreeMap<(Arc<str>, Arc<str>), Arc<Durations>>,
    /// By API.
    pub(super) decisions: BTreeMap<Arc<str>, Arc<Decisions>>,
    /// Of every policy.
    pub(super) limits: Arc<LimitDecisions>,
    /// By host and port.
    pub(super) upstreams: BTreeMap<Arc<str>, Arc<Durations>>,
}

impl Observed {
    /// What `config` wants to be told, about no routes yet.
    pub(crate) fn new(config: &Config, cache: Cache) -> Self {
        Self {
            logs_access: config.log.access,
            logs_refusals: config.log.refusals,
            subject: config.log.subject,
            traces: config.telemetry.otlp.is_some(),
            sample_percent: config.telemetry.sample_percent,
            cache,
            routes: Vec::new(),
            unmatched: RouteSeries::unmatched(),
            all: Catalogue::default(),
        }
    }

    /// Prepares what is counted for `routes`, from nought.
    pub(crate) fn prepare(&mut self, routes: &[Route]) {
        self.prepare_from(routes, &Catalogue::default());
    }

    /// Goes on counting where the plan before this one stops.
    pub(crate) fn continue_from(&mut self, earlier: &Self, routes: &[Route]) {
        self.prepare_from(routes, &earlier.all);
    }

    fn prepare_from(&mut self, routes: &[Route], earlier: &Catalogue) {
        let mut all = Catalogue {
            limits: Arc::clone(&earlier.limits),
            ..Catalogue::default()
        };
        let nothing = || Arc::<str>::from("");
        self.unmatched = all.series(earlier, nothing(), nothing(), &[]);
        self.routes = routes
            .iter()
            .map(|route| {
                let addresses = match &route.target {
                    Target::Respond(_) | Target::Metadata(_) | Target::Function(_) => &[][..],
                    Target::Upstream { upstream, .. } => &upstream.addresses,
                };
                let template = route.pattern.to_string().into();
                all.series(earlier, Arc::clone(&route.api.name), template, addresses)
            })
            .collect();
        self.all = all;
    }

    /// What is counted of limits.
    pub(crate) fn limits(&self) -> &LimitDecisions {
        &self.all.limits
    }

    /// The series of the route with this index, or those of requests that no route answers.
    pub(super) fn series(&self, route: Option<usize>) -> &RouteSeries {
        let found = route.and_then(|index| self.routes.get(index));
        found.unwrap_or(&self.unmatched)
    }
}

impl RouteSeries {
    fn unmatched() -> Self {
        Catalogue::default().series(&Catalogue::default(), "".into(), "".into(), &[])
    }
}

impl Catalogue {
    fn series(
        &mut self,
        earlier: &Self,
        api: Arc<str>,
        route: Arc<str>,
        addresses: &[Address],
    ) -> RouteSeries {
        let key = (Arc::clone(&api), Arc::clone(&route));
        let upstream = addresses.iter().map(|address| {
            let address: Arc<str> = address.authority.as_str().into();
            UpstreamSeries {
                durations: keep(
                    &mut self.upstreams,
                    &earlier.upstreams,
                    Arc::clone(&address),
                ),
                address,
            }
        });
        let upstream = upstream.collect();
        RouteSeries {
            durations: keep(&mut self.routes, &earlier.routes, key),
            decisions: keep(&mut self.decisions, &earlier.decisions, Arc::clone(&api)),
            api,
            route,
            upstream,
        }
    }
}

/// The series of this key: this plan's, or the earlier plan's, or an empty one.
fn keep<K: Ord, T: Default>(
    own: &mut BTreeMap<K, Arc<T>>,
    earlier: &BTreeMap<K, Arc<T>>,
    key: K,
) -> Arc<T> {
    let known = own.get(&key).or_else(|| earlier.get(&key));
    let series = known.map(Arc::clone).unwrap_or_default();
    own.entry(key).or_insert_with(|| Arc::clone(&series));
    series
}
