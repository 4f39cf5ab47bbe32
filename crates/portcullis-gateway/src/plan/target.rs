use std::sync::Arc;

use bytes::Bytes;
use portcullis::Clock;
use portcullis_config::Template;

use super::upstreams::Upstreams;
use super::{Plan, PlanError};
use crate::forward::function::{FunctionSlot, FunctionTarget};
use crate::forward::upstream::Upstream;

/// What answers a request that may pass.
#[derive(Debug)]
pub(crate) enum Target {
    Respond(Template),
    /// The API's metadata (RFC 9728), as JSON.
    Metadata(Bytes),
    Upstream {
        upstream: Arc<Upstream>,
        /// How many bytes of the path are the API's own and are not forwarded.
        strip: usize,
    },
    Function(FunctionSlot),
}

impl Target {
    /// Compiles the target of a route of `api`; `strip` is the length of its base, where that is
    /// not forwarded.
    pub(super) fn compile(
        config: &portcullis_config::Target,
        (api, strip): (&str, usize),
        upstreams: &mut Upstreams<'_>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, PlanError> {
        Ok(match config {
            portcullis_config::Target::Respond(template) => Self::Respond(template.clone()),
            portcullis_config::Target::Function(function) => {
                Self::Function(FunctionSlot::new((**function).clone(), Arc::clone(clock)))
            }
            portcullis_config::Target::Upstream(own) => {
                let upstream = upstreams
                    .prepare(own)
                    .map_err(|cause| PlanError::Upstream {
                        api: api.to_owned(),
                        cause,
                    })?;
                Self::Upstream { upstream, strip }
            }
        })
    }
}

impl Plan {
    /// Gives every function of the configuration what runs it.
    ///
    /// A plan that only decides needs none: a function that has nothing answers 503.
    pub fn connect_functions(
        &mut self,
        find: &mut dyn FnMut(&portcullis_config::Function) -> Option<Arc<dyn FunctionTarget>>,
    ) {
        for route in &mut self.routes {
            if let Target::Function(slot) = &mut route.target {
                slot.target = find(&slot.config);
            }
        }
    }
}
