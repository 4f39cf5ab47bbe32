//! Notices that a project's files have changed, however they are written.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::project::FILE;

/// How often files are looked at: the time that a change must have settled for, too.
const INTERVAL: Duration = Duration::from_millis(200);

/// What tells one state of a file from the next; absent where there is no file.
type Stamp = Option<(u64, u64, u64, Option<SystemTime>)>;

/// Looks at portcullis.toml and `.env` by their names.
///
/// Links are followed: Kubernetes swaps a link to a folder, and an editor renames its copy.
pub(super) struct Watch {
    files: [PathBuf; 2],
    served: [Stamp; 2],
}

impl Watch {
    /// Watches from what the files are at this moment: before they are read, to miss no change.
    ///
    /// `directory` has portcullis.toml, or is the file itself.
    pub(super) fn of(directory: &Path) -> Self {
        let file = if directory.is_file() {
            directory.to_owned()
        } else {
            directory.join(FILE)
        };
        let variables = file.with_file_name(".env");
        let files = [file, variables];
        let served = stamps(&files);
        Self { files, served }
    }

    /// Waits until a file has changed, and has stayed as it is since the last look.
    pub(super) async fn changed(&mut self) {
        let mut before = self.served;
        loop {
            tokio::time::sleep(INTERVAL).await;
            let files = self.files.clone();
            // A file system over a network may take its time.
            let Ok(stamps) = tokio::task::spawn_blocking(move || stamps(&files)).await else {
                continue;
            };
            if stamps != self.served && stamps == before {
                self.served = stamps;
                return;
            }
            before = stamps;
        }
    }
}

fn stamps(files: &[PathBuf; 2]) -> [Stamp; 2] {
    files.each_ref().map(|file| stamp(file))
}

fn stamp(file: &Path) -> Stamp {
    let metadata = fs::metadata(file).ok()?;
    Some((
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        metadata.modified().ok(),
    ))
}
