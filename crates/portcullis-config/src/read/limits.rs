use std::num::NonZeroUsize;
use std::time::Duration;

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::diagnostic::Diagnostic;
use crate::keys::LIMITS;
use crate::quantity::{parse_duration, parse_size};
use crate::server::Limits;

/// Less refuses ordinary cookies and tokens; more is what no server behind would take.
const LEAST_HEADERS: u64 = 8 << 10;
const MOST_HEADERS: u64 = 256 << 10;
/// A wait that ends before anything can come refuses everybody.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_hours(24);

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Limits, Reported> {
    let fields = Fields::open(reader, &LIMITS, entry)?;
    let body = fields.optional("body", |entry| read_size(reader, &entry));
    let headers = fields.optional("headers", |entry| read_headers(reader, &entry));
    let header_count = fields.optional("header_count", |entry| {
        read_count(reader, &entry, (1, 1000))
    });
    let connections = fields.optional("connections", |entry| {
        read_count(reader, &entry, (1, 1_000_000))
    });
    let [head, idle, request] = ["head_timeout", "idle_timeout", "request_timeout"]
        .map(|name| fields.optional(name, |entry| read_wait(reader, &entry)));
    let default = Limits::default();
    Ok(Limits {
        body: body?.unwrap_or(default.body),
        headers: headers?.unwrap_or(default.headers),
        header_count: header_count?.map_or(default.header_count, NonZeroUsize::get),
        connections: connections?,
        head_timeout: head?.unwrap_or(default.head_timeout),
        idle_timeout: idle?.unwrap_or(default.idle_timeout),
        request_timeout: request?,
    })
}

fn read_size(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<u64, Reported> {
    let text = reader.text(entry)?.value();
    parse_size(&text).map_err(|_| {
        let problem = Diagnostic::new(entry.span(), format!("{entry} must be a size"));
        reader.refuse(problem.hint("write for example `10MiB`; the units are B, KiB, MiB, GiB"))
    })
}

fn read_headers(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<u32, Reported> {
    let bytes = read_size(reader, entry)?;
    u32::try_from(bytes)
        .ok()
        .filter(|_| (LEAST_HEADERS..=MOST_HEADERS).contains(&bytes))
        .ok_or_else(|| reader.bad(entry, "must be from `8KiB` to `256KiB`"))
}

fn read_count(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    range: (i64, i64),
) -> Result<NonZeroUsize, Reported> {
    let count = reader.count(entry, range)?;
    let count = usize::try_from(count).ok().and_then(NonZeroUsize::new);
    count.ok_or_else(|| reader.bad(entry, "is out of range"))
}

fn read_wait(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Duration, Reported> {
    let wait = read_duration(reader, entry)?;
    if (SHORTEST..=LONGEST).contains(&wait) {
        Ok(wait)
    } else {
        Err(reader.bad(entry, "must be from `10ms` to `24h`"))
    }
}

/// A duration of whatever length.
pub(super) fn read_duration(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<Duration, Reported> {
    let text = reader.text(entry)?.value();
    parse_duration(&text).map_err(|_| {
        let problem = Diagnostic::new(entry.span(), format!("{entry} must be a duration"));
        reader.refuse(problem.hint("write for example `30s`; the units are ms, s, m, h, d"))
    })
}
