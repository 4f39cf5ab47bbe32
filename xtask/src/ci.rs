//! What CI runs, in its order: the quick steps first, each with what it needs installed.

mod command;
mod requirement;

use std::io;
use std::time::Instant;

use command::CargoCommand;
use requirement::Requirement;

/// One check of a change: a command that must succeed.
#[derive(Debug)]
pub(crate) struct Step {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    pub(crate) command: CargoCommand,
    requires: &'static [Requirement],
}

/// A workspace of its own, so that no step above covers it.
const FUZZ: &str = "fuzz/Cargo.toml";

/// Every step, in the order in which they run.
pub(crate) static STEPS: [Step; 11] = [
    Step {
        name: "format",
        command: CargoCommand::new(&["fmt", "--all", "--check"]),
        requires: &[Requirement::RUSTFMT],
    },
    Step {
        name: "fuzz-format",
        command: CargoCommand::new(&["fmt", "--manifest-path", FUZZ, "--check"]),
        requires: &[Requirement::RUSTFMT],
    },
    Step {
        name: "lint",
        command: CargoCommand::new(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
        requires: &[Requirement::CLIPPY],
    },
    Step {
        name: "fuzz-lint",
        command: CargoCommand::new(&[
            "clippy",
            "--manifest-path",
            FUZZ,
            // Without the wrappers, which would need a C++ compiler.
            "--no-default-features",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
        requires: &[Requirement::CLIPPY],
    },
    Step {
        name: "test",
        command: CargoCommand::new(&["nextest", "run", "--workspace", "--locked"]),
        requires: &[Requirement::NEXTEST],
    },
    Step {
        name: "test-features",
        command: CargoCommand::new(&[
            "nextest",
            "run",
            "--package",
            "portcullis",
            // What no other crate of the workspace switches on.
            "--all-features",
            "--locked",
        ]),
        requires: &[Requirement::NEXTEST],
    },
    Step {
        name: "fuzz",
        command: CargoCommand::new(&[
            "run",
            "--quiet",
            "--manifest-path",
            FUZZ,
            "--no-default-features",
            "--locked",
            "--bin",
            "replay",
            "--",
            "--iterations",
            "10000",
        ]),
        requires: &[],
    },
    Step {
        name: "doctest",
        command: CargoCommand::new(&["test", "--workspace", "--doc", "--locked"]),
        requires: &[],
    },
    Step {
        name: "doc",
        command: CargoCommand::new(&[
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
            "--locked",
        ])
        .with("RUSTDOCFLAGS", "-D warnings"),
        requires: &[],
    },
    Step {
        name: "doc-bare",
        command: CargoCommand::new(&[
            "doc",
            "--package",
            "portcullis",
            "--no-default-features",
            "--no-deps",
            "--locked",
        ])
        .with("RUSTDOCFLAGS", "-D warnings"),
        requires: &[],
    },
    Step {
        name: "deny",
        command: CargoCommand::new(&["deny", "--offline", "check", "bans", "licenses", "sources"]),
        requires: &[Requirement::DENY, Requirement::CRATES],
    },
];

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CiError {
    /// `--only` names no step.
    #[error("there is no step `{name}`: see `cargo xtask help`")]
    UnknownStep { name: String },
    /// A part of the toolchain that only rustup can install is not there.
    #[error("`{probe}` does not work here; to install it: {install}")]
    Component {
        probe: CargoCommand,
        install: &'static str,
    },
    /// The command ran and found something.
    #[error("{step} failed; to repeat it: {command}")]
    Failed {
        step: &'static str,
        command: CargoCommand,
    },
    /// The command could not be started at all.
    #[error("could not start `{command}`")]
    Start {
        command: CargoCommand,
        #[source]
        cause: io::Error,
    },
}

/// Finds the step that `--only` names.
///
/// # Errors
/// [`CiError::UnknownStep`] when no step has that name.
pub(crate) fn find_step(name: &str) -> Result<&'static Step, CiError> {
    STEPS
        .iter()
        .find(|step| step.name == name)
        .ok_or_else(|| CiError::UnknownStep {
            name: name.to_owned(),
        })
}

/// Runs `steps` one after the other and stops at the first that fails.
///
/// Tools write to our own stdout and stderr, untouched: CI reads their closing lines.
///
/// # Errors
/// The first failure; its text names the command that repeats it.
pub(crate) fn run(steps: &[Step]) -> Result<(), CiError> {
    let started = Instant::now();
    for step in steps {
        step.run()?;
    }
    eprintln!("==> passed in {}", seconds(started));
    Ok(())
}

impl Step {
    fn run(&self) -> Result<(), CiError> {
        eprintln!("==> {}: {}", self.name, self.command);
        let started = Instant::now();
        let outcome = self.prepare_and_run();
        let verdict = if outcome.is_ok() { "passed" } else { "failed" };
        eprintln!("==> {} {verdict} in {}", self.name, seconds(started));
        outcome
    }

    fn prepare_and_run(&self) -> Result<(), CiError> {
        for requirement in self.requires {
            requirement.install_if_missing(self.name)?;
        }
        self.command.run(self.name)
    }
}

fn seconds(started: Instant) -> String {
    format!("{:.1} s", started.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn step(name: &'static str, arguments: &'static [&'static str]) -> Step {
        Step {
            name,
            command: CargoCommand::new(arguments),
            requires: &[],
        }
    }

    #[test]
    fn every_step_is_found_by_its_name_and_no_other() {
        for step in &STEPS {
            assert!(
                std::ptr::eq(find_step(step.name).unwrap(), step),
                "{}",
                step.name
            );
        }
        for name in ["", "Format", "tests", "format "] {
            let error = find_step(name).unwrap_err();
            assert!(matches!(error, CiError::UnknownStep { name: told } if told == name));
        }
    }

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let steps = [
            step("first", &["--version"]),
            step("second", &["no-such-subcommand"]),
            step("third", &["another-such-subcommand"]),
        ];
        assert!(run(&steps[..1]).is_ok());
        let error = run(&steps).unwrap_err();
        assert!(
            matches!(error, CiError::Failed { step: "second", .. }),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            "second failed; to repeat it: cargo no-such-subcommand"
        );
    }
}
