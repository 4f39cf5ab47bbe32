use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_config::Protocol;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::forward::upstream::{Upstream, UpstreamError};

/// The upstreams of a plan, each prepared once.
#[derive(Default)]
pub(super) struct Upstreams {
    prepared: BTreeMap<portcullis_config::Upstream, Arc<Upstream>>,
    tls: BTreeMap<Protocol, Arc<ClientConfig>>,
}

impl Upstreams {
    pub(super) fn prepare(
        &mut self,
        config: &portcullis_config::Upstream,
    ) -> Result<Arc<Upstream>, UpstreamError> {
        if let Some(upstream) = self.prepared.get(config) {
            return Ok(Arc::clone(upstream));
        }
        let upstream = Arc::new(Upstream::new(config, || self.tls(config.protocol))?);
        self.prepared.insert(config.clone(), Arc::clone(&upstream));
        Ok(upstream)
    }

    fn tls(&mut self, protocol: Protocol) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.tls.get(&protocol) {
            return Ok(Arc::clone(config));
        }
        let mut config = client_tls()?;
        if protocol == Protocol::Http2 {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        let config = Arc::new(config);
        self.tls.insert(protocol, Arc::clone(&config));
        Ok(config)
    }
}

/// TLS to upstreams, with the operating system's certificate authorities.
fn client_tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth())
}
