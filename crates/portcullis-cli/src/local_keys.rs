//! Keys that are not fetched: a key set in a file, or a secret that the issuer has too.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use portcullis_config::{AuthorizerKind, Config, JwtAuthorizer, KeySource, SharedSecret};
use portcullis_token::{Algorithm, HmacError, KeySet, Secret, Unusable};

use crate::environment::unreadable;
use crate::terminal::Failure;

/// As much as is read of a key set from the network.
const LARGEST_KEY_SET: u64 = 1024 * 1024;
const LARGEST_SECRET: u64 = 64 * 1024;

/// The keys that the file gives this authorizer; nothing where they are fetched.
pub(crate) fn load(directory: &Path, jwt: &JwtAuthorizer) -> anyhow::Result<Option<KeySet>> {
    match &jwt.keys {
        KeySource::Discovery | KeySource::Jwks(_) => Ok(None),
        KeySource::File(path) => key_set(&directory.join(path)).map(Some),
        KeySource::Secret(secret) => {
            let algorithm = jwt.algorithms.first().copied().unwrap_or(Algorithm::Hs256);
            of_secret(directory, secret, algorithm).map(Some)
        }
    }
}

/// The files that hold them.
pub(crate) fn files(directory: &Path, config: &Config) -> Vec<PathBuf> {
    let named = config.authorizers.iter().filter_map(|authorizer| {
        let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
        match &jwt.keys {
            KeySource::File(path) | KeySource::Secret(SharedSecret::File(path)) => Some(path),
            KeySource::Discovery | KeySource::Jwks(_) | KeySource::Secret(_) => None,
        }
    });
    named.map(|path| directory.join(path)).collect()
}

fn key_set(path: &Path) -> anyhow::Result<KeySet> {
    let text = read(path, LARGEST_KEY_SET)?;
    let keys = KeySet::parse(&text)
        .with_context(|| format!("{} is not a usable key set", path.display()))?;
    let has_secret = |skipped: &portcullis_token::Skipped| skipped.why == Unusable::Symmetric;
    if keys.skipped().iter().any(has_secret) {
        return Err(Failure::with_hint(
            format!("{} has a secret beside public keys", path.display()),
            "name what is shared with the issuer by `secret`, in an authorizer of its own",
        ));
    }
    Ok(keys)
}

fn of_secret(
    directory: &Path,
    secret: &SharedSecret,
    algorithm: Algorithm,
) -> anyhow::Result<KeySet> {
    let (bytes, place) = match secret {
        SharedSecret::Given(secret) => {
            (secret.expose().clone().into_bytes(), "`secret`".to_owned())
        }
        SharedSecret::File(path) => {
            let path = directory.join(path);
            let mut bytes = read(&path, LARGEST_SECRET)?;
            // Editors and `echo` end the last line; no secret ends so.
            while bytes
                .last()
                .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
            {
                bytes.pop();
            }
            (bytes, path.display().to_string())
        }
    };
    KeySet::hmac(&Secret::new(bytes), algorithm).map_err(|error| match error {
        HmacError::Short { needed } => Failure::with_hint(
            format!("{place} is shorter than {needed} bytes, which {algorithm} needs"),
            "make one: `openssl rand -hex 64`",
        ),
        _ => anyhow::Error::new(error).context(format!("{place} cannot be used")),
    })
}

fn read(path: &Path, largest: u64) -> anyhow::Result<Vec<u8>> {
    let file = File::open(path).with_context(|| unreadable(path))?;
    let mut content = Vec::new();
    let read = file.take(largest + 1).read_to_end(&mut content);
    let length = read.with_context(|| unreadable(path))?;
    if u64::try_from(length).is_ok_and(|length| length <= largest) {
        Ok(content)
    } else {
        anyhow::bail!("{} is larger than {largest} bytes", path.display())
    }
}
