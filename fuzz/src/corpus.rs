//! The seeds: small inputs, each in a file named for the answer that it must get.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// An input that a target starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The file's name: the answer, `-` and what is special about the input.
    pub name: String,
    /// What the file holds.
    pub bytes: Vec<u8>,
}

impl Seed {
    /// The answer that the target must give.
    pub fn answer(&self) -> &str {
        let answer = self.name.split_once('-').map(|(answer, _)| answer);
        answer.unwrap_or(&self.name)
    }
}

/// The folder of this package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder with the seeds of a target.
pub fn folder(target: &str) -> PathBuf {
    root().join("corpus").join(target)
}

/// Reads the seeds of a target, in the order of their names.
///
/// # Errors
/// When a file cannot be read, or its name is not Unicode.
pub fn load(target: &str) -> io::Result<Vec<Seed>> {
    let mut seeds = fs::read_dir(folder(target))?
        .map(|entry| {
            let entry = entry?;
            let name = entry.file_name().into_string();
            Ok(Seed {
                name: name.map_err(|_| io::ErrorKind::InvalidFilename)?,
                bytes: fs::read(entry.path())?,
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    seeds.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(seeds)
}
