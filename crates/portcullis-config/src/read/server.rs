use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

use super::api::read_upstream;
use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::config::Server;
use crate::diagnostic::Diagnostic;
use crate::keys::{LIMITS, SERVER};
use crate::network::Network;
use crate::quantity::parse_size;

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const BODY_LIMIT: u64 = 10 << 20;

pub(super) fn read(reader: &mut Reader<'_>, root: &Fields<'_>) -> Result<Server, Reported> {
    let Some(fields) = root.optional("server", |entry| Fields::open(reader, &SERVER, &entry))?
    else {
        return Ok(Server {
            listen: LISTEN,
            url: None,
            workers: None,
            body_limit: BODY_LIMIT,
            trusted_proxies: Vec::new(),
        });
    };
    let listen = fields.optional("listen", |entry| read_address(reader, &entry));
    let url = fields.optional("url", |entry| read_upstream(reader, &entry));
    let workers = fields.optional("workers", |entry| read_workers(reader, &entry));
    let trusted_proxies = fields.optional("trusted_proxies", |entry| {
        reader.list(&entry, "a list of strings", read_network)
    });
    let limits = fields.optional("limits", |entry| read_limits(reader, &entry));
    Ok(Server {
        listen: listen?.unwrap_or(LISTEN),
        url: url?,
        workers: workers?,
        body_limit: limits?.flatten().unwrap_or(BODY_LIMIT),
        trusted_proxies: trusted_proxies?.unwrap_or_default(),
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

fn read_limits(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Option<u64>, Reported> {
    let fields = Fields::open(reader, &LIMITS, entry)?;
    fields.optional("body", |entry| {
        let text = reader.text(&entry)?.value();
        parse_size(&text).map_err(|_| {
            let problem = Diagnostic::new(entry.span(), format!("{entry} must be a size"));
            reader.refuse(problem.hint("write for example `10MiB`; the units are B, KiB, MiB, GiB"))
        })
    })
}
