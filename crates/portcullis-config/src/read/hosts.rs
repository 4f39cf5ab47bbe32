//! The hosts whose requests an API answers: `hosts`.

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::diagnostic::Diagnostic;
use crate::host::{HostError, HostPattern};

/// Reads the API's hosts; none where it answers every host.
pub(super) fn read(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<HostPattern>, Reported> {
    let Some(entry) = fields.find("hosts") else {
        return Ok(Vec::new());
    };
    let hosts = reader.list(&entry, "a list of strings", read_host)?;
    if hosts.is_empty() {
        let problem = Diagnostic::new(entry.span(), format!("{entry} must not be empty"));
        return Err(reader.refuse(problem.hint("leave it out to answer every host")));
    }
    let mut sorted: Vec<_> = hosts.iter().collect();
    sorted.sort_unstable();
    if sorted.array_windows().any(|[one, next]| one == next) {
        return Err(reader.bad(&entry, "names a host twice"));
    }
    Ok(hosts)
}

fn read_host(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<HostPattern, Reported> {
    let text = reader.text(entry)?.value();
    HostPattern::parse(&text).map_err(|error| {
        let mut problem = Diagnostic::new(entry.span(), format!("{entry} {error}"));
        if error == HostError::Wildcard && text == "*" {
            problem = problem.hint("leave `hosts` out to answer every host");
        }
        reader.refuse(problem)
    })
}
