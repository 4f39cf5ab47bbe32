use std::fmt;
use std::process::{Command, ExitStatus, Stdio};

use super::CiError;

/// A command line of cargo, printed as a person would type it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CargoCommand {
    variable: Option<(&'static str, &'static str)>,
    arguments: &'static [&'static str],
}

impl CargoCommand {
    /// `arguments` are what follows `cargo`; none of them contains a space.
    pub(crate) const fn new(arguments: &'static [&'static str]) -> Self {
        Self {
            variable: None,
            arguments,
        }
    }

    /// Sets one environment variable for the command alone.
    pub(crate) const fn with(self, name: &'static str, value: &'static str) -> Self {
        Self {
            variable: Some((name, value)),
            ..self
        }
    }

    /// Runs the command with our own stdout and stderr; `step` names the check it is part of.
    ///
    /// # Errors
    /// [`CiError::Failed`] for an exit status but 0, [`CiError::Start`] when there is no cargo.
    pub(crate) fn run(self, step: &'static str) -> Result<(), CiError> {
        let status = self.status(&mut self.process())?;
        if status.success() {
            Ok(())
        } else {
            Err(CiError::Failed {
                step,
                command: self,
            })
        }
    }

    /// Runs the command unseen and says whether it succeeded.
    ///
    /// # Errors
    /// [`CiError::Start`] when there is no cargo.
    pub(crate) fn succeeds(self) -> Result<bool, CiError> {
        let mut process = self.process();
        process.stdout(Stdio::null()).stderr(Stdio::null());
        self.status(&mut process).map(|status| status.success())
    }

    fn process(self) -> Command {
        let mut process = Command::new("cargo");
        process
            .args(self.arguments)
            .envs(self.variable)
            .stdin(Stdio::null());
        // deny.toml, nextest.toml and clippy.toml are found from the workspace's root.
        process.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        process
    }

    fn status(self, process: &mut Command) -> Result<ExitStatus, CiError> {
        process.status().map_err(|cause| CiError::Start {
            command: self,
            cause,
        })
    }
}

impl fmt::Display for CargoCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, value)) = self.variable {
            write!(f, "{name}=\"{value}\" ")?;
        }
        write!(f, "cargo {}", self.arguments.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_printed_as_it_would_be_typed() {
        let plain = CargoCommand::new(&["fmt", "--all"]);
        assert_eq!(plain.to_string(), "cargo fmt --all");
        let with_variable = CargoCommand::new(&["doc"]).with("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            with_variable.to_string(),
            r#"RUSTDOCFLAGS="-D warnings" cargo doc"#
        );
    }

    #[test]
    fn a_failing_command_is_told_from_a_succeeding_one() {
        assert!(CargoCommand::new(&["--version"]).succeeds().unwrap());
        assert!(
            !CargoCommand::new(&["no-such-subcommand"])
                .succeeds()
                .unwrap()
        );
    }
}
