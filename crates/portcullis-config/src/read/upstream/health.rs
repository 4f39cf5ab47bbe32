use std::time::Duration;

use super::{read_time, read_time_within};
use crate::keys::HEALTH;
use crate::read::fields::{Entry, Fields};
use crate::read::reader::{Reader, Reported};
use crate::upstream::HealthCheck;

/// More often is a load of its own.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_hours(1);
const MOST_TO_ANSWER: Duration = Duration::from_mins(1);

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<HealthCheck, Reported> {
    let fields = Fields::open(reader, &HEALTH, entry)?;
    let path = fields
        .required(reader, "path")
        .and_then(|entry| read_path(reader, &entry));
    let every = fields.optional("every", |entry| {
        read_time_within(reader, &entry, (SHORTEST, LONGEST), ("100ms", "1h"))
    });
    let timeout = fields.optional("timeout", |entry| {
        read_time(reader, &entry, MOST_TO_ANSWER, "1m")
    });
    let [healthy, unhealthy] = ["healthy", "unhealthy"].map(|name| {
        fields.optional(name, |entry| {
            let count = reader.count(&entry, (1, 100))?;
            u32::try_from(count).map_err(|_| reader.bad(&entry, "is too large"))
        })
    });
    Ok(HealthCheck {
        path: path?,
        every: every?.unwrap_or(HealthCheck::EVERY),
        timeout: timeout?.unwrap_or(HealthCheck::TIMEOUT),
        healthy: healthy?.unwrap_or(HealthCheck::HEALTHY),
        unhealthy: unhealthy?.unwrap_or(HealthCheck::UNHEALTHY),
    })
}

/// A path as HTTP has it, perhaps with a query (RFC 9112 section 3.2.1).
fn read_path(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let path = reader.text(entry)?.value();
    let may_be = |byte: u8| byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte);
    if path.starts_with('/') && path.bytes().all(may_be) {
        Ok(path)
    } else {
        Err(reader.bad(entry, "must be a path that begins with `/`"))
    }
}
