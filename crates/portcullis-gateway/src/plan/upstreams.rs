use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use url::Url;

use crate::forward::upstream::{Upstream, UpstreamError};

/// The upstreams of a plan, each prepared once.
#[derive(Default)]
pub(super) struct Upstreams {
    prepared: BTreeMap<Url, Arc<Upstream>>,
    tls: Option<Arc<ClientConfig>>,
}

impl Upstreams {
    pub(super) fn prepare(&mut self, url: &Url) -> Result<Arc<Upstream>, UpstreamError> {
        if let Some(upstream) = self.prepared.get(url) {
            return Ok(Arc::clone(upstream));
        }
        let upstream = Arc::new(Upstream::new(url, || match &self.tls {
            Some(config) => Ok(Arc::clone(config)),
            None => Ok(Arc::clone(self.tls.insert(client_tls()?))),
        })?);
        self.prepared.insert(url.clone(), Arc::clone(&upstream));
        Ok(upstream)
    }
}

/// TLS to upstreams, with the operating system's certificate authorities.
fn client_tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(Arc::new(config))
}
