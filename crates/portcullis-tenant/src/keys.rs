mod certificate;
mod file;
mod live;
mod pem;
mod records;
mod rotation;
mod sealer;

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use portcullis_token::{Secret, SigningError, SigningKey, base64url};
use serde::Serialize;
use serde_json::{Value, json};

use certificate::Certificate;
use file::KeyFile;

pub use certificate::PublicCertificate;
pub use live::LiveKeys;
pub use records::{KeyRecord, RecordsError};
pub use rotation::{KeyState, ListedKey, RevokeError, RotateError, UnknownKeyState};
pub use sealer::{Sealer, SealerError};

/// The keys a tenant signs with: the current one, and the next one, published ahead of its use.
///
/// Keys that signed before stay published until they are revoked.
///
/// In a folder, they live in one file, so that no moment exists at which only one of them is
/// there. A database keeps them as [`KeyRecord`]s, whose private parts are sealed.
#[derive(Debug)]
pub struct KeyRing {
    current: RingKey,
    next: RingKey,
    /// The one that signed last comes first.
    previous: Vec<RingKey>,
    /// Those that are trusted no more, without their private parts.
    revoked: Vec<Certificate>,
}

/// A key and its certificate, which some clients read instead of the key.
#[derive(Debug)]
struct RingKey {
    key: SigningKey,
    certificate: Certificate,
}

impl RingKey {
    fn generate() -> Result<Self, SigningError> {
        Self::certify(SigningKey::generate()?)
    }

    fn certify(key: SigningKey) -> Result<Self, SigningError> {
        let certificate = Certificate::sign(&key)?;
        Ok(Self { key, certificate })
    }

    /// The members in the order Auth0 publishes them (RFC 7517 section 4).
    fn jwk(&self) -> Value {
        let mut jwk = self.key.public_jwk();
        jwk["x5t"] = self.certificate.thumbprint().into();
        jwk["x5c"] = json!([self.certificate.base64()]);
        jwk
    }
}

/// Why a tenant's keys could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// No keys have been made there yet.
    #[error("there are no signing keys at {}", path.display())]
    Absent {
        /// The file that would hold them.
        path: PathBuf,
    },
    /// The file holds something else. It is left as it is: replacing it would void every token.
    #[error("{} does not hold a pair of signing keys", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: DamagedKeys,
    },
    /// The file is not the key that seals others. It is left as it is.
    #[error("{} does not hold a sealing key: 43 characters of base64url", path.display())]
    SealingKey {
        /// The file.
        path: PathBuf,
    },
    /// Others may know the keys, or have put their own there. It is left as it is.
    #[error("{} is not safe to use", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: UntrustedKeys,
    },
    /// The file is there and cannot be read.
    #[error("could not read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
    /// The keys cannot be kept.
    #[error("could not write {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
    /// The keys cannot be made.
    #[error("could not make signing keys")]
    Generate(#[source] SigningError),
}

/// What is wrong with a key file. Nothing of its content is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DamagedKeys {
    /// It is longer than any two keys.
    #[error("the file is too long")]
    TooLong,
    /// It is not a sequence of `PRIVATE KEY` blocks (RFC 7468 section 10).
    #[error("the file is not a sequence of PEM blocks labelled PRIVATE KEY")]
    Pem,
    /// It holds fewer keys than two, or more.
    #[error("the file holds {0} keys instead of two")]
    Count(usize),
    /// A key is not one that can sign.
    #[error("a key of the file cannot sign")]
    Key(#[source] SigningError),
}

/// Why a key file is not used, whatever it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UntrustedKeys {
    /// It is a link, a directory, a pipe or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// It belongs to another user than the one that this process runs as.
    #[error("it belongs to another user")]
    Owner,
    /// Its group, or everybody, may read or change it.
    #[error("its mode is {mode:o}, which lets others have the keys")]
    Mode {
        /// The permission bits; only those of the owner may be set.
        mode: u32,
    },
}

impl KeyRing {
    /// Reads the keys in `directory`, or makes them when there are none.
    ///
    /// A directory that is missing is made with mode 0700, the file with 0600. Processes that
    /// start at the same time end with the same keys, and one that is killed leaves either no
    /// keys or both.
    ///
    /// Blocks: on the file system, on another process doing the same, and for the tenths of a
    /// second that two keys take to make.
    ///
    /// # Errors
    /// Any [`KeyRingError`] but `Absent`.
    pub fn load_or_create(directory: &Path) -> Result<Self, KeyRingError> {
        match Self::load(directory) {
            Err(KeyRingError::Absent { .. }) => {}
            found => return found,
        }
        let file = KeyFile::in_directory(directory).create_directory()?;
        let _lock = file.lock()?;
        // Another process may have made them while this one waited.
        match Self::load(directory) {
            Err(KeyRingError::Absent { .. }) => Self::create(&file),
            found => found,
        }
    }

    /// Reads the keys in `directory` and never writes there.
    ///
    /// # Errors
    /// [`KeyRingError::Absent`] when none have been made, [`KeyRingError::Read`],
    /// [`KeyRingError::Untrusted`] or [`KeyRingError::Damaged`] when they cannot be used.
    pub fn load(directory: &Path) -> Result<Self, KeyRingError> {
        let file = KeyFile::in_directory(directory);
        let text = file.read()?;
        Self::from_pem(&text).map_err(|cause| KeyRingError::Damaged {
            path: file.path().to_owned(),
            cause,
        })
    }

    /// Makes two keys that are kept nowhere yet; takes tenths of a second.
    ///
    /// # Errors
    /// [`SigningError::Crypto`] when the system has no randomness to give.
    pub fn generate() -> Result<Self, SigningError> {
        Ok(Self::of(RingKey::generate()?, RingKey::generate()?))
    }

    const fn of(current: RingKey, next: RingKey) -> Self {
        Self {
            current,
            next,
            previous: Vec::new(),
            revoked: Vec::new(),
        }
    }

    /// The public keys as a JWK set (RFC 7517 section 5), the current one first.
    pub fn jwks(&self) -> Value {
        let keys: Vec<_> = self.published().map(RingKey::jwk).collect();
        json!({ "keys": keys })
    }

    /// Those whose signatures hold: the current one, the next one, and those before.
    fn published(&self) -> impl Iterator<Item = &RingKey> {
        [&self.current, &self.next]
            .into_iter()
            .chain(&self.previous)
    }

    /// A secret for an application that was given none, 43 characters long.
    ///
    /// It is made from the current signing key, so it lives as long as that key and needs no
    /// storage: whoever may read the keys may know it, and nobody else.
    ///
    /// # Errors
    /// [`SigningError::Crypto`] when the machine runs out of memory.
    pub fn application_secret(&self, client_id: &str) -> Result<Secret<String>, SigningError> {
        self.derive("portcullis application secret", client_id)
    }

    /// The refresh token that follows `token` where tokens rotate, 43 characters long.
    ///
    /// It is the same each time, though it is stored nowhere, until the keys are rotated: a token
    /// that is sent again within its leeway just then counts as stolen, to be on the safe side.
    ///
    /// # Errors
    /// [`SigningError::Crypto`] when the machine runs out of memory.
    pub(crate) fn successor(&self, token: &str) -> Result<Secret<String>, SigningError> {
        self.derive("portcullis refresh token", token)
    }

    fn derive(&self, purpose: &str, input: &str) -> Result<Secret<String>, SigningError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.current.key.to_pkcs8()?.expose());
        let tag = hmac::sign(&key, format!("{purpose}\0{input}").as_bytes());
        Ok(Secret::new(base64url::encode(tag.as_ref())))
    }

    /// Signs `claims` with the current key, under the header `typ` that is given.
    pub(crate) fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SigningError> {
        self.current.key.sign(typ, claims)
    }

    fn create(file: &KeyFile) -> Result<Self, KeyRingError> {
        let ring = Self::generate().map_err(KeyRingError::Generate)?;
        let current = ring.current.key.to_pkcs8();
        let next = ring.next.key.to_pkcs8();
        let keys = [
            current.map_err(KeyRingError::Generate)?,
            next.map_err(KeyRingError::Generate)?,
        ];
        file.replace(&pem::encode(&keys))?;
        Ok(ring)
    }

    fn from_pem(text: &[u8]) -> Result<Self, DamagedKeys> {
        let keys = pem::decode(text).ok_or(DamagedKeys::Pem)?;
        let [current, next] = keys.as_slice() else {
            return Err(DamagedKeys::Count(keys.len()));
        };
        let read = |der: &[u8]| {
            SigningKey::from_pkcs8(der)
                .and_then(RingKey::certify)
                .map_err(DamagedKeys::Key)
        };
        Ok(Self::of(read(current)?, read(next)?))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    const FILE: &str = "signing-keys.pem";

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn keys_outlive_the_process_and_are_the_owner_s_alone() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("a/b");
        let made = KeyRing::load_or_create(&directory).unwrap();

        assert_eq!(
            KeyRing::load_or_create(&directory).unwrap().jwks(),
            made.jwks()
        );
        assert_eq!(KeyRing::load(&directory).unwrap().jwks(), made.jwks());
        assert_eq!(names(&directory), ["lock", FILE]);
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join(FILE)), 0o600);
    }

    #[test]
    fn an_application_s_secret_lives_as_long_as_the_keys() {
        let root = tempfile::tempdir().unwrap();
        let keys = KeyRing::load_or_create(root.path()).unwrap();
        let secret = keys.application_secret("web").unwrap();
        let again = KeyRing::load(root.path()).unwrap();
        assert_eq!(again.application_secret("web").unwrap(), secret);
        assert_ne!(again.application_secret("other").unwrap(), secret);
        assert_eq!(secret.expose().len(), 43);

        let elsewhere = tempfile::tempdir().unwrap();
        let others = KeyRing::load_or_create(elsewhere.path()).unwrap();
        assert_ne!(others.application_secret("web").unwrap(), secret);
    }

    #[test]
    fn the_current_key_is_published_first_and_signs() {
        let root = tempfile::tempdir().unwrap();
        let ring = KeyRing::load_or_create(root.path()).unwrap();
        let jwks = ring.jwks();
        let kids: Vec<_> = jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| &key["kid"])
            .collect();
        assert_eq!(kids, [ring.current.key.kid(), ring.next.key.kid()]);
        assert_ne!(kids[0], kids[1]);
        assert!(!jwks.to_string().contains(r#""d":"#));
    }

    #[test]
    fn absent_keys_are_not_an_empty_ring() {
        let root = tempfile::tempdir().unwrap();
        for directory in [root.path().to_owned(), root.path().join("missing")] {
            let error = KeyRing::load(&directory).unwrap_err();
            let KeyRingError::Absent { path } = error else {
                panic!("{error:?}")
            };
            assert_eq!(path, directory.join(FILE));
        }
        assert_eq!(names(root.path()), Vec::<String>::new());
    }

    #[test]
    fn processes_that_start_together_agree() {
        let root = tempfile::tempdir().unwrap();
        let start = Barrier::new(4);
        let rings: Vec<Value> = thread::scope(|scope| {
            let load = || {
                start.wait();
                KeyRing::load_or_create(root.path()).unwrap().jwks()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(load)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        for ring in &rings {
            assert_eq!(ring, &rings[0]);
        }
    }

    #[test]
    fn what_a_killed_process_leaves_is_no_obstacle() {
        let root = tempfile::tempdir().unwrap();
        fs::write(
            root.path().join("signing-keys.pem.draft"),
            "-----BEGIN PRIV",
        )
        .unwrap();
        fs::write(root.path().join("lock"), "").unwrap();
        let made = KeyRing::load_or_create(root.path()).unwrap();
        assert_eq!(KeyRing::load(root.path()).unwrap().jwks(), made.jwks());
        assert_eq!(names(root.path()), ["lock", FILE]);
    }

    #[test]
    fn a_damaged_file_is_named_and_left_alone() {
        let root = tempfile::tempdir().unwrap();
        KeyRing::load_or_create(root.path()).unwrap();
        let path = root.path().join(FILE);
        let good = fs::read_to_string(&path).unwrap();
        let blocks: Vec<_> = good
            .split_inclusive("-----END PRIVATE KEY-----\n")
            .collect();
        let cut = &good.as_bytes()[..good.len() - 9];
        let flipped = good.replacen("MII", "MIJ", 1);
        let long = format!("{good}{}", "\n".repeat(16 * 1024));

        for (name, content, expected) in [
            (
                "empty",
                b"".as_slice(),
                "the file holds 0 keys instead of two",
            ),
            (
                "cut",
                cut,
                "the file is not a sequence of PEM blocks labelled PRIVATE KEY",
            ),
            (
                "binary",
                b"\xff\0",
                "the file is not a sequence of PEM blocks labelled PRIVATE KEY",
            ),
            (
                "one key",
                blocks[0].as_bytes(),
                "the file holds 1 keys instead of two",
            ),
            (
                "three keys",
                [blocks[0], &good].concat().as_bytes(),
                "the file holds 3 keys instead of two",
            ),
            (
                "changed",
                flipped.as_bytes(),
                "a key of the file cannot sign",
            ),
            ("long", long.as_bytes(), "the file is too long"),
        ] {
            fs::write(&path, content).unwrap();
            let error = KeyRing::load_or_create(root.path()).unwrap_err();
            let KeyRingError::Damaged { path: named, cause } = error else {
                panic!("{name}")
            };
            assert_eq!(
                (named, cause.to_string().as_str()),
                (path.clone(), expected),
                "{name}"
            );
            assert_eq!(fs::read(&path).unwrap(), content, "{name}");
        }
    }

    #[test]
    fn only_a_file_of_the_owner_s_alone_is_used() {
        let root = tempfile::tempdir().unwrap();
        KeyRing::load_or_create(root.path()).unwrap();
        let path = root.path().join(FILE);
        for (mode, is_trusted) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o620, false),
            (0o604, false),
            (0o602, false),
            (0o601, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let result = KeyRing::load_or_create(root.path()).map(drop);
            let found = result.map_err(untrusted);
            let expected = is_trusted
                .then_some(())
                .ok_or_else(|| (path.clone(), UntrustedKeys::Mode { mode }));
            assert_eq!(found, expected, "{mode:o}");
        }
    }

    #[test]
    fn keys_are_not_taken_from_elsewhere() {
        let other = tempfile::tempdir().unwrap();
        KeyRing::load_or_create(other.path()).unwrap();
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(FILE);
        let not_a_file = (path.clone(), UntrustedKeys::NotAFile);
        for target in [other.path().join(FILE), other.path().join("missing")] {
            symlink(target, &path).unwrap();
            let error = KeyRing::load_or_create(root.path()).unwrap_err();
            assert_eq!(untrusted(error), not_a_file);
            fs::remove_file(&path).unwrap();
        }
        fs::create_dir(&path).unwrap();
        let error = KeyRing::load_or_create(root.path()).unwrap_err();
        assert_eq!(untrusted(error), not_a_file);
    }

    #[track_caller]
    fn untrusted(error: KeyRingError) -> (PathBuf, UntrustedKeys) {
        match error {
            KeyRingError::Untrusted { path, cause } => (path, cause),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_read_or_written_is_named() {
        let root = tempfile::tempdir().unwrap();
        let occupied = root.path().join("occupied");
        fs::write(&occupied, "").unwrap();
        let error = KeyRing::load_or_create(&occupied.join("keys")).unwrap_err();
        assert!(matches!(error, KeyRingError::Read { .. }), "{error:?}");
        let error = KeyRing::load_or_create(&occupied).unwrap_err();
        assert!(matches!(error, KeyRingError::Read { .. }), "{error:?}");
    }
}
