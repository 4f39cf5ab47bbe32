//! The numbers side by side, with the goals of those that have one.

use std::fmt;

use serde_json::{Value, json};

/// What was measured of one operation.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// `SUBJECT/CONTENDER`.
    pub(super) operation: String,
    pub(super) nanoseconds: f64,
    pub(super) instructions: Option<u64>,
}

/// What our own time must be.
#[derive(Clone, Copy, Debug)]
enum Goal {
    /// At most so many times the bare signature check.
    TimesBare(f64),
    /// At most so many nanoseconds.
    Nanoseconds(f64),
    /// Less than jsonwebtoken's.
    BeatJsonwebtoken,
}

/// The subjects with goals. The others are there to be looked at.
const GOALS: [(&str, &[Goal]); 8] = [
    (
        "verify-rs256",
        &[Goal::TimesBare(1.15), Goal::BeatJsonwebtoken],
    ),
    ("verify-cached", &[Goal::Nanoseconds(1_000.0)]),
    ("refuse-bad-signature", &[Goal::BeatJsonwebtoken]),
    ("refuse-expired", &[Goal::Nanoseconds(5_000.0)]),
    ("refuse-malformed", &[Goal::Nanoseconds(5_000.0)]),
    ("refuse-no-token", &[Goal::Nanoseconds(5_000.0)]),
    ("sigv4-empty", &[Goal::Nanoseconds(10_000.0)]),
    ("sigv4-1-mib", &[Goal::TimesBare(1.3)]),
];

/// One line for each subject.
#[derive(Debug)]
pub(super) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    subject: String,
    portcullis: Option<Measured>,
    bare: Option<Measured>,
    jsonwebtoken: Option<Measured>,
}

impl Report {
    /// Puts the operations of a subject into one row, in the order in which subjects come.
    pub(super) fn new(measured: Vec<Measured>) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for measured in measured {
            let (subject, contender) = measured
                .operation
                .split_once('/')
                .map_or((measured.operation.as_str(), ""), |parts| parts);
            let (subject, contender) = (subject.to_owned(), contender.to_owned());
            if rows.last().is_none_or(|row| row.subject != subject) {
                rows.push(Row::new(subject));
            }
            if let Some(row) = rows.last_mut() {
                *row.cell(&contender) = Some(measured);
            }
        }
        Self { rows }
    }

    /// An array with an object for each subject; times in nanoseconds, absent ones `null`.
    pub(super) fn to_json(&self) -> Value {
        self.rows.iter().map(Row::to_json).collect()
    }
}

impl Row {
    const fn new(subject: String) -> Self {
        Self {
            subject,
            portcullis: None,
            bare: None,
            jsonwebtoken: None,
        }
    }

    fn cell(&mut self, contender: &str) -> &mut Option<Measured> {
        match contender {
            "bare" => &mut self.bare,
            "jsonwebtoken" => &mut self.jsonwebtoken,
            _ => &mut self.portcullis,
        }
    }

    /// One number of each contender, ours first.
    fn cells<T>(&self, number: impl Fn(&Measured) -> Option<T>) -> [Option<T>; 3] {
        [&self.portcullis, &self.bare, &self.jsonwebtoken]
            .map(|measured| measured.as_ref().and_then(&number))
    }

    fn instructions(&self) -> [Option<f64>; 3] {
        self.cells(|measured| Value::from(measured.instructions?).as_f64())
    }

    /// How many times longer we take than another contender.
    fn ratio(&self, other: Option<&Measured>) -> Option<f64> {
        Some(self.portcullis.as_ref()?.nanoseconds / other?.nanoseconds)
    }

    /// Each goal in words, and whether it is met; a goal without its numbers is not.
    fn goals(&self) -> Vec<(String, bool)> {
        let goals = GOALS.iter().find(|(subject, _)| *subject == self.subject);
        let goals = goals.map_or(&[][..], |(_, goals)| *goals);
        goals.iter().map(|goal| goal.judge(self)).collect()
    }

    fn to_json(&self) -> Value {
        let goals: Vec<_> = self
            .goals()
            .into_iter()
            .map(|(goal, met)| json!({ "goal": goal, "met": met }))
            .collect();
        json!({
            "subject": self.subject,
            "portcullis": to_json(self.portcullis.as_ref()),
            "bare": to_json(self.bare.as_ref()),
            "jsonwebtoken": to_json(self.jsonwebtoken.as_ref()),
            "ratio_to_bare": self.ratio(self.bare.as_ref()),
            "ratio_to_jsonwebtoken": self.ratio(self.jsonwebtoken.as_ref()),
            "goals": goals,
        })
    }
}

fn to_json(measured: Option<&Measured>) -> Value {
    measured.map_or(Value::Null, |measured| {
        json!({ "nanoseconds": measured.nanoseconds, "instructions": measured.instructions })
    })
}

impl Goal {
    fn judge(self, row: &Row) -> (String, bool) {
        let at_most = |value: Option<f64>, limit: f64| value.is_some_and(|value| value <= limit);
        match self {
            Self::TimesBare(limit) => {
                let met = at_most(row.ratio(row.bare.as_ref()), limit);
                (format!("{limit} × bare"), met)
            }
            Self::Nanoseconds(limit) => {
                let time = row.portcullis.as_ref().map(|measured| measured.nanoseconds);
                (format!("{} µs", limit / 1_000.0), at_most(time, limit))
            }
            Self::BeatJsonwebtoken => {
                let ratio = row.ratio(row.jsonwebtoken.as_ref());
                let met = ratio.is_some_and(|ratio| ratio < 1.0);
                ("jsonwebtoken".to_owned(), met)
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_heading(f, "shortest time")?;
        for row in &self.rows {
            let times = row.cells(|measured| Some(measured.nanoseconds));
            write_row(f, &row.subject, times, |time| {
                format!("{:.2} µs", time / 1_000.0)
            })?;
            for (goal, met) in row.goals() {
                write!(f, "  {goal}: {}", if met { "met" } else { "MISSED" })?;
            }
            writeln!(f)?;
        }
        if self.rows.iter().all(|row| row.instructions() == [None; 3]) {
            return Ok(());
        }
        writeln!(f)?;
        write_heading(f, "instructions")?;
        for row in &self.rows {
            write_row(f, &row.subject, row.instructions(), |count| {
                format!("{count:.0}")
            })?;
            writeln!(f)?;
        }
        Ok(())
    }
}

fn write_heading(f: &mut fmt::Formatter<'_>, title: &str) -> fmt::Result {
    let columns = ["portcullis", "bare", "ratio", "jsonwebtoken", "ratio"];
    let [ours, bare, ratio, theirs, other] = columns;
    writeln!(
        f,
        "{title:<22}{ours:>12}{bare:>12}{ratio:>7}{theirs:>14}{other:>7}"
    )
}

/// The numbers of the three contenders, and ours divided by each of the others.
fn write_row(
    f: &mut fmt::Formatter<'_>,
    subject: &str,
    [ours, bare, theirs]: [Option<f64>; 3],
    print: impl Fn(f64) -> String,
) -> fmt::Result {
    let cell = |value: Option<f64>| value.map_or_else(String::new, &print);
    let ratio = |other: Option<f64>| match (ours, other) {
        (Some(ours), Some(other)) => format!("{:.2}", ours / other),
        _ => String::new(),
    };
    let (own, alone, foreign) = (cell(ours), cell(bare), cell(theirs));
    let (to_bare, to_theirs) = (ratio(bare), ratio(theirs));
    write!(
        f,
        "{subject:<22}{own:>12}{alone:>12}{to_bare:>7}{foreign:>14}{to_theirs:>7}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(operation: &str, nanoseconds: f64, instructions: Option<u64>) -> Measured {
        Measured {
            operation: operation.to_owned(),
            nanoseconds,
            instructions,
        }
    }

    #[test]
    fn a_goal_is_met_up_to_its_limit() {
        for (ours, bare, theirs, expected) in [
            (115.0, 100.0, 116.0, [true, true]),
            (115.1, 100.0, 115.0, [false, false]),
        ] {
            let report = Report::new(vec![
                measured("verify-rs256/portcullis", ours, None),
                measured("verify-rs256/bare", bare, None),
                measured("verify-rs256/jsonwebtoken", theirs, None),
            ]);
            let met: Vec<_> = report.rows[0].goals().iter().map(|(_, met)| *met).collect();
            assert_eq!(met, expected, "{ours} {bare} {theirs}");
        }
        for (ours, expected) in [(5_000.0, true), (5_001.0, false)] {
            let report = Report::new(vec![measured("refuse-expired/portcullis", ours, None)]);
            let goals = report.rows[0].goals();
            assert_eq!(goals, [("5 µs".to_owned(), expected)], "{ours}");
        }
    }

    #[test]
    fn a_table_has_a_line_for_each_subject_and_instructions_where_they_were_counted() {
        let report = Report::new(vec![
            measured("verify-rs256/portcullis", 12_000.0, Some(60)),
            measured("verify-rs256/bare", 10_000.0, Some(40)),
            measured("refuse-no-token/portcullis", 10.0, None),
            measured("refuse-no-token/jsonwebtoken", 40.0, None),
        ]);
        let expected = "\
shortest time           portcullis        bare  ratio  jsonwebtoken  ratio
verify-rs256              12.00 µs    10.00 µs   1.20                       1.15 × bare: MISSED  jsonwebtoken: MISSED
refuse-no-token            0.01 µs                          0.04 µs   0.25  5 µs: met

instructions            portcullis        bare  ratio  jsonwebtoken  ratio
verify-rs256                    60          40   1.50                     
refuse-no-token                                                           
";
        assert_eq!(report.to_string(), expected);
    }

    #[test]
    fn a_program_reads_the_same_numbers() {
        let report = Report::new(vec![
            measured("verify-eddsa/portcullis", 30.0, Some(3)),
            measured("verify-eddsa/bare", 20.0, None),
        ]);
        let expected = json!([{
            "subject": "verify-eddsa",
            "portcullis": { "nanoseconds": 30.0, "instructions": 3 },
            "bare": { "nanoseconds": 20.0, "instructions": null },
            "jsonwebtoken": null,
            "ratio_to_bare": 1.5,
            "ratio_to_jsonwebtoken": null,
            "goals": [],
        }]);
        assert_eq!(report.to_json(), expected);
    }
}
