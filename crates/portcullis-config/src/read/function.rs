//! Functions: `[function.NAME]`, and the routes that name one or a handler.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::path::{Component, Path};
use std::time::Duration;

use portcullis_token::Secret;

use super::authorizer::check_name;
use super::duration;
use super::fields::{Entry, Fields, entries};
use super::reader::{Reader, Reported, all};
use crate::diagnostic::{Diagnostic, Quoted};
use crate::function::{Function, Run};
use crate::keys::FUNCTION;

/// API Gateway waits no longer for an integration.
const LONGEST: Duration = Duration::from_secs(30);

/// Where functions are told apart: a handler has a dot, a name has none.
const HANDLER_HINT: &str = "write for example `functions/hello.main`";

/// The functions that have a table, by name.
pub(super) struct Functions<'t> {
    named: Vec<Named<'t>>,
    broken: Option<Reported>,
}

struct Named<'t> {
    entry: Entry<'t>,
    function: Result<Function, Reported>,
    is_used: Cell<bool>,
}

impl<'t> Functions<'t> {
    pub(super) fn read(reader: &mut Reader<'_>, root: &Fields<'t>) -> Self {
        let table = root.optional("function", |entry| reader.table(&entry));
        let broken = table.as_ref().err().copied();
        let entries = table.ok().flatten().map(entries).unwrap_or_default();
        let named = entries.into_iter().map(|entry| Named {
            function: read(reader, &entry),
            entry,
            is_used: Cell::new(false),
        });
        Self {
            named: named.collect(),
            broken,
        }
    }

    /// The first error of any of them, all of which were reported.
    pub(super) fn check(&self) -> Result<(), Reported> {
        let errors = self.named.iter().map(|named| named.function.as_ref().err());
        let first = errors.flatten().copied().chain(self.broken).next();
        first.map_or(Ok(()), Err)
    }

    /// What a route names: a function of the file, or a handler.
    pub(super) fn of_route(
        &self,
        reader: &mut Reader<'_>,
        entry: &Entry<'_>,
    ) -> Result<Function, Reported> {
        let text = reader.nonempty(entry)?;
        if let Some(named) = self.named.iter().find(|named| named.entry.name == text) {
            named.is_used.set(true);
            return named.function.clone();
        }
        if text.contains(['.', '/']) {
            check_handler(reader, entry, &text)?;
            return Ok(with_defaults(text.clone(), Run::Handler(text)));
        }
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let names = self.named.iter().map(|named| named.entry.name);
        let hint = reader.suggestion(&text, names).unwrap_or_else(|| {
            format!(
                "add [function.{}], or name a handler: `functions/hello.main`",
                if text.len() > 64 { "NAME" } else { &text }
            )
        });
        let message = format!("there is no function {}", Quoted(&text));
        Err(reader.refuse(Diagnostic::new(entry.span(), message).hint(hint)))
    }

    pub(super) fn warn_unused(&self, reader: &mut Reader<'_>) {
        for named in self.named.iter().filter(|named| !named.is_used.get()) {
            let message = format!("no route names the function {}", named.entry);
            reader.warn(Diagnostic::new(named.entry.key.clone(), message));
        }
    }
}

fn with_defaults(name: String, run: Run) -> Function {
    Function {
        name,
        run,
        directory: None,
        timeout: Function::TIMEOUT,
        concurrency: Function::CONCURRENCY,
        environment: Vec::new(),
    }
}

fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Function, Reported> {
    let name = check_name(reader, entry, "a function");
    let fields = Fields::open(reader, &FUNCTION, entry)?;
    let run = read_run(reader, &fields);
    let directory = fields.optional("directory", |entry| {
        let directory = reader.nonempty(&entry)?;
        check_inside(reader, &entry, &directory)?;
        Ok(directory)
    });
    let timeout = fields.optional("timeout", |entry| read_timeout(reader, &entry));
    let concurrency = fields.optional("concurrency", |entry| reader.count(&entry, (1, 64)));
    let environment = fields.optional("environment", |entry| read_environment(reader, &entry));
    let (name, run) = (name?, run?);
    let defaults = with_defaults(name, run);
    let concurrency = concurrency?
        .and_then(|count| usize::try_from(count).ok())
        .and_then(NonZeroUsize::new);
    Ok(Function {
        directory: directory?,
        timeout: timeout?.unwrap_or(defaults.timeout),
        concurrency: concurrency.unwrap_or(defaults.concurrency),
        environment: environment?.unwrap_or_default(),
        ..defaults
    })
}

fn read_run(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<Run, Reported> {
    let ways = ["handler", "command", "binary"];
    let mut given = ways.iter().filter_map(|name| fields.find(name));
    let Some(first) = given.next() else {
        if let Some(reported) = fields.refused() {
            return Err(reported);
        }
        let problem = Diagnostic::new(fields.span(), "nothing says what the function runs");
        let hint = "write for example `handler = \"functions/hello.main\"`; `command` and `binary` \
                    run other programs";
        return Err(reader.refuse(problem.hint(hint)));
    };
    if let Some(second) = given.next() {
        let message = "a function runs one thing, this one has two";
        let problem = Diagnostic::new(second.key, message).secondary(first.key, "the other one");
        return Err(reader.refuse(problem));
    }
    match first.name {
        "handler" => {
            let handler = reader.nonempty(&first)?;
            check_handler(reader, &first, &handler)?;
            Ok(Run::Handler(handler))
        }
        "command" => {
            let words = reader.texts(&first)?;
            if words.is_empty() {
                return Err(reader.bad(&first, "names no program"));
            }
            Ok(Run::Command(words))
        }
        _ => {
            let name = reader.nonempty(&first)?;
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            if name.starts_with('-') || !name.bytes().all(letters) {
                return Err(reader.bad(&first, "must be the name of a binary"));
            }
            Ok(Run::Binary(name))
        }
    }
}

/// `path/file.export`, inside the project: whoever deploys it deploys the folder.
fn check_handler(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    handler: &str,
) -> Result<(), Reported> {
    let file = handler.rsplit('/').next().unwrap_or_default();
    let is_handler = file.split_once('.').is_some_and(|(stem, export)| {
        let names = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
        names(stem) && export.split('.').all(names)
    });
    if !is_handler {
        let message = format!("{entry} must be a file without its ending, a dot and an export");
        return Err(reader.refuse(Diagnostic::new(entry.span(), message).hint(HANDLER_HINT)));
    }
    check_inside(reader, entry, handler)
}

fn check_inside(reader: &mut Reader<'_>, entry: &Entry<'_>, path: &str) -> Result<(), Reported> {
    let mut components = Path::new(path).components();
    let stays = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    if components.all(stays) && !path.contains('\0') {
        return Ok(());
    }
    let message = format!("{entry} must be inside the project's folder");
    let problem = Diagnostic::new(entry.span(), message);
    Err(reader.refuse(problem.hint("write the path from there, without `..`")))
}

fn read_timeout(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Duration, Reported> {
    let timeout = duration::read(reader, entry, "10s")?;
    if timeout.is_zero() || timeout > LONGEST {
        return Err(reader.bad(entry, "must be more than nothing and at most 30s"));
    }
    Ok(timeout)
}

fn read_environment(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<Vec<(String, Secret<String>)>, Reported> {
    let variables = entries(reader.table(entry)?);
    let read = |entry: &Entry<'_>| {
        let value = reader.text(entry)?.value();
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if entry.name.is_empty() || !entry.name.bytes().all(letters) || value.contains('\0') {
            return Err(reader.bad(
                entry,
                "cannot be a variable: names are letters, digits, `_`",
            ));
        }
        // What tells the function where it runs would lead it elsewhere.
        if entry.name.starts_with("AWS_LAMBDA_") || entry.name == "_HANDLER" {
            return Err(reader.bad(entry, "is set by the gateway"));
        }
        Ok((entry.name.to_owned(), Secret::new(value)))
    };
    all(variables.iter().map(read).collect())
}
