use portcullis::Chain;
use portcullis_store::tenant::Database;

use crate::cors::AllowedOrigins;

/// The origins of the tenant's applications: those that are listed, and those of callbacks.
#[derive(Clone, Debug)]
pub(crate) struct RegisteredOrigins(pub(crate) Database);

impl AllowedOrigins for RegisteredOrigins {
    async fn allows(&self, origin: &str) -> bool {
        match self.0.clients().know_origin(origin).await {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "could not look for an origin");
                false
            }
        }
    }
}
