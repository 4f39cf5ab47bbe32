use portcullis_token::StepUp;
use toml::de::DeTable;

use super::auth;
use super::authorizer::Names;
use super::conflict::Located;
use super::fields::{Entry, Fields};
use super::function::Functions;
use super::identity::is_token;
use super::reader::{Reader, Reported};
use super::{anonymous_policy, policy, step_up, upstream};
use crate::api::{Auth, AuthFrom, Method, Route, Target};
use crate::diagnostic::{Diagnostic, Quoted};
use crate::keys::ROUTE;
use crate::path::PathPattern;
use crate::template::{Template, TemplateError};
use crate::upstream::Upstream;

/// What the routes of an API have in common.
pub(super) struct Shared<'s> {
    pub(super) base: Result<PathPattern, Reported>,
    pub(super) upstream: Result<Option<Upstream>, Reported>,
    pub(super) auth: Result<Option<(Auth, AuthFrom)>, Reported>,
    pub(super) step_up: Result<StepUp, Reported>,
    pub(super) anonymous_policy: Result<Option<usize>, Reported>,
    /// What a route may name instead.
    pub(super) policies: &'s policy::Names<'s>,
    /// What a route may be answered by.
    pub(super) functions: &'s Functions<'s>,
}

impl Shared<'_> {
    /// The API's `auth`, for an entry that has none of its own.
    pub(super) fn auth_of(
        &self,
        reader: &mut Reader<'_>,
        entry: &Entry<'_>,
    ) -> Result<(Auth, AuthFrom), Reported> {
        self.auth.clone()?.ok_or_else(|| {
            let message = format!("{entry} has no `auth`, and neither has its API");
            let problem = Diagnostic::new(entry.key.clone(), message).label("who may call this?");
            reader.refuse(problem.hint("`auth = \"none\"` makes it public"))
        })
    }

    /// The API's upstream as a target.
    pub(super) fn target(&self) -> Result<Option<Target>, Reported> {
        Ok(self.upstream.clone()?.map(Box::new).map(Target::Upstream))
    }
}

/// Reads `"METHOD /path" = { … }`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    names: &mut Names<'_>,
    shared: &Shared<'_>,
    entry: &Entry<'_>,
) -> Result<Located, Reported> {
    let key = read_key(reader, shared, entry);
    // A string in the place of the table names the function.
    let empty = DeTable::new();
    let named = entry.value.get_ref().is_str().then_some(entry);
    let fields = match named {
        Some(_) => Fields::new(&ROUTE, &empty, entry.span()),
        None => Fields::open(reader, &ROUTE, entry)?,
    };
    let auth = match fields.find("auth") {
        Some(own) => auth::read(reader, names, &own)
            .map(|auth| (auth, AuthFrom::Route(reader.origin(&own.key)))),
        None => shared.auth_of(reader, entry),
    };
    let inherited = shared.step_up.clone();
    let step_up = step_up::read(reader, &fields, inherited.clone().unwrap_or_default());
    let policy = anonymous_policy::read(reader, &fields, shared.policies);
    if let (Ok((auth, _)), Ok(_)) = (&auth, &step_up) {
        step_up::check_public(reader, &fields, auth)?;
        anonymous_policy::check_route(reader, &fields, auth)?;
    }
    let path = key
        .as_ref()
        .map(|(_, path)| path)
        .map_err(|reported| *reported);
    let target = match named {
        Some(named) => read_function(reader, shared, named),
        None => read_target(reader, shared, entry, &fields, path),
    };
    let (methods, path) = key?;
    let (auth, auth_from) = auth?;
    let step_up = step_up::of_auth(reader, entry, &auth, inherited.and(step_up)?)?;
    let policy = policy?.or(shared.anonymous_policy?);
    let origin = reader.origin(&entry.key);
    let route = Route {
        methods,
        path,
        origin,
        auth_from,
        step_up,
        anonymous_policy: anonymous_policy::of_auth(&auth, policy),
        auth,
        target: target?,
    };
    Ok(Located {
        route,
        key: entry.key.clone(),
    })
}

fn read_key(
    reader: &mut Reader<'_>,
    shared: &Shared<'_>,
    entry: &Entry<'_>,
) -> Result<(Method, PathPattern), Reported> {
    let Some((method, path)) = entry.name.split_once(' ') else {
        let problem = Diagnostic::new(entry.key.clone(), format!("{entry} is not a route"));
        return Err(reader.refuse(problem.hint("write a method, a space and a path: `GET /hello`")));
    };
    let method = read_method(reader, entry, method);
    let pattern = PathPattern::parse(path).map_err(|error| {
        let mut problem = Diagnostic::new(entry.key.clone(), error.to_string());
        problem.hint = error.hint().map(str::to_owned);
        reader.refuse(problem)
    });
    let mut full = shared.base.clone()?;
    full.segments.extend(pattern?.segments);
    Ok((method?, full))
}

pub(super) fn read_method(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    text: &str,
) -> Result<Method, Reported> {
    let name = Quoted(text);
    let (message, hint) = match text {
        "ANY" => return Ok(Method::Any),
        "CONNECT" | "TRACE" => (format!("{name} requests are never forwarded"), None),
        "*" => (
            "`*` is not a method".to_owned(),
            Some("write `ANY` for every method".to_owned()),
        ),
        _ if text.is_empty() || !text.bytes().all(is_token) => (
            format!("{name} is not a method"),
            Some("write for example `GET`".to_owned()),
        ),
        _ if text.bytes().any(|byte| byte.is_ascii_lowercase()) => {
            let hint = format!("write {}", Quoted(&text.to_ascii_uppercase()));
            ("a method is written in upper case".to_owned(), Some(hint))
        }
        _ => return Ok(Method::One(text.to_owned())),
    };
    let mut problem = Diagnostic::new(entry.key.clone(), message);
    problem.hint = hint;
    Err(reader.refuse(problem))
}

fn read_target(
    reader: &mut Reader<'_>,
    shared: &Shared<'_>,
    entry: &Entry<'_>,
    fields: &Fields<'_>,
    path: Result<&PathPattern, Reported>,
) -> Result<Target, Reported> {
    let targets = ["respond", "upstream", "function"];
    let mut given = targets.iter().filter_map(|name| fields.find(name));
    let Some(first) = given.next() else {
        return shared.target()?.ok_or_else(|| {
            if let Some(reported) = fields.refused() {
                return reported;
            }
            let message = format!("{entry} has no target, and its API has no `upstream`");
            let problem = Diagnostic::new(entry.key.clone(), message);
            reader.refuse(problem.hint("write `respond = \"…\"` or `upstream = \"http://…\"`"))
        });
    };
    if let Some(second) = given.next() {
        let problem = Diagnostic::new(second.key, "a route has one target, this one has two")
            .secondary(first.key, "the other one");
        return Err(reader.refuse(problem));
    }
    match first.name {
        "respond" => read_template(reader, &first, path).map(Target::Respond),
        "upstream" => upstream::read(reader, &first)
            .map(Box::new)
            .map(Target::Upstream),
        _ => read_function(reader, shared, &first),
    }
}

fn read_function(
    reader: &mut Reader<'_>,
    shared: &Shared<'_>,
    entry: &Entry<'_>,
) -> Result<Target, Reported> {
    let function = shared.functions.of_route(reader, entry)?;
    Ok(Target::Function(Box::new(function)))
}

fn read_template(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    path: Result<&PathPattern, Reported>,
) -> Result<Template, Reported> {
    let text = reader.text(entry)?;
    let parameters: Vec<&str> = path?.parameters().collect();
    Template::parse(&text.pieces, &parameters).map_err(|error| {
        let (message, hint) = match error {
            TemplateError::Brace => (
                error.to_string(),
                "write literal braces as `{{` and `}}`".to_owned(),
            ),
            TemplateError::UnknownParameter(name) => {
                let message = format!("the path has no parameter {}", Quoted(&name));
                (message, list_parameters(&parameters))
            }
        };
        reader.refuse(Diagnostic::new(entry.span(), message).hint(hint))
    })
}

fn list_parameters(parameters: &[&str]) -> String {
    if parameters.is_empty() {
        return "the path has no parameters; write literal braces as `{{` and `}}`".to_owned();
    }
    let list: Vec<_> = parameters
        .iter()
        .map(|name| Quoted(name).to_string())
        .collect();
    format!("the parameters of the path are {}", list.join(", "))
}
