//! Tokens that are bound to a key of the caller: `dpop` and `dpop_nonce`.

use super::fields::Fields;
use super::reader::{Reader, Reported};
use crate::authorizer::Dpop;
use crate::diagnostic::Diagnostic;

/// Whether the file says where callers reach the gateway, rightly or not.
pub(super) fn has_url(root: &Fields<'_>) -> bool {
    let server = root.find("server");
    let table = server.and_then(|entry| entry.value.get_ref().as_table());
    table.is_some_and(|table| table.contains_key("url"))
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    has_url: bool,
) -> Result<(Dpop, bool), Reported> {
    let dpop = fields.optional("dpop", |entry| {
        let choices = [
            ("off", Dpop::Off),
            ("accept", Dpop::Accept),
            ("require", Dpop::Require),
        ];
        let dpop = reader.choice(&entry, &choices)?;
        if dpop != Dpop::Off && !has_url {
            let message = "`dpop` needs to know where callers reach the gateway";
            let problem = Diagnostic::new(entry.span(), message);
            let hint = "write for example `url = \"https://api.example.com\"` in `[server]`";
            return Err(reader.refuse(problem.hint(hint)));
        }
        Ok(dpop)
    });
    let nonce = fields.optional("dpop_nonce", |entry| reader.flag(&entry));
    let (dpop, nonce) = (dpop?.unwrap_or_default(), nonce?.unwrap_or_default());
    if nonce
        && dpop == Dpop::Off
        && let Some(entry) = fields.find("dpop_nonce")
    {
        let message = "`dpop_nonce` does nothing without `dpop`";
        reader.warn(Diagnostic::new(entry.key, message));
    }
    Ok((dpop, nonce))
}

/// Whether a bound token may come without what it is bound to.
pub(super) fn read_ignored(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    dpop: Option<&(Dpop, bool)>,
) -> Result<bool, Reported> {
    let Some(entry) = fields.find("ignore_cnf") else {
        return Ok(false);
    };
    let ignored = reader.flag(&entry)?;
    if ignored && dpop.is_some_and(|(dpop, _)| *dpop != Dpop::Off) {
        let message = "`ignore_cnf` would let every `DPoP` proof pass unread: it needs `dpop` off";
        return Err(reader.refuse(Diagnostic::new(entry.span(), message)));
    }
    if ignored {
        let message =
            "`ignore_cnf = true`: a bound token is good in the hands of whoever has stolen it";
        reader.warn(Diagnostic::new(entry.span(), message));
    }
    Ok(ignored)
}
