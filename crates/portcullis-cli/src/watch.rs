//! Notices that a project's files have changed, however they are written.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::project::FILE;

/// How often files are looked at: the time that a change must have settled for, too.
const INTERVAL: Duration = Duration::from_millis(200);
/// The same for those who know that the change is made.
const SHORT_INTERVAL: Duration = Duration::from_millis(20);
/// How often at most a file is looked at that does not settle.
const PATIENCE: usize = 50;

/// What tells one state of a file from the next; absent where there is no file.
type Stamp = Option<(u64, u64, u64, Option<SystemTime>)>;

/// Looks at portcullis.toml, `.env` and the files that the first one names, by their names.
///
/// Links are followed: Kubernetes swaps a link to a folder, and an editor renames its copy.
#[derive(Debug)]
pub(crate) struct Watch {
    files: Vec<PathBuf>,
    served: Vec<Stamp>,
}

impl Watch {
    /// Watches from what the files are at this moment: before they are read, to miss no change.
    ///
    /// `directory` has portcullis.toml, or is the file itself.
    pub(crate) fn of(directory: &Path) -> Self {
        let file = if directory.is_file() {
            directory.to_owned()
        } else {
            directory.join(FILE)
        };
        let variables = file.with_file_name(".env");
        let files = vec![file, variables];
        let served = stamps(&files);
        Self { files, served }
    }

    /// Watches these files too, and none of those that were named before; before they are read.
    pub(crate) fn follow(&mut self, named: Vec<PathBuf>) {
        self.files.truncate(2);
        self.served.truncate(2);
        self.served.extend(stamps(&named));
        self.files.extend(named);
    }

    /// Waits until a file has changed, and has stayed as it is since the last look.
    pub(crate) async fn changed(&mut self) {
        let mut before = self.served.clone();
        loop {
            tokio::time::sleep(INTERVAL).await;
            let Some(stamps) = self.look().await else {
                continue;
            };
            if stamps != self.served && stamps == before {
                self.served = stamps;
                return;
            }
            before = stamps;
        }
    }

    /// Waits, for a second at most, until no file is being written, and takes note of them so.
    pub(crate) async fn settled(&mut self) {
        let mut before = None;
        for _ in 0..PATIENCE {
            let stamps = self.look().await;
            if let Some(stamps) = &stamps
                && before.as_ref() == Some(stamps)
            {
                self.served.clone_from(stamps);
                return;
            }
            before = stamps;
            tokio::time::sleep(SHORT_INTERVAL).await;
        }
    }

    async fn look(&self) -> Option<Vec<Stamp>> {
        let files = self.files.clone();
        // A file system over a network may take its time.
        let looked = tokio::task::spawn_blocking(move || stamps(&files)).await;
        looked.ok()
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    files.iter().map(|file| stamp(file)).collect()
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
