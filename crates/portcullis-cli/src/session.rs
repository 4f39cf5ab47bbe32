//! The running `portcullis dev` processes of this user, so that `token` and `explain` find theirs.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::{env, process};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::environment::state_directory;

/// A note that a session leaves while it runs. It holds no secret.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Session {
    /// The folder of the project, absolute.
    pub(crate) project: PathBuf,
    /// The folder in which it was started, absolute.
    pub(crate) started_in: PathBuf,
    /// The issuer of its tokens.
    pub(crate) issuer: Url,
    /// Whose tokens are good: those audiences, in the order of the file.
    pub(crate) audiences: Vec<String>,
}

/// Removes the note when the session ends.
#[derive(Debug)]
pub(crate) struct Note {
    path: PathBuf,
}

impl Session {
    /// Leaves a note until the returned value is dropped.
    pub(crate) fn announce(&self) -> anyhow::Result<Note> {
        let directory = state_directory();
        let path = directory.join(format!("dev-{}.json", process::id()));
        let text = serde_json::to_vec(self)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .and_then(|()| {
                let mut options = OpenOptions::new();
                options.write(true).create(true).truncate(true).mode(0o600);
                options.open(&path)?.write_all(&text)
            })
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Note { path })
    }

    /// The session whose project, or whose first working folder, is this folder.
    pub(crate) fn here() -> Option<Self> {
        let here = env::current_dir().ok()?;
        let sessions = Self::running();
        let by = |folder: fn(&Self) -> &Path| {
            sessions
                .iter()
                .find(|session| folder(session) == here)
                .cloned()
        };
        by(|session| &session.project).or_else(|| by(|session| &session.started_in))
    }

    /// The session with this issuer, however its slash is written.
    pub(crate) fn of_issuer(issuer: &Url) -> Option<Self> {
        Self::running()
            .into_iter()
            .find(|session| session.issuer == *issuer)
    }

    /// The session of the project in `directory`.
    pub(crate) fn of_project(directory: &Path) -> Option<Self> {
        Self::running()
            .into_iter()
            .find(|session| session.project == directory)
    }

    /// All sessions that run, the one started last first.
    pub(crate) fn running() -> Vec<Self> {
        let Ok(entries) = fs::read_dir(state_directory()) else {
            return Vec::new();
        };
        let mut notes: Vec<_> = entries
            .filter_map(Result::ok)
            .filter(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|ending| ending == "json")
            })
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        notes.sort_by(|one, other| other.cmp(one));
        notes
            .iter()
            .filter_map(|(_, path)| Self::read(path))
            .collect()
    }

    /// Reads a note, unless its session was killed without removing it.
    fn read(path: &Path) -> Option<Self> {
        let session: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        session.is_running().then_some(session)
    }

    /// Whether somebody holds the tenant's port.
    fn is_running(&self) -> bool {
        let port = self.issuer.port_or_known_default().unwrap_or_default();
        TcpListener::bind(("127.0.0.1", port)).is_err()
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // A note that stays is told by its free port.
        drop(fs::remove_file(&self.path));
    }
}
