use std::collections::BTreeMap;
use std::time::Duration;

use super::unique::Unique;
use crate::keys::{TENANT_API, TOKEN_DIALECTS};
use crate::read::auth::is_scope;
use crate::read::duration;
use crate::read::fields::{Entry, Fields, entries};
use crate::read::reader::{Reader, Reported, all};
use crate::tenant::TenantApi;

/// Auth0's default, and its default for tokens that a browser gets without a code.
const LIFETIME: Duration = Duration::from_hours(24);
const LIFETIME_FOR_WEB: Duration = Duration::from_hours(2);
/// The longest lifetime that Auth0 gives a token.
const MAX_LIFETIME: Duration = Duration::from_hours(30 * 24);

pub(super) fn read_api(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    identifiers: &mut Unique,
) -> Result<TenantApi, Reported> {
    let fields = Fields::open(reader, &TENANT_API, entry)?;
    let identifier = fields.required(reader, "identifier").and_then(|entry| {
        let identifier = reader.nonempty(&entry)?;
        let message = "another API has the same identifier";
        identifiers.check(reader, &entry, identifier.clone(), message)?;
        Ok(identifier)
    });
    let name = fields.optional("name", |entry| reader.nonempty(&entry));
    let permissions = fields.optional("permissions", |entry| read_described(reader, &entry));
    let lifetime = fields.optional("token_lifetime", |entry| read_lifetime(reader, &entry));
    let for_web = fields.optional("token_lifetime_for_web", |entry| {
        read_lifetime(reader, &entry)
    });
    let dialect = fields.optional("token_dialect", |entry| {
        reader.choice(&entry, &TOKEN_DIALECTS.map(|name| (name, name)))
    });
    let rbac = fields.optional("rbac", |entry| reader.flag(&entry));
    let offline_access = fields.optional("offline_access", |entry| reader.flag(&entry));
    let skip_consent = fields.optional("skip_consent", |entry| reader.flag(&entry));
    Ok(TenantApi {
        identifier: identifier?,
        name: name?,
        permissions: permissions?.unwrap_or_default(),
        token_lifetime: lifetime?.unwrap_or(LIFETIME),
        token_lifetime_for_web: for_web?.unwrap_or(LIFETIME_FOR_WEB),
        token_dialect: dialect?.unwrap_or("access_token"),
        rbac: rbac?,
        offline_access: offline_access?,
        skip_consent: skip_consent?.unwrap_or_default(),
        origin: reader.origin(&entry.key),
    })
}

/// Reads scopes with their descriptions.
fn read_described(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<BTreeMap<String, String>, Reported> {
    let scopes = entries(reader.table(entry)?);
    let scopes = scopes
        .iter()
        .map(|scope| {
            if !is_scope(scope.name) {
                return Err(reader.bad(scope, "is not a scope: one word of printable ASCII"));
            }
            Ok((scope.name.to_owned(), reader.nonempty(scope)?))
        })
        .collect();
    all(scopes).map(|scopes| scopes.into_iter().collect())
}

fn read_lifetime(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Duration, Reported> {
    let lifetime = duration::read(reader, entry, "24h")?;
    let is_good = !lifetime.is_zero() && lifetime <= MAX_LIFETIME && lifetime.subsec_nanos() == 0;
    if is_good {
        Ok(lifetime)
    } else {
        Err(reader.bad(entry, "must be whole seconds, from 1 second to 30 days"))
    }
}
