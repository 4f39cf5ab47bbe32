use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use super::upstream::read_url;
use super::{admin, limits, ready, tls};
use crate::config::Server;
use crate::diagnostic::Diagnostic;
use crate::keys::SERVER;
use crate::network::Network;
use crate::policy::LimitHeaders;
use crate::server::{CertificateHeader, Limits};

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const LIMIT_HEADERS: [LimitHeaders; 2] = [LimitHeaders::Ietf, LimitHeaders::Legacy];

pub(super) fn read(reader: &mut Reader<'_>, root: &Fields<'_>) -> Result<Server, Reported> {
    let Some(fields) = root.optional("server", |entry| Fields::open(reader, &SERVER, &entry))?
    else {
        return Ok(Server {
            listen: LISTEN,
            url: None,
            workers: None,
            limits: Limits::default(),
            tls: None,
            limit_headers: LIMIT_HEADERS.to_vec(),
            admin: None,
            ready: None,
            drain: admin::DRAIN,
            drain_delay: Duration::ZERO,
            trusted_proxies: Vec::new(),
            client_certificate_header: None,
        });
    };
    let listen = fields.optional("listen", |entry| read_address(reader, &entry));
    let url = fields.optional("url", |entry| read_url(reader, &entry));
    let workers = fields.optional("workers", |entry| read_workers(reader, &entry));
    let trusted_proxies = fields.optional("trusted_proxies", |entry| {
        reader.list(&entry, "a list of strings", read_network)
    });
    let client_certificate_header = read_certificate_header(reader, &fields);
    let limit_headers = fields.optional("limit_headers", |entry| {
        let read =
            |reader: &mut Reader<'_>, entry: &Entry<'_>| reader.choice(entry, &LimitHeaders::ALL);
        reader.list(&entry, "a list of strings", read)
    });
    let limits = fields.optional("limits", |entry| limits::read(reader, &entry));
    let tls = fields.optional("tls", |entry| tls::read(reader, &entry));
    let admin = fields.optional("admin", |entry| admin::read(reader, &entry));
    let ready = fields.optional("ready", |entry| ready::read(reader, &entry));
    let [drain, drain_delay] = ["drain", "drain_delay"]
        .map(|name| fields.optional(name, |entry| admin::read_drain(reader, &entry)));
    Ok(Server {
        listen: listen?.unwrap_or(LISTEN),
        url: url?,
        workers: workers?,
        limits: limits?.unwrap_or_default(),
        tls: tls?,
        limit_headers: limit_headers?.unwrap_or_else(|| LIMIT_HEADERS.to_vec()),
        admin: admin?,
        ready: ready?,
        drain: drain?.unwrap_or(admin::DRAIN),
        drain_delay: drain_delay?.unwrap_or_default(),
        trusted_proxies: trusted_proxies?.unwrap_or_default(),
        client_certificate_header: client_certificate_header?,
    })
}

/// An address and a port to listen on.
pub(super) fn read_address(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<SocketAddr, Reported> {
    let text = reader.text(entry)?.value();
    text.parse().map_err(|_| {
        let problem = Diagnostic::new(
            entry.span(),
            format!("{entry} must be an IP address and a port"),
        );
        reader.refuse(problem.hint("write for example `127.0.0.1:8080` or `[::1]:8080`"))
    })
}

fn read_certificate_header(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<Option<CertificateHeader>, Reported> {
    let Some(entry) = fields.find("client_certificate_header") else {
        return Ok(None);
    };
    if fields.find("trusted_proxies").is_none() {
        let message = "`client_certificate_header` does nothing without `trusted_proxies`";
        reader.warn(Diagnostic::new(entry.key.clone(), message));
    }
    reader.choice(&entry, &CertificateHeader::ALL).map(Some)
}

fn read_workers(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<NonZeroUsize, Reported> {
    let range = (1, 1024);
    let count = reader.count(entry, range)?;
    let workers = usize::try_from(count).ok().and_then(NonZeroUsize::new);
    workers.ok_or_else(|| reader.bad(entry, "is out of range"))
}

fn read_network(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Network, Reported> {
    let text = reader.text(entry)?.value();
    text.parse()
        .map_err(|error: crate::NetworkError| reader.bad(entry, error))
}
