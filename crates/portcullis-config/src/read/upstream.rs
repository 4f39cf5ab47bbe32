mod addresses;
mod health;
mod tls;

use std::num::NonZeroUsize;
use std::time::Duration;

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::diagnostic::Diagnostic;
use crate::keys::UPSTREAM;
use crate::quantity::parse_duration;
use crate::upstream::{Balance, Protocol, Upstream};

pub(super) use addresses::read_url;

const BALANCES: [(&str, Balance); 2] = [
    ("round_robin", Balance::RoundRobin),
    ("least_connections", Balance::LeastConnections),
];
const PROTOCOLS: [(&str, Protocol); 2] = [("http1", Protocol::Http1), ("http2", Protocol::Http2)];

const MOST_TO_CONNECT: Duration = Duration::from_mins(10);
const LONGEST: Duration = Duration::from_hours(24);

/// Reads an address, a list of them, or a table with one or the other.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Upstream, Reported> {
    let value = entry.value.get_ref();
    if value.is_str() || value.is_array() {
        return addresses::read(reader, entry).map(Upstream::at_all);
    }
    if !value.is_table() {
        let expected = "an address, a list of addresses, or a table with a `url`";
        return Err(reader.mismatch(entry, expected));
    }
    let fields = Fields::open(reader, &UPSTREAM, entry)?;
    let urls = fields
        .required(reader, "url")
        .and_then(|entry| addresses::read(reader, &entry));
    let balance = fields.optional("balance", |entry| reader.choice(&entry, &BALANCES));
    let protocol = fields.optional("protocol", |entry| reader.choice(&entry, &PROTOCOLS));
    let connect_timeout = fields.optional("connect_timeout", |entry| {
        read_time(reader, &entry, MOST_TO_CONNECT, "10m")
    });
    let [answer_timeout, idle_timeout, total_timeout] =
        ["answer_timeout", "idle_timeout", "total_timeout"]
            .map(|name| fields.optional(name, |entry| read_time(reader, &entry, LONGEST, "1d")));
    let retries = fields.optional("retries", |entry| reader.count(&entry, (0, 10)));
    let max_connections = fields.optional("max_connections", |entry| {
        reader.count(&entry, (1, 1_000_000))
    });
    let preserve_host = fields.optional("preserve_host", |entry| reader.flag(&entry));
    let health = fields.optional("health", |entry| health::read(reader, &entry));
    let tls = fields.optional("tls", |entry| tls::read(reader, &entry, urls.as_deref()));
    Ok(Upstream {
        urls: urls?,
        balance: balance?.unwrap_or_default(),
        protocol: protocol?.unwrap_or_default(),
        connect_timeout: connect_timeout?.unwrap_or(Upstream::CONNECT_TIMEOUT),
        answer_timeout: answer_timeout?.unwrap_or(Upstream::ANSWER_TIMEOUT),
        idle_timeout: idle_timeout?.unwrap_or(Upstream::IDLE_TIMEOUT),
        total_timeout: total_timeout?,
        // Both numbers are in the ranges above.
        retries: retries?.map_or(Upstream::RETRIES, |count| {
            u8::try_from(count).unwrap_or(Upstream::RETRIES)
        }),
        max_connections: max_connections?
            .and_then(|count| usize::try_from(count).ok().and_then(NonZeroUsize::new)),
        preserve_host: preserve_host?.unwrap_or_default(),
        health: health?,
        tls: tls?.unwrap_or_default(),
    })
}

/// A duration above zero and of at most `most`, which messages call `limit`.
fn read_time(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    most: Duration,
    limit: &str,
) -> Result<Duration, Reported> {
    read_time_within(
        reader,
        entry,
        (Duration::from_millis(1), most),
        ("1ms", limit),
    )
}

/// A duration within `range`, the ends of which messages call `words`.
fn read_time_within(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    range: (Duration, Duration),
    words: (&str, &str),
) -> Result<Duration, Reported> {
    let text = reader.text(entry)?.value();
    let time = parse_duration(&text).ok();
    time.filter(|time| (range.0..=range.1).contains(time))
        .ok_or_else(|| {
            let (least, most) = words;
            let message = format!("{entry} must be a duration from `{least}` to `{most}`");
            let problem = Diagnostic::new(entry.span(), message);
            reader.refuse(problem.hint("write for example `5s`; the units are ms, s, m, h, d"))
        })
}
