use std::fmt;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use portcullis_token::{Secret, base64url};
use zeroize::Zeroizing;

use super::KeyRingError;
use super::file::KeyFile;

/// Seals keys at rest, with AES-256-GCM under a key of its own.
///
/// That key comes from the environment or, in `dev`, from a file beside the data; whoever has
/// the data alone, such as a backup, has no signing keys.
pub struct Sealer {
    key: RandomizedNonceKey,
}

/// Why something could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealerError {
    /// The text is not a key.
    #[error("a sealing key is 43 characters of base64url without padding: 32 bytes")]
    Key,
    /// It was sealed under another key, for another purpose, or changed since.
    #[error("it was not sealed under this key, or it was changed since")]
    Opening,
    /// There is no randomness.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl Sealer {
    /// Reads a key that is 43 characters of base64url, such as an environment variable holds.
    ///
    /// # Errors
    /// [`SealerError::Key`] when the text is none.
    pub fn from_text(text: &Secret<String>) -> Result<Self, SealerError> {
        let bytes = base64url::decode(text.expose().trim().as_bytes());
        let bytes = Zeroizing::new(bytes.map_err(|_| SealerError::Key)?);
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SealerError::Key)?;
        Ok(Self { key })
    }

    /// Reads the key in `directory`, or makes one when there is none: the file `sealing-key`,
    /// mode 0600.
    ///
    /// Blocks: on the file system, and on another process doing the same.
    ///
    /// # Errors
    /// Any [`KeyRingError`] but `Absent` and `Generate`.
    pub fn load_or_create(directory: &Path) -> Result<Self, KeyRingError> {
        match Self::load(directory) {
            Err(KeyRingError::Absent { .. }) => {}
            found => return found,
        }
        let file = KeyFile::sealing_key(directory).create_directory()?;
        let _lock = file.lock()?;
        // Another process may have made it while this one waited.
        match Self::load(directory) {
            Err(KeyRingError::Absent { .. }) => Self::create(&file),
            found => found,
        }
    }

    /// Reads the key in `directory` and never writes there.
    ///
    /// # Errors
    /// [`KeyRingError::Absent`] when none has been made, [`KeyRingError::Read`],
    /// [`KeyRingError::Untrusted`] or [`KeyRingError::SealingKey`] when it cannot be used.
    pub fn load(directory: &Path) -> Result<Self, KeyRingError> {
        Self::read(&KeyFile::sealing_key(directory))
    }

    fn read(file: &KeyFile) -> Result<Self, KeyRingError> {
        let damaged = || KeyRingError::SealingKey {
            path: file.path().to_owned(),
        };
        let bytes = match file.read() {
            Err(KeyRingError::Damaged { .. }) => return Err(damaged()),
            found => found?,
        };
        let text = str::from_utf8(&bytes).map_err(|_| damaged())?;
        Self::from_text(&Secret::new(text.to_owned())).map_err(|_| damaged())
    }

    fn create(file: &KeyFile) -> Result<Self, KeyRingError> {
        let mut bytes = Zeroizing::new([0; 32]);
        let crypto = |_| KeyRingError::Generate(portcullis_token::SigningError::Crypto);
        rand::fill(&mut *bytes).map_err(crypto)?;
        let text = Zeroizing::new(format!("{}\n", base64url::encode(&*bytes)));
        file.replace(text.as_bytes())?;
        Self::read(file)
    }

    /// Seals `plain`; only the same `purpose`, such as a key's id, opens it.
    ///
    /// The result is the nonce, the ciphertext and the tag.
    ///
    /// # Errors
    /// [`SealerError::Crypto`] when the system has no randomness to give.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealerError> {
        // Room for the tag, so that no copy of the plain text is left behind by growing.
        let mut text = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
        text.extend_from_slice(plain);
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(purpose), &mut *text)
            .map_err(|_| SealerError::Crypto)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) made for `purpose`.
    ///
    /// # Errors
    /// [`SealerError::Opening`] when it did not.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealerError> {
        let (nonce, text) = sealed
            .split_at_checked(NONCE_LEN)
            .ok_or(SealerError::Opening)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealerError::Opening)?;
        let mut text = Zeroizing::new(text.to_vec());
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(purpose), &mut text)
            .map_err(|_| SealerError::Opening)?;
        Ok(Secret::new(plain.to_vec()))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::from_text(&Secret::new(base64url::encode(&[byte; 32]))).unwrap()
    }

    #[test]
    fn only_the_same_key_and_purpose_open_what_was_sealed() {
        let sealed = sealer(1).seal("kid", b"secret").unwrap();
        assert_eq!(sealed.len(), 12 + 6 + 16);
        assert_ne!(sealer(1).seal("kid", b"secret").unwrap(), sealed);
        let mut changed = sealed.clone();
        changed[14] ^= 1;
        let failed = Err(SealerError::Opening);
        for (name, key, purpose, sealed, expected) in [
            ("same", 1, "kid", sealed.as_slice(), Ok(b"secret".to_vec())),
            ("another key", 2, "kid", &sealed, failed.clone()),
            ("another purpose", 1, "kib", &sealed, failed.clone()),
            ("changed", 1, "kid", &changed, failed.clone()),
            ("cut", 1, "kid", &sealed[..sealed.len() - 1], failed.clone()),
            ("a nonce", 1, "kid", &sealed[..12], failed.clone()),
            ("nothing", 1, "kid", &[], failed),
        ] {
            let opened = sealer(key).open(purpose, sealed);
            assert_eq!(
                opened.map(|plain| plain.expose().clone()),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_sealing_key_is_32_bytes_of_base64url() {
        for (length, expected) in [(31, false), (32, true), (33, false), (16, false)] {
            let text = Secret::new(base64url::encode(&vec![1; length]));
            let made = Sealer::from_text(&text).map(drop);
            assert_eq!(
                made,
                expected.then_some(()).ok_or(SealerError::Key),
                "{length}"
            );
        }
        let made = Sealer::from_text(&Secret::new("hunter2!".to_owned()));
        assert_eq!(made.map(drop), Err(SealerError::Key));
        assert_eq!(format!("{:?}", sealer(1)), "Sealer([redacted])");
    }

    #[test]
    fn a_key_of_a_folder_is_kept_and_the_owner_s_alone() {
        let root = tempfile::tempdir().unwrap();
        let sealed = Sealer::load_or_create(root.path()).unwrap();
        let sealed = sealed.seal("kid", b"secret").unwrap();
        let again = Sealer::load_or_create(root.path()).unwrap();
        assert_eq!(again.open("kid", &sealed).unwrap().expose(), b"secret");

        let path = root.path().join("sealing-key");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for content in [String::new(), "x".to_owned(), "x".repeat(20_000)] {
            fs::write(&path, &content).unwrap();
            let error = Sealer::load_or_create(root.path()).unwrap_err();
            let expected = format!(
                "{} does not hold a sealing key: 43 characters of base64url",
                path.display()
            );
            assert_eq!(error.to_string(), expected);
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Sealer::load_or_create(root.path()).unwrap_err();
        assert!(matches!(error, KeyRingError::Untrusted { .. }), "{error:?}");
    }
}
