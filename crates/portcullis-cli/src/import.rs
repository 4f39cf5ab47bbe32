//! `portcullis import`: what another product's file says, as portcullis.toml.
//!
//! Nothing is left open on the way: what protects there and has no counterpart here is refused,
//! and what is merely lost is said.

mod cors;
mod document;
mod draft;
mod openapi;
mod tyk;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;

use crate::arguments::{Import, ImportFrom};
use crate::project::Complained;
use crate::terminal::{self, BAD, Failure, LINK, harmless, styled};

/// Something of the source that must not be left out.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    /// Where it stands, as a JSON pointer (RFC 6901).
    pointer: String,
    message: String,
    hint: Option<String>,
}

impl Problem {
    fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Prints the file that says what the source says, or writes it where it is told to.
pub(crate) fn run(arguments: &Import) -> anyhow::Result<()> {
    let (source, draft) = match &arguments.from {
        ImportFrom::Openapi(from) => {
            let document = document::read(&from.file)?;
            (&from.file, openapi::import(&document, from))
        }
        ImportFrom::Tyk(from) => {
            let api = document::read(&from.api)?;
            let policies = from.policies.as_deref().map(document::read).transpose()?;
            (&from.api, tyk::import(&api, policies.as_ref(), from))
        }
    };
    let draft = draft.map_err(|problems| refuse(source, &problems))?;
    for note in &draft.notes {
        terminal::warn(note);
    }
    let name = source.file_name().unwrap_or_default().display().to_string();
    let heading = format!("Imported from {}.", harmless(&name));
    let text = draft.to_toml(&heading);
    match &arguments.output {
        None => terminal::print(text)?,
        Some(file) => write(file, &text, arguments.force)?,
    }
    Ok(())
}

/// Shows every problem; nothing is printed on stdout, so that half a file is never taken for one.
fn refuse(source: &Path, problems: &[Problem]) -> anyhow::Error {
    for problem in problems {
        terminal::say(format_args!(
            "{}: {}: {}\n",
            styled(BAD, "error"),
            harmless(&format!("{}#{}", source.display(), problem.pointer)),
            harmless(&problem.message)
        ));
        if let Some(hint) = &problem.hint {
            terminal::say(format_args!(
                "{}: {}\n",
                styled(LINK, "hint"),
                harmless(hint)
            ));
        }
    }
    Complained.into()
}

fn write(file: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let written = if force {
        fs::write(file, text)
    } else {
        File::create_new(file).and_then(|mut file| file.write_all(text.as_bytes()))
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Failure::with_hint(
            format!("{} exists already", file.display()),
            "name another file, or say `--force` to replace it",
        )),
        written => written.with_context(|| format!("{} cannot be written", file.display())),
    }
}
