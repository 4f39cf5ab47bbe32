//! What an authorizer asks of a token besides its issuer, audience and signature.

use std::time::Duration;

use portcullis_token::{DuplicateClaims, MAX_TOKEN_BYTES, TokenType};

use super::authorizer::some;
use super::duration;
use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::diagnostic::Diagnostic;

/// Each is compared with the `typ` of every token.
const MOST_TYPES: usize = 8;

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
    if entry.value.get_ref().is_array() {
        return read_types(reader, &entry);
    }
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

/// The types of which a token must carry one.
fn read_types(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<TokenType, Reported> {
    let list = reader.texts(entry)?;
    let list = some(reader, entry, list)?;
    if list.len() > MOST_TYPES {
        return Err(reader.bad(
            entry,
            format!("must not have more than {MOST_TYPES} entries"),
        ));
    }
    let name = |typ: &String| typ.to_ascii_lowercase().replacen("application/", "", 1);
    if list.iter().any(|typ| name(typ) == "jwt") {
        let message = "`JWT` in `typ`: ID tokens by the same issuer pass, which `lenient` refuses";
        reader.warn(Diagnostic::new(entry.span(), message));
    }
    Ok(TokenType::Listed(list.into()))
}

pub(super) fn read_size(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<usize, Reported> {
    let size = fields.optional("max_token_bytes", |entry| {
        let bytes = reader.count(&entry, (1024, 65_536))?;
        usize::try_from(bytes).map_err(|_| reader.bad(&entry, "is out of range"))
    })?;
    Ok(size.unwrap_or(MAX_TOKEN_BYTES))
}

pub(super) fn read_duplicates(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<DuplicateClaims, Reported> {
    let choices = [
        ("reject", DuplicateClaims::Rejected),
        ("last", DuplicateClaims::Last),
    ];
    let duplicates = fields.optional("duplicate_claims", |entry| {
        let duplicates = reader.choice(&entry, &choices)?;
        if duplicates == DuplicateClaims::Last {
            let message = "`duplicate_claims = \"last\"`: whoever reads the token after the gateway \
                           may believe another claim";
            reader.warn(Diagnostic::new(entry.span(), message));
        }
        Ok(duplicates)
    })?;
    Ok(duplicates.unwrap_or_default())
}

/// A length of time that some token can keep to.
pub(super) fn read_limit(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    name: &str,
) -> Result<Option<Duration>, Reported> {
    fields.optional(name, |entry| {
        let limit = duration::read(reader, &entry, "5s")?;
        // Claims count in whole seconds.
        if limit < Duration::from_secs(1) {
            return Err(reader.bad(&entry, "must be `1s` at least"));
        }
        Ok(limit)
    })
}
