//! Runs one fuzz target under libFuzzer, with the stable compiler.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::{fs, io};

/// What libFuzzer needs the compiler to put into the code, and the checks of a debug build. All of
/// it is stable; only the sanitizers are not, which would find nothing in code without `unsafe`.
const RUSTFLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks --cfg fuzzing";

/// How long a target runs when nobody says.
pub(crate) const SECONDS: u32 = 60;

/// Why fuzzing ended without a clean run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FuzzError {
    /// The first argument names no target.
    #[error("there is no fuzz target `{name}`; there are {}", known.join(", "))]
    UnknownTarget { name: String, known: Vec<String> },
    /// What is after `--seconds` is not a number.
    #[error("`{0}` is not a number of seconds")]
    Seconds(String),
    /// The program could not be built, or it found something.
    #[error("{target} ended with {status}; to see an input again: {replay} FILE")]
    Failed {
        target: String,
        status: ExitStatus,
        replay: &'static str,
    },
    /// A folder could not be made, or cargo not be started.
    #[error("could not run `{0}`")]
    Start(String, #[source] io::Error),
}

/// Runs the target called `name` for `seconds`; what it finds stays below `fuzz/target`.
///
/// # Errors
/// [`FuzzError`], also when the target found something, which libFuzzer has then printed.
pub(crate) fn run(name: &str, seconds: Option<&str>) -> Result<(), FuzzError> {
    let seconds = match seconds {
        None => SECONDS,
        Some(text) => text
            .parse()
            .map_err(|_| FuzzError::Seconds(text.to_owned()))?,
    };
    let start = |cause| FuzzError::Start(name.to_owned(), cause);
    let known = targets().map_err(start)?;
    if !known.iter().any(|target| target == name) {
        let name = name.to_owned();
        return Err(FuzzError::UnknownTarget { name, known });
    }
    let status = command(name, seconds)
        .and_then(|mut command| command.status())
        .map_err(start)?;
    if status.success() {
        return Ok(());
    }
    Err(FuzzError::Failed {
        target: name.to_owned(),
        status,
        replay: "cargo run --manifest-path fuzz/Cargo.toml --no-default-features --bin replay --",
    })
}

fn command(name: &str, seconds: u32) -> io::Result<Command> {
    for kept in ["found", "artifacts"] {
        fs::create_dir_all(root().join(format!("fuzz/target/{kept}/{name}")))?;
    }
    let mut command = Command::new("cargo");
    command
        .current_dir(root())
        .env("RUSTFLAGS", RUSTFLAGS)
        .args(["run", "--manifest-path", "fuzz/Cargo.toml", "--locked"])
        // With a target, the flags above are not for build scripts and macros.
        .args(["--release", "--target", "host-tuple", "--bin", name, "--"])
        .arg(format!("fuzz/target/found/{name}"))
        .arg(format!("fuzz/corpus/{name}"))
        .arg(format!("-artifact_prefix=fuzz/target/artifacts/{name}/"))
        .arg(format!("-max_total_time={seconds}"))
        .args(["-max_len=20000", "-timeout=10"]);
    Ok(command)
}

/// The names of the targets, sorted.
fn targets() -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(root().join("fuzz/fuzz_targets"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .filter_map(|path| {
            path.map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
                .transpose()
        })
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_and_a_time_that_cannot_be_are_refused_before_anything_is_built() {
        let error = run("no_such_target", None).unwrap_err();
        let known = targets().unwrap();
        assert!(known.iter().any(|name| name == "token"), "{known:?}");
        assert!(
            matches!(error, FuzzError::UnknownTarget { name, known: told }
                if name == "no_such_target" && told == known)
        );
        for seconds in ["", "1m", "-1"] {
            let error = run("token", Some(seconds)).unwrap_err();
            assert!(matches!(error, FuzzError::Seconds(told) if told == seconds));
        }
    }

    #[test]
    fn every_target_has_seeds() {
        for name in targets().unwrap() {
            let seeds = fs::read_dir(root().join("fuzz/corpus").join(&name));
            assert!(seeds.is_ok_and(|seeds| seeds.count() > 0), "{name}");
        }
    }
}
