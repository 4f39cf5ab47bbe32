use std::path::PathBuf;
use std::{fs, io};

use serde_json::Value;

use super::{BenchError, cargo, root};

const COMMAND: &str = "cargo bench -p portcullis-bench";

/// Times every operation with criterion, from nothing: ratios are of one run.
pub(super) fn run() -> Result<(), BenchError> {
    let folder = folder();
    match fs::remove_dir_all(&folder) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            let folder = folder.display().to_string();
            return Err(BenchError::Clean { folder, cause });
        }
        _ => {}
    }
    let status = cargo(&["bench", "--quiet", "--package", "portcullis-bench"])
        .env("CRITERION_HOME", folder)
        .stdout(io::stderr())
        .status();
    match status {
        Err(cause) => Err(BenchError::Start {
            command: COMMAND,
            cause,
        }),
        Ok(status) if !status.success() => Err(BenchError::Failed {
            command: COMMAND,
            status,
        }),
        Ok(_) => Ok(()),
    }
}

/// The shortest time of an operation in nanoseconds, of criterion's samples.
///
/// What else runs on the machine can only add to a time, so the shortest says most.
pub(super) fn load(operation: &str) -> Result<f64, BenchError> {
    let file = folder().join(operation).join("new/sample.json");
    let shortest = fs::read(&file).ok().and_then(|json| shortest(&json));
    shortest.ok_or_else(|| BenchError::Times {
        operation: operation.to_owned(),
        file: file.display().to_string(),
    })
}

fn folder() -> PathBuf {
    root().join("target/criterion-of-xtask")
}

fn shortest(json: &[u8]) -> Option<f64> {
    let sample: Value = serde_json::from_slice(json).ok()?;
    let numbers = |name: &str| -> Option<Vec<f64>> {
        sample
            .get(name)?
            .as_array()?
            .iter()
            .map(Value::as_f64)
            .collect()
    };
    let (times, rounds) = (numbers("times")?, numbers("iters")?);
    let each = times.iter().zip(rounds).map(|(time, rounds)| time / rounds);
    each.min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_round_counts() {
        for (json, expected) in [
            (r#"{"iters":[10,20],"times":[50,80]}"#, Some(4.0)),
            (r#"{"iters":[1],"times":[2.5]}"#, Some(2.5)),
            (r#"{"iters":[],"times":[]}"#, None),
            (r#"{"iters":[1]}"#, None),
            ("", None),
        ] {
            assert_eq!(shortest(json.as_bytes()), expected, "{json}");
        }
    }
}
