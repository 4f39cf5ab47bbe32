//! CPU time per request, and how many times nginx's it is.

use std::fmt;

use serde_json::{Value, json};

const BASE: &str = "nginx, no authentication";

/// The goals: a row, the row that it is held against, and how many times that it may take.
const GOALS: [(&str, &str, f64); 3] = [
    ("Portcullis, 1 token", BASE, 1.0),
    ("Portcullis, 100,000 tokens", BASE, 1.0),
    ("Portcullis, 1 token", "Envoy jwt_authn with its cache", 0.2),
];

/// The row whose memory has a goal, in KiB.
const MEMORY_GOAL: (&str, u64) = ("Portcullis, 100,000 tokens", 60 << 10);

/// What one pass of requests took.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Of the proxy's CPU time, per request.
    pub(super) microseconds: f64,
    pub(super) per_second: f64,
    /// The proxy's resident memory after the pass, in KiB.
    pub(super) kilobytes: u64,
}

/// The least of each row over all rounds.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Row>,
    missing: Vec<&'static str>,
}

impl Report {
    pub(super) fn add(&mut self, row: Row) {
        match self.rows.iter_mut().find(|known| known.name == row.name) {
            None => self.rows.push(row),
            Some(known) if row.microseconds < known.microseconds => *known = row,
            Some(_) => {}
        }
    }

    /// Notes a proxy that is not installed.
    pub(super) fn missing(&mut self, name: &'static str) {
        if !self.missing.contains(&name) {
            self.missing.push(name);
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "name": row.name,
                "cpu_microseconds": row.microseconds,
                "times_nginx": self.ratio(row.name, BASE),
                "requests_per_second": row.per_second,
                "memory_kib": row.kilobytes,
            })
        });
        json!({ "rows": rows.collect::<Vec<_>>(), "missing": self.missing })
    }

    fn find(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    fn ratio(&self, name: &str, other: &str) -> Option<f64> {
        Some(self.find(name)?.microseconds / self.find(other)?.microseconds)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = ["CPU µs", "× nginx", "requests/s", "MiB"];
        writeln!(
            f,
            "{:<34} {:>8} {:>8} {:>11} {:>6}",
            "", title[0], title[1], title[2], title[3]
        )?;
        for row in &self.rows {
            let ratio = self.ratio(row.name, BASE).unwrap_or(f64::NAN);
            writeln!(
                f,
                "{:<34} {:>8.1} {ratio:>8.2} {:>11.0} {:>6}",
                row.name,
                row.microseconds,
                row.per_second,
                row.kilobytes >> 10
            )?;
        }
        for name in &self.missing {
            writeln!(f, "not installed: {name}")?;
        }
        writeln!(f)?;
        for (name, other, most) in GOALS {
            if let Some(ratio) = self.ratio(name, other) {
                let verdict = if ratio <= most { "met" } else { "MISSED" };
                writeln!(
                    f,
                    "{verdict}: {name}, at most {most} times {other}: {ratio:.2}"
                )?;
            }
        }
        let (name, most) = MEMORY_GOAL;
        if let Some(row) = self.find(name) {
            let verdict = if row.kilobytes <= most {
                "met"
            } else {
                "MISSED"
            };
            let (most, got) = (most >> 10, row.kilobytes >> 10);
            writeln!(f, "{verdict}: {name}, at most {most} MiB: {got}")?;
        }
        Ok(())
    }
}
