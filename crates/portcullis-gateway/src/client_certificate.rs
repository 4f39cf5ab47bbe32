//! The certificate that a caller has shown: to us, or to a proxy that is trusted.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode;
use portcullis_config::CertificateHeader;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The SHA-256 of a certificate's DER: `x5t#S256` (RFC 8705 section 3.1).
pub(crate) type Thumbprint = [u8; 32];

pub(crate) fn thumbprint(der: &[u8]) -> Option<Thumbprint> {
    digest(&SHA256, der).as_ref().try_into().ok()
}

/// The certificate that a trusted proxy says its own client has shown.
///
/// None where it says nothing, more than one thing, or something that cannot be read: a token that
/// is bound to a certificate is refused then.
pub(crate) fn passed_on(header: CertificateHeader, headers: &HeaderMap) -> Option<Thumbprint> {
    let (name, _) = CertificateHeader::ALL
        .into_iter()
        .find(|(_, own)| *own == header)?;
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let line = lines.next().filter(|_| lines.next().is_none())?;
    let der = match header {
        CertificateHeader::ClientCert => byte_sequence(line)?,
        CertificateHeader::Forwarded => return last_element(line)?.thumbprint(),
        CertificateHeader::SslClientCert | CertificateHeader::IngressSslClientCert => {
            escaped_pem(line)?
        }
    };
    thumbprint(&der)
}

/// What an element of `x-forwarded-client-cert` says of a certificate.
#[derive(Default)]
struct Element<'l> {
    /// The certificate, as PEM.
    certificate: Option<&'l [u8]>,
    /// The SHA-256 of its DER, in hexadecimal digits: all that Envoy sends unless told otherwise.
    hash: Option<&'l [u8]>,
}

impl Element<'_> {
    fn thumbprint(&self) -> Option<Thumbprint> {
        match self.certificate {
            Some(certificate) => thumbprint(&escaped_pem(certificate)?),
            None => hexadecimal(self.hash?),
        }
    }
}

fn hexadecimal(text: &[u8]) -> Option<Thumbprint> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.chunks(2).map(|pair| match *pair {
        [high, low] => u8::try_from(16 * digit(high)? + digit(low)?).ok(),
        _ => None,
    });
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

/// RFC 9440 section 2.2: a byte sequence (RFC 8941 section 3.3.5), `:base64:`.
fn byte_sequence(line: &[u8]) -> Option<Vec<u8>> {
    let encoded = line.trim_ascii().strip_prefix(b":")?.strip_suffix(b":")?;
    STANDARD.decode(encoded).ok().filter(|der| !der.is_empty())
}

/// PEM, percent-encoded, with exactly one certificate.
fn escaped_pem(text: &[u8]) -> Option<Vec<u8>> {
    let pem: Vec<u8> = percent_decode(text).collect();
    let mut certificates = CertificateDer::pem_slice_iter(&pem);
    let certificate = certificates.next()?.ok()?;
    certificates
        .next()
        .is_none()
        .then(|| certificate.as_ref().to_vec())
}

/// The last element of `x-forwarded-client-cert`: the one that the nearest proxy added.
///
/// Elements stand between commas, their members between semicolons, and a value may be quoted.
fn last_element(line: &[u8]) -> Option<Element<'_>> {
    let mut element = Element::default();
    let mut rest = line;
    loop {
        let (name, after) = split_at_byte(rest, b'=')?;
        let (value, after) = split_value(after)?;
        let name = name.trim_ascii();
        let place = if name.eq_ignore_ascii_case(b"cert") {
            Some(&mut element.certificate)
        } else if name.eq_ignore_ascii_case(b"hash") {
            Some(&mut element.hash)
        } else {
            None
        };
        // Twice in one element: who knows which.
        if place.is_some_and(|place| place.replace(value).is_some()) {
            return None;
        }
        rest = match after {
            [] => return Some(element),
            [b';', next @ ..] => next,
            [b',', next @ ..] => {
                element = Element::default();
                next
            }
            _ => return None,
        };
    }
}

/// A value and what follows it. A quoted one ends at its quote; a backslash keeps what it escapes
/// from ending it, and has no place elsewhere.
fn split_value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| matches!(byte, b';' | b','));
        let (value, after) = text.split_at(end.unwrap_or(text.len()));
        let is_plain = !value.iter().any(|byte| matches!(byte, b'"' | b'\\'));
        return is_plain.then_some((value, after));
    };
    let mut escaped = false;
    for (index, byte) in quoted.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some((&quoted[..index], &quoted[index + 1..])),
            _ => {}
        }
    }
    None
}

fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let index = text.iter().position(|own| *own == byte)?;
    Some((&text[..index], &text[index + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN%20CERTIFICATE-----%0AAQID%0A-----END%20CERTIFICATE-----%0A";
    const OTHER: &str = "-----BEGIN%20CERTIFICATE-----%0ABAUG%0A-----END%20CERTIFICATE-----%0A";

    /// The SHA-256 of the bytes 1, 2, 3.
    const HASH: &str = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81";
    const OTHER_HASH: &str = "787c798e39a5bc1910355bae6d0cd87a36b2e10fd0202a83e3bb6b005da83472";

    fn read(header: CertificateHeader, lines: &[&str]) -> Option<Thumbprint> {
        let (name, _) = CertificateHeader::ALL
            .into_iter()
            .find(|(_, own)| *own == header)
            .unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_str(line).unwrap());
        }
        passed_on(header, &headers)
    }

    #[test]
    fn each_proxy_has_its_own_way_of_passing_a_certificate_on() {
        use CertificateHeader::{ClientCert, Forwarded, IngressSslClientCert, SslClientCert};
        let found = thumbprint(&[1, 2, 3]);
        for (header, line, expected) in [
            (ClientCert, ":AQID:".to_owned(), found),
            (ClientCert, "AQID".to_owned(), None),
            (ClientCert, ":AQID".to_owned(), None),
            (ClientCert, "::".to_owned(), None),
            (ClientCert, ":AQI:".to_owned(), None),
            (ClientCert, ":AQID:, :BAUG:".to_owned(), None),
            (SslClientCert, PEM.to_owned(), found),
            (IngressSslClientCert, PEM.to_owned(), found),
            (SslClientCert, format!("{PEM}{OTHER}"), None),
            (SslClientCert, "AQID".to_owned(), None),
            (SslClientCert, String::new(), None),
            (Forwarded, format!("Cert=\"{PEM}\""), found),
            (Forwarded, format!("Hash=a;cert={PEM};By=b"), found),
            (
                Forwarded,
                format!("Hash=a;Subject=\"/C=\\\",Cert=x\";Cert=\"{PEM}\""),
                found,
            ),
            (
                Forwarded,
                format!("Cert=\"{OTHER}\",By=b;Cert=\"{PEM}\""),
                found,
            ),
            (Forwarded, format!("Cert=\"{PEM}\",By=b"), None),
            (Forwarded, format!("Cert=\"{PEM}\";Cert=\"{PEM}\""), None),
            (Forwarded, format!("Cert=\"{PEM}"), None),
            (Forwarded, format!("Cert=\"{PEM}\"x"), None),
            (Forwarded, format!("By=\",Hash=a;Cert=\"{PEM}\""), None),
            (Forwarded, format!("By=\\\"\",Cert={PEM}"), None),
            (Forwarded, format!("By=b;Hash={HASH};Subject=\"\""), found),
            (
                Forwarded,
                format!("hash=\"{}\"", HASH.to_uppercase()),
                found,
            ),
            (Forwarded, format!("Hash={OTHER_HASH},Hash={HASH}"), found),
            (
                Forwarded,
                format!("Hash={OTHER_HASH};Cert=\"{PEM}\""),
                found,
            ),
            (Forwarded, format!("Hash={HASH};Cert=\"x\""), None),
            (Forwarded, format!("Hash={HASH},By=b"), None),
            (Forwarded, format!("Hash={HASH};Hash={HASH}"), None),
            (Forwarded, HASH.replacen('0', "Hash=", 1), None),
            (Forwarded, HASH.replacen("03", "Hash=", 1), None),
            (Forwarded, format!("Hash={HASH}00"), None),
            (Forwarded, HASH.replacen('0', "Hash=+", 1), None),
            (Forwarded, "Hash=".to_owned(), None),
            (Forwarded, "By=b".to_owned(), None),
            (Forwarded, "Cert".to_owned(), None),
        ] {
            assert_eq!(read(header, &[&line]), expected, "{header:?} {line}");
        }
        assert_eq!(read(ClientCert, &[]), None);
        assert_eq!(read(ClientCert, &[":AQID:", ":AQID:"]), None, "two lines");
    }
}
