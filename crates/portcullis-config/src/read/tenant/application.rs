use std::time::Duration;

use super::unique::Unique;
use super::urls::{is_origin, is_return_address, read_urls};
use super::{read_permissions, read_secret};
use crate::diagnostic::Diagnostic;
use crate::keys::APPLICATION;
use crate::read::duration;
use crate::read::fields::{Entry, Fields};
use crate::read::reader::{Reader, Reported};
use crate::tenant::{Application, ApplicationKind, Grant, RefreshTokens};

/// The longest leeway that Auth0 gives.
const MAX_LEEWAY: Duration = Duration::from_mins(1);

pub(super) fn read_application(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    client_ids: &mut Unique,
) -> Result<Application, Reported> {
    let fields = Fields::open(reader, &APPLICATION, entry)?;
    let name = fields
        .required(reader, "name")
        .and_then(|entry| reader.nonempty(&entry));
    let kind = fields
        .required(reader, "type")
        .and_then(|entry| reader.choice(&entry, &ApplicationKind::ALL));
    let client_id = fields.optional("client_id", |entry| {
        read_client_id(reader, &entry, client_ids)
    });
    let client_secret = fields.optional("client_secret", |entry| read_secret(reader, &entry));
    let callbacks = read_urls(reader, &fields, "callbacks", is_return_address);
    let logout_urls = read_urls(reader, &fields, "logout_urls", is_return_address);
    let web_origins = read_urls(reader, &fields, "web_origins", is_origin);
    if matches!(kind, Ok(ApplicationKind::Spa)) {
        warn_without_origins(reader, &fields);
    }
    let permissions = fields.optional("permissions", |entry| read_permissions(reader, &entry));
    let first_party = fields.optional("first_party", |entry| reader.flag(&entry));
    let grants = fields.optional("grants", |entry| {
        let list = |reader: &mut Reader<'_>, entry: &Entry<'_>| reader.choice(entry, &Grant::ALL);
        reader.list(&entry, "a list of strings", list)
    });
    let refresh_tokens = fields.optional("refresh_tokens", |entry| {
        reader.choice(&entry, &RefreshTokens::ALL)
    });
    let refresh_leeway = fields.optional("refresh_leeway", |entry| read_leeway(reader, &entry));
    Ok(Application {
        name: name?,
        kind: kind?,
        client_id: client_id?,
        client_secret: client_secret?,
        callbacks: callbacks?,
        logout_urls: logout_urls?,
        web_origins: web_origins?,
        permissions: permissions?,
        first_party: first_party?.unwrap_or(true),
        grants: grants?,
        refresh_tokens: refresh_tokens?,
        refresh_leeway: refresh_leeway?.unwrap_or_default(),
        origin: reader.origin(&entry.key),
    })
}

/// Warns of pages that renew their tokens in an iframe, whose answer is for a web origin only: they
/// would wait for it in vain. An empty list says that they do not.
fn warn_without_origins(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    if let (Some(kind), None) = (fields.find("type"), fields.find("web_origins")) {
        let message =
            "an application of type `spa` without `web_origins` cannot renew its tokens silently";
        let hint = "name where its pages are served from, such as \
                    `web_origins = [\"http://localhost:3000\"]`; `[]` if it never does";
        reader.warn(Diagnostic::new(kind.span(), message).hint(hint));
    }
}

/// Reads a client identifier: printable ASCII (RFC 6749 appendix A.1).
fn read_client_id(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    client_ids: &mut Unique,
) -> Result<String, Reported> {
    let client_id = reader.text(entry)?.value();
    if client_id.is_empty() || !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(reader.bad(entry, "must be printable ASCII without spaces"));
    }
    let message = "another application has the same client_id";
    client_ids.check(reader, entry, client_id.clone(), message)?;
    Ok(client_id)
}

fn read_leeway(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Duration, Reported> {
    let leeway = duration::read(reader, entry, "3s")?;
    if leeway > MAX_LEEWAY || leeway.subsec_nanos() != 0 {
        return Err(reader.bad(entry, "must be whole seconds, up to 60"));
    }
    Ok(leeway)
}
