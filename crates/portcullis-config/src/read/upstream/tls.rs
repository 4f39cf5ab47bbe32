use url::{Host, Url};

use crate::diagnostic::Diagnostic;
use crate::keys::UPSTREAM_TLS;
use crate::read::fields::{Entry, Fields};
use crate::read::reader::{Reader, Reported};
use crate::server::Certificate;
use crate::upstream::UpstreamTls;

/// Reads what an upstream must prove, which only one over https can.
pub(super) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    urls: Result<&[Url], &Reported>,
) -> Result<UpstreamTls, Reported> {
    let fields = Fields::open(reader, &UPSTREAM_TLS, entry)?;
    let ca = fields.optional("ca", |entry| reader.nonempty(&entry));
    let certificate = read_certificate(reader, &fields);
    let server_name = fields.optional("server_name", |entry| read_name(reader, &entry));
    let tls = UpstreamTls {
        ca: ca?,
        certificate: certificate?,
        server_name: server_name?,
    };
    let is_plain = |urls: &[Url]| urls.iter().any(|url| url.scheme() != "https");
    if tls != UpstreamTls::default() && urls.is_ok_and(is_plain) {
        let message = "an upstream over http proves nothing";
        let problem = Diagnostic::new(entry.key.clone(), message);
        return Err(reader.refuse(problem.hint("write `https://`, or remove `tls`")));
    }
    Ok(tls)
}

fn read_certificate(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Certificate>, Reported> {
    let [certificate, key] =
        ["certificate", "key"].map(|name| fields.optional(name, |entry| reader.nonempty(&entry)));
    match (certificate?, key?) {
        (Some(certificate), Some(key)) => Ok(Some(Certificate { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => fields.required(reader, "key").map(|_| None),
        (None, Some(_)) => fields.required(reader, "certificate").map(|_| None),
    }
}

fn read_name(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let name = reader.text(entry)?.value();
    match Host::parse(&name) {
        Ok(Host::Domain(host)) if host == name => Ok(name),
        Ok(Host::Ipv4(_)) => Ok(name),
        _ => Err(reader.bad(
            entry,
            "must be a host name in lower case, or an IPv4 address",
        )),
    }
}
