//! The certificates of the data plane and those for upstreams, read from their files.

mod choice;
mod client;

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_config::{Certificate, ClientCertificates, TlsVersion};
use portcullis_token::Secret;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use self::choice::ByName;
pub(crate) use self::client::ClientTls;

/// The largest file that is read: bundles of authorities have some hundred KiB.
const LARGEST_FILE: u64 = 1 << 20;
/// Permissions of those who are neither the owner nor of the group.
const OTHERS: u32 = 0o007;

/// Certificates, keys and rules by which callers are met, ready for use.
#[derive(Clone, Debug)]
pub struct Tls {
    server_config: Arc<ServerConfig>,
}

/// Why TLS cannot be spoken with these files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        cause: io::Error,
    },
    /// A file is larger than 1 MiB.
    #[error("{} is larger than 1 MiB", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold what it should.
    #[error("{} holds no {expected} in PEM", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A certificate, its key or an authority cannot be used.
    #[error("{} cannot be used", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: rustls::Error,
    },
    /// The system's certificate authorities cannot be used.
    #[error("the system's certificate authorities cannot be used")]
    System(#[source] rustls::Error),
    /// The cryptographic provider does not speak the versions.
    #[error("the versions of TLS cannot be spoken")]
    Version(#[source] rustls::Error),
    /// A certificate that is not the first one has no names by which to choose it.
    #[error("{} holds a certificate without DNS names", path.display())]
    Nameless {
        /// The certificate's file.
        path: PathBuf,
    },
}

impl Tls {
    /// Reads the files that `config` names, relative to `directory`.
    ///
    /// A key that every user of this machine may read is used, with a warning in the log.
    ///
    /// # Errors
    /// [`TlsError`], for the first file that is of no use.
    pub fn load(config: &portcullis_config::Tls, directory: &Path) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut certificates = ByName::default();
        for certificate in &config.certificates {
            let path = directory.join(&certificate.certificate);
            let key = load_certificate(certificate, directory, &provider)?;
            certificates
                .add(Arc::new(key))
                .map_err(|choice::Nameless| TlsError::Nameless { path })?;
        }
        let clients = match &config.client_ca {
            Some(path) => {
                let path = directory.join(path);
                clients(&path, config.client_certificates, &provider)?
            }
            None => Arc::new(NoClientAuth),
        };
        let versions: &[&SupportedProtocolVersion] = match config.min_version {
            TlsVersion::V1_2 => &[&TLS13, &TLS12],
            TlsVersion::V1_3 => &[&TLS13],
        };
        let mut server_config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(TlsError::Version)?
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::new(certificates));
        server_config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            server_config: Arc::new(server_config),
        })
    }

    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server_config)
    }
}

fn load_certificate(
    certificate: &Certificate,
    directory: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let path = directory.join(&certificate.certificate);
    let chain = parse_certificates(&read(&path)?, &path)?;
    let key_path = directory.join(&certificate.key);
    let key = Secret::new(read(&key_path)?);
    warn_readable(&key_path);
    let key = PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_| TlsError::NotPem {
        path: key_path,
        expected: "private key",
    })?;
    CertifiedKey::from_der(chain, key, provider).map_err(|cause| TlsError::Unusable { path, cause })
}

fn clients(
    path: &Path,
    needed: ClientCertificates,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let unusable = |cause| TlsError::Unusable {
        path: path.to_owned(),
        cause,
    };
    let mut roots = RootCertStore::empty();
    for authority in parse_certificates(&read(path)?, path)? {
        roots.add(authority).map_err(unusable)?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = match needed {
        ClientCertificates::Required => builder,
        ClientCertificates::Optional => builder.allow_unauthenticated(),
    };
    builder
        .build()
        .map_err(|error| unusable(rustls::Error::General(error.to_string())))
        .map(|verifier| verifier as _)
}

/// One certificate or more.
fn parse_certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| TlsError::NotPem {
            path: path.to_owned(),
            expected: "certificate",
        })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |cause| TlsError::Read {
        path: path.to_owned(),
        cause,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let mut file = file.take(LARGEST_FILE + 1);
    let length = file.read_to_end(&mut bytes).map_err(unreadable)?;
    if length as u64 > LARGEST_FILE {
        return Err(TlsError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}

fn warn_readable(path: &Path) {
    let others = std::fs::metadata(path).map(|file| file.permissions().mode() & OTHERS);
    if others.is_ok_and(|others| others != 0) {
        tracing::warn!(key = %path.display(), "a private key is open to every user of this machine");
    }
}
