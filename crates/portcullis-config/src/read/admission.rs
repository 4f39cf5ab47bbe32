//! What may refuse a token that is good by itself: `introspection` and `revoked`.

use std::time::Duration;

use jiff::Timestamp;
use portcullis_token::{Secret, UnixTime};

use super::duration;
use super::fields::{Entry, Fields, entries};
use super::reader::{Reader, Reported, all};
use super::tenant::read_secret;
use crate::address::parse_secure_url;
use crate::admission::{ClientProof, IntrospectionEndpoint, IntrospectionMode, Revoked};
use crate::authorizer::{Check, IssuerUrl};
use crate::diagnostic::Diagnostic;
use crate::keys::{INTROSPECTION, REVOKED};

const LONGEST_CACHE: Duration = Duration::from_mins(5);
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_hours(1);
/// What a file may hold; a longer list belongs to the issuer.
const MOST_REVOKED: usize = 10_000;

pub(super) fn read_introspection(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<IntrospectionEndpoint, Reported> {
    let fields = Fields::open(reader, &INTROSPECTION, entry)?;
    let url = fields.required(reader, "url").and_then(|entry| {
        let text = reader.text(&entry)?.value();
        parse_secure_url(&text).map_err(|error| reader.bad(&entry, error))
    });
    let client_id = fields
        .required(reader, "client_id")
        .and_then(|entry| reader.nonempty(&entry));
    let client_proof = read_proof(reader, &fields);
    let mode = read_mode(reader, &fields);
    let cache = fields.optional("cache", |entry| {
        let cache = duration::read(reader, &entry, "5s")?;
        if cache > LONGEST_CACHE {
            return Err(reader.bad(&entry, "must be `5m` at most"));
        }
        Ok(cache)
    });
    Ok(IntrospectionEndpoint {
        url: url?,
        client_id: client_id?,
        client_proof: client_proof?,
        mode: mode?,
        cache: cache?.unwrap_or_default(),
    })
}

/// The words for which tokens the issuer is asked about.
#[derive(Clone, Copy)]
enum Mode {
    Opaque,
    Always,
    Interval,
}

fn read_mode(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<IntrospectionMode, Reported> {
    let choices = [
        ("opaque", Mode::Opaque),
        ("always", Mode::Always),
        ("interval", Mode::Interval),
    ];
    let mode = fields.optional("mode", |entry| reader.choice(&entry, &choices));
    let mode = match mode?.unwrap_or(Mode::Opaque) {
        Mode::Opaque => IntrospectionMode::Opaque,
        Mode::Always => IntrospectionMode::Always,
        Mode::Interval => {
            let entry = fields.required(reader, "interval")?;
            return read_interval(reader, &entry).map(IntrospectionMode::Interval);
        }
    };
    if let Some(entry) = fields.find("interval") {
        read_interval(reader, &entry)?;
        let message = "`interval` does nothing without `mode = \"interval\"`";
        reader.warn(Diagnostic::new(entry.key, message));
    }
    Ok(mode)
}

fn read_interval(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Duration, Reported> {
    let interval = duration::read(reader, entry, "1m")?;
    if (SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval) {
        Ok(interval)
    } else {
        Err(reader.bad(entry, "must be from `1s` to `1h`"))
    }
}

/// A secret or a key, of which exactly one must be there.
fn read_proof(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Result<ClientProof, Reported> {
    let [secret, key] = ["client_secret", "client_key"].map(|name| fields.find(name));
    let id = fields.optional("client_key_id", |entry| reader.nonempty(&entry));
    match (secret, key) {
        (None, Some(key)) => {
            if let Some(auth) = fields.find("client_auth") {
                let message = "`client_auth` does nothing without `client_secret`";
                reader.warn(Diagnostic::new(auth.key, message));
            }
            let file = read_key_file(reader, &key)?;
            Ok(ClientProof::Key { file, id: id? })
        }
        (Some(_), Some(key)) => {
            let message = "`client_key` and `client_secret` are two ways to prove one name";
            Err(reader.refuse(Diagnostic::new(key.key, message)))
        }
        (Some(secret), None) => {
            if let Some(id) = fields.find("client_key_id") {
                let message = "`client_key_id` does nothing without `client_key`";
                reader.warn(Diagnostic::new(id.key, message));
            }
            read_sent_secret(reader, fields, &secret)
        }
        (None, None) => {
            // In the words of any other key that is missing.
            let secret = fields.required(reader, "client_secret")?;
            read_sent_secret(reader, fields, &secret)
        }
    }
}

/// A way to send a secret.
type Sent = fn(Secret<String>) -> ClientProof;

/// A secret, and where it is sent.
fn read_sent_secret(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    secret: &Entry<'_>,
) -> Result<ClientProof, Reported> {
    let choices: [(&str, Sent); 2] = [
        ("basic", ClientProof::Secret),
        ("post", ClientProof::PostedSecret),
    ];
    let sent = fields.optional("client_auth", |entry| reader.choice(&entry, &choices));
    let secret = read_secret(reader, secret);
    let sent = sent?.unwrap_or(ClientProof::Secret);
    Ok(sent(secret?))
}

/// `file:PATH`: a private key in the file itself would be too easy to publish.
fn read_key_file(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let text = reader.nonempty(entry)?;
    match text.strip_prefix("file:") {
        Some(path) if !path.is_empty() => Ok(path.to_owned()),
        _ => {
            let message = format!("{entry} must name a PEM file");
            let problem = Diagnostic::new(entry.span(), message);
            Err(reader.refuse(problem.hint("write for example `file:introspection-key.pem`")))
        }
    }
}

pub(super) fn read_revoked(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    issuer: Result<&Check<IssuerUrl>, &Reported>,
) -> Result<Revoked, Reported> {
    if matches!(issuer, Ok(Check::Any)) {
        let message = "`revoked` needs an `issuer`: ids are unique within an issuer only";
        return Err(reader.refuse(Diagnostic::new(entry.key.clone(), message)));
    }
    let fields = Fields::open(reader, &REVOKED, entry)?;
    let tokens = fields.optional("tokens", |entry| reader.texts(&entry));
    let sessions = fields.optional("sessions", |entry| reader.texts(&entry));
    let subjects = fields.optional("subjects", |entry| {
        let subjects = entries(reader.table(&entry)?);
        let read = |subject: &Entry<'_>| Ok((subject.name.to_owned(), read_time(reader, subject)?));
        all(subjects.iter().map(read).collect())
    });
    let revoked = Revoked {
        tokens: tokens?.unwrap_or_default(),
        sessions: sessions?.unwrap_or_default(),
        subjects: subjects?.unwrap_or_default(),
    };
    if revoked.len() > MOST_REVOKED {
        return Err(reader.bad(entry, "must not have more than 10000 entries"));
    }
    Ok(revoked)
}

fn read_time(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<UnixTime, Reported> {
    let text = reader.text(entry)?.value();
    parse_time(&text).ok_or_else(|| {
        let problem = Diagnostic::new(entry.span(), format!("{entry} must be a time in UTC"));
        reader.refuse(problem.hint("write for example `2026-11-24T08:00:00Z`"))
    })
}

/// `2026-11-24T08:00:00Z` (RFC 3339), from 1970 on, in whole seconds.
fn parse_time(text: &str) -> Option<UnixTime> {
    let timestamp: Timestamp = text.parse().ok()?;
    let time = UnixTime(timestamp.as_second().try_into().ok()?);
    // There is one way to write it; a leap second or an offset would read back differently.
    (time.to_string() == text).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_whole_second_of_utc() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T23:59:59Z", Some(951_868_799)),
            ("2026-11-24T08:00:00Z", Some(1_795_507_200)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-00-01T00:00:00Z", None),
            ("2026-01-00T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:00:60Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01T00:00:00+01:00", None),
            ("2026-1-1T00:00:00Z", None),
            ("2026-01-01T00:00:00.5Z", None),
            ("+026-01-01T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(parse_time(text), expected.map(UnixTime), "{text:?}");
        }
    }
}
