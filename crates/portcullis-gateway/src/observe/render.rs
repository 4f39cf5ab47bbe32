//! The text format of Prometheus. Some atomics and this need less than any crate for them would
//! bring, and no lock to find a series by its labels.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::Ordering;

use super::instruments::Instruments;
use super::metric;
use super::series::{Answered, BOUNDS, Durations, Histogram};
use super::verifications;
use crate::plan::Plan;

type Labels<'l> = &'l [(&'static str, &'l str)];

pub(super) fn text(instruments: &Instruments, plan: &Plan) -> String {
    let mut page = Page::default();
    requests(&mut page, plan);
    decisions(&mut page, plan);
    limits(&mut page, plan);
    verifications::show(&mut page, plan);
    keys(&mut page, plan);
    cache(&mut page, plan);
    upstreams(&mut page, plan);
    process(&mut page, instruments);
    page.text
}

#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.text
            .push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    pub(super) fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        self.text.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            self.text
                .push_str(&format!("{before}{label}=\"{}\"", escaped(text)));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        self.text.push_str(&format!("{end} {value}\n"));
    }

    fn histogram(&mut self, name: &str, labels: Labels<'_>, histogram: &Histogram) {
        let ends = BOUNDS.iter().map(|bound| seconds(*bound));
        let counts = histogram.counts().into_iter();
        let buckets = counts.zip(ends.chain(["+Inf".to_owned()]));
        self.buckets(name, labels, buckets, &seconds(histogram.sum()));
    }

    /// A histogram of how many values were in each bucket, with the bucket's upper end.
    pub(super) fn buckets(
        &mut self,
        name: &str,
        labels: Labels<'_>,
        buckets: impl Iterator<Item = (u64, String)>,
        sum: &str,
    ) {
        let mut total = 0;
        for (count, end) in buckets {
            total += count;
            let labels = [labels, &[("le", end.as_str())]].concat();
            self.sample(&format!("{name}_bucket"), &labels, total);
        }
        self.sample(&format!("{name}_sum"), labels, sum);
        self.sample(&format!("{name}_count"), labels, total);
    }

    fn durations(&mut self, name: &str, of: Labels<'_>, durations: &Durations) {
        for (answered, histogram) in durations.all() {
            if histogram.counts().iter().all(|count| *count == 0) {
                continue;
            }
            let Answered {
                method,
                status,
                error,
            } = answered;
            let status = status.map(|status| status.to_string()).unwrap_or_default();
            let how = [
                ("http_request_method", method),
                ("http_response_status_code", status.as_str()),
                ("error_type", error),
            ];
            self.histogram(name, &[of, &how].concat(), histogram);
        }
    }
}

fn requests(page: &mut Page, plan: &Plan) {
    let all = &plan.observed.all;
    let help = "How long requests took, to the end of their answers.";
    page.family(metric::SERVER_DURATION, "histogram", help);
    for ((api, route), durations) in &all.routes {
        let of = [("api", &**api), ("http_route", &**route)];
        page.durations(metric::SERVER_DURATION, &of, durations);
    }
    let help = "How long upstreams took to begin their answers.";
    page.family(metric::CLIENT_DURATION, "histogram", help);
    for (address, durations) in &all.upstreams {
        let of = [("server_address", &**address)];
        page.durations(metric::CLIENT_DURATION, &of, durations);
    }
}

fn decisions(page: &mut Page, plan: &Plan) {
    let help = "Requests by whether they might pass, and why not.";
    page.family(metric::DECISIONS, "counter", help);
    for (api, decisions) in &plan.observed.all.decisions {
        for decision in decisions.all() {
            let labels = [
                ("api", &**api),
                ("authorizer", &*decision.authorizer),
                ("outcome", decision.outcome),
                ("reason", decision.reason),
            ];
            page.sample(metric::DECISIONS, &labels, decision.count());
        }
    }
}

fn limits(page: &mut Page, plan: &Plan) {
    let help = "Requests by what became of them at a policy's limits.";
    page.family(metric::LIMIT_DECISIONS, "counter", help);
    for decision in plan.observed.limits().all() {
        let labels = [
            ("policy", &*decision.policy),
            ("limit", decision.limit),
            ("outcome", decision.outcome),
        ];
        page.sample(metric::LIMIT_DECISIONS, &labels, decision.count());
    }
}

fn keys(page: &mut Page, plan: &Plan) {
    // Authorizers may share a source, which is shown once.
    let sources: BTreeMap<_, _> = plan
        .key_status()
        .into_iter()
        .flat_map(|(_, keys)| keys)
        .filter_map(|status| {
            let source = status.source.as_ref()?.to_string();
            let issuer = status.issuer.clone().unwrap_or_else(|| source.clone());
            Some(((issuer, source), status))
        })
        .collect();
    let help = "Fetches of key sets by how they ended.";
    page.family(metric::JWKS_FETCHES, "counter", help);
    for ((issuer, source), status) in &sources {
        let sum = |count: fn(&portcullis::FetchCount) -> u64| -> u64 {
            status.fetches.iter().map(count).sum()
        };
        for (outcome, count) in [
            ("fetched", sum(|fetch| fetch.fetched)),
            ("not_modified", sum(|fetch| fetch.not_modified)),
            ("failed", sum(|fetch| fetch.failed)),
        ] {
            let labels = [
                ("issuer", issuer.as_str()),
                ("source", source),
                ("outcome", outcome),
            ];
            page.sample(metric::JWKS_FETCHES, &labels, count);
        }
    }
    let help = "Keys in use.";
    page.family(metric::JWKS_KEYS, "gauge", help);
    for ((issuer, source), status) in &sources {
        let labels = [("issuer", issuer.as_str()), ("source", source)];
        page.sample(metric::JWKS_KEYS, &labels, status.keys.len());
    }
    let help = "Whether the issuer has failed since it vouched for its keys.";
    page.family(metric::JWKS_STALE, "gauge", help);
    for ((issuer, source), status) in &sources {
        let labels = [("issuer", issuer.as_str()), ("source", source)];
        page.sample(metric::JWKS_STALE, &labels, u8::from(status.is_stale));
    }
    let help = "How long ago the issuer vouched for its keys.";
    page.family(metric::JWKS_AGE, "gauge", help);
    for ((issuer, source), status) in &sources {
        if let Some(age) = status.age {
            let labels = [("issuer", issuer.as_str()), ("source", source)];
            page.sample(metric::JWKS_AGE, &labels, age.as_secs());
        }
    }
}

fn cache(page: &mut Page, plan: &Plan) {
    let status = plan.observed.cache.status();
    let help = "Look-ups of tokens that may have been verified before, since the last reload.";
    page.family(metric::CACHE_LOOKUPS, "counter", help);
    for (outcome, count) in [("hit", status.hits), ("miss", status.misses)] {
        page.sample(metric::CACHE_LOOKUPS, &[("outcome", outcome)], count);
    }
    let help = "Tokens that made room for others, since the last reload.";
    page.family(metric::CACHE_EVICTIONS, "counter", help);
    page.sample(metric::CACHE_EVICTIONS, &[], status.evictions);
    page.family(metric::CACHE_ENTRIES, "gauge", "Tokens that are kept.");
    page.sample(metric::CACHE_ENTRIES, &[], status.entries);
}

fn upstreams(page: &mut Page, plan: &Plan) {
    let help = "Whether requests are sent to this address as if nothing had happened.";
    page.family(metric::UPSTREAM_HEALTHY, "gauge", help);
    for upstream in plan.upstream_health() {
        let labels = [
            ("upstream", &*upstream.api),
            ("address", upstream.address.as_str()),
        ];
        let healthy = u8::from(upstream.healthy);
        page.sample(metric::UPSTREAM_HEALTHY, &labels, healthy);
    }
}

fn process(page: &mut Page, instruments: &Instruments) {
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let reloaded = u64::from(!instruments.reload_failed.load(Ordering::Relaxed));
    let lost_lines = instruments.lost_lines.get().map_or(0, |lines| load(lines));
    for (name, kind, help, value) in [
        (
            metric::CONNECTIONS,
            "gauge",
            "Connections from callers.",
            load(&instruments.connections),
        ),
        (
            metric::GENERATION,
            "gauge",
            "The number of the configuration that serves.",
            load(&instruments.generation),
        ),
        (
            metric::RELOADED,
            "gauge",
            "Whether the configuration that was read last serves.",
            reloaded,
        ),
        (
            metric::LOST_SPANS,
            "counter",
            "Spans that the collector did not get.",
            load(&instruments.lost_spans),
        ),
        (
            metric::LOST_LINES,
            "counter",
            "Log lines that could not be written in time.",
            lost_lines,
        ),
    ] {
        page.family(name, kind, help);
        page.sample(name, &[], value);
    }
}

/// Microseconds as seconds, without the rounding of floats.
pub(super) fn seconds(micros: u64) -> String {
    let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
    let digits = format!("{part:06}");
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        whole.to_string()
    } else {
        format!("{whole}.{digits}")
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('"', r#"\""#)
        .replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_ends_where_it_should() {
        let mut page = Page::default();
        page.sample("a", &[("b", "x\"} 1\n\\"), ("c", "")], 3);
        page.sample("d", &[], 4);
        assert_eq!(page.text, "a{b=\"x\\\"} 1\\n\\\\\",c=\"\"} 3\nd 4\n");
    }

    #[test]
    fn microseconds_are_shown_as_seconds() {
        for (micros, expected) in [
            (0, "0"),
            (500, "0.0005"),
            (2_500_000, "2.5"),
            (10_000_000, "10"),
            (1, "0.000001"),
        ] {
            assert_eq!(seconds(micros), expected);
        }
    }
}
