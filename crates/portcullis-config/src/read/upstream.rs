use std::time::Duration;

use url::Url;

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::address::parse_url;
use crate::diagnostic::Diagnostic;
use crate::keys::UPSTREAM;
use crate::quantity::parse_duration;
use crate::upstream::{Protocol, Upstream};

const MOST_TO_CONNECT: Duration = Duration::from_mins(10);
const LONGEST: Duration = Duration::from_hours(24);

/// Reads an address, or a table with one.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Upstream, Reported> {
    let value = entry.value.get_ref();
    if value.is_str() {
        return read_url(reader, entry).map(Upstream::at);
    }
    if !value.is_table() {
        return Err(reader.mismatch(entry, "an address, or a table with a `url`"));
    }
    let fields = Fields::open(reader, &UPSTREAM, entry)?;
    let url = fields
        .required(reader, "url")
        .and_then(|entry| read_url(reader, &entry));
    let protocol = fields.optional("protocol", |entry| {
        let choices = [("http1", Protocol::Http1), ("http2", Protocol::Http2)];
        reader.choice(&entry, &choices)
    });
    let connect_timeout = fields.optional("connect_timeout", |entry| {
        read_timeout(reader, &entry, MOST_TO_CONNECT, "10m")
    });
    let answer_timeout = fields.optional("answer_timeout", |entry| {
        read_timeout(reader, &entry, LONGEST, "1d")
    });
    let idle_timeout = fields.optional("idle_timeout", |entry| {
        read_timeout(reader, &entry, LONGEST, "1d")
    });
    let preserve_host = fields.optional("preserve_host", |entry| reader.flag(&entry));
    Ok(Upstream {
        url: url?,
        protocol: protocol?.unwrap_or_default(),
        connect_timeout: connect_timeout?.unwrap_or(Upstream::CONNECT_TIMEOUT),
        answer_timeout: answer_timeout?.unwrap_or(Upstream::ANSWER_TIMEOUT),
        idle_timeout: idle_timeout?.unwrap_or(Upstream::IDLE_TIMEOUT),
        preserve_host: preserve_host?.unwrap_or_default(),
    })
}

pub(super) fn read_url(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Url, Reported> {
    let text = reader.text(entry)?.value();
    parse_url(&text).map_err(|error| reader.bad(entry, error))
}

/// A duration above zero and of at most `most`, which messages call `limit`.
fn read_timeout(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    most: Duration,
    limit: &str,
) -> Result<Duration, Reported> {
    let text = reader.text(entry)?.value();
    let timeout = parse_duration(&text).ok();
    timeout
        .filter(|timeout| !timeout.is_zero() && *timeout <= most)
        .ok_or_else(|| {
            let message = format!("{entry} must be a duration from `1ms` to `{limit}`");
            let problem = Diagnostic::new(entry.span(), message);
            reader.refuse(problem.hint("write for example `5s`; the units are ms, s, m, h, d"))
        })
}
