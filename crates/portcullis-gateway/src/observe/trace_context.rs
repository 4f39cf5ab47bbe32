//! W3C Trace Context: whose trace a request belongs to.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Section 3.3.1.5: as much of `tracestate` as everybody passes on.
const LONGEST_STATE: usize = 512;
const SAMPLED: u8 = 1;

/// What a caller says of its own span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) sampled: bool,
}

/// The trace of a request that is traced here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TraceContext {
    pub(super) trace: u128,
    pub(super) parent: Option<u64>,
    /// This request's span, and that of the upstream's part in it.
    pub(super) span: u64,
    pub(super) upstream_span: u64,
    pub(super) sampled: bool,
}

/// Where ids come from. They must be unique, not secret.
#[derive(Debug)]
pub(crate) struct TraceIds(Cell<u64>);

impl Default for TraceIds {
    fn default() -> Self {
        // The system seeds a `RandomState`.
        Self(Cell::new(RandomState::new().hash_one(())))
    }
}

impl TraceIds {
    /// `SplitMix64`, without nought, which is no id.
    fn next(&self) -> u64 {
        loop {
            let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.0.set(state);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let id = mixed ^ (mixed >> 31);
            if id != 0 {
                return id;
            }
        }
    }

    /// The trace that the caller's request continues, or begins.
    pub(super) fn begin(&self, parent: Option<Parent>, sample_percent: u8) -> TraceContext {
        let trace = parent.map_or_else(
            || (u128::from(self.next()) << 64) | u128::from(self.next()),
            |parent| parent.trace,
        );
        let by_chance = || self.next() % 100 < u64::from(sample_percent);
        TraceContext {
            trace,
            parent: parent.map(|parent| parent.span),
            span: self.next(),
            upstream_span: self.next(),
            sampled: parent.map_or_else(by_chance, |parent| parent.sampled),
        }
    }
}

impl TraceContext {
    /// Makes the upstream's span a child of ours.
    pub(super) fn pass_on(&self, headers: &mut HeaderMap) {
        let Self {
            trace,
            upstream_span,
            ..
        } = self;
        let flags = u8::from(self.sampled);
        let value = format!("00-{trace:032x}-{upstream_span:016x}-{flags:02x}");
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(TRACEPARENT, value);
        }
    }
}

/// What the headers say of the caller's span: exactly one `traceparent`, in its one form.
pub(super) fn parent(headers: &HeaderMap) -> Option<Parent> {
    let mut lines = headers.get_all(TRACEPARENT).iter();
    let line = lines.next()?;
    if lines.next().is_some() {
        return None;
    }
    parse(line.to_str().ok()?)
}

/// Removes what no reader may rely on: a broken `traceparent`, and the state of none.
pub(super) fn clean(headers: &mut HeaderMap, parent: Option<Parent>) {
    if parent.is_none() {
        headers.remove(TRACEPARENT);
    }
    let states = headers.get_all(TRACESTATE).iter();
    let length: usize = states.map(HeaderValue::len).sum();
    if parent.is_none() || length > LONGEST_STATE {
        headers.remove(TRACESTATE);
    }
}

/// Section 3.2: `00-{trace}-{span}-{flags}` in lower case; later versions may go on after that.
fn parse(text: &str) -> Option<Parent> {
    let mut parts = text.splitn(5, '-');
    let version = hexadecimal(parts.next()?, 2)?;
    let trace = hexadecimal(parts.next()?, 32)?;
    let span = u64::try_from(hexadecimal(parts.next()?, 16)?).ok()?;
    let flags = u8::try_from(hexadecimal(parts.next()?, 2)?).ok()?;
    let ends = version != 0 || parts.next().is_none();
    (version != 0xff && trace != 0 && span != 0 && ends).then_some(Parent {
        trace,
        span,
        sampled: flags & SAMPLED != 0,
    })
}

fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let fits = text.len() == digits && text.bytes().all(is_digit);
    fits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn a_traceparent_has_one_form() {
        for (text, expected) in [
            (format!("00-{TRACE}-b7ad6b7169203331-01"), Some(true)),
            (format!("00-{TRACE}-b7ad6b7169203331-00"), Some(false)),
            (format!("00-{TRACE}-b7ad6b7169203331-03"), Some(true)),
            (format!("cc-{TRACE}-b7ad6b7169203331-01-what"), Some(true)),
            (format!("00-{TRACE}-b7ad6b7169203331-01-what"), None),
            (format!("ff-{TRACE}-b7ad6b7169203331-01"), None),
            (format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-0000000000000000-01"), None),
            (
                format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()),
                None,
            ),
            (format!("00-{TRACE}-+7ad6b7169203331-01"), None),
            (format!("00-{TRACE}-b7ad6b7169203331-1"), None),
            (format!("00-{TRACE}-b7ad6b7169203331"), None),
            (format!(" 00-{TRACE}-b7ad6b7169203331-01"), None),
            (String::new(), None),
        ] {
            let sampled = parse(&text).map(|parent| parent.sampled);
            assert_eq!(sampled, expected, "{text:?}");
        }
    }

    #[test]
    fn the_state_of_a_broken_parent_is_not_passed_on() {
        let good = format!("00-{TRACE}-b7ad6b7169203331-01");
        for (traceparent, state, expected) in [
            (good.as_str(), 512, (true, true)),
            (good.as_str(), 513, (true, false)),
            ("00-1-2-01", 3, (false, false)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TRACEPARENT, traceparent.parse().unwrap());
            headers.insert(TRACESTATE, "a".repeat(state).parse().unwrap());
            let parent = parent(&headers);
            clean(&mut headers, parent);
            let left = (
                headers.contains_key(TRACEPARENT),
                headers.contains_key(TRACESTATE),
            );
            assert_eq!(left, expected, "{traceparent} {state}");
        }
    }

    #[test]
    fn a_parent_decides_whether_there_are_spans_and_else_chance_does() {
        let ids = TraceIds::default();
        let parent = |sampled| {
            Some(Parent {
                trace: 1,
                span: 2,
                sampled,
            })
        };
        for (parent, percent, expected) in [
            (parent(true), 0, true),
            (parent(false), 100, false),
            (None, 0, false),
            (None, 100, true),
        ] {
            let context = ids.begin(parent, percent);
            assert_eq!(context.sampled, expected, "{parent:?} {percent}");
            assert_eq!(context.parent, parent.map(|parent| parent.span));
            assert_ne!(context.span, context.upstream_span);
        }
    }
}
