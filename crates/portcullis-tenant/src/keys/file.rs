use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{DamagedKeys, KeyRingError, UntrustedKeys};

/// Two RSA keys take 3.5 KiB; four times that leaves room for larger ones.
const MAX_BYTES: usize = 14 * 1024;

/// A file with keys that are the owner's alone.
pub(super) struct KeyFile {
    directory: PathBuf,
    path: PathBuf,
}

impl KeyFile {
    /// The one file in which a ring's keys are kept.
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self::named(directory, "signing-keys.pem")
    }

    /// The one with the key under which others are sealed.
    pub(super) fn sealing_key(directory: &Path) -> Self {
        Self::named(directory, "sealing-key")
    }

    fn named(directory: &Path, name: &str) -> Self {
        Self {
            directory: directory.to_owned(),
            path: directory.join(name),
        }
    }

    /// Makes the directory, and those above it, where they are missing.
    pub(super) fn create_directory(self) -> Result<Self, KeyRingError> {
        let directory = &self.directory;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|cause| KeyRingError::Write {
                path: directory.clone(),
                cause,
            })?;
        Ok(self)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until no other process writes. The lock ends with the returned file, or the process.
    pub(super) fn lock(&self) -> Result<File, KeyRingError> {
        let path = self.directory.join("lock");
        let open = || {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
        };
        open()
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|cause| KeyRingError::Write {
                path: path.clone(),
                cause,
            })
    }

    pub(super) fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyRingError> {
        let file = self.open()?;
        let content = read_bounded(file).map_err(|cause| self.unreadable(cause))?;
        if content.len() > MAX_BYTES {
            return Err(KeyRingError::Damaged {
                path: self.path.clone(),
                cause: DamagedKeys::TooLong,
            });
        }
        Ok(content)
    }

    /// Opens the file, if it is one of this user's alone.
    fn open(&self) -> Result<File, KeyRingError> {
        let unreadable = |cause| self.unreadable(cause);
        let untrusted = |cause| KeyRingError::Untrusted {
            path: self.path.clone(),
            cause,
        };
        // Before it is opened: that would follow a link, and wait for the other end of a pipe.
        let named = fs::symlink_metadata(&self.path).map_err(unreadable)?;
        let owner = process_owner().map_err(unreadable)?;
        check_trust(&named, owner).map_err(untrusted)?;
        let file = File::open(&self.path).map_err(unreadable)?;
        // Again: what was opened may be another file than the one that was looked at.
        let opened = file.metadata().map_err(unreadable)?;
        check_trust(&opened, owner).map_err(untrusted)?;
        Ok(file)
    }

    fn unreadable(&self, cause: io::Error) -> KeyRingError {
        let path = self.path.clone();
        match cause.kind() {
            ErrorKind::NotFound => KeyRingError::Absent { path },
            _ => KeyRingError::Read { path, cause },
        }
    }

    /// Puts `content` in the place of the file, all of it or, when killed, none of it.
    pub(super) fn replace(&self, content: &[u8]) -> Result<(), KeyRingError> {
        self.write_and_rename(content)
            .map_err(|cause| KeyRingError::Write {
                path: self.path.clone(),
                cause,
            })
    }

    fn write_and_rename(&self, content: &[u8]) -> io::Result<()> {
        let draft = self.path.with_added_extension("draft");
        remove_if_present(&draft)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(content)?;
        // Before the name: after a power cut, a name must not lead to an empty file.
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        File::open(&self.directory)?.sync_all()
    }
}

fn read_bounded(mut file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for everything at once: growing would leave copies of the keys behind.
    let mut content = Zeroizing::new(vec![0; MAX_BYTES + 1]);
    let mut length = 0;
    while let Some(room @ [_, ..]) = content.get_mut(length..) {
        match file.read(room) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    content.truncate(length);
    Ok(content)
}

/// Whether a file is a regular one which `owner` alone may read and change.
fn check_trust(file: &Metadata, owner: u32) -> Result<(), UntrustedKeys> {
    let mode = file.mode() & 0o777;
    if !file.is_file() {
        return Err(UntrustedKeys::NotAFile);
    }
    if file.uid() != owner {
        return Err(UntrustedKeys::Owner);
    }
    if mode & 0o077 != 0 {
        return Err(UntrustedKeys::Mode { mode });
    }
    Ok(())
}

/// The user that this process runs as: the owner of whatever it makes, here a pipe.
fn process_owner() -> io::Result<u32> {
    let (reader, _) = io::pipe()?;
    Ok(File::from(OwnedFd::from(reader)).metadata()?.uid())
}

/// Removes what a killed process may have left.
fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_another_user_is_not_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::in_directory(directory.path());
        file.replace(b"").unwrap();
        let metadata = fs::metadata(file.path()).unwrap();
        let owner = process_owner().unwrap();
        assert_eq!(check_trust(&metadata, owner), Ok(()));
        let result = check_trust(&metadata, owner + 1);
        assert_eq!(result, Err(UntrustedKeys::Owner));
    }
}
