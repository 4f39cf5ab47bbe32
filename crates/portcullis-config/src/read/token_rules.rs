//! What an authorizer asks of a token besides its issuer, audience and signature.

use std::time::Duration;

use portcullis_token::TokenType;

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::diagnostic::Diagnostic;
use crate::quantity::parse_duration;

/// The words for a token's `typ`.
#[derive(Clone, Copy)]
enum Typ {
    Lenient,
    AccessToken,
    Any,
}

pub(super) fn read_type(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<TokenType, Reported> {
    let choices = [
        ("lenient", Typ::Lenient),
        ("at+jwt", Typ::AccessToken),
        ("any", Typ::Any),
    ];
    let Some(entry) = fields.find("typ") else {
        return Ok(TokenType::Lenient);
    };
    Ok(match reader.choice(&entry, &choices)? {
        Typ::Lenient => TokenType::Lenient,
        Typ::AccessToken => TokenType::AccessToken,
        Typ::Any => {
            let message = "`typ = \"any\"`: tokens of other kinds by the same issuer pass";
            reader.warn(Diagnostic::new(entry.span(), message));
            TokenType::Any
        }
    })
}

/// A length of time that some token can keep to.
pub(super) fn read_limit(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    name: &str,
) -> Result<Option<Duration>, Reported> {
    fields.optional(name, |entry| {
        let limit = read_duration(reader, &entry)?;
        // Claims count in whole seconds.
        if limit < Duration::from_secs(1) {
            return Err(reader.bad(&entry, "must be `1s` at least"));
        }
        Ok(limit)
    })
}

pub(super) fn read_duration(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<Duration, Reported> {
    let text = reader.text(entry)?.value();
    parse_duration(&text).map_err(|_| {
        let problem = Diagnostic::new(entry.span(), format!("{entry} must be a duration"));
        reader.refuse(problem.hint("write for example `5s`; the units are ms, s, m, h, d"))
    })
}
