use toml::de::{DeTable, DeValue};

use super::authorizer::Names;
use super::fields::{Entry, entries};
use super::reader::{Reader, Reported, all};
use crate::api::{Auth, Requirement};
use crate::diagnostic::{Diagnostic, Quoted};

const SHAPES: &str =
    "an authorizer's name, `none`, a table `{ name = [scopes] }`, or a list of those";

/// One of a list of ways to pass.
enum Alternative {
    Anonymous,
    /// The index of an authorizer of signed requests.
    Signed(usize),
    All(Vec<Requirement>),
}

/// Reads `auth`: `"name"`, `"none"`, `{ name = [scopes] }` or a list of those.
pub(super) fn read(
    reader: &mut Reader<'_>,
    names: &mut Names<'_>,
    entry: &Entry<'_>,
) -> Result<Auth, Reported> {
    let Some(elements) = entry.elements() else {
        return Ok(auth(vec![read_alternative(reader, names, entry)?]));
    };
    if elements.is_empty() {
        let problem = Diagnostic::new(entry.span(), format!("{entry} must not be empty"));
        return Err(reader.refuse(problem.hint("`auth = \"none\"` makes it public")));
    }
    let alternatives = elements
        .iter()
        .map(|element| read_alternative(reader, names, element))
        .collect();
    let alternatives: Vec<_> = all(alternatives)?;
    let is_signed = |alternative: &&Alternative| matches!(alternative, Alternative::Signed(_));
    if alternatives.iter().filter(is_signed).count() > 1 {
        let message = "only one authorizer of signed requests can be named";
        return Err(reader.refuse(Diagnostic::new(entry.span(), message)));
    }
    Ok(auth(alternatives))
}

fn auth(read: Vec<Alternative>) -> Auth {
    let mut auth = Auth {
        signed: None,
        alternatives: Vec::new(),
        anonymous: false,
    };
    for alternative in read {
        match alternative {
            Alternative::Anonymous => auth.anonymous = true,
            Alternative::Signed(signed) => auth.signed = Some(signed),
            Alternative::All(requirements) => auth.alternatives.push(requirements),
        }
    }
    auth
}

fn read_alternative(
    reader: &mut Reader<'_>,
    names: &mut Names<'_>,
    entry: &Entry<'_>,
) -> Result<Alternative, Reported> {
    match entry.value.get_ref() {
        DeValue::String(_) => read_name(reader, names, entry),
        DeValue::Table(table) => read_table(reader, names, entry, table),
        _ => Err(reader.mismatch(entry, SHAPES)),
    }
}

fn read_name(
    reader: &mut Reader<'_>,
    names: &mut Names<'_>,
    entry: &Entry<'_>,
) -> Result<Alternative, Reported> {
    let text = reader.text(entry)?;
    // As written: a variable must not be able to open a door.
    if text.written == "none" {
        return Ok(Alternative::Anonymous);
    }
    if let Some(signed) = names.find_signed(&text.value()) {
        return Ok(Alternative::Signed(signed));
    }
    let Some(authorizer) = names.find(&text.value()) else {
        return Err(unknown(reader, names, text.written, entry.span()));
    };
    Ok(Alternative::All(vec![Requirement {
        authorizer,
        scopes: Vec::new(),
    }]))
}

fn read_table<'t>(
    reader: &mut Reader<'_>,
    names: &mut Names<'_>,
    entry: &Entry<'t>,
    table: &'t DeTable<'t>,
) -> Result<Alternative, Reported> {
    if table.is_empty() {
        let problem = Diagnostic::new(entry.span(), format!("{entry} must not be empty"));
        return Err(reader.refuse(problem.hint("`auth = \"none\"` makes it public")));
    }
    let requirements = entries(table)
        .iter()
        .map(|requirement| read_requirement(reader, names, requirement))
        .collect();
    let requirements: Vec<Requirement> = all(requirements)?;
    // Their callers are told apart by claims of their own, so there would be two of each.
    let imposing = requirements
        .iter()
        .filter(|requirement| names.imposes_policy(requirement.authorizer));
    if imposing.count() > 1 {
        let message = "two authorizers of one alternative have a `policy`";
        let problem = Diagnostic::new(entry.span(), message);
        return Err(reader.refuse(problem.hint("leave `policy` to one of them")));
    }
    Ok(Alternative::All(requirements))
}

fn read_requirement(
    reader: &mut Reader<'_>,
    names: &mut Names<'_>,
    entry: &Entry<'_>,
) -> Result<Requirement, Reported> {
    let scopes = reader.list(entry, "a list of scopes", read_scope);
    if entry.name == "none" {
        let problem = Diagnostic::new(entry.key.clone(), "`none` cannot be asked for with others")
            .hint("write it on its own, or in a list: `[\"none\", { … }]`");
        return Err(reader.refuse(problem));
    }
    if names.find_signed(entry.name).is_some() {
        let message = format!("{entry} proves signed requests, which have no scopes");
        let problem = Diagnostic::new(entry.key.clone(), message);
        return Err(reader.refuse(problem.hint("write its name on its own, or in a list")));
    }
    let Some(authorizer) = names.find(entry.name) else {
        return Err(unknown(reader, names, entry.name, entry.key.clone()));
    };
    Ok(Requirement {
        authorizer,
        scopes: scopes?,
    })
}

/// Whether a text is one scope token.
pub(super) fn is_scope(scope: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    !scope.is_empty() && scope.bytes().all(allowed)
}

/// Reads a scope token: printable ASCII but space, `"` and `\` (RFC 6749 section 3.3).
pub(super) fn read_scope(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let scope = reader.text(entry)?.value();
    if !is_scope(&scope) {
        let problem = Diagnostic::new(entry.span(), format!("{entry} is not one scope")).hint(
            "a scope is printable ASCII without spaces, `\"` and `\\`; write each on its own",
        );
        return Err(reader.refuse(problem));
    }
    Ok(scope)
}

fn unknown(
    reader: &mut Reader<'_>,
    names: &Names<'_>,
    written: &str,
    span: std::ops::Range<usize>,
) -> Reported {
    if let Some(reported) = names.broken() {
        return reported;
    }
    let mut problem = Diagnostic::new(span, format!("there is no authorizer {}", Quoted(written)));
    problem.hint = reader
        .suggestion(written, names.iter().chain(["none"]))
        .or_else(|| Some("add it as `[authorizer.NAME]`".to_owned()));
    reader.refuse(problem)
}
