//! Which pages may call the tenant by script: those of its applications.

use std::sync::Arc;

use portcullis::Chain;

use crate::Tenant;
use crate::cors::AllowedOrigins;

/// The origins that applications have registered, as they are at the moment of a request.
#[derive(Clone)]
pub(crate) struct RegisteredOrigins(pub(crate) Arc<Tenant>);

impl AllowedOrigins for RegisteredOrigins {
    async fn allows(&self, origin: &str) -> bool {
        let found = self.0.database.clients().have_origin(origin).await;
        found.unwrap_or_else(|error| {
            tracing::error!(error = %Chain(&error), "could not look up an origin");
            false
        })
    }
}
