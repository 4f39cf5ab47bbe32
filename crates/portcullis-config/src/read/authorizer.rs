use std::collections::HashMap;
use std::time::Duration;

use portcullis_token::Algorithm;

use super::fields::{Entry, Fields, entries};
use super::policy;
use super::reader::{Reader, Reported, all};
use super::{admission, claim_rule, dpop, duration, source, token_rules, trusted_keys};
use crate::authorizer::{Authorizer, AuthorizerKind, Check, IssuerUrl, JwtAuthorizer};
use crate::diagnostic::Diagnostic;
use crate::keys::AUTHORIZER;

const LEEWAY: Duration = Duration::from_secs(5);
const LARGEST_LEEWAY: Duration = Duration::from_mins(5);
const SCOPE_CLAIMS: [&str; 2] = ["scope", "scp"];
const IDENTITY: &str = "sub";

/// Every authorizer that the file names, whether or not it could be read: a mistake inside one must
/// not make each `auth` that refers to it a mistake too.
pub(super) struct Names<'t> {
    entries: Vec<Entry<'t>>,
    indexes: HashMap<&'t str, usize>,
    used: Vec<bool>,
    broken: Option<Reported>,
    /// Whether the file says where callers reach the gateway.
    has_url: bool,
}

impl<'t> Names<'t> {
    pub(super) fn new(reader: &mut Reader<'_>, root: &Fields<'t>) -> Self {
        let (entries, broken) = match root.optional("authorizer", |entry| reader.table(&entry)) {
            Ok(table) => (table.map(entries).unwrap_or_default(), None),
            Err(reported) => (Vec::new(), Some(reported)),
        };
        let indexes = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.name, index));
        Self {
            indexes: indexes.collect(),
            used: vec![false; entries.len()],
            entries,
            broken,
            has_url: dpop::has_url(root),
        }
    }

    /// The index of the authorizer of this name.
    pub(super) fn find(&mut self, name: &str) -> Option<usize> {
        let index = *self.indexes.get(name)?;
        if let Some(used) = self.used.get_mut(index) {
            *used = true;
        }
        Some(index)
    }

    /// Whether the authorizer of this index has a `policy`.
    pub(super) fn imposes_policy(&self, index: usize) -> bool {
        let table = self
            .entries
            .get(index)
            .and_then(|entry| entry.value.get_ref().as_table());
        table.is_some_and(|table| table.contains_key("policy"))
    }

    /// Whether `[authorizer]` is not a table at all, so that nothing can be said about names.
    pub(super) const fn broken(&self) -> Option<Reported> {
        self.broken
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'t str> {
        self.entries.iter().map(|entry| entry.name)
    }

    /// Warns of authorizers without a use, if nothing is wrong: a mistyped name is a use too.
    pub(super) fn warn_unused(&self, reader: &mut Reader<'_>) {
        if reader.has_refused() {
            return;
        }
        for (entry, used) in self.entries.iter().zip(&self.used) {
            if !used {
                let message = format!("no route uses the authorizer {entry}");
                reader.warn(Diagnostic::new(entry.key.clone(), message));
            }
        }
    }
}

pub(super) fn read_all(
    reader: &mut Reader<'_>,
    names: &Names<'_>,
    policies: &policy::Names<'_>,
) -> Result<Vec<Authorizer>, Reported> {
    let authorizers = names
        .entries
        .iter()
        .map(|entry| read(reader, entry, policies, names.has_url))
        .collect();
    names.broken().map_or(Ok(()), Err)?;
    let authorizers = all(authorizers)?;
    trusted_keys::check_snapshots(reader, &authorizers, &names.entries)?;
    Ok(authorizers)
}

fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    policies: &policy::Names<'_>,
    has_url: bool,
) -> Result<Authorizer, Reported> {
    let name = check_name(reader, entry, "an authorizer");
    let table = reader.table(entry)?;
    let mut fields = Fields::new(&AUTHORIZER, table, entry.span());
    check_type(reader, &fields)?;
    fields.check_keys(reader);
    let jwt = read_jwt(reader, &fields, policies, has_url);
    Ok(Authorizer {
        name: name?,
        origin: reader.origin(&entry.key),
        kind: AuthorizerKind::Jwt(jwt?),
    })
}

/// Checks the name of an authorizer, of an API or of a policy.
pub(super) fn check_name(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    what: &str,
) -> Result<String, Reported> {
    let name = entry.name;
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let message = if ["none", "any"].contains(&name) {
        format!("{entry} has a meaning of its own and cannot name {what}")
    } else if !(1..=64).contains(&name.len()) || !name.bytes().all(letters) {
        format!("the name of {what} is 1 to 64 letters, digits, `_` and `-`")
    } else {
        return Ok(name.to_owned());
    };
    Err(reader.refuse(Diagnostic::new(entry.key.clone(), message)))
}

/// Refuses what is not a JWT authorizer before any of its keys is looked at.
fn check_type(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<(), Reported> {
    let Some(entry) = fields.find("type") else {
        return Ok(());
    };
    if reader.choice(&entry, &[("jwt", true), ("sigv4", false)])? {
        return Ok(());
    }
    let message = "`type = \"sigv4\"` is not available in this version";
    Err(reader.refuse(Diagnostic::new(entry.span(), message)))
}

fn read_jwt(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    policies: &policy::Names<'_>,
    has_url: bool,
) -> Result<JwtAuthorizer, Reported> {
    let issuer = read_issuer(reader, fields);
    let keys = trusted_keys::read_source(reader, fields, issuer.as_ref());
    let fetching = trusted_keys::read_fetching(reader, fields, keys.as_ref());
    let distrust = fields.optional("distrust", |entry| {
        trusted_keys::read_distrusted(reader, &entry, issuer.as_ref(), keys.as_ref())
    });
    let audience = read_audience(reader, fields);
    let algorithms = trusted_keys::read_algorithms(reader, fields);
    let secret = match (&keys, &algorithms) {
        (Ok(keys), Ok(algorithms)) => trusted_keys::check_secret(reader, fields, keys, algorithms),
        _ => Ok(()),
    };
    let leeway = fields.optional("leeway", |entry| read_leeway(reader, &entry));
    let scope_claims = fields.optional("scope_claims", |entry| {
        let list = reader.texts(&entry)?;
        some(reader, &entry, list)
    });
    let policy = fields.optional("policy", |entry| {
        policy::read_choice(reader, &entry, policies)
    });
    let identity = fields.optional("identity", |entry| {
        let list = reader.texts(&entry)?;
        if matches!(policy, Ok(None)) {
            let message = "`identity` has no effect without `policy`";
            reader.warn(Diagnostic::new(entry.key.clone(), message));
        }
        some(reader, &entry, list)
    });
    let token_type = token_rules::read_type(reader, fields);
    let required_claims = fields.optional("required_claims", |entry| reader.texts(&entry));
    let max_age = token_rules::read_limit(reader, fields, "max_age");
    let max_lifetime = token_rules::read_limit(reader, fields, "max_lifetime");
    let max_token_bytes = token_rules::read_size(reader, fields);
    let duplicate_claims = token_rules::read_duplicates(reader, fields);
    let sources = source::read_all(reader, fields);
    let dpop = dpop::read(reader, fields, has_url);
    let ignores_confirmation = dpop::read_ignored(reader, fields, dpop.as_ref().ok());
    let claim_rules = claim_rule::read_all(reader, fields);
    let introspection = fields.optional("introspection", |entry| {
        admission::read_introspection(reader, &entry)
    });
    let revoked = fields.optional("revoked", |entry| {
        admission::read_revoked(reader, &entry, issuer.as_ref())
    });
    let (dpop, dpop_nonce) = dpop?;
    secret?;
    Ok(JwtAuthorizer {
        issuer: issuer?,
        keys: keys?,
        fetching: fetching?,
        distrust: distrust?.unwrap_or_default(),
        audience: audience?,
        algorithms: algorithms?,
        leeway: leeway?.unwrap_or(LEEWAY),
        scope_claims: scope_claims?.unwrap_or_else(|| SCOPE_CLAIMS.map(str::to_owned).to_vec()),
        policy: policy?,
        identity: identity?.unwrap_or_else(|| vec![IDENTITY.to_owned()]),
        token_type: token_type?,
        required_claims: required_claims?.unwrap_or_default(),
        max_age: max_age?,
        max_lifetime: max_lifetime?,
        max_token_bytes: max_token_bytes?,
        duplicate_claims: duplicate_claims?,
        ignores_confirmation: ignores_confirmation?,
        sources: sources?,
        dpop,
        dpop_nonce,
        claim_rules: claim_rules?,
        introspection: introspection?,
        revoked: revoked?.unwrap_or_default(),
    })
}

fn read_issuer(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<Check<IssuerUrl>, Reported> {
    let entry = fields.required(reader, "issuer")?;
    let text = reader.text(&entry)?;
    if text.written == "any" {
        let message = "`issuer = \"any\"`: tokens of every issuer that these keys sign for pass";
        reader.warn(Diagnostic::new(entry.span(), message));
        return Ok(Check::Any);
    }
    IssuerUrl::parse(&text.value())
        .map(Check::Is)
        .map_err(|error| reader.bad(&entry, error))
}

fn read_audience(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<Check<Vec<String>>, Reported> {
    let entry = fields.required(reader, "audience")?;
    match entry.value.get_ref().as_str() {
        Some("any") => {
            let message = "`audience = \"any\"`: tokens that are meant for other APIs pass";
            reader.warn(Diagnostic::new(entry.span(), message));
            Ok(Check::Any)
        }
        Some(_) => {
            let message = "`audience` must be a list of strings, not a string";
            let problem =
                Diagnostic::new(entry.span(), message).label("expected a list of strings");
            Err(reader.refuse(problem.hint("put it in brackets: `audience = [\"…\"]`")))
        }
        None => {
            let list = reader.list(&entry, "a list of strings", Reader::nonempty)?;
            some(reader, &entry, list).map(Check::Is)
        }
    }
}

pub(super) fn read_algorithm(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<Algorithm, Reported> {
    let text = reader.text(entry)?;
    let value = text.value();
    value.parse().map_err(|_| {
        let span = entry.span();
        if value.eq_ignore_ascii_case("none") {
            let message = "`none` is no signature: anybody could write such a token";
            return reader.refuse(Diagnostic::new(span, message));
        }
        if value
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case("HS"))
        {
            let message = "the HMAC algorithms are not accepted: whoever checks could also sign";
            let hint = "let the issuer sign with RS256 or another of its public-key algorithms; a \
                        `secret` that it shares with you is the only key for HS256";
            return reader.refuse(Diagnostic::new(span, message).hint(hint));
        }
        let names = || Algorithm::ALL.iter().map(|algorithm| algorithm.name());
        let hint = reader.suggestion(text.written, names()).unwrap_or_else(|| {
            format!(
                "the algorithms are {}",
                names().collect::<Vec<_>>().join(", ")
            )
        });
        reader.refuse(Diagnostic::new(span, "not a supported signature algorithm").hint(hint))
    })
}

fn read_leeway(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Duration, Reported> {
    let leeway = duration::read(reader, entry, "5s")?;
    if leeway > LARGEST_LEEWAY {
        return Err(reader.bad(entry, "must be `300s` at most"));
    }
    Ok(leeway)
}

/// Refuses an empty list: it would refuse every token, or mean something that nobody wrote.
pub(super) fn some<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    list: Vec<T>,
) -> Result<Vec<T>, Reported> {
    if list.is_empty() {
        Err(reader.bad(entry, "must not be empty"))
    } else {
        Ok(list)
    }
}
