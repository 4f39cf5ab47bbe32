use std::net::SocketAddr;
use std::time::Duration;

use super::fields::{Entry, Fields};
use super::limits::read_duration;
use super::reader::{Reader, Reported};
use super::server::read_address;
use crate::diagnostic::Diagnostic;
use crate::keys::ADMIN;
use crate::server::Admin;

pub(super) const DRAIN: Duration = Duration::from_secs(30);
const LONGEST_DRAIN: Duration = Duration::from_hours(24);
/// More names than one machine has.
const MOST_HOSTS: usize = 100;

/// Reads an address, or a table with one.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Admin, Reported> {
    let written = entry.value.get_ref();
    if written.is_str() {
        let listen = read_address(reader, entry)?;
        check_reach(reader, entry, listen, &[])?;
        return Ok(Admin {
            listen,
            token_file: None,
            hosts: Vec::new(),
        });
    }
    if !written.is_table() {
        return Err(reader.mismatch(entry, "an address or a table"));
    }
    let fields = Fields::open(reader, &ADMIN, entry)?;
    let listen = fields
        .required(reader, "listen")
        .and_then(|entry| read_address(reader, &entry));
    let token_file = fields.optional("token_file", |entry| reader.nonempty(&entry));
    let hosts = fields.optional("hosts", |entry| read_hosts(reader, &entry));
    let (listen, hosts) = (listen?, hosts?.unwrap_or_default());
    check_reach(reader, entry, listen, &hosts)?;
    Ok(Admin {
        listen,
        token_file: token_file?,
        hosts,
    })
}

/// Refuses an address of other machines that nobody has thought about.
fn check_reach(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    listen: SocketAddr,
    hosts: &[String],
) -> Result<(), Reported> {
    if listen.ip().is_loopback() || !hosts.is_empty() {
        return Ok(());
    }
    let problem = Diagnostic::new(
        entry.span(),
        format!("{entry} could be asked from other machines"),
    );
    Err(reader.refuse(problem.hint(
        "listen on `127.0.0.1:9901`, or name the hosts by which it is asked: \
         `{ listen = \"0.0.0.0:9901\", hosts = [\"gateway.internal\"] }`",
    )))
}

fn read_hosts(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Vec<String>, Reported> {
    let hosts = reader.list(entry, "a list of strings", read_host)?;
    if hosts.len() <= MOST_HOSTS {
        Ok(hosts)
    } else {
        Err(reader.bad(entry, "has more than 100 entries"))
    }
}

fn read_host(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let host = reader.nonempty(entry)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if host.bytes().all(is_name) || host.parse::<std::net::Ipv6Addr>().is_ok() {
        Ok(host.to_ascii_lowercase())
    } else {
        Err(reader.bad(
            entry,
            "must be a host name or an IP address, without a port",
        ))
    }
}

pub(super) fn read_drain(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Duration, Reported> {
    let time = read_duration(reader, entry)?;
    if time <= LONGEST_DRAIN {
        Ok(time)
    } else {
        Err(reader.bad(entry, "must be at most `24h`"))
    }
}
