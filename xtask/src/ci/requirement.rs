use super::CiError;
use super::command::CargoCommand;

/// What a step needs on the machine besides cargo itself.
#[derive(Debug)]
pub(crate) struct Requirement {
    /// Succeeds, and changes nothing, when the requirement is met.
    probe: CargoCommand,
    install: Install,
}

#[derive(Debug)]
enum Install {
    Run(CargoCommand),
    /// The toolchain belongs to the person: we say what to type.
    Ask(&'static str),
}

impl Requirement {
    pub(crate) const RUSTFMT: Self = Self {
        probe: CargoCommand::new(&["fmt", "--version"]),
        install: Install::Ask("rustup component add rustfmt"),
    };

    pub(crate) const CLIPPY: Self = Self {
        probe: CargoCommand::new(&["clippy", "--version"]),
        install: Install::Ask("rustup component add clippy"),
    };

    pub(crate) const NEXTEST: Self = Self {
        probe: CargoCommand::new(&["nextest", "--version"]),
        install: Install::Run(CargoCommand::new(&[
            "install",
            "--locked",
            "cargo-nextest@0.9.143",
        ])),
    };

    pub(crate) const DENY: Self = Self {
        probe: CargoCommand::new(&["deny", "--version"]),
        install: Install::Run(CargoCommand::new(&[
            "install",
            "--locked",
            "cargo-deny@0.20.2",
        ])),
    };

    /// The source of every crate in Cargo.lock, those for other systems too: `cargo deny --offline`
    /// reads them all, and a build downloads only what it compiles.
    pub(crate) const CRATES: Self = Self {
        probe: CargoCommand::new(&["fetch", "--locked", "--offline"]),
        install: Install::Run(CargoCommand::new(&["fetch", "--locked"])),
    };

    /// Installs what is missing. A tool that is there already is used, whatever its version.
    ///
    /// # Errors
    /// [`CiError::Component`] for what only a person can install, otherwise the error of the
    /// installing command, under the name of `step`.
    pub(crate) fn install_if_missing(&self, step: &'static str) -> Result<(), CiError> {
        if self.probe.succeeds()? {
            return Ok(());
        }
        match self.install {
            Install::Run(command) => {
                eprintln!("==> {step} needs: {command}");
                command.run(step)
            }
            Install::Ask(install) => Err(CiError::Component {
                probe: self.probe,
                install,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSING: CargoCommand = CargoCommand::new(&["no-such-subcommand"]);
    const PRESENT: CargoCommand = CargoCommand::new(&["--version"]);

    #[test]
    fn what_is_there_is_not_installed_again() {
        let requirement = Requirement {
            probe: PRESENT,
            install: Install::Run(MISSING),
        };
        assert!(requirement.install_if_missing("lint").is_ok());
    }

    #[test]
    fn what_is_missing_is_installed_or_asked_for() {
        let requirement = Requirement {
            probe: MISSING,
            install: Install::Run(PRESENT),
        };
        assert!(requirement.install_if_missing("lint").is_ok());

        let requirement = Requirement {
            probe: MISSING,
            install: Install::Run(MISSING),
        };
        let error = requirement.install_if_missing("lint").unwrap_err();
        assert_eq!(
            error.to_string(),
            "lint failed; to repeat it: cargo no-such-subcommand"
        );

        let requirement = Requirement {
            probe: MISSING,
            install: Install::Ask("rustup …"),
        };
        let error = requirement.install_if_missing("lint").unwrap_err();
        let expected = "`cargo no-such-subcommand` does not work here; to install it: rustup …";
        assert_eq!(error.to_string(), expected);
    }
}
