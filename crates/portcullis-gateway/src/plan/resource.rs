//! What APIs say about themselves (RFC 9728), as routes of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use portcullis::{Answers, Metadata};
use portcullis_config::{Dpop, HostPattern, Method, PathPattern, Resource, Segment};
use portcullis_token::{ProofRules, StepUp};

use super::{Auth, Plan, PlanError, Route, Target};
use crate::path::canonical;
use crate::token_places::Places;

impl Plan {
    /// Adds the routes of the well-known paths, last: the file may have routes of its own there.
    pub(super) fn add_resources(
        &mut self,
        config: &portcullis_config::Config,
    ) -> Result<(), PlanError> {
        let certificates = config.server.client_certificate_header.is_some()
            || config
                .server
                .tls
                .as_ref()
                .is_some_and(|tls| tls.client_ca.is_some());
        for (index, api) in config.apis.iter().enumerate() {
            if let Some(resource) = &api.resource {
                self.add_resource(index, (&api.hosts, resource), certificates)?;
            }
        }
        Ok(())
    }

    fn add_resource(
        &mut self,
        api: usize,
        (hosts, resource): (&[HostPattern], &Resource),
        certificates: bool,
    ) -> Result<(), PlanError> {
        let Some(first) = self.routes.iter().find(|route| route.api.index == api) else {
            return Ok(());
        };
        let (api, answers) = (Arc::clone(&first.api), Arc::clone(&first.answers));
        let metadata = self.metadata(api.index, resource, certificates);
        let path = metadata.path();
        let path = canonical(&path).map_err(|cause| PlanError::Resource {
            api: api.name.to_string(),
            cause,
        })?;
        let segments = crate::route::segments(&path);
        let pattern = PathPattern {
            segments: segments
                .map(|text| Segment::Literal(text.to_owned()))
                .collect(),
        };
        let method = Method::One("GET".to_owned());
        self.table
            .insert(hosts, (&method, &pattern), self.routes.len());
        self.routes.push(Route {
            index: self.routes.len(),
            api,
            name: format!("{method} {path}"),
            pattern,
            answers,
            places: Places::default(),
            auth: Auth {
                signed: None,
                alternatives: Vec::new(),
                anonymous: true,
                anonymous_policy: None,
                step_up: StepUp::default(),
            },
            target: Target::Metadata(Bytes::from(metadata.document())),
        });
        Ok(())
    }

    fn metadata(&self, api: usize, resource: &Resource, certificates: bool) -> Metadata {
        let routes = self.routes.iter().filter(|route| route.api.index == api);
        let needs = || {
            routes
                .clone()
                .flat_map(|route| route.auth.alternatives.iter().flatten())
        };
        let named: BTreeSet<usize> = needs().map(|need| need.authorizer).collect();
        let authorizers = || named.iter().map(|index| self.authorizer(*index));
        let issuers: BTreeSet<String> =
            authorizers().filter_map(|own| own.issuer.clone()).collect();
        let scopes = needs().flat_map(|need| need.scopes.scopes().map(str::to_owned));
        let sources: Vec<_> = authorizers()
            .flat_map(|own| own.sources.iter().cloned())
            .collect();
        let mut answers = Answers::default().resource(&resource.identifier);
        if authorizers().any(|own| own.dpop != Dpop::Off) {
            answers = answers.dpop(ProofRules::default().algorithms);
        }
        let mut metadata = Metadata::of(&answers, issuers, &sources).scopes(scopes);
        if let Some(name) = &resource.name {
            metadata = metadata.name(name);
        }
        if let Some(page) = &resource.documentation {
            metadata = metadata.documentation(page.as_str());
        }
        if certificates {
            metadata = metadata.certificate_bound();
        }
        metadata
    }
}
