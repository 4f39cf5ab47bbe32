//! The best of each number over all rounds, and whether it reaches its goal.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// Tokens per second, at least so much of what bare signing allows.
const SHARE_GOAL: f64 = 0.7;
/// The p99 of `/userinfo` under a flood of logins, at most so many times that without.
const FLOOD_GOAL: f64 = 2.0;
/// From the process's start to the first answer, with a database that is there.
const READY_GOAL: Duration = Duration::from_millis(300);

/// What was measured, one number per round, times in seconds.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Of a core, for a bare signature.
    pub(super) bare: Vec<f64>,
    /// Of a core, for a token.
    pub(super) token: Vec<f64>,
    /// The p99 of `/userinfo` while nothing else happens.
    pub(super) idle: Vec<f64>,
    /// The same while people log in, in the same order.
    pub(super) flooded: Vec<f64>,
    /// How many did, in all rounds.
    pub(super) logins: u64,
    pub(super) ready: Vec<Duration>,
    /// With keys and a database to be made.
    pub(super) first_start: Duration,
}

impl Report {
    fn bare(&self) -> f64 {
        least(&self.bare)
    }

    fn token(&self) -> f64 {
        least(&self.token)
    }

    /// Tokens per second in parts of signatures per second.
    fn share(&self) -> f64 {
        self.bare() / self.token()
    }

    fn ready(&self) -> Duration {
        self.ready.iter().min().copied().unwrap_or(Duration::MAX)
    }

    /// How many times longer `/userinfo` takes under a flood.
    fn flood(&self) -> f64 {
        least(&self.flooded) / least(&self.idle)
    }

    fn goals(&self) -> [(&'static str, String, bool); 3] {
        let (share, flood, ready) = (self.share(), self.flood(), self.ready());
        [
            (
                "tokens per second, at least 70 % of bare signing",
                format!("{:.0} %", share * 100.0),
                share >= SHARE_GOAL,
            ),
            (
                "p99 of /userinfo while people log in, at most 2 times that without",
                format!("{flood:.2}"),
                flood <= FLOOD_GOAL,
            ),
            (
                "ready within 300 ms",
                format!("{} ms", ready.as_millis()),
                ready <= READY_GOAL,
            ),
        ]
    }

    pub(super) fn to_json(&self) -> Value {
        let goals = self
            .goals()
            .map(|(goal, got, met)| json!({ "goal": goal, "got": got, "met": met }));
        json!({
            "signatures_per_second": 1.0 / self.bare(),
            "tokens_per_second": 1.0 / self.token(),
            "tokens_per_signature": self.share(),
            "user_info_p99_idle_seconds": least(&self.idle),
            "user_info_p99_flooded_seconds": least(&self.flooded),
            "logins": self.logins,
            "ready_seconds": self.ready().as_secs_f64(),
            "first_start_seconds": self.first_start.as_secs_f64(),
            "goals": goals,
        })
    }
}

/// Not a number where nothing was measured, which reaches no goal.
fn least(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::NAN, f64::min)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |seconds: f64| format!("{:>7.0} /s", 1.0 / seconds);
        let time = |seconds: f64| format!("{:>7.2} ms", seconds * 1e3);
        for (name, value) in [
            ("bare signatures of RSA-2048, one core", rate(self.bare())),
            ("tokens by client credentials, one core", rate(self.token())),
            ("/userinfo, p99", time(least(&self.idle))),
            (
                "/userinfo while people log in, p99",
                time(least(&self.flooded)),
            ),
            ("ready, with a database", time(self.ready().as_secs_f64())),
            (
                "ready, the very first time",
                time(self.first_start.as_secs_f64()),
            ),
        ] {
            writeln!(f, "{name:<40} {value}")?;
        }
        writeln!(f, "logins meanwhile: {}", self.logins)?;
        writeln!(f)?;
        for (goal, got, met) in self.goals() {
            let verdict = if met { "met" } else { "MISSED" };
            writeln!(f, "{verdict}: {goal}: {got}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(token: f64, flooded: f64, ready: u64) -> Report {
        Report {
            bare: vec![0.0008, 0.0007],
            token: vec![0.004, token],
            idle: vec![0.001, 0.002],
            flooded: vec![0.1, flooded],
            logins: 70,
            ready: vec![Duration::from_secs(1), Duration::from_millis(ready)],
            first_start: Duration::from_millis(900),
        }
    }

    #[test]
    fn a_goal_is_met_up_to_its_limit() {
        for (report, expected) in [
            (report(0.001, 0.002, 300), [true, true, true]),
            (report(0.001_01, 0.002, 300), [false, true, true]),
            (report(0.001, 0.002_01, 300), [true, false, true]),
            (report(0.001, 0.002, 301), [true, true, false]),
            (Report::default(), [false, false, false]),
        ] {
            let met = report.goals().map(|(_, _, met)| met);
            assert_eq!(met, expected, "{report:?}");
        }
    }

    #[test]
    fn a_table_has_a_line_for_each_number_and_each_goal() {
        let expected = "\
bare signatures of RSA-2048, one core       1429 /s
tokens by client credentials, one core       800 /s
/userinfo, p99                              1.00 ms
/userinfo while people log in, p99          1.50 ms
ready, with a database                    250.00 ms
ready, the very first time                900.00 ms
logins meanwhile: 70

MISSED: tokens per second, at least 70 % of bare signing: 56 %
met: p99 of /userinfo while people log in, at most 2 times that without: 1.50
met: ready within 300 ms: 250 ms
";
        assert_eq!(report(0.001_25, 0.0015, 250).to_string(), expected);
    }

    #[test]
    fn a_program_reads_the_same_numbers() {
        let json = report(0.001, 0.002, 250).to_json();
        assert_eq!(json["first_start_seconds"], 0.9);
        assert_eq!(json["logins"], 70);
        assert_eq!(json["goals"][2]["met"], true);
        assert_eq!(json["goals"][2]["got"], "250 ms");
    }
}
