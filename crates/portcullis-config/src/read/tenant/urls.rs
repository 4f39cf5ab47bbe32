use url::Url;

use crate::read::fields::{Entry, Fields};
use crate::read::reader::{Reader, Reported};

pub(super) fn read_urls(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    name: &str,
    accept: fn(&Url) -> bool,
) -> Result<Vec<String>, Reported> {
    let urls = fields.optional(name, |entry| {
        reader.list(&entry, "a list of strings", |reader, entry| {
            read_url(reader, entry, accept)
        })
    });
    urls.map(Option::unwrap_or_default)
}

/// Reads an address that browsers are sent to. It is compared as written, so it is kept as written.
fn read_url(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    accept: fn(&Url) -> bool,
) -> Result<String, Reported> {
    let text = reader.text(entry)?.value();
    let printable = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let url = if printable {
        Url::parse(&text).ok()
    } else {
        None
    };
    match url.filter(accept) {
        Some(_) => Ok(text),
        None => Err(reader.bad(entry, "is not an address that can be used here")),
    }
}

/// RFC 6749 section 3.1.2: an absolute address without a fragment. Addresses that run code are not
/// places to return to.
pub(super) fn is_return_address(url: &Url) -> bool {
    let runs_code = matches!(
        url.scheme(),
        "javascript" | "data" | "vbscript" | "blob" | "file"
    );
    url.fragment().is_none() && !runs_code && (!is_web(url) || url.has_host())
}

/// RFC 6454: scheme, host and port only.
pub(super) fn is_origin(url: &Url) -> bool {
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    is_web(url) && bare && url.username().is_empty() && url.password().is_none()
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http")
}
