use std::collections::BTreeSet;

use url::Url;

use crate::address::parse_url;
use crate::diagnostic::Diagnostic;
use crate::read::fields::Entry;
use crate::read::reader::{Reader, Reported, all};
use crate::upstream::Upstream;

/// Reads one address, or a list of those between which requests may choose.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Vec<Url>, Reported> {
    if entry.value.get_ref().is_str() {
        return Ok(vec![read_url(reader, entry)?]);
    }
    let entries = reader.elements(entry, "an address, or a list of addresses")?;
    if entries.is_empty() {
        return Err(reader.bad(entry, "is empty"));
    }
    if entries.len() > Upstream::MOST_ADDRESSES {
        let most = Upstream::MOST_ADDRESSES;
        return Err(reader.bad(entry, format!("has more than {most} entries")));
    }
    let urls = entries
        .iter()
        .map(|entry| read_url(reader, entry))
        .collect();
    let urls = all(urls)?;
    check_alike(reader, &entries, &urls)?;
    Ok(urls)
}

/// Reads one address.
pub(in crate::read) fn read_url(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<Url, Reported> {
    let text = reader.text(entry)?.value();
    parse_url(&text).map_err(|error| reader.bad(entry, error))
}

/// Whichever address answers a request, it must be the same request.
fn check_alike(
    reader: &mut Reader<'_>,
    entries: &[Entry<'_>],
    urls: &[Url],
) -> Result<(), Reported> {
    let mut seen = BTreeSet::new();
    for (entry, url) in entries.iter().zip(urls) {
        let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
        let message = if url.scheme() != urls[0].scheme() {
            "the addresses of an upstream must be all https or all http"
        } else if path(url) != path(&urls[0]) {
            "the addresses of an upstream must have one path"
        } else if !seen.insert(url.authority()) {
            "an address is listed twice"
        } else {
            continue;
        };
        let problem = Diagnostic::new(entry.span(), message);
        return Err(reader.refuse(problem.secondary(entries[0].span(), "the first address")));
    }
    Ok(())
}
