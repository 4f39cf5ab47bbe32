//! The one place that reads the environment.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use anyhow::Context as _;

/// The variables of `.env`, and above them those of the process.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    file: HashMap<String, String>,
}

impl Environment {
    /// Reads `.env` in `directory`, where there is one.
    pub(crate) fn load(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(".env");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| unreadable(&path)),
        };
        let file = dotenvy::from_read_iter(text.as_slice())
            .collect::<Result<_, _>>()
            // The library's message shows the line, which may hold a secret.
            .map_err(|_| anyhow::anyhow!("{} is not a list of NAME=VALUE", path.display()))?;
        Ok(Self { file })
    }

    /// The value of a variable; absent when neither place sets it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub(crate) fn find(&self, name: &str) -> Option<String> {
        env::var(name).ok().or_else(|| self.file.get(name).cloned())
    }
}

/// Where running sessions are noted: the user's own folder for such things, if there is one.
pub(crate) fn state_directory() -> Option<PathBuf> {
    let process = Environment::default();
    let folder = |name| {
        process
            .find(name)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    };
    let own = folder("XDG_RUNTIME_DIR")
        .or_else(|| folder("XDG_STATE_HOME"))
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")));
    own.map(|own| own.join("portcullis"))
}

/// The folders in which the shell looks for programs.
pub(crate) fn program_folders() -> Vec<PathBuf> {
    let path = Environment::default().find("PATH").unwrap_or_default();
    env::split_paths(&path).collect()
}

/// One line about a file that cannot be read.
pub(crate) fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}
