//! What an API says about itself: `resource`.

use std::collections::HashMap;

use url::Url;

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::address::{AddressError, parse_secure_url};
use crate::diagnostic::Diagnostic;
use crate::keys::RESOURCE;
use crate::resource::Resource;

/// The paths of the resources that were read, and whose they are.
#[derive(Default)]
pub(super) struct Paths {
    owners: HashMap<String, String>,
}

/// Reads an identifier, or a table with one, of the API `owner`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    owner: &str,
    paths: &mut Paths,
) -> Result<Resource, Reported> {
    let value = entry.value.get_ref();
    if value.is_str() {
        let (identifier, url) = read_identifier(reader, entry, owner, paths)?;
        return Ok(Resource {
            identifier,
            url,
            name: None,
            documentation: None,
        });
    }
    if !value.is_table() {
        return Err(reader.mismatch(entry, "an address, or a table with a `url`"));
    }
    let fields = Fields::open(reader, &RESOURCE, entry)?;
    let identifier = fields
        .required(reader, "url")
        .and_then(|entry| read_identifier(reader, &entry, owner, paths));
    let name = fields.optional("name", |entry| reader.nonempty(&entry));
    let documentation = fields.optional("documentation", |entry| read_page(reader, &entry));
    let (identifier, url) = identifier?;
    Ok(Resource {
        identifier,
        url,
        name: name?,
        documentation: documentation?,
    })
}

/// RFC 9728 section 1.2: https, without a fragment; a query has no place in a path of ours.
fn read_identifier(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    owner: &str,
    paths: &mut Paths,
) -> Result<(String, Url), Reported> {
    let text = reader.text(entry)?.value();
    let url = parse_secure_url(&text).map_err(|error| reader.bad(entry, error))?;
    let path = url.path().trim_end_matches('/').to_owned();
    if let Some(other) = paths.owners.insert(path, owner.to_owned()) {
        let message = format!("the API `{other}` has a `resource` of the same path");
        return Err(reader.refuse(Diagnostic::new(entry.span(), message)));
    }
    Ok((text, url))
}

fn read_page(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Url, Reported> {
    let text = reader.text(entry)?.value();
    let url = Url::parse(&text).ok();
    url.filter(|url| ["https", "http"].contains(&url.scheme()) && url.has_host())
        .ok_or_else(|| reader.bad(entry, AddressError::Syntax))
}
