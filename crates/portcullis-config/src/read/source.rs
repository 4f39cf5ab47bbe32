//! Where a request may carry its token: `sources`.

use portcullis_token::{CrossSite, TokenSource};

use super::authorizer::some;
use super::fields::{Entry, Fields};
use super::identity::is_token;
use super::reader::{Reader, Reported};
use crate::diagnostic::Diagnostic;
use crate::keys::SOURCE;

/// Each is looked at for every request.
const MOST: usize = 8;
const EXPECTED: &str = "`\"authorization\"`, or a table with a `header`, a `cookie`, a `query` \
                        or a `form`";
const CROSS_SITE: [(&str, CrossSite); 2] = [
    ("refuse", CrossSite::Refused),
    ("allow", CrossSite::Allowed),
];
/// Headers that have a meaning of their own, which no token must get in the way of.
const FORBIDDEN_HEADERS: [&str; 16] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "dpop",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

pub(super) fn read_all(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<TokenSource>, Reported> {
    let sources = fields.optional("sources", |entry| {
        let sources = reader.list(&entry, "a list of places", read)?;
        let sources = some(reader, &entry, sources)?;
        let is_twice = |(index, source): (usize, &TokenSource)| {
            sources[..index].iter().any(|other| is_same(source, other))
        };
        if sources.iter().enumerate().any(is_twice) {
            return Err(reader.bad(&entry, "names one place twice"));
        }
        if sources.len() > MOST {
            return Err(reader.bad(&entry, format!("must not have more than {MOST} entries")));
        }
        Ok(sources)
    })?;
    Ok(sources.unwrap_or_else(|| vec![TokenSource::Authorization]))
}

/// Whether each token in the one place is one in the other.
fn is_same(one: &TokenSource, other: &TokenSource) -> bool {
    match (one, other) {
        (TokenSource::Header { name, .. }, TokenSource::Header { name: other, .. })
        | (TokenSource::Cookie { name, .. }, TokenSource::Cookie { name: other, .. }) => {
            name == other
        }
        (one, other) => one == other,
    }
}

fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<TokenSource, Reported> {
    let value = entry.value.get_ref();
    if value.is_str() {
        if reader.text(entry)?.value() == "authorization" {
            return Ok(TokenSource::Authorization);
        }
        let problem = Diagnostic::new(entry.span(), format!("{entry} must be {EXPECTED}"));
        let hint = "write for example `{ cookie = \"session\" }`";
        return Err(reader.refuse(problem.hint(hint)));
    }
    if !value.is_table() {
        return Err(reader.mismatch(entry, EXPECTED));
    }
    let fields = Fields::open(reader, &SOURCE, entry)?;
    read_table(reader, &fields)
}

fn read_table(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<TokenSource, Reported> {
    let found = ["header", "cookie", "query", "form"].map(|name| fields.find(name));
    let source = match found {
        [Some(entry), None, None, None] => Ok(TokenSource::Header {
            name: read_header(reader, &entry)?,
            prefix: read_prefix(reader, fields)?,
        }),
        [None, Some(entry), None, None] => {
            let cross_site =
                fields.optional("cross_site", |entry| reader.choice(&entry, &CROSS_SITE));
            Ok(TokenSource::Cookie {
                name: read_name(reader, &entry, is_token)?,
                cross_site: cross_site?.unwrap_or_default(),
            })
        }
        [None, None, Some(entry), None] => Ok(TokenSource::Query {
            name: read_name(reader, &entry, is_unreserved)?,
        }),
        [None, None, None, Some(entry)] => Ok(TokenSource::Form {
            name: read_name(reader, &entry, is_unreserved)?,
        }),
        _ => {
            let message = "a place for tokens has one of `header`, `cookie`, `query` and `form`";
            Err(reader.refuse(Diagnostic::new(fields.span(), message)))
        }
    }?;
    let [header, cookie] = ["header", "cookie"].map(|name| fields.find(name).is_some());
    for (name, needed, fits) in [
        ("prefix", "header", header),
        ("cross_site", "cookie", cookie),
    ] {
        if let Some(entry) = fields.find(name).filter(|_| !fits) {
            let message = format!("{entry} is for a `{needed}`");
            return Err(reader.refuse(Diagnostic::new(entry.key, message)));
        }
    }
    Ok(source)
}

/// A header's name in lower case.
fn read_header(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let name = read_name(reader, entry, is_token)?.to_ascii_lowercase();
    if !FORBIDDEN_HEADERS.contains(&name.as_str()) {
        return Ok(name);
    }
    let message = format!("the header `{name}` cannot be another place for tokens");
    let mut problem = Diagnostic::new(entry.span(), message);
    if name == "authorization" {
        problem = problem.hint("write `\"authorization\"` without `header`");
    }
    Err(reader.refuse(problem))
}

/// What stands before the token, to be compared with bytes of a header's value.
fn read_prefix(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<String, Reported> {
    let prefix = fields.optional("prefix", |entry| {
        let prefix = reader.text(&entry)?.value();
        let fits = |byte: u8| matches!(byte, b' '..=b'~');
        if prefix.bytes().all(fits) && !prefix.starts_with(' ') {
            Ok(prefix)
        } else {
            Err(reader.bad(&entry, "must be visible ASCII, and begin with no space"))
        }
    })?;
    Ok(prefix.unwrap_or_default())
}

fn read_name(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    fits: impl Fn(u8) -> bool,
) -> Result<String, Reported> {
    let name = reader.nonempty(entry)?;
    if name.bytes().all(fits) {
        Ok(name)
    } else {
        Err(reader.bad(entry, "holds a character that such a name cannot hold"))
    }
}

/// A character that a query and a form hold as it is (RFC 3986 section 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
