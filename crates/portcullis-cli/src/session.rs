//! The running `portcullis dev` processes of this user, so that `token` and `explain` find theirs.

mod folder;

use std::env;
use std::fs::{self, File};
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use url::Url;

use folder::Folder;

pub(crate) use folder::FolderError;

/// The longest note that is read; a thousand audiences fit.
const MAX_NOTE_BYTES: u64 = 64 * 1024;

/// A note that a session leaves while it runs. It holds no secret.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Session {
    /// The folder of the project, absolute.
    pub(crate) project: PathBuf,
    /// The folder in which it was started, absolute.
    pub(crate) started_in: PathBuf,
    /// The issuer of its tokens.
    pub(crate) issuer: Url,
    /// Where its tenant listens. Others may be reached by the issuer's name, but not here.
    pub(crate) tenant: SocketAddr,
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
        let text = serde_json::to_vec(self).context("a folder's name is not UTF-8")?;
        let (path, file) = Folder::create()?.write(&text)?;
        Ok(Note { path, _file: file })
    }

    /// The session whose project, or whose first working folder, is this folder.
    pub(crate) fn here() -> Option<Self> {
        let here = env::current_dir().ok()?;
        let sessions = Self::running().ok()?;
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
        let mut sessions = Self::running().ok()?.into_iter();
        sessions.find(|session| session.issuer == *issuer)
    }

    /// The session of the project in `directory`.
    pub(crate) fn of_project(directory: &Path) -> Option<Self> {
        let mut sessions = Self::running().ok()?.into_iter();
        sessions.find(|session| session.project == directory)
    }

    /// All sessions that run, the one started last first.
    pub(crate) fn running() -> Result<Vec<Self>, FolderError> {
        let Some(folder) = Folder::find()? else {
            return Ok(Vec::new());
        };
        let held = |note: PathBuf| Self::read(folder.open(&note)?);
        Ok(folder.notes().into_iter().filter_map(held).collect())
    }

    fn read(note: File) -> Option<Self> {
        serde_json::from_reader(note.take(MAX_NOTE_BYTES)).ok()
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // A note that stays is told by its lock, which nobody holds.
        drop(fs::remove_file(&self.path));
    }
}
