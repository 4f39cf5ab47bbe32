//! What may refuse a token that is good by itself: `introspection` and `revoked`.

use std::time::Duration;

use portcullis_token::UnixTime;

use super::fields::{Entry, Fields, entries};
use super::reader::{Reader, Reported, all};
use super::tenant::read_secret;
use super::token_rules::read_duration;
use crate::address::parse_secure_url;
use crate::admission::{IntrospectionEndpoint, Revoked};
use crate::authorizer::{Check, IssuerUrl};
use crate::diagnostic::Diagnostic;
use crate::keys::{INTROSPECTION, REVOKED};

const LONGEST_CACHE: Duration = Duration::from_mins(5);
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
    let client_secret = fields
        .required(reader, "client_secret")
        .and_then(|entry| read_secret(reader, &entry));
    let always = fields.optional("always", |entry| reader.flag(&entry));
    let cache = fields.optional("cache", |entry| {
        let cache = read_duration(reader, &entry)?;
        if cache > LONGEST_CACHE {
            return Err(reader.bad(&entry, "must be `5m` at most"));
        }
        Ok(cache)
    });
    Ok(IntrospectionEndpoint {
        url: url?,
        client_id: client_id?,
        client_secret: client_secret?,
        always: always?.unwrap_or_default(),
        cache: cache?.unwrap_or_default(),
    })
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
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    let fits = (1..=*lengths.get(index)?).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if year < 1970 || !fits {
        return None;
    }
    let years: u64 = (1970..year)
        .map(|year| 365 + u64::from(is_leap(year)))
        .sum();
    let months: u64 = lengths.iter().take(index).sum();
    let days = years + months + day - 1;
    Some(UnixTime(((days * 24 + hour) * 60 + minute) * 60 + second))
}

/// Three numbers of so many digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
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
