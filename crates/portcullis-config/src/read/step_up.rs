//! How strong and how recent a login must be: `acr` and `max_age` of APIs and routes.

use portcullis_token::StepUp;

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use super::token_rules;
use crate::api::Auth;
use crate::diagnostic::Diagnostic;

/// Reads the table's own words; what it does not say is as `inherited`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    inherited: StepUp,
) -> Result<StepUp, Reported> {
    let acr_values = fields.optional("acr", |entry| {
        reader.list(&entry, "a list of strings", read_acr)
    });
    let max_age = token_rules::read_limit(reader, fields, "max_age");
    Ok(StepUp {
        acr_values: acr_values?.unwrap_or(inherited.acr_values),
        max_age: max_age?.or(inherited.max_age),
    })
}

/// What `auth` leaves of it: a public route knows no login.
///
/// Signed requests say nothing of one, so that they would pass whatever is asked of it.
pub(super) fn of_auth(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    auth: &Auth,
    step_up: StepUp,
) -> Result<StepUp, Reported> {
    if auth.signed.is_some() && step_up != StepUp::default() {
        let message =
            format!("{entry} takes signed requests, which `acr` and `max_age` are not about");
        let problem = Diagnostic::new(entry.key.clone(), message);
        return Err(reader.refuse(problem.hint("give signed requests a route of their own")));
    }
    if auth.alternatives.is_empty() {
        Ok(StepUp::default())
    } else {
        Ok(step_up)
    }
}

/// Refuses words about the login at a route that asks for none.
pub(super) fn check_public(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    auth: &Auth,
) -> Result<(), Reported> {
    let own = || {
        ["acr", "max_age"]
            .into_iter()
            .find_map(|name| fields.find(name))
    };
    match own() {
        Some(entry) if auth.alternatives.is_empty() && auth.signed.is_none() => {
            let message = format!("{entry} at a public route, which asks for no login");
            let problem = Diagnostic::new(entry.key, message);
            Err(reader.refuse(problem.hint("say by `auth` who may call")))
        }
        _ => Ok(()),
    }
}

/// A value that a challenge can carry: several stand between spaces in a quoted string
/// (RFC 9470 section 3).
fn read_acr(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let value = reader.nonempty(entry)?;
    let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if value.bytes().all(allowed) {
        Ok(value)
    } else {
        Err(reader.bad(
            entry,
            "is not printable ASCII without spaces, `\"` and `\\`",
        ))
    }
}
