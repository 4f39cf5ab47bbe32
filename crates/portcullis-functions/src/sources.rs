//! The files that a function is made of, and whether they have changed.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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

/// Whether a file is another one than it was `before` a build that began at this time.
///
/// Files that were not looked at then are judged by their own times, which may lag a little.
pub(crate) fn changed_since(before: &Stamps, time: SystemTime, stamps: &Stamps) -> bool {
    let earlier: HashMap<_, _> = before.iter().map(|(file, stamp)| (file, stamp)).collect();
    stamps.iter().any(|(file, stamp)| match earlier.get(file) {
        Some(earlier) => *earlier != stamp,
        None => stamp.is_some_and(|(.., modified)| modified.is_some_and(|it| it >= time)),
    })
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
    use std::time::Duration;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "files have the time of the machine"
    )]
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
        let (past, future) = (SystemTime::UNIX_EPOCH, SystemTime::now() + DAY);
        for (before, time, expected) in [
            (&empty, past, true),
            (&empty, future, false),
            (&added, future, true),
            (&changed, past, false),
        ] {
            assert_eq!(changed_since(before, time, &changed), expected);
        }
        fs::remove_file(inside.join("a.py")).unwrap();
        assert_eq!(sources.look(), empty);

        let file = Sources::Files(vec![inside.join("b.py")]);
        let absent = file.look();
        fs::write(inside.join("b.py"), "").unwrap();
        assert_ne!(file.look(), absent);
    }
}
