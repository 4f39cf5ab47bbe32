//! Counts instructions with callgrind: the same number whatever else the machine does.

use std::process::{Command, Stdio};

use super::{BenchError, cargo};

const COMMAND: &str = "valgrind --tool=callgrind";

/// How often an operation is repeated: the first round pays for what is set up once.
const ROUNDS: u32 = 20;

/// Callgrind under cargo, which knows where the program is. It writes its profile nowhere.
const RUNNER: &str = r#"target."cfg(all())".runner = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*Operation*::run"]"#;

/// Whether valgrind is there; where it is not, there are no counts.
pub(super) fn are_countable() -> Result<bool, BenchError> {
    let mut probe = Command::new("valgrind");
    probe
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match probe.status() {
        Ok(status) => Ok(status.success()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("==> no instruction counts: valgrind is not there");
            Ok(false)
        }
        Err(cause) => Err(BenchError::Start {
            command: COMMAND,
            cause,
        }),
    }
}

/// The instructions of one round of an operation.
pub(super) fn count(operation: &str) -> Result<u64, BenchError> {
    let rounds = ROUNDS.to_string();
    let output = cargo(&["--config", RUNNER, "run", "--release", "--quiet"])
        .args(["--package", "portcullis-bench", "--", operation, &rounds])
        .output()
        .map_err(|cause| BenchError::Start {
            command: COMMAND,
            cause,
        })?;
    if !output.status.success() {
        return Err(BenchError::Failed {
            command: COMMAND,
            status: output.status,
        });
    }
    let collected = find_collected(&String::from_utf8_lossy(&output.stderr));
    let collected = collected.ok_or(BenchError::Output { command: COMMAND })?;
    Ok(collected / u64::from(ROUNDS))
}

/// The number after `Collected :` in callgrind's closing words.
fn find_collected(text: &str) -> Option<u64> {
    let (_, number) = text.rsplit_once("Collected :")?;
    number.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_instructions_is_found_in_callgrinds_words() {
        for (text, expected) in [
            (
                "==7== Events    : Ir\n==7== Collected : 1234\n==7==\n",
                Some(1234),
            ),
            ("==7== Collected : \n", None),
            ("valgrind: program not found", None),
        ] {
            assert_eq!(find_collected(text), expected, "{text}");
        }
    }
}
