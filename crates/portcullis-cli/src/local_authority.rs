//! The certificate authority by which a project's tenant speaks TLS on this machine.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use jiff::{ToSpan as _, Zoned};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::terminal::Failure;

/// Apple's systems take no longer ones, and this one is made at each start.
const DAYS: i64 = 397;

/// An authority, kept with the tenant's keys: who trusts it once trusts the tenant for good.
#[derive(Debug)]
pub(crate) struct LocalAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate: PathBuf,
}

impl LocalAuthority {
    /// Reads the authority in `directory`, which exists, and makes one where there is none.
    ///
    /// The key is in a file that this user alone can read.
    pub(crate) fn load_or_create(directory: &Path) -> anyhow::Result<Self> {
        let key_file = directory.join("authority-key.pem");
        let certificate = directory.join("authority.pem");
        let key = match load_key(&key_file)? {
            Some(key) => key,
            None => create_key(&key_file)?,
        };
        let params = params(&key);
        if !certificate.exists() {
            let pem = params.self_signed(&key)?.pem();
            let written = fs::write(&certificate, pem);
            written.with_context(|| format!("{} cannot be written", certificate.display()))?;
        }
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate,
        })
    }

    /// The file with its certificate, to be trusted.
    pub(crate) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Makes a certificate for these names and addresses, and speaks TLS by it.
    pub(crate) fn acceptor(&self, names: &[String]) -> anyhow::Result<TlsAcceptor> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = DistinguishedName::new();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        // A clock that is a little slow must not refuse it.
        let today = Zoned::now().date();
        let (year, month, day) = parts(today.checked_sub(1.day())?)?;
        params.not_before = date_time_ymd(year, month, day);
        let (year, month, day) = parts(today.checked_add(DAYS.days())?)?;
        params.not_after = date_time_ymd(year, month, day);
        let leaf: CertificateDer<'static> = params.signed_by(&key, &self.issuer)?.der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn parts(date: jiff::civil::Date) -> anyhow::Result<(i32, u8, u8)> {
    let (month, day) = (u8::try_from(date.month())?, u8::try_from(date.day())?);
    Ok((date.year().into(), month, day))
}

/// The same each time for the same key, so that its name is the one in the certificate on disk.
fn params(key: &KeyPair) -> CertificateParams {
    let hash = digest(&SHA256, key.der_bytes());
    let number = hash
        .as_ref()
        .iter()
        .take(4)
        .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = format!("Portcullis development authority {number:08x}");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

/// Absent when there is no file.
fn load_key(path: &Path) -> anyhow::Result<Option<KeyPair>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(path, error)),
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(Failure::with_hint(
            format!("{} can be read by other users", path.display()),
            "remove it and `authority.pem` to have an authority made, and trust that one",
        ));
    }
    let pem = fs::read_to_string(path).map_err(|error| unusable(path, error))?;
    let key = KeyPair::from_pem(&pem);
    key.map(Some)
        .with_context(|| format!("{} holds no key in PEM", path.display()))
}

fn create_key(path: &Path) -> anyhow::Result<KeyPair> {
    let key = KeyPair::generate()?;
    let pem = key.serialize_pem();
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(pem.as_bytes()));
    written.map_err(|error| unusable(path, error))?;
    // That of an earlier key, which nobody has any more.
    let certificate = path.with_file_name("authority.pem");
    match fs::remove_file(&certificate) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unusable(&certificate, error)),
        _ => Ok(key),
    }
}

fn unusable(path: &Path, error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("{} cannot be used", path.display()))
}
