//! The keys of an authorizer: where they come from, how they are kept, which are not trusted.

use std::time::Duration;

use portcullis_token::{Algorithm, Secret, base64url};

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use super::{authorizer, duration};
use crate::address::parse_secure_url;
use crate::authorizer::{Authorizer, AuthorizerKind, Check, IssuerUrl, KeySource};
use crate::diagnostic::Diagnostic;
use crate::environment::Piece;
use crate::trusted_keys::{DistrustedKeys, Fetching, Readiness, SharedSecret, Start};

const LONGEST_STALE: Duration = Duration::from_hours(30 * 24);
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(10);
const WAIT: Duration = Duration::from_secs(30);
/// More keys than an issuer has had in years.
const MOST_DISTRUSTED: usize = 1_000;
/// The characters of 32 bytes in base64url.
const THUMBPRINT: usize = 43;

/// Where keys come from, when not by discovery.
const SOURCES: [&str; 3] = ["jwks", "jwks_file", "secret"];
/// What is said of keys that are fetched.
const OF_FETCHED: [&str; 5] = ["max_stale", "snapshot", "start", "start_wait", "ready"];
const READINESS: [(&str, Readiness); 2] = [
    ("required", Readiness::Required),
    ("optional", Readiness::Optional),
];

pub(super) fn read_source(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    issuer: Result<&Check<IssuerUrl>, &Reported>,
) -> Result<KeySource, Reported> {
    let mut named = SOURCES.iter().filter_map(|name| fields.find(name));
    let Some(entry) = named.next() else {
        return discovery(reader, fields, issuer);
    };
    if let Some(other) = named.next() {
        let message = format!("{other} and {entry} are two places of keys, and there is one");
        return Err(reader.refuse(Diagnostic::new(other.key, message)));
    }
    match entry.name {
        "jwks" => {
            let text = reader.text(&entry)?.value();
            let url = parse_secure_url(&text);
            url.map(KeySource::Jwks)
                .map_err(|error| reader.bad(&entry, error))
        }
        "jwks_file" => reader.nonempty(&entry).map(KeySource::File),
        _ => read_secret(reader, &entry).map(KeySource::Secret),
    }
}

fn discovery(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    issuer: Result<&Check<IssuerUrl>, &Reported>,
) -> Result<KeySource, Reported> {
    if !matches!(issuer, Ok(Check::Any)) {
        return Ok(KeySource::Discovery);
    }
    let span = fields.find("issuer").map(|entry| entry.span());
    let message = "`issuer = \"any\"` needs `jwks`, `jwks_file` or `secret`";
    let problem = Diagnostic::new(span.unwrap_or(fields.span()), message)
        .hint("write where the keys are: `jwks = \"https://…\"`");
    Err(reader.refuse(problem))
}

/// Reads a secret, or where it is. Only the file itself can say that it is in another one.
fn read_secret(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<SharedSecret, Reported> {
    let text = reader.text(entry)?;
    let value = text.value();
    if text.written.starts_with("file:") {
        let path = value.strip_prefix("file:").unwrap_or_default();
        return if path.is_empty() {
            Err(reader.bad(entry, "names no file"))
        } else {
            Ok(SharedSecret::File(path.to_owned()))
        };
    }
    if value.is_empty() {
        return Err(reader.bad(entry, "is empty"));
    }
    let is_written = |piece: &Piece| matches!(piece, Piece::Written(_));
    if text.pieces.iter().all(is_written) {
        let message = "the secret stands in the file: whoever reads it can make tokens";
        let problem = Diagnostic::new(entry.span(), message);
        reader.warn(problem.hint("write `${NAME}`, or `file:PATH`"));
    }
    Ok(SharedSecret::Given(Secret::new(value)))
}

/// What the token may be signed with: by the issuer's keys, or by the one secret.
pub(super) fn read_algorithms(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<Algorithm>, Reported> {
    let secret = fields.find("secret");
    let shares_secret = secret.is_some();
    let algorithms = fields.optional("algorithms", |entry| {
        let list = reader.list(&entry, "a list of algorithms", |reader, entry| {
            if shares_secret {
                read_hmac(reader, entry)
            } else {
                authorizer::read_algorithm(reader, entry)
            }
        })?;
        if shares_secret && list.len() > 1 {
            let message = "a secret is for one algorithm alone";
            return Err(reader.refuse(Diagnostic::new(entry.span(), message)));
        }
        authorizer::some(reader, &entry, list)
    })?;
    let default = || {
        if shares_secret {
            vec![Algorithm::Hs256]
        } else {
            Algorithm::DEFAULT.to_vec()
        }
    };
    Ok(algorithms.unwrap_or_else(default))
}

fn read_hmac(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Algorithm, Reported> {
    let text = reader.text(entry)?.value();
    let found = Algorithm::HMAC.into_iter().find(|one| one.name() == text);
    found.ok_or_else(|| {
        let message = "the algorithms of a `secret` are HS256, HS384 and HS512";
        reader.refuse(Diagnostic::new(entry.span(), message))
    })
}

/// Refuses a secret that is easier to guess than what it makes (RFC 7518 section 3.2).
pub(super) fn check_secret(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    source: &KeySource,
    algorithms: &[Algorithm],
) -> Result<(), Reported> {
    let (KeySource::Secret(SharedSecret::Given(secret)), [algorithm]) = (source, algorithms) else {
        return Ok(());
    };
    let needed = match algorithm {
        Algorithm::Hs512 => 64,
        Algorithm::Hs384 => 48,
        _ => 32,
    };
    if secret.expose().len() >= needed {
        return Ok(());
    }
    let span = fields.find("secret").map(|entry| entry.span());
    let message = format!("`secret` is shorter than {needed} bytes, which {algorithm} needs");
    let problem = Diagnostic::new(span.unwrap_or(fields.span()), message);
    Err(reader.refuse(problem.hint("make one: `openssl rand -hex 64`")))
}

/// How fetched keys are kept; nothing of it may be said of keys that are given.
pub(super) fn read_fetching(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    source: Result<&KeySource, &Reported>,
) -> Result<Fetching, Reported> {
    let max_stale = fields.optional("max_stale", |entry| {
        let time = duration::read(reader, &entry, "24h")?;
        if time > LONGEST_STALE {
            return Err(reader.bad(&entry, "must be `30d` at most"));
        }
        Ok(time)
    });
    let snapshot = fields.optional("snapshot", |entry| reader.nonempty(&entry));
    let start = read_start(reader, fields);
    let readiness = fields.optional("ready", |entry| reader.choice(&entry, &READINESS));
    if let Ok(KeySource::File(_) | KeySource::Secret(_)) = source {
        refuse_for_given(reader, fields)?;
    }
    let default = Fetching::default();
    Ok(Fetching {
        max_stale: max_stale?.unwrap_or(default.max_stale),
        snapshot: snapshot?,
        start: start?,
        readiness: readiness?.unwrap_or_default(),
    })
}

fn refuse_for_given(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<(), Reported> {
    let mut refused = Ok(());
    for entry in OF_FETCHED.iter().filter_map(|name| fields.find(name)) {
        let message = format!("{entry} is about keys that are fetched, and these are given");
        refused = Err(reader.refuse(Diagnostic::new(entry.key, message)));
    }
    refused
}

fn read_start(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<Start, Reported> {
    let choices = [
        ("lazy", Start::Lazy),
        ("wait", Start::Wait(WAIT)),
        ("fail", Start::Fail(None)),
    ];
    let start = fields.optional("start", |entry| reader.choice(&entry, &choices));
    let wait = fields.optional("start_wait", |entry| {
        let time = duration::read(reader, &entry, "30s")?;
        if (SHORTEST_WAIT..=LONGEST_WAIT).contains(&time) {
            Ok((entry, time))
        } else {
            Err(reader.bad(&entry, "must be from `1s` to `10m`"))
        }
    });
    match (start?.unwrap_or_default(), wait?) {
        (Start::Lazy, Some((entry, _))) => {
            let message = "`start_wait` needs `start = \"wait\"` or `start = \"fail\"`";
            Err(reader.refuse(Diagnostic::new(entry.key, message)))
        }
        (Start::Wait(_), Some((_, time))) => Ok(Start::Wait(time)),
        (Start::Fail(_), Some((_, time))) => Ok(Start::Fail(Some(time))),
        (start, None) => Ok(start),
    }
}

/// Reads the ids and thumbprints of keys. What could be either is both.
pub(super) fn read_distrusted(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    issuer: Result<&Check<IssuerUrl>, &Reported>,
    source: Result<&KeySource, &Reported>,
) -> Result<DistrustedKeys, Reported> {
    if let Ok(KeySource::Secret(_)) = source {
        let message = "a `secret` has no other keys to trust instead: replace it";
        return Err(reader.refuse(Diagnostic::new(entry.key.clone(), message)));
    }
    let has_issuer = !matches!(issuer, Ok(Check::Any));
    let mut keys = DistrustedKeys::default();
    let list = reader.list(entry, "a list of strings", |reader, entry| {
        let text = reader.nonempty(entry)?;
        let thumbprint = thumbprint(&text);
        if thumbprint.is_none() && !has_issuer {
            let message = "the id of a key needs an `issuer`: ids are unique within an issuer only";
            let problem = Diagnostic::new(entry.span(), message);
            return Err(reader.refuse(problem.hint("write the key's thumbprint (RFC 7638)")));
        }
        Ok((text, thumbprint))
    })?;
    if list.len() > MOST_DISTRUSTED {
        return Err(reader.bad(entry, "must not have more than 1000 entries"));
    }
    for (id, thumbprint) in list {
        keys.thumbprints.extend(thumbprint);
        if has_issuer {
            keys.ids.push(id);
        }
    }
    Ok(keys)
}

fn thumbprint(text: &str) -> Option<[u8; 32]> {
    let bytes = (text.len() == THUMBPRINT).then(|| base64url::decode(text.as_bytes()).ok())?;
    bytes?.try_into().ok()
}

/// Refuses that the keys of two places are kept in one file: each would overwrite the other's.
pub(super) fn check_snapshots(
    reader: &mut Reader<'_>,
    authorizers: &[Authorizer],
    entries: &[Entry<'_>],
) -> Result<(), Reported> {
    let mut refused = Ok(());
    for (index, authorizer) in authorizers.iter().enumerate() {
        let AuthorizerKind::Jwt(own) = &authorizer.kind;
        let clashes = |other: &&Authorizer| {
            let AuthorizerKind::Jwt(other) = &other.kind;
            let is_same = own.keys == other.keys
                && own.issuer == other.issuer
                && own.fetching.max_stale == other.fetching.max_stale;
            own.fetching.snapshot == other.fetching.snapshot && !is_same
        };
        let earlier = authorizers.iter().take(index);
        let clash = own
            .fetching
            .snapshot
            .as_ref()
            .and_then(|_| earlier.into_iter().find(clashes));
        if let Some(other) = clash {
            let table = entries
                .get(index)
                .and_then(|it| it.value.get_ref().as_table());
            let value = table.and_then(|table| table.get("snapshot"));
            let span = value.map_or(0..0, toml::Spanned::span);
            let message = format!("the authorizer `{}` keeps other keys there", other.name);
            refused = Err(reader.refuse(Diagnostic::new(span, message)));
        }
    }
    refused
}
