//! Tokens on disk: signing a hundred thousand of them takes a minute, so that they are kept.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use portcullis_token::Algorithm;

use crate::fixture::{Key, TOKEN_BYTES, now};

/// How long the tokens are good, in seconds.
const LIFETIME: u64 = 86_400;

/// Writes `tokens.txt` with so many tokens of RS256, one per line, and their key as `jwks.json`
/// and `key.pem`, into an existing folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, count: u32) -> io::Result<()> {
    let key = Key::generate(Algorithm::Rs256);
    let expires_at = now() + LIFETIME;
    let mut file = BufWriter::new(fs::File::create(folder.join("tokens.txt"))?);
    for number in 0..count {
        writeln!(file, "{}", key.token(TOKEN_BYTES, expires_at, number))?;
    }
    file.flush()?;
    fs::write(folder.join("key.pem"), key.pem())?;
    fs::write(folder.join("jwks.json"), key.jwks().to_string())
}
