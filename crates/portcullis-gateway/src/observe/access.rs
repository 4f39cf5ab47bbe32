//! The access log: one event for each request, bounded whatever a caller sends.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_config::LoggedSubject;
use portcullis_token::{Claims, Remembered, base64url};

use super::ACCESS;
use super::observation::Observation;

/// How much of a path is written down, and of any other text that others choose.
const LONGEST_PATH: usize = 2_048;
const LONGEST_TEXT: usize = 256;
/// As much of a hash as tells a service's callers apart.
const HASH_BYTES: usize = 16;

/// Emits the event; whoever subscribes escapes its fields.
pub(super) fn write(seen: &Observation, status: u16, took: Duration) {
    let observed = &seen.plan.observed;
    let series = seen.series();
    let claims = seen.caller.as_ref().map(Remembered::claims);
    let subject = claims.and_then(|claims| subject(claims, observed.subject));
    let trace_id = seen.trace_id().map(|trace| format!("{trace:032x}"));
    let upstream = seen.upstream.as_ref();
    tracing::debug!(
        target: ACCESS,
        request_id = %seen.request_id,
        trace_id,
        method = %seen.method,
        host = seen.host().map(|host| cut(host, LONGEST_TEXT)),
        route = nonempty(&series.route),
        path = cut(&seen.path, LONGEST_PATH),
        status,
        bytes = seen.bytes,
        duration_us = micros(took),
        upstream_status = upstream.and_then(|upstream| upstream.status),
        upstream_duration_us = upstream.and_then(|upstream| upstream.took).map(micros),
        api = nonempty(&series.api),
        authorizer = nonempty(seen.decided_by()),
        issuer = claims.and_then(Claims::issuer).map(|issuer| cut(issuer, LONGEST_TEXT)),
        subject,
        client_id = claims.and_then(Claims::client_id).map(|id| cut(id, LONGEST_TEXT)),
        policy = nonempty(cut(&seen.policies, LONGEST_TEXT)),
        reason = seen.reason,
    );
}

fn subject(claims: &Claims, how: LoggedSubject) -> Option<String> {
    let subject = claims.subject()?;
    match how {
        LoggedSubject::None => None,
        LoggedSubject::Plain => Some(cut(subject, LONGEST_TEXT).to_owned()),
        LoggedSubject::Hash => {
            let issuer = claims.issuer().unwrap_or_default();
            let hash = digest(&SHA256, format!("{issuer}\0{subject}").as_bytes());
            hash.as_ref().get(..HASH_BYTES).map(base64url::encode)
        }
    }
}

fn nonempty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// At most so many bytes of it, and whole characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, most, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "abc"),
            ("aö", 2, "a"),
            ("", 3, ""),
        ] {
            assert_eq!(cut(text, most), expected);
        }
    }
}
