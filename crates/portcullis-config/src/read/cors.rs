use std::time::Duration;

use super::duration;
use super::fields::{Entry, Fields};
use super::identity::is_token;
use super::reader::{Reader, Reported};
use super::route::read_method;
use crate::api::Method;
use crate::cors::{AllowedOrigin, Cors, OriginError, Origins};
use crate::diagnostic::Diagnostic;
use crate::keys::CORS;

/// Longer than browsers remember anything.
const LONGEST: Duration = Duration::from_hours(24);

/// Reads `true`, `false`, or a table.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Option<Cors>, Reported> {
    let value = entry.value.get_ref();
    if let Some(flag) = value.as_bool() {
        return Ok(flag.then(Cors::any));
    }
    if !value.is_table() {
        return Err(reader.mismatch(entry, "`true`, `false` or a table"));
    }
    let fields = Fields::open(reader, &CORS, entry)?;
    let origins = fields
        .required(reader, "origins")
        .and_then(|entry| read_origins(reader, &entry));
    let methods = fields.optional("methods", |entry| {
        read_some(reader, &entry, read_one_method)
    });
    let headers = fields.optional("headers", |entry| {
        read_some(reader, &entry, |reader, entry| {
            read_header(
                reader,
                entry,
                "leave `headers` out to allow those asked for",
            )
        })
    });
    let expose = fields.optional("expose", |entry| {
        reader.list(&entry, "a list of strings", |reader, entry| {
            read_header(reader, entry, "name each header")
        })
    });
    let credentials = fields.optional("credentials", |entry| reader.flag(&entry));
    let max_age = fields.optional("max_age", |entry| read_max_age(reader, &entry));
    let cors = Cors {
        origins: origins?,
        methods: methods?,
        headers: headers?,
        expose: expose?.unwrap_or_default(),
        credentials: credentials?.unwrap_or_default(),
        max_age: max_age?,
    };
    check_credentials(reader, &fields, &cors)?;
    Ok(Some(cors))
}

/// With cookies, every site could act as the caller who visits it.
fn check_credentials(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    cors: &Cors,
) -> Result<(), Reported> {
    let whom = match &cors.origins {
        Origins::Any => "any site",
        // A frame without an origin is easily made by any site.
        Origins::Listed(list) if list.contains(&AllowedOrigin::Null) => "the origin `null`",
        Origins::Listed(_) => return Ok(()),
    };
    let Some(entry) = fields.find("credentials").filter(|_| cors.credentials) else {
        return Ok(());
    };
    let message = format!("{entry} cannot be had for {whom}");
    let problem = Diagnostic::new(entry.span(), message);
    Err(reader.refuse(problem.hint("list the origins of your own pages in `origins`")))
}

fn read_origins(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Origins, Reported> {
    if entry.value.get_ref().as_str().is_some() {
        if reader.text(entry)?.value() == "any" {
            return Ok(Origins::Any);
        }
        let problem = Diagnostic::new(entry.span(), format!("{entry} must be a list, or `any`"));
        return Err(reader.refuse(problem.hint("write for example `[\"https://app.example\"]`")));
    }
    let list = reader.list(entry, "a list of strings, or `any`", read_origin)?;
    if list.is_empty() {
        return Err(reader.bad(entry, "must not be empty"));
    }
    Ok(Origins::Listed(list))
}

fn read_origin(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<AllowedOrigin, Reported> {
    let text = reader.nonempty(entry)?;
    AllowedOrigin::parse(&text).map_err(|error| {
        let hint = match error {
            OriginError::Wildcard if text == "*" => "write `origins = \"any\"` for every site",
            OriginError::Wildcard | OriginError::WholeTopLevel => {
                "write for example `https://*.example.com`"
            }
            OriginError::Syntax => {
                "write for example `https://app.example`, without a slash at its end"
            }
        };
        let problem = Diagnostic::new(entry.span(), format!("{entry} {error}"));
        reader.refuse(problem.hint(hint))
    })
}

/// A list with something in it.
fn read_some<'t, T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'t>,
    read: impl FnMut(&mut Reader<'_>, &Entry<'t>) -> Result<T, Reported>,
) -> Result<Vec<T>, Reported> {
    let mut read = read;
    let list = reader.list(entry, "a list of strings", |reader, entry| {
        read(reader, entry)
    })?;
    if list.is_empty() {
        return Err(reader.bad(entry, "must not be empty"));
    }
    Ok(list)
}

fn read_one_method(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let text = reader.text(entry)?.value();
    match read_method(reader, entry, &text)? {
        Method::One(method) => Ok(method),
        Method::Any => {
            let message = format!("{entry} must be a method");
            let problem = Diagnostic::new(entry.span(), message);
            Err(reader.refuse(problem.hint("leave `methods` out to allow those of the routes")))
        }
    }
}

fn read_header(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    instead_of_all: &str,
) -> Result<String, Reported> {
    let text = reader.text(entry)?.value();
    // Browsers take `*` for every header in some places only, and never for `Authorization`.
    if text == "*" {
        let problem = Diagnostic::new(entry.span(), format!("{entry} must be a header's name"));
        return Err(reader.refuse(problem.hint(instead_of_all)));
    }
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err(reader.bad(entry, "must be a header's name"));
    }
    Ok(text.to_ascii_lowercase())
}

fn read_max_age(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Duration, Reported> {
    let age = duration::read(reader, entry, "1h")?;
    if age > LONGEST || age.subsec_nanos() != 0 {
        return Err(reader.bad(entry, "must be whole seconds, `1d` at most"));
    }
    Ok(age)
}
