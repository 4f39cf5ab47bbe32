use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::diagnostic::Diagnostic;
use crate::keys::{CERTIFICATE, TLS};
use crate::server::{Certificate, ClientCertificates, Tls, TlsVersion};

const VERSIONS: [(&str, TlsVersion); 2] = [("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];

const CLIENT_CERTIFICATES: [(&str, ClientCertificates); 2] = [
    ("required", ClientCertificates::Required),
    ("optional", ClientCertificates::Optional),
];

/// More certificates than any one address has names for.
const MOST_CERTIFICATES: usize = 1000;

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Tls, Reported> {
    let fields = Fields::open(reader, &TLS, entry)?;
    let first = read_certificate(reader, &fields);
    let more = fields.optional("more", |entry| read_more(reader, &entry));
    let client_ca = fields.optional("client_ca", |entry| reader.nonempty(&entry));
    let client_certificates = read_client_certificates(reader, &fields);
    let min_version = fields.optional("min_version", |entry| reader.choice(&entry, &VERSIONS));
    let mut certificates = vec![first?];
    certificates.extend(more?.unwrap_or_default());
    Ok(Tls {
        certificates,
        client_ca: client_ca?,
        client_certificates: client_certificates?,
        min_version: min_version?.unwrap_or_default(),
    })
}

/// Refuses to say whether certificates are needed where nobody could be asked for one.
fn read_client_certificates(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<ClientCertificates, Reported> {
    let Some(entry) = fields.find("client_certificates") else {
        return Ok(ClientCertificates::default());
    };
    let choice = reader.choice(&entry, &CLIENT_CERTIFICATES)?;
    if fields.find("client_ca").is_none() {
        let message = "`client_certificates` needs `client_ca`: the authorities that are believed";
        return Err(reader.refuse(Diagnostic::new(entry.key, message)));
    }
    Ok(choice)
}

fn read_more(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Vec<Certificate>, Reported> {
    let more = reader.list(entry, "a list of tables", |reader, entry| {
        let fields = Fields::open(reader, &CERTIFICATE, entry)?;
        read_certificate(reader, &fields)
    })?;
    if more.len() < MOST_CERTIFICATES {
        Ok(more)
    } else {
        Err(reader.bad(entry, "has more than 999 entries"))
    }
}

fn read_certificate(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<Certificate, Reported> {
    let [certificate, key] = ["certificate", "key"].map(|name| {
        let entry = fields.required(reader, name)?;
        reader.nonempty(&entry)
    });
    Ok(Certificate {
        certificate: certificate?,
        key: key?,
    })
}
