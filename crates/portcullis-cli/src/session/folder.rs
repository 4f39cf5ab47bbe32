//! The folder of this user's notes: nobody else can leave a note there, or read one.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process;

use crate::environment::state_directory;

/// A folder of this user's own.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The user that this process runs as.
    owner: u32,
}

/// Why running sessions can neither be noted nor looked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// There is no folder of this user. One that all users share is no substitute.
    #[error("none of XDG_RUNTIME_DIR, XDG_STATE_HOME and HOME is set")]
    Nowhere,
    /// A link is none either: it leads where somebody else may say.
    #[error("{} is not a folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} belongs to another user", path.display())]
    Owner { path: PathBuf },
    #[error("others may write in {}", path.display())]
    Shared { path: PathBuf },
    #[error("{} cannot be used", path.display())]
    System {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

impl Folder {
    /// The folder; nothing when no session has made it yet.
    pub(super) fn find() -> Result<Option<Self>, FolderError> {
        Self::at(state_directory().ok_or(FolderError::Nowhere)?)
    }

    /// The folder, made where it is missing.
    pub(super) fn create() -> Result<Self, FolderError> {
        if let Some(folder) = Self::find()? {
            return Ok(folder);
        }
        let path = state_directory().ok_or(FolderError::Nowhere)?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|cause| system(&path, cause))?;
        let missing = || system(&path, ErrorKind::NotFound.into());
        Self::at(path.clone())?.ok_or_else(missing)
    }

    fn at(path: PathBuf) -> Result<Option<Self>, FolderError> {
        let folder = match fs::symlink_metadata(&path) {
            Ok(folder) => folder,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(system(&path, cause)),
        };
        let owner = process_owner().map_err(|cause| system(&path, cause))?;
        if !folder.is_dir() {
            return Err(FolderError::NotAFolder { path });
        }
        if folder.uid() != owner {
            return Err(FolderError::Owner { path });
        }
        if folder.mode() & 0o022 != 0 {
            return Err(FolderError::Shared { path });
        }
        Ok(Some(Self { path, owner }))
    }

    /// Writes the note of this process, which is locked as long as the returned file is open.
    pub(super) fn write(&self, text: &[u8]) -> Result<(PathBuf, File), FolderError> {
        let name = format!("dev-{}", process::id());
        let path = self.path.join(&name).with_added_extension("json");
        let draft = self.path.join(&name).with_added_extension("draft");
        let file = write_locked(&draft, text)
            // Readers take a note without a lock for one of nobody, so it is locked before it is one.
            .and_then(|file| fs::rename(&draft, &path).map(|()| file))
            .map_err(|cause| system(&path, cause))?;
        Ok((path, file))
    }

    /// The notes, the latest first.
    pub(super) fn notes(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.path) else {
            return Vec::new();
        };
        let mut notes: Vec<_> = entries
            .filter_map(Result::ok)
            .filter(|entry| is_note(&entry.path()))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        notes.sort_by(|one, other| other.cmp(one));
        notes.into_iter().map(|(_, path)| path).collect()
    }

    /// Opens a note that a running session holds, and removes what is none.
    pub(super) fn open(&self, note: &Path) -> Option<File> {
        let file = self.open_own(note);
        // The system gives the lock back when a process ends, however it ends.
        let held =
            file.filter(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)));
        if held.is_none() {
            drop(fs::remove_file(note));
        }
        held
    }

    fn open_own(&self, note: &Path) -> Option<File> {
        let is_own = |file: &Metadata| file.is_file() && file.uid() == self.owner;
        // Before it is opened: that would follow a link, and wait for the other end of a pipe.
        fs::symlink_metadata(note).ok().filter(is_own)?;
        let file = File::open(note).ok()?;
        file.metadata().ok().filter(is_own)?;
        Some(file)
    }
}

fn is_note(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| {
        name.starts_with("dev-") && path.extension().is_some_and(|ending| ending == "json")
    })
}

/// Never through a link: what bears the name already is removed.
fn write_locked(path: &Path, text: &[u8]) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.lock()?;
    file.write_all(text)?;
    Ok(file)
}

/// The user that this process runs as: the owner of whatever it makes, here a pipe.
fn process_owner() -> io::Result<u32> {
    let (reader, _) = io::pipe()?;
    Ok(File::from(OwnedFd::from(reader)).metadata()?.uid())
}

fn system(path: &Path, cause: io::Error) -> FolderError {
    FolderError::System {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folder(root: &Path) -> Folder {
        fs::set_permissions(root, fs::Permissions::from_mode(0o700)).unwrap();
        Folder::at(root.to_owned()).unwrap().unwrap()
    }

    #[test]
    fn only_a_folder_that_others_cannot_write_in_is_used() {
        let root = tempfile::tempdir().unwrap();
        for (mode, is_used) in [
            (0o700, true),
            (0o755, true),
            (0o720, false),
            (0o702, false),
            (0o777, false),
        ] {
            fs::set_permissions(root.path(), fs::Permissions::from_mode(mode)).unwrap();
            match Folder::at(root.path().to_owned()) {
                Ok(folder) => assert!(is_used && folder.is_some(), "{mode:o}"),
                Err(FolderError::Shared { path }) => {
                    assert!(!is_used, "{mode:o}");
                    assert_eq!(path, root.path(), "{mode:o}");
                }
                Err(other) => panic!("{mode:o}: {other}"),
            }
        }
        assert!(Folder::at(root.path().join("missing")).unwrap().is_none());
    }

    #[test]
    fn a_note_is_never_written_through_a_link() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let victim = root.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        for ending in ["draft", "json"] {
            let name = format!("dev-{}.{ending}", process::id());
            symlink(&victim, root.path().join(name)).unwrap();
        }
        let (path, file) = folder.write(b"{}").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(folder.notes(), std::slice::from_ref(&path));
        assert!(folder.open(&path).is_some());

        drop(file);
        assert!(folder.open(&path).is_none());
        assert!(!path.exists());
    }

    #[test]
    fn the_note_of_another_user_is_not_opened() {
        let root = tempfile::tempdir().unwrap();
        let own = folder(root.path());
        let (path, _file) = own.write(b"{}").unwrap();
        let other = Folder {
            owner: own.owner + 1,
            ..own
        };
        assert!(other.open_own(&path).is_none());
    }
}
