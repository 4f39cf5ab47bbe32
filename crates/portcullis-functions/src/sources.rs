//! The files that a function is made of, and whether they have changed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How many files of a folder are looked at, which is more than people write by hand.
const MOST_FILES: usize = 5000;
const DEEPEST: usize = 16;

/// Folders in which nothing is written by hand.
const SKIPPED: [&str; 6] = [
    "node_modules",
    "target",
    "dist",
    "build",
    "venv",
    "__pycache__",
];

/// Where the source of a function is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sources {
    /// Exactly these files.
    Files(Vec<PathBuf>),
    /// The files of a folder with one of these endings.
    Folder(PathBuf, &'static [&'static str]),
}

/// What tells one state of the files from the next.
pub(crate) type Stamps = Vec<(PathBuf, Option<(u64, u64, Option<SystemTime>)>)>;

impl Sources {
    /// The files as they are at this moment. It reads the disk, and may take a while.
    pub(crate) fn look(&self) -> Stamps {
        match self {
            Self::Files(files) => files
                .iter()
                .map(|file| (file.clone(), stamp(file)))
                .collect(),
            Self::Folder(folder, endings) => {
                let mut stamps = Stamps::new();
                walk(folder, endings, DEEPEST, &mut stamps);
                stamps.sort();
                stamps
            }
        }
    }
}

/// How far the times of files lag behind the clock, and more.
const LAG: Duration = Duration::from_millis(50);

/// Whether a file was written at this time or later, which a build begun then may have missed.
pub(crate) fn changed_since(stamps: &Stamps, time: SystemTime) -> bool {
    let time = time.checked_sub(LAG).unwrap_or(time);
    let mut times = stamps.iter().filter_map(|(_, stamp)| (*stamp)?.2);
    times.any(|modified| modified >= time)
}

fn stamp(file: &Path) -> Option<(u64, u64, Option<SystemTime>)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.modified().ok()))
}

fn walk(folder: &Path, endings: &[&str], depth: usize, stamps: &mut Stamps) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if stamps.len() >= MOST_FILES {
            return;
        }
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Links to folders are not followed: they may lead round in circles.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder {
            if depth > 0 && !name.starts_with('.') && !SKIPPED.contains(&&*name) {
                walk(&path, endings, depth - 1, stamps);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let stamp = stamp(&path);
            stamps.push((path, stamp));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_added_changed_or_removed_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("lib");
        fs::create_dir_all(&inside).unwrap();
        fs::create_dir_all(folder.path().join("node_modules")).unwrap();
        let sources = Sources::Folder(folder.path().to_owned(), &[".py"]);
        let empty = sources.look();
        assert!(empty.is_empty());

        fs::write(folder.path().join("node_modules/a.py"), "").unwrap();
        fs::write(folder.path().join("a.txt"), "").unwrap();
        assert_eq!(sources.look(), empty);
        fs::write(inside.join("a.py"), "").unwrap();
        let added = sources.look();
        assert_eq!(added.len(), 1);
        fs::write(inside.join("a.py"), "a = 1").unwrap();
        let changed = sources.look();
        assert_ne!(changed, added);
        assert!(changed_since(&changed, SystemTime::UNIX_EPOCH));
        fs::remove_file(inside.join("a.py")).unwrap();
        assert_eq!(sources.look(), empty);

        let file = Sources::Files(vec![inside.join("b.py")]);
        let absent = file.look();
        fs::write(inside.join("b.py"), "").unwrap();
        assert_ne!(file.look(), absent);
    }
}
