//! TLS to upstreams: whom they must prove to be, and what is proved to them.

use std::path::Path;
use std::sync::Arc;

use ::aws_lc_rs::digest::{Context, SHA256};
use portcullis_config::{Protocol, UpstreamTls};
use portcullis_token::Secret;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::{TlsError, parse_certificates, read, warn_readable};

/// Rules and files for connections to upstreams, ready for use.
#[derive(Clone, Debug)]
pub(crate) struct ClientTls {
    pub(crate) config: Arc<ClientConfig>,
    /// The same for the same files; empty where there are none.
    pub(crate) digest: Arc<str>,
}

impl ClientTls {
    /// Reads the files that `tls` names, relative to `directory`.
    pub(crate) fn load(
        tls: &UpstreamTls,
        protocol: Protocol,
        directory: &Path,
    ) -> Result<Self, TlsError> {
        let mut digest = Digest::default();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Version)?;
        let builder = match &tls.ca {
            None => builder.with_platform_verifier().map_err(TlsError::System)?,
            Some(path) => {
                let path = directory.join(path);
                builder.with_root_certificates(authorities(&path, &mut digest)?)
            }
        };
        let mut config = match &tls.certificate {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let path = directory.join(&own.certificate);
                let pem = digest.add(read(&path)?);
                let chain = parse_certificates(&pem, &path)?;
                let key = private_key(&directory.join(&own.key), &mut digest)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|cause| TlsError::Unusable { path, cause })?
            }
        };
        if protocol == Protocol::Http2 {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        Ok(Self {
            config: Arc::new(config),
            digest: digest.finish().into(),
        })
    }
}

fn authorities(path: &Path, digest: &mut Digest) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in parse_certificates(&digest.add(read(path)?), path)? {
        roots.add(authority).map_err(|cause| TlsError::Unusable {
            path: path.to_owned(),
            cause,
        })?;
    }
    Ok(roots)
}

fn private_key(path: &Path, digest: &mut Digest) -> Result<PrivateKeyDer<'static>, TlsError> {
    let key = Secret::new(digest.add(read(path)?));
    warn_readable(path);
    PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_| TlsError::NotPem {
        path: path.to_owned(),
        expected: "private key",
    })
}

/// SHA-256 of all files together.
#[derive(Default)]
struct Digest(Option<Context>);

impl Digest {
    fn add(&mut self, file: Vec<u8>) -> Vec<u8> {
        let context = self.0.get_or_insert_with(|| Context::new(&SHA256));
        // With its length, so that no two lists of files are one.
        context.update(&(file.len() as u64).to_be_bytes());
        context.update(&file);
        file
    }

    fn finish(self) -> String {
        let mut text = String::new();
        if let Some(context) = self.0 {
            for byte in context.finish().as_ref() {
                text += &format!("{byte:02x}");
            }
        }
        text
    }
}
