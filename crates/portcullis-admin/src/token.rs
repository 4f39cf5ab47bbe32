use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::rand;
use portcullis_token::{Secret, base64url};
use subtle::ConstantTimeEq as _;

/// Shorter ones can be guessed.
const SHORTEST: usize = 32;
const LONGEST: usize = 512;
/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;

/// The token that callers of the admin listener show. It keeps a digest only.
#[derive(Clone)]
pub struct AdminToken {
    digest: Digest,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        cause: io::Error,
    },
    /// Others than the owner may read or change the file.
    #[error("{} may be used by others than its owner: its mode is {mode:o}, not 600", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file does not hold one token.
    #[error(
        "{} does not hold a token: one line of {SHORTEST} to {LONGEST} letters, digits and `-._~+/`",
        path.display()
    )]
    NotAToken {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        cause: io::Error,
    },
    /// The system has no random bytes.
    #[error("the system has no random bytes for a token")]
    Random,
}

impl AdminToken {
    /// Reads a token from a file that its owner alone may use; white space around it is nothing.
    ///
    /// # Errors
    /// [`TokenError`], for what keeps it from being used.
    pub fn load(path: &Path) -> Result<Self, TokenError> {
        let unreadable = |cause| TokenError::Read {
            path: path.to_owned(),
            cause,
        };
        let file = File::open(path).map_err(unreadable)?;
        // Of the file that was opened, whatever the name leads to by then.
        let mode = file.metadata().map_err(unreadable)?.mode() & 0o777;
        if mode & OTHERS != 0 {
            let path = path.to_owned();
            return Err(TokenError::Mode { path, mode });
        }
        let mut text = String::new();
        // More is no token, and need not be read to its end.
        let mut file = file.take(2 * LONGEST as u64);
        file.read_to_string(&mut text).map_err(unreadable)?;
        let token = text.trim();
        if !is_token(token) {
            let path = path.to_owned();
            return Err(TokenError::NotAToken { path });
        }
        Ok(Self::of(token))
    }

    /// Makes a token of 256 random bits, and writes it to a file of the owner's alone.
    ///
    /// A file that is there is replaced.
    ///
    /// # Errors
    /// [`TokenError::Write`] and [`TokenError::Random`].
    pub fn create(path: &Path) -> Result<Self, TokenError> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| TokenError::Random)?;
        let token = Secret::new(base64url::encode(&bytes));
        write(path, token.expose()).map_err(|cause| TokenError::Write {
            path: path.to_owned(),
            cause,
        })?;
        Ok(Self::of(token.expose()))
    }

    fn of(token: &str) -> Self {
        Self {
            digest: digest(&SHA256, token.as_bytes()),
        }
    }

    /// Whether this is the token, in a time that does not tell how much of it is right.
    pub(crate) fn is(&self, shown: &str) -> bool {
        let shown = digest(&SHA256, shown.as_bytes());
        shown.as_ref().ct_eq(self.digest.as_ref()).into()
    }
}

fn is_token(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    (SHORTEST..=LONGEST).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Puts a whole file of mode 600 in the place of what is there, which may be a link.
fn write(path: &Path, token: &str) -> io::Result<()> {
    let part = path.with_extension("part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(format!("{token}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&part, path)
}

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn load(text: &str, mode: u32) -> Result<AdminToken, TokenError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        AdminToken::load(&path)
    }

    #[test]
    fn a_token_has_a_length_and_an_alphabet() {
        let long = "a".repeat(LONGEST);
        let around = format!("\n{} \r\n", "a-._~+/Z".repeat(4));
        for text in [&"a".repeat(SHORTEST), &long, &around] {
            let token = load(text, 0o600).unwrap();
            assert!(token.is(text.trim()), "{text:?}");
            assert!(!token.is(""), "{text:?}");
            assert!(!token.is(&format!("{}a", text.trim())), "{text:?}");
        }
        let too_long = "a".repeat(LONGEST + 1);
        let two_lines = format!("{}\n{}", "a".repeat(SHORTEST), "b".repeat(SHORTEST));
        let huge = "a".repeat(10_000);
        for text in ["", &"a".repeat(SHORTEST - 1), &too_long, &two_lines, &huge] {
            let error = load(text, 0o600).unwrap_err();
            assert!(matches!(error, TokenError::NotAToken { .. }), "{error}");
        }
    }

    #[test]
    fn others_may_not_use_the_file() {
        let text = "a".repeat(SHORTEST);
        for mode in [0o600, 0o400] {
            load(&text, mode).unwrap();
        }
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644, 0o660, 0o601] {
            let error = load(&text, mode).unwrap_err();
            assert!(
                matches!(error, TokenError::Mode { mode: told, .. } if told == mode),
                "{mode:o}: {error}"
            );
        }
    }

    #[test]
    fn a_token_that_is_made_can_be_read_by_its_owner_alone_and_is_another_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin-token");
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "precious").unwrap();
        symlink(&elsewhere, &path).unwrap();
        let first = AdminToken::create(&path).unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "precious");
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert!(metadata.is_file());
        assert_eq!(metadata.mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(first.is(text.trim()));
        assert!(AdminToken::load(&path).unwrap().is(text.trim()));
        let second = AdminToken::create(&path).unwrap();
        assert!(!second.is(text.trim()));
        assert_eq!(format!("{second:?}"), "[redacted]");
        let error = AdminToken::create(&folder.path().join("no/token")).unwrap_err();
        assert!(matches!(error, TokenError::Write { .. }), "{error}");
    }
}
