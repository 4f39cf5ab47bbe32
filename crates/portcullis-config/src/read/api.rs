use std::collections::HashSet;

use portcullis_token::StepUp;

use super::auth;
use super::authorizer::{Names, check_name};
use super::conflict::{Located, Seen, SeenAt};
use super::fields::{Entry, Fields, entries};
use super::function::Functions;
use super::reader::{Reader, Reported, all};
use super::route::{self, Shared};
use super::{
    anonymous_policy, cors, hosts, identity, path_rules, policy, realm, resource, step_up, upstream,
};
use crate::api::{Api, AuthFrom, Disclosure, ErrorBodies, Method, Route, TokenForwarding};
use crate::diagnostic::Diagnostic;
use crate::keys::API;
use crate::path::{PathPattern, Segment};

pub(super) fn read_all(
    reader: &mut Reader<'_>,
    root: &Fields<'_>,
    names: &mut Names<'_>,
    (policies, functions): (&policy::Names<'_>, &Functions<'_>),
) -> Result<Vec<Api>, Reported> {
    let table = root.optional("api", |entry| reader.table(&entry))?;
    let entries = table.map(entries).unwrap_or_default();
    let (mut seen, mut paths) = (Seen::default(), resource::Paths::default());
    let apis = entries
        .iter()
        .map(|entry| {
            read(
                reader,
                entry,
                (names, policies, functions),
                &mut seen,
                &mut paths,
            )
        })
        .collect();
    all(apis)
}

fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    (names, policies, functions): (&mut Names<'_>, &policy::Names<'_>, &Functions<'_>),
    seen: &mut Seen,
    paths: &mut resource::Paths,
) -> Result<Api, Reported> {
    let name = check_name(reader, entry, "an API");
    let fields = Fields::open(reader, &API, entry)?;
    let hosts = hosts::read(reader, &fields);
    let shared = read_shared(reader, names, (policies, functions), &fields);
    let strip_base = fields.optional("strip_base", |entry| reader.flag(&entry));
    let token = fields.optional("token", |entry| {
        let choices = [
            ("strip", TokenForwarding::Strip),
            ("keep", TokenForwarding::Keep),
        ];
        reader.choice(&entry, &choices)
    });
    let errors = fields.optional("errors", |entry| reader.choice(&entry, &ErrorBodies::ALL));
    let aws_strict = read_aws_strict(reader, &fields, errors);
    let disclosure = fields.optional("error_detail", |entry| {
        let choices = [
            ("standard", Disclosure::Standard),
            ("minimal", Disclosure::Minimal),
        ];
        reader.choice(&entry, &choices)
    });
    let cors = fields.optional("cors", |entry| cors::read(reader, &entry));
    let identity = fields.optional("identity", |entry| identity::read(reader, &entry));
    let realm = fields.optional("realm", |entry| realm::read(reader, &entry));
    let resource = fields.optional("resource", |own| {
        resource::read(reader, &own, entry.name, paths)
    });
    let rate = fields.optional("rate", |entry| policy::read_amount(reader, &entry));
    let quota = fields.optional("quota", |entry| policy::read_amount(reader, &entry));
    let websocket_expires = fields.optional("websocket_expires", |entry| reader.flag(&entry));
    let paths = path_rules::read(reader, &fields);
    let known_hosts = hosts.as_deref().unwrap_or_default();
    let routes = read_routes(reader, names, seen.of(known_hosts), &fields, &shared);
    let routes: Result<Vec<_>, _> =
        routes.map(|routes| routes.into_iter().map(|located| located.route).collect());
    if let (Ok(paths), Ok(routes)) = (&paths, &routes) {
        path_rules::check_routes(reader, &fields, *paths, routes)?;
    }
    if let Ok(routes) = &routes {
        anonymous_policy::check_api(reader, &fields, routes)?;
    }
    Ok(Api {
        name: name?,
        origin: reader.origin(&entry.key),
        hosts: hosts?,
        base: base_text(&shared.base?),
        strip_base: strip_base?.unwrap_or_default(),
        token: token?.unwrap_or_default(),
        errors: errors?.unwrap_or_default(),
        aws_strict: aws_strict?,
        disclosure: disclosure?.unwrap_or_default(),
        cors: cors?.flatten(),
        websocket_expires: websocket_expires?.unwrap_or_default(),
        paths: paths?,
        realm: realm?,
        identity: identity?.unwrap_or_default(),
        resource: resource?,
        rate: rate?,
        quota: quota?,
        routes: routes?,
    })
}

/// It changes what the imitation of API Gateway answers, and nothing else.
fn read_aws_strict(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    errors: Result<Option<ErrorBodies>, Reported>,
) -> Result<bool, Reported> {
    let Some(entry) = fields.find("aws_strict") else {
        return Ok(false);
    };
    let is_strict = reader.flag(&entry)?;
    match errors {
        Ok(errors) if is_strict && errors != Some(ErrorBodies::Aws) => {
            Err(reader.bad(&entry, "is only for `errors = \"aws\"`"))
        }
        _ => Ok(is_strict),
    }
}

fn read_shared<'s>(
    reader: &mut Reader<'_>,
    names: &mut Names<'_>,
    (policies, functions): (&'s policy::Names<'s>, &'s Functions<'s>),
    fields: &Fields<'_>,
) -> Shared<'s> {
    Shared {
        base: fields
            .optional("base", |entry| read_base(reader, &entry))
            .map(Option::unwrap_or_default),
        upstream: fields.optional("upstream", |entry| upstream::read(reader, &entry)),
        auth: fields.optional("auth", |entry| {
            let auth = auth::read(reader, names, &entry)?;
            Ok((auth, AuthFrom::Api(reader.origin(&entry.key))))
        }),
        step_up: step_up::read(reader, fields, StepUp::default()),
        anonymous_policy: anonymous_policy::read(reader, fields, policies),
        policies,
        functions,
    }
}

fn read_base(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<PathPattern, Reported> {
    let text = reader.text(entry)?.value();
    let path = text.strip_suffix('/').unwrap_or(&text);
    let path = if path.is_empty() || path.ends_with('/') {
        &text
    } else {
        path
    };
    let base = PathPattern::parse(path).map_err(|error| {
        let mut problem = Diagnostic::new(entry.span(), format!("{entry}: {error}"));
        problem.hint = error.hint().map(str::to_owned);
        reader.refuse(problem)
    })?;
    if base
        .segments
        .iter()
        .any(|segment| !matches!(segment, Segment::Literal(_)))
    {
        return Err(reader.bad(entry, "must not have parameters"));
    }
    Ok(base)
}

/// The base as text that a path can follow.
fn base_text(base: &PathPattern) -> String {
    if base.segments.is_empty() {
        String::new()
    } else {
        base.to_string()
    }
}

fn read_routes(
    reader: &mut Reader<'_>,
    names: &mut Names<'_>,
    mut seen: SeenAt<'_>,
    fields: &Fields<'_>,
    shared: &Shared<'_>,
) -> Result<Vec<Located>, Reported> {
    let table = fields.optional("routes", |entry| reader.table(&entry))?;
    let entries = table.map(entries).unwrap_or_default();
    if entries.is_empty() && fields.find("upstream").is_none() {
        let problem = Diagnostic::new(fields.span(), "the API has neither routes nor an upstream")
            .hint("write for example `upstream = \"http://localhost:3001\"`");
        return Err(reader.refuse(problem));
    }
    let read_route = |entry| {
        let located = route::read(reader, names, shared, entry)?;
        seen.check(reader, &located);
        Ok(located)
    };
    let routes = entries.iter().map(read_route).collect();
    let implied = implied_routes(reader, fields, shared);
    let mut routes = all(routes)?;
    // A route that the file spells out replaces the one that the upstream implies.
    let written: HashSet<_> = routes.iter().map(Located::shape).collect();
    for located in implied? {
        if !written.contains(&located.shape()) {
            seen.check(reader, &located);
            routes.push(located);
        }
    }
    Ok(routes)
}

/// The two routes of an API's own upstream: its base, and everything below.
fn implied_routes(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    shared: &Shared<'_>,
) -> Result<Vec<Located>, Reported> {
    let Some(entry) = fields.find("upstream") else {
        return Ok(Vec::new());
    };
    let base = shared.base.clone()?;
    let mut below = base.clone();
    below.segments.push(Segment::Remainder("rest".to_owned()));
    let (auth, auth_from) = shared.auth_of(reader, &entry)?;
    let step_up = step_up::of_auth(reader, &entry, &auth, shared.step_up.clone()?)?;
    let anonymous_policy = anonymous_policy::of_auth(&auth, shared.anonymous_policy?);
    let Some(target) = shared.target()? else {
        return Ok(Vec::new());
    };
    let origin = reader.origin(&entry.key);
    let routes = [base, below].map(|path| {
        let (auth, step_up, target) = (auth.clone(), step_up.clone(), target.clone());
        let route = Route {
            methods: Method::Any,
            path,
            origin,
            auth,
            auth_from,
            step_up,
            anonymous_policy,
            target,
        };
        Located {
            route,
            key: entry.key.clone(),
        }
    });
    Ok(routes.into())
}
