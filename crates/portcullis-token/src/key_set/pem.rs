//! One public key in PEM (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::spki::PublicKey;
use super::{Unusable, VerifyingKey, jwk};
use crate::Algorithm;

/// Longer than any key or certificate that is of use here.
const MAX_PEM_BYTES: usize = 64 * 1024;

/// Why a PEM file gives no key. The configuration's fault.
///
/// ```
/// use portcullis_token::{Algorithm, KeySet, PemError};
///
/// let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
/// assert_eq!(KeySet::from_pem(key, Algorithm::EdDsa).map(drop), Err(PemError::Private));
/// assert_eq!(KeySet::from_pem("AAAA", Algorithm::EdDsa).map(drop), Err(PemError::NotPem));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// Not one PEM block, or one of base64 that cannot be read.
    #[error("not one PEM block")]
    NotPem,
    /// A private key: checking tokens needs the public one only.
    #[error("a private key; give the public key, which is enough to check tokens")]
    Private,
    /// A block of another label than `PUBLIC KEY`, `RSA PUBLIC KEY` and `CERTIFICATE`.
    #[error("neither a `PUBLIC KEY`, an `RSA PUBLIC KEY` nor a `CERTIFICATE`")]
    Label,
    /// The content is not the DER that the label says, or a kind of key that is not supported.
    #[error("its content is not a supported public key")]
    Content,
    /// A key that may not be used, or not with this algorithm.
    #[error("the key cannot be used")]
    Key(#[source] Unusable),
}

/// Prepares the key of `pem` for `algorithm`.
pub(super) fn prepare(pem: &str, algorithm: Algorithm) -> Result<VerifyingKey, PemError> {
    let (label, der) = parse(pem)?;
    let key = match label {
        "PUBLIC KEY" => PublicKey::from_spki(&der),
        "RSA PUBLIC KEY" => PublicKey::from_rsa(&der),
        "CERTIFICATE" => PublicKey::from_certificate(&der),
        private if private.ends_with("PRIVATE KEY") => return Err(PemError::Private),
        _ => return Err(PemError::Label),
    };
    let key = key.map_err(|_| PemError::Content)?;
    jwk::prepare_for(&key.to_jwk(), algorithm).map_err(PemError::Key)
}

/// The label and the content of the one block; text before and after it is not looked at.
fn parse(pem: &str) -> Result<(&str, Vec<u8>), PemError> {
    if pem.len() > MAX_PEM_BYTES || pem.matches("-----BEGIN ").count() != 1 {
        return Err(PemError::NotPem);
    }
    let (_, block) = pem.split_once("-----BEGIN ").ok_or(PemError::NotPem)?;
    let (label, block) = block.split_once("-----").ok_or(PemError::NotPem)?;
    let end = format!("-----END {label}-----");
    let (body, _) = block.split_once(&end).ok_or(PemError::NotPem)?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).map_err(|_| PemError::NotPem)?;
    Ok((label, der))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410 section 10.1.
    const ED25519: &str = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

    fn block(label: &str, body: &str) -> String {
        format!("-----BEGIN {label}-----\r\n{body}\r\n-----END {label}-----\r\n")
    }

    #[test]
    fn one_public_key_is_read() {
        let good = block("PUBLIC KEY", ED25519);
        let unsupported = PemError::Key(Unusable::Unsupported);
        for (name, pem, algorithm, expected) in [
            ("a key", good.clone(), Algorithm::EdDsa, Ok(())),
            (
                "words around it",
                format!("key:\n{good}end"),
                Algorithm::EdDsa,
                Ok(()),
            ),
            (
                "two keys",
                good.repeat(2),
                Algorithm::EdDsa,
                Err(PemError::NotPem),
            ),
            (
                "no PEM",
                ED25519.to_owned(),
                Algorithm::EdDsa,
                Err(PemError::NotPem),
            ),
            (
                "no end",
                good.replace("END", "FIN"),
                Algorithm::EdDsa,
                Err(PemError::NotPem),
            ),
            (
                "not base64",
                block("PUBLIC KEY", "?"),
                Algorithm::EdDsa,
                Err(PemError::NotPem),
            ),
            (
                "another kind",
                good.clone(),
                Algorithm::Rs256,
                Err(unsupported),
            ),
            (
                "a secret's algorithm",
                good.clone(),
                Algorithm::Hs256,
                Err(unsupported),
            ),
            (
                "a private key",
                block("PRIVATE KEY", ED25519),
                Algorithm::EdDsa,
                Err(PemError::Private),
            ),
            (
                "a request",
                block("CERTIFICATE REQUEST", ED25519),
                Algorithm::EdDsa,
                Err(PemError::Label),
            ),
            (
                "a mislabelled key",
                block("CERTIFICATE", ED25519),
                Algorithm::EdDsa,
                Err(PemError::Content),
            ),
            (
                "too long",
                format!("{good}{}", " ".repeat(MAX_PEM_BYTES)),
                Algorithm::EdDsa,
                Err(PemError::NotPem),
            ),
        ] {
            assert_eq!(prepare(&pem, algorithm).map(drop), expected, "{name}");
        }
    }
}
