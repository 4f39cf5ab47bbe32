use portcullis_token::Reason;

use super::fields::{Entry, Fields, entries};
use super::reader::{Reader, Reported, all};
use crate::api::ErrorBodies;
use crate::diagnostic::{Diagnostic, Quoted};
use crate::keys::ERRORS;
use crate::message::{GATEWAY_CODES, Message};

/// Tyk's name for a token that is signed by another method, and ours.
const UNEXPECTED_ALG: &str = "unexpected_alg";

const LONGEST: usize = 200;

/// Reads `[errors.STYLE]`: other words for refusals.
pub(super) fn read_all(
    reader: &mut Reader<'_>,
    root: &Fields<'_>,
) -> Result<Vec<Message>, Reported> {
    let Some(fields) = root.optional("errors", |entry| Fields::open(reader, &ERRORS, &entry))?
    else {
        return Ok(Vec::new());
    };
    let mut messages = Vec::new();
    for (name, errors) in ErrorBodies::ALL {
        if let Some(entry) = fields.find(name) {
            messages.push(read_style(reader, errors, &entry));
        }
    }
    Ok(all(messages)?.into_iter().flatten().collect())
}

fn read_style(
    reader: &mut Reader<'_>,
    errors: ErrorBodies,
    entry: &Entry<'_>,
) -> Result<Vec<Message>, Reported> {
    let mut messages: Vec<Message> = Vec::new();
    for entry in entries(reader.table(entry)?) {
        let code = read_code(reader, &entry);
        let text = read_text(reader, &entry);
        let (code, text) = (code?, text?);
        if messages.iter().any(|message| message.code == code) {
            return Err(reader.bad(&entry, "says the same reason a second time"));
        }
        messages.push(Message { errors, code, text });
    }
    Ok(messages)
}

fn read_code(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    if entry.name == UNEXPECTED_ALG {
        return Ok(Reason::AlgNotAllowed.code().to_owned());
    }
    if codes().any(|code| code == entry.name) {
        return Ok(entry.name.to_owned());
    }
    let message = format!("there is no reason {}", Quoted(entry.name));
    let mut problem = Diagnostic::new(entry.key.clone(), message);
    problem.hint = reader
        .suggestion(entry.name, codes().chain([UNEXPECTED_ALG]))
        .or_else(|| Some("`portcullis explain` names the reason of a refusal".to_owned()));
    Err(reader.refuse(problem))
}

fn codes() -> impl Iterator<Item = &'static str> {
    let credentials = Reason::ALL.into_iter().map(Reason::code);
    credentials.chain(GATEWAY_CODES.iter().copied())
}

fn read_text(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let text = reader.nonempty(entry)?;
    if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        let problem = Diagnostic::new(entry.span(), format!("{entry} is not one line of text"));
        let hint = format!("write at most {LONGEST} characters, without line breaks and tabs");
        return Err(reader.refuse(problem.hint(hint)));
    }
    Ok(text)
}
