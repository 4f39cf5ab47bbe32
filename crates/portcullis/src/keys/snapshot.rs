use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::hmac;
use portcullis_token::{KeySet, KeySetError, Secret, UnixTime, base64url};
use serde::{Deserialize, Serialize};

/// A key set of the largest size, written as a JSON string, and what surrounds it.
const MAX_BYTES: usize = 3 * 1024 * 1024;

/// The last good keys of one issuer on disk, so that a restart during an outage keeps serving.
///
/// The file is readable by its owner only, replaced whole or not at all, and authenticated by a
/// key of the caller's: whoever can write it cannot make it accept keys of their own. It is read
/// once at the start, and its keys are as old as when they were fetched.
///
/// ```
/// use std::sync::Arc;
/// use portcullis::{Issuer, Origin, Secret, SnapshotFile, Verifier};
/// use portcullis_testkit::{Answer, TestIssuer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (provider, folder) = (TestIssuer::new(), tempfile::tempdir()?);
/// let path = folder.path().join("auth0-keys.json");
/// // A key of the service's own, such as one from its vault.
/// let snapshot = SnapshotFile::new(&path, Secret::new([7; 32]));
/// let auth = Verifier::builder()
///     .issuer(Issuer::discover(provider.name()).audience("api").snapshot(snapshot))
///     .fetcher(Arc::new(provider.clone()))
///     .build()?;
/// auth.ready().await?;
/// # while !path.exists() { tokio::task::yield_now().await }
///
/// // The service starts again, and its issuer is gone.
/// provider.answer(Answer::Reset);
/// let snapshot = SnapshotFile::new(&path, Secret::new([7; 32]));
/// let auth = Verifier::builder()
///     .issuer(Issuer::discover(provider.name()).audience("api").snapshot(snapshot))
///     .fetcher(Arc::new(provider.clone()))
///     .build()?;
/// auth.ready().await?;
/// assert_eq!(auth.key_status()[0].origin, Origin::Snapshot);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    path: Arc<Path>,
    key: Secret<[u8; 32]>,
}

/// Why a snapshot could not be read or written. Logged, and no reason to stop.
///
/// ```
/// use portcullis::SnapshotError;
///
/// let error = SnapshotError::Forged { path: "keys.json".into() };
/// assert_eq!(error.to_string(), "keys.json was not written with this key, or for another issuer");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The file is not a snapshot, or larger than any.
    #[error("{} is not a snapshot of keys", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The file was written with another key, for another issuer, or changed since.
    #[error("{} was not written with this key, or for another issuer", path.display())]
    Forged {
        /// The file.
        path: PathBuf,
    },
    /// The keys in it are not usable any more.
    #[error("{} has no usable keys", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        cause: KeySetError,
    },
}

/// What a snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// The source of the keys, as configured.
    pub(super) source: String,
    /// The issuer as its discovery document spells it.
    pub(super) issuer: Option<String>,
    /// Seconds since 1970.
    pub(super) fetched_at: u64,
    /// The key set, as the provider wrote it.
    pub(super) keys: String,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    snapshot: Snapshot,
    /// HMAC-SHA-256 in base64url.
    mac: String,
}

impl SnapshotFile {
    /// A snapshot at `path`, authenticated with `key`. One issuer needs one file.
    ///
    /// ```
    /// use portcullis::{Secret, SnapshotFile};
    ///
    /// let snapshot = SnapshotFile::new("/var/lib/expenses/auth0-keys.json", Secret::new([7; 32]));
    /// assert!(format!("{snapshot:?}").contains("[redacted]"));
    /// ```
    pub fn new(path: impl Into<PathBuf>, key: Secret<[u8; 32]>) -> Self {
        Self {
            path: path.into().into(),
            key,
        }
    }

    /// The snapshot of `source`; nothing when there is no file yet.
    pub(super) fn load(&self, source: &str) -> Result<Option<Snapshot>, SnapshotError> {
        let content = match read_bounded(&self.path) {
            Ok(content) => content,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => {
                let path = self.path.to_path_buf();
                return Err(SnapshotError::Read { path, cause });
            }
        };
        let sealed: Sealed =
            serde_json::from_slice(&content).map_err(|_| SnapshotError::Format {
                path: self.path.to_path_buf(),
            })?;
        let genuine = base64url::decode(sealed.mac.as_bytes()).is_ok_and(|mac| {
            hmac::verify(&self.mac_key(), &sealed.snapshot.canonical(), &mac).is_ok()
        });
        if genuine && sealed.snapshot.source == source {
            Ok(Some(sealed.snapshot))
        } else {
            Err(SnapshotError::Forged {
                path: self.path.to_path_buf(),
            })
        }
    }

    /// Puts `snapshot` in the place of the file, all of it or, when killed, none of it.
    pub(super) fn save(&self, snapshot: Snapshot) -> Result<(), SnapshotError> {
        let mac = hmac::sign(&self.mac_key(), &snapshot.canonical());
        let sealed = Sealed {
            snapshot,
            mac: base64url::encode(mac.as_ref()),
        };
        let content = serde_json::to_vec(&sealed).expect("strings and numbers are always JSON");
        write_and_rename(&self.path, &content).map_err(|cause| SnapshotError::Write {
            path: self.path.to_path_buf(),
            cause,
        })
    }

    /// The keys of a snapshot that [`load`](Self::load) gave.
    pub(super) fn keys(&self, snapshot: Snapshot) -> Result<(KeySet, UnixTime), SnapshotError> {
        let mut set =
            KeySet::parse(snapshot.keys.as_bytes()).map_err(|cause| SnapshotError::Keys {
                path: self.path.to_path_buf(),
                cause,
            })?;
        if let Some(issuer) = snapshot.issuer {
            set = set.of_issuer(issuer);
        }
        Ok((set, UnixTime(snapshot.fetched_at)))
    }

    fn mac_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.key.expose())
    }
}

impl Snapshot {
    /// The one JSON text of this snapshot, which the MAC covers.
    fn canonical(&self) -> Vec<u8> {
        let mut bytes = b"portcullis key snapshot 1\n".to_vec();
        bytes.extend(serde_json::to_vec(self).expect("strings and numbers are always JSON"));
        bytes
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    // One more than the limit is cut off, and then no JSON.
    File::open(path)?.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

fn write_and_rename(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    match fs::remove_file(&draft) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut file = private_file(&draft)?;
    file.write_all(content)?;
    // Before the name: after a power cut, a name must not lead to an empty file.
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// Creates a file that its owner alone may read.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            source: "https://issuer.example/".to_owned(),
            issuer: Some("https://issuer.example".to_owned()),
            fetched_at: 1_000,
            keys: r#"{"keys":[]}"#.to_owned(),
        }
    }

    fn file(directory: &tempfile::TempDir, key: u8) -> SnapshotFile {
        SnapshotFile::new(directory.path().join("keys.json"), Secret::new([key; 32]))
    }

    #[test]
    fn a_snapshot_comes_back_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(&directory, 1);
        assert_eq!(file.load("https://issuer.example/").unwrap(), None);
        file.save(snapshot()).unwrap();
        file.save(snapshot()).unwrap();
        let loaded = file.load("https://issuer.example/").unwrap();
        assert_eq!(loaded, Some(snapshot()));
        let names: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "no draft stays behind");
    }

    #[cfg(unix)]
    #[test]
    fn a_snapshot_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        file(&directory, 1).save(snapshot()).unwrap();
        let mode = fs::metadata(directory.path().join("keys.json")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_snapshot_that_was_changed_or_is_anothers_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let good = file(&directory, 1);
        good.save(snapshot()).unwrap();
        let forged = |result| matches!(result, Err(SnapshotError::Forged { .. }));
        assert!(
            forged(good.load("https://other.example/")),
            "another issuer's"
        );
        assert!(
            forged(file(&directory, 2).load("https://issuer.example/")),
            "another key"
        );

        let path = directory.path().join("keys.json");
        let written = fs::read_to_string(&path).unwrap();
        for (name, from, to) in [
            ("its time", "1000", "2000"),
            ("its keys", "[]", "[1]"),
            ("its issuer", "issuer.example\"", "evil.example\""),
            ("its MAC", "\"mac\":\"", "\"mac\":\"A"),
        ] {
            fs::write(&path, written.replace(from, to)).unwrap();
            assert!(
                forged(good.load("https://issuer.example/")),
                "{name} changed"
            );
        }
        fs::write(&path, "").unwrap();
        let empty = good.load("https://issuer.example/");
        assert!(matches!(empty, Err(SnapshotError::Format { .. })));
        fs::write(&path, " ".repeat(MAX_BYTES) + &written).unwrap();
        let large = good.load("https://issuer.example/");
        assert!(matches!(large, Err(SnapshotError::Format { .. })));
    }
}
