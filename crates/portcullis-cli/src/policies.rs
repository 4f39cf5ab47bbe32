//! Which policy opens what, and how often: the matrix as people read it.

use std::time::Duration;

use anstyle::Style;
use portcullis_config::{Access, Amount, Config, Policy};
use serde_json::{Value, json};

use crate::terminal::{self, BOLD, DIM};

/// One line for each API of a policy, and for each endpoint it is narrowed to; nothing without
/// policies.
pub(crate) fn table(config: &Config) -> String {
    let rows: Vec<_> = config
        .policies
        .iter()
        .flat_map(|policy| rows(config, policy))
        .collect();
    terminal::table(&rows)
}

fn rows(config: &Config, policy: &Policy) -> Vec<Vec<(Style, String)>> {
    let plain = Style::new();
    let opened = policy.apis.iter().flat_map(|access| opened(config, access));
    let row = |(index, (api, endpoint)): (usize, (String, String))| {
        let is_first = index == 0;
        let only_first = |text: String| if is_first { text } else { String::new() };
        vec![
            (BOLD, only_first(policy.name.clone())),
            (plain, api),
            (plain, endpoint),
            (DIM, only_first(terms(policy))),
        ]
    };
    opened.enumerate().map(row).collect()
}

/// The API and an endpoint, or everything, that a policy opens.
fn opened(config: &Config, access: &Access) -> Vec<(String, String)> {
    let api = || config.apis[access.api].name.clone();
    match &access.endpoints {
        None => vec![(api(), "every route".to_owned())],
        Some(endpoints) => {
            let endpoints = endpoints.iter();
            endpoints
                .map(|endpoint| (api(), format!("{} {}", endpoint.methods, endpoint.path)))
                .collect()
        }
    }
}

/// `1000 in 1m, quota 10000 in 24h, expires after 30d`, or `unlimited`.
fn terms(policy: &Policy) -> String {
    let amount = |amount: Amount| format!("{} in {}", amount.count, written(amount.period));
    let terms: Vec<_> = [
        policy.rate.map(|rate| format!("rate {}", amount(rate))),
        policy.quota.map(|quota| format!("quota {}", amount(quota))),
        policy
            .expires
            .map(|age| format!("expires after {}", written(age))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if terms.is_empty() {
        "unlimited".to_owned()
    } else {
        terms.join(", ")
    }
}

/// A duration as the file writes it, in the largest unit that needs no fraction.
fn written(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ];
    let fits =
        |(size, _): &(u128, &str)| milliseconds >= *size && milliseconds.is_multiple_of(*size);
    match units.into_iter().find(fits) {
        Some((size, unit)) => format!("{}{unit}", milliseconds / size),
        None => format!("{milliseconds}ms"),
    }
}

/// The same for programs.
pub(crate) fn to_json(config: &Config) -> Value {
    let amount = |amount: Option<Amount>| {
        amount.map(|amount| json!({ "count": amount.count, "period": written(amount.period) }))
    };
    let policy = |policy: &Policy| {
        let opens = policy.apis.iter().flat_map(|access| opened(config, access));
        let opens: Vec<_> = opens
            .map(|(api, endpoint)| json!({ "api": api, "endpoint": endpoint }))
            .collect();
        json!({
            "name": policy.name,
            "opens": opens,
            "rate": amount(policy.rate),
            "quota": amount(policy.quota),
            "expires": policy.expires.map(written),
        })
    };
    config.policies.iter().map(policy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_in_the_file() {
        for (milliseconds, expected) in [
            (1, "1ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (1_500, "1500ms"),
            (60_000, "1m"),
            (90_000, "90s"),
            (86_400_000, "1d"),
            (90_000_000, "25h"),
        ] {
            assert_eq!(written(Duration::from_millis(milliseconds)), expected);
        }
    }
}
