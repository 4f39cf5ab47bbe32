//! The running `portcullis dev` processes of this user, so that `token` and `explain` find theirs.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
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
    /// Locked while the session runs, whatever ends it.
    _file: File,
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
            .and_then(|()| write_locked(&path, &text))
            .map(|file| Note {
                path: path.clone(),
                _file: file,
            })
            .with_context(|| format!("{} cannot be written", path.display()))
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
        let file = File::open(path).ok()?;
        // The system gives the lock back when a process ends, however it ends.
        if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return None;
        }
        serde_json::from_reader(file).ok()
    }
}

fn write_locked(path: &Path, text: &[u8]) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path)?;
    file.lock()?;
    file.write_all(text)?;
    Ok(file)
}

impl Drop for Note {
    fn drop(&mut self) {
        // A note that stays is told by its lock, which nobody holds.
        drop(fs::remove_file(&self.path));
    }
}
