use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use portcullis_token::Secret;
use toml::de::DeTable;

use super::authorizer::check_name;
use super::duration;
use super::fields::{Entry, Fields, entries};
use super::reader::{Reader, Reported, all};
use super::route::read_method;
use crate::api::Api;
use crate::authorizer::{Authorizer, AuthorizerKind};
use crate::diagnostic::{Diagnostic, Quoted};
use crate::keys::{CHOICE, POLICY, STORE};
use crate::path::{PathPattern, Segment};
use crate::policy::{Access, Amount, Endpoint, LimitStore, Policy, PolicyChoice, Store};
use crate::quantity::parse_duration;

const SHAPES: &str = "a list of APIs, or a table `{ NAME = [\"GET /path\"] }`";
const LONGEST_PERIOD: Duration = Duration::from_hours(366 * 24);
const SHORTEST_AGE: Duration = Duration::from_secs(1);

/// The names of one kind of table, whether or not what they name could be read.
pub(super) struct Names<'t> {
    kind: &'static str,
    entries: Vec<Entry<'t>>,
    indexes: HashMap<&'t str, usize>,
    broken: Option<Reported>,
}

/// The policies as the file writes them, in the order of those that were read.
pub(super) fn written<'t>(root: &Fields<'t>) -> Vec<Entry<'t>> {
    let table = root.find("policy");
    let table = table.and_then(|entry| entry.value.get_ref().as_table());
    table.map(entries).unwrap_or_default()
}

impl<'t> Names<'t> {
    /// The names of policies.
    pub(super) fn of_policies(reader: &mut Reader<'_>, root: &Fields<'t>) -> Self {
        let table = root.optional("policy", |entry| reader.table(&entry));
        Self::new("policy", table)
    }

    /// The names of identity pools.
    pub(super) fn of_pools(reader: &mut Reader<'_>, root: &Fields<'t>) -> Self {
        let table = root.optional("identity_pool", |entry| reader.table(&entry));
        Self::new("identity_pool", table)
    }

    /// The names of APIs, which have been read: whether they are a table has been reported.
    pub(super) fn of_apis(root: &Fields<'t>, apis: Option<Reported>) -> Self {
        let table = root
            .find("api")
            .map(|entry| entry.value.get_ref().as_table());
        Self::new(
            "API",
            table
                .flatten()
                .map_or_else(|| apis.map_or(Ok(None), Err), |table| Ok(Some(table))),
        )
    }

    fn new(kind: &'static str, table: Result<Option<&'t DeTable<'t>>, Reported>) -> Self {
        let broken = table.as_ref().err().copied();
        let entries = table.ok().flatten().map(entries).unwrap_or_default();
        let names = entries.iter().enumerate();
        Self {
            kind,
            indexes: names.map(|(index, entry)| (entry.name, index)).collect(),
            entries,
            broken,
        }
    }

    fn find(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        written: &str,
        span: std::ops::Range<usize>,
    ) -> Result<usize, Reported> {
        self.broken.map_or(Ok(()), Err)?;
        self.indexes.get(name).copied().ok_or_else(|| {
            let message = format!("there is no {} {}", self.kind, Quoted(written));
            let mut problem = Diagnostic::new(span, message);
            let key = self.kind.to_ascii_lowercase();
            problem.hint = reader
                .suggestion(written, self.indexes.keys().copied())
                .or_else(|| Some(format!("add it as `[{key}.NAME]`")));
            reader.refuse(problem)
        })
    }

    /// The one that a string names.
    pub(super) fn read(
        &self,
        reader: &mut Reader<'_>,
        entry: &Entry<'_>,
    ) -> Result<usize, Reported> {
        let text = reader.text(entry)?;
        self.find(reader, &text.value(), text.written, entry.span())
    }
}

/// Reads every policy; the paths of its endpoints lack the bases of their APIs.
pub(super) fn read_all(
    reader: &mut Reader<'_>,
    policies: &Names<'_>,
    apis: &Names<'_>,
) -> Result<Vec<Policy>, Reported> {
    policies.broken.map_or(Ok(()), Err)?;
    let read = |entry| read(reader, entry, apis);
    all(policies.entries.iter().map(read).collect())
}

/// Puts the bases of their APIs before the paths of endpoints.
pub(super) fn add_bases(policies: &mut [Policy], apis: &[Api]) {
    for access in policies.iter_mut().flat_map(|policy| &mut policy.apis) {
        // A base that is empty is no path.
        let base = apis
            .get(access.api)
            .and_then(|api| PathPattern::parse(&api.base).ok())
            .unwrap_or_default();
        for endpoint in access.endpoints.iter_mut().flatten() {
            endpoint
                .path
                .segments
                .splice(0..0, base.segments.iter().cloned());
        }
    }
}

fn read(reader: &mut Reader<'_>, entry: &Entry<'_>, apis: &Names<'_>) -> Result<Policy, Reported> {
    let name = check_name(reader, entry, "a policy");
    let fields = Fields::open(reader, &POLICY, entry)?;
    let rights = fields
        .required(reader, "apis")
        .and_then(|entry| read_rights(reader, &entry, apis));
    let rate = fields.optional("rate", |entry| read_amount(reader, &entry));
    let quota = fields.optional("quota", |entry| read_amount(reader, &entry));
    let expires = fields.optional("expires", |entry| read_age(reader, &entry));
    Ok(Policy {
        name: name?,
        origin: reader.origin(&entry.key),
        apis: rights?,
        rate: rate?,
        quota: quota?,
        expires: expires?,
    })
}

fn read_rights(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    apis: &Names<'_>,
) -> Result<Vec<Access>, Reported> {
    let rights = if let Some(elements) = entry.elements() {
        let whole = |element: &Entry<'_>| {
            let api = apis.read(reader, element)?;
            let endpoints = None;
            Ok(Access { api, endpoints })
        };
        all(elements.iter().map(whole).collect())?
    } else if let Some(table) = entry.value.get_ref().as_table() {
        let narrowed = |entry: &Entry<'_>| {
            let endpoints = reader.list(entry, "a list of endpoints", read_endpoint);
            let api = apis.find(reader, entry.name, entry.name, entry.key.clone())?;
            let endpoints = endpoints?;
            if endpoints.is_empty() {
                return Err(reader.bad(entry, "must not be empty"));
            }
            let endpoints = Some(endpoints);
            Ok(Access { api, endpoints })
        };
        all(entries(table).iter().map(narrowed).collect())?
    } else {
        return Err(reader.mismatch(entry, SHAPES));
    };
    let mut seen: Vec<usize> = rights.iter().map(|access| access.api).collect();
    seen.sort_unstable();
    if seen.is_empty() {
        Err(reader.bad(entry, "must not be empty"))
    } else if seen.array_windows().any(|[one, next]| one == next) {
        Err(reader.bad(entry, "names an API twice"))
    } else {
        Ok(rights)
    }
}

/// Reads `GET /reports/{id}`, in which `/*` at the end is short for `/{rest+}`.
fn read_endpoint(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Endpoint, Reported> {
    let text = reader.text(entry)?.value();
    let Some((method, path)) = text.split_once(' ') else {
        let problem = Diagnostic::new(entry.span(), format!("{entry} is not an endpoint"));
        let hint = "write a method, a space and a path: `GET /hello`";
        return Err(reader.refuse(problem.hint(hint)));
    };
    let methods = read_method(reader, entry, method);
    let (path, below) = match path.strip_suffix("/*") {
        Some("") => ("/", true),
        Some(path) => (path, true),
        None => (path, false),
    };
    let path = PathPattern::parse(path).map_err(|error| {
        let mut problem = Diagnostic::new(entry.span(), format!("{entry}: {error}"));
        problem.hint = error.hint().map(str::to_owned);
        reader.refuse(problem)
    });
    let (methods, mut path) = (methods?, path?);
    if below {
        if let Some(Segment::Remainder(_)) = path.segments.last() {
            return Err(reader.bad(entry, "has a remainder before `/*`"));
        }
        path.segments.push(Segment::Remainder("rest".to_owned()));
    }
    Ok(Endpoint { methods, path })
}

/// Reads `1000/1m`.
pub(super) fn read_amount(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Amount, Reported> {
    let text = reader.text(entry)?.value();
    let amount = text.split_once('/').and_then(|(count, period)| {
        let digits = count.bytes().all(|byte| byte.is_ascii_digit());
        let count = digits.then(|| count.parse::<NonZeroU32>().ok()).flatten()?;
        let period = parse_duration(period).ok()?;
        Some(Amount { count, period })
    });
    let Some(amount) = amount else {
        let message = format!("{entry} must be a whole number of requests, `/` and a duration");
        let hint = "write for example `1000/1m`; the units are ms, s, m, h, d";
        return Err(reader.refuse(Diagnostic::new(entry.span(), message).hint(hint)));
    };
    if amount.period.is_zero() || amount.period > LONGEST_PERIOD {
        return Err(reader.bad(entry, "must have a time from `1ms` to `366d`"));
    }
    Ok(amount)
}

fn read_age(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Duration, Reported> {
    let age = duration::read(reader, entry, "30d")?;
    if age < SHORTEST_AGE {
        return Err(reader.bad(entry, "must be `1s` at least"));
    }
    Ok(age)
}

/// Reads an authorizer's `policy`.
pub(super) fn read_choice(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    policies: &Names<'_>,
) -> Result<PolicyChoice, Reported> {
    let fields = Fields::open(reader, &CHOICE, entry)?;
    let claim = fields.optional("claim", |entry| reader.nonempty(&entry));
    let default = fields.optional("default", |entry| {
        let read = |reader: &mut Reader<'_>, entry: &Entry<'_>| policies.read(reader, entry);
        reader.list(&entry, "a list of strings", read)
    });
    let scopes = fields.optional("scopes", |entry| {
        let table = entries(reader.table(&entry)?);
        let read = |entry: &Entry<'_>| Ok((entry.name.to_owned(), policies.read(reader, entry)?));
        all(table.iter().map(read).collect())
    });
    let choice = PolicyChoice {
        claim: claim?,
        default: default?.unwrap_or_default(),
        scopes: scopes?.unwrap_or_default(),
    };
    if choice == PolicyChoice::default() {
        let problem = Diagnostic::new(entry.span(), format!("{entry} chooses no policy"));
        let hint = "write for example `{ default = [\"standard\"] }`, or leave it out";
        return Err(reader.refuse(problem.hint(hint)));
    }
    Ok(choice)
}

/// Warns of policies that nobody can have, if nothing is wrong.
pub(super) fn warn_unused(
    reader: &mut Reader<'_>,
    policies: &Names<'_>,
    authorizers: &[Authorizer],
    apis: &[Api],
) {
    let choices: Vec<_> = authorizers
        .iter()
        .filter_map(|authorizer| {
            let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
            jwt.policy.as_ref()
        })
        .collect();
    // A token may name any of them.
    if reader.has_refused() || choices.iter().any(|choice| choice.claim.is_some()) {
        return;
    }
    let routes = || apis.iter().flat_map(|api| &api.routes);
    for (index, entry) in policies.entries.iter().enumerate() {
        let anonymous = || routes().any(|route| route.anonymous_policy == Some(index));
        let used = anonymous()
            || choices.iter().any(|choice| {
                let mapped = choice.scopes.iter().map(|(_, policy)| policy);
                choice.default.iter().chain(mapped).any(|own| *own == index)
            });
        if !used {
            let message = format!("no authorizer chooses the policy {entry}");
            reader.warn(Diagnostic::new(entry.key.clone(), message));
        }
    }
}

pub(super) fn read_store(reader: &mut Reader<'_>, root: &Fields<'_>) -> Result<Store, Reported> {
    let Some(fields) = root.optional("store", |entry| Fields::open(reader, &STORE, &entry))? else {
        return Ok(Store::default());
    };
    let limits = fields.optional("limits", |entry| {
        reader.choice(&entry, &[("memory", LimitStore::Memory)])
    });
    let database = fields.optional("database", |entry| read_database(reader, &entry));
    Ok(Store {
        limits: limits?.unwrap_or_default(),
        database: database?,
    })
}

fn read_database(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Secret<String>, Reported> {
    let url = reader.text(entry)?.value();
    let known = ["sqlite", "postgres", "postgresql"];
    match url.split_once("://") {
        Some((scheme, rest)) if known.contains(&scheme) && !rest.is_empty() => Ok(Secret::new(url)),
        _ => Err(reader.bad(
            entry,
            "must be `sqlite://FILE` or `postgres://USER@HOST/NAME`",
        )),
    }
}
