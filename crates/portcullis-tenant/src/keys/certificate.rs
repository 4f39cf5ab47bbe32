use std::fmt;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_token::{SigningError, SigningKey, base64url};
use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber, date_time_ymd};

/// A certificate that says nothing but the key: self-signed, for clients that read only those.
///
/// It is the same each time it is made of the same key: its dates are fixed, its number is made
/// of the key's id, and RS256 has no randomness. Some clients remember its thumbprint.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    kid: String,
    der: Vec<u8>,
}

/// A key's certificate, as the Management API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicCertificate {
    /// The whole of it, as PEM (RFC 7468 section 5).
    pub pem: String,
    /// The SHA-1, 27 characters of base64url: the `x5t`.
    pub thumbprint: String,
}

impl Certificate {
    pub(super) fn sign(key: &SigningKey) -> Result<Self, SigningError> {
        let der = key.to_pkcs8()?;
        // The library has no key type that zeroises; the copy lives for as long as this function.
        let pair = KeyPair::try_from(der.expose().as_slice()).map_err(|_| SigningError::Key)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, key.kid());
        params.serial_number = Some(serial_number(key.kid()));
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2049, 12, 31);
        let certificate = params
            .self_signed(&pair)
            .map_err(|_| SigningError::Crypto)?;
        Ok(Self::from_der(key.kid(), certificate.der().to_vec()))
    }

    pub(super) fn from_der(kid: &str, der: Vec<u8>) -> Self {
        Self {
            kid: kid.to_owned(),
            der,
        }
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// A member of `x5c` (RFC 7517 section 4.7): base64, not base64url.
    pub(super) fn base64(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// The `x5t` (RFC 7517 section 4.8).
    pub(super) fn thumbprint(&self) -> String {
        base64url::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.der).as_ref())
    }

    pub(super) fn public(&self) -> PublicCertificate {
        let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
        let base64 = self.base64();
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        PublicCertificate {
            pem,
            thumbprint: self.thumbprint(),
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// Sixteen bytes, positive and never zero, as RFC 5280 section 4.1.2.2 wants it.
fn serial_number(kid: &str) -> SerialNumber {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, kid.as_bytes());
    let mut bytes = vec![1];
    bytes.extend_from_slice(hash.as_ref().get(..15).unwrap_or_default());
    SerialNumber::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_s_certificate_is_always_the_same() {
        let key = SigningKey::generate().unwrap();
        let copy = SigningKey::from_pkcs8(key.to_pkcs8().unwrap().expose()).unwrap();
        let certificate = Certificate::sign(&key).unwrap();
        assert_eq!(Certificate::sign(&copy).unwrap(), certificate);
        assert_eq!(certificate.thumbprint().len(), 27);

        let other = Certificate::sign(&SigningKey::generate().unwrap()).unwrap();
        assert_ne!(other.thumbprint(), certificate.thumbprint());
    }

    #[test]
    fn a_certificate_is_shown_as_pem() {
        let certificate = Certificate::from_der("kid", vec![7; 100]);
        let shown = certificate.public();
        let lines: Vec<_> = shown.pem.lines().collect();
        let [begin, body @ .., end] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert_eq!(*begin, "-----BEGIN CERTIFICATE-----");
        assert_eq!(*end, "-----END CERTIFICATE-----");
        assert!(body.iter().all(|line| line.len() <= 64));
        assert_eq!(STANDARD.decode(body.concat()).unwrap(), [7; 100]);
    }
}
