use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{DamagedKeys, KeyRingError};

/// Two RSA keys take 3.5 KiB; four times that leaves room for larger ones.
const MAX_BYTES: usize = 14 * 1024;

/// The one file in which a ring's keys are kept.
pub(super) struct KeyFile {
    directory: PathBuf,
    path: PathBuf,
}

impl KeyFile {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            path: directory.join("signing-keys.pem"),
        }
    }

    /// Makes the directory, and those above it, where they are missing.
    pub(super) fn create_directory(directory: &Path) -> Result<Self, KeyRingError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|cause| KeyRingError::Write {
                path: directory.to_owned(),
                cause,
            })?;
        Ok(Self::in_directory(directory))
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
        let path = self.path.clone();
        match self.read_bounded() {
            Ok(content) if content.len() > MAX_BYTES => Err(KeyRingError::Damaged {
                path,
                cause: DamagedKeys::TooLong,
            }),
            Ok(content) => Ok(content),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Err(KeyRingError::Absent { path }),
            Err(cause) => Err(KeyRingError::Read { path, cause }),
        }
    }

    fn read_bounded(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        // Room for everything at once: growing would leave copies of the keys behind.
        let mut content = Zeroizing::new(vec![0; MAX_BYTES + 1]);
        let mut file = File::open(&self.path)?;
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

    /// Puts `content` in the place of the file, all of it or, when killed, none of it.
    pub(super) fn replace(&self, content: &[u8]) -> Result<(), KeyRingError> {
        self.write_and_rename(content)
            .map_err(|cause| KeyRingError::Write {
                path: self.path.clone(),
                cause,
            })
    }

    fn write_and_rename(&self, content: &[u8]) -> io::Result<()> {
        let draft = self.directory.join("signing-keys.pem.draft");
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

/// Removes what a killed process may have left.
fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}
