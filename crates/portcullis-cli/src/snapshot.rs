//! The key that seals snapshots of issuers' keys: who cannot read it can write none.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::Context as _;
use aws_lc_rs::rand;
use portcullis_token::{Secret, base64url};

use crate::environment::unreadable;
use crate::invocation::quoted;
use crate::project;
use crate::terminal::Failure;

/// Where the key is, from the project's folder.
const FILE: &str = ".portcullis/snapshot-key";
/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;
/// The characters of the key, and some white space around it.
const LARGEST: u64 = 64;

/// The key of the project, which is made by whoever needs it first.
pub(crate) fn key(directory: &Path) -> anyhow::Result<Secret<[u8; 32]>> {
    let path = directory.join(FILE);
    match File::open(&path) {
        Ok(file) => read(&path, file),
        Err(error) if error.kind() == ErrorKind::NotFound => make(directory, &path),
        Err(error) => Err(error).with_context(|| unreadable(&path)),
    }
}

fn read(path: &Path, file: File) -> anyhow::Result<Secret<[u8; 32]>> {
    let unreadable = || unreadable(path);
    // Of the file that was opened, whatever the name leads to by then.
    let mode = file.metadata().with_context(unreadable)?.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(Failure::with_hint(
            format!(
                "{} may be used by others than its owner: its mode is {mode:o}, not 600",
                path.display()
            ),
            "remove it to have one made; snapshots that it has sealed are not used then",
        ));
    }
    let mut text = String::new();
    let read = file.take(LARGEST).read_to_string(&mut text);
    read.with_context(unreadable)?;
    let bytes = base64url::decode(text.trim().as_bytes()).ok();
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    key.map(Secret::new).ok_or_else(|| {
        let path = path.display().to_string();
        Failure::with_hint(
            format!("{path} does not hold a key"),
            format!("remove it to have one made: `rm {}`", quoted(&path)),
        )
    })
}

fn make(directory: &Path, path: &Path) -> anyhow::Result<Secret<[u8; 32]>> {
    project::ignore_state(directory).context("`snapshot` needs a place for its key")?;
    let mut key = [0; 32];
    rand::fill(&mut key)
        .map_err(|_| anyhow::anyhow!("the system has no random bytes for a key"))?;
    match write(path, &key) {
        Ok(()) => Ok(Secret::new(key)),
        // Another process was first.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let file = File::open(path).with_context(|| unreadable(path))?;
            read(path, file)
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be written", path.display())),
    }
}

/// Puts a whole file of mode 600 in place, where there is none: a link never shows a part of it.
fn write(path: &Path, key: &[u8]) -> io::Result<()> {
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)?;
    let written = file
        .write_all(format!("{}\n", base64url::encode(key)).as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&part, path));
    std::fs::remove_file(&part)?;
    written
}
