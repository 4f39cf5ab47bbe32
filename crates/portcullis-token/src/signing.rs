use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use serde_json::{Value, json};

use crate::{Secret, base64url};

/// An RSA-2048 key that signs tokens with RS256 (RFC 7518 section 3.3).
///
/// ```
/// use portcullis_token::{KeySet, SigningKey};
/// use serde_json::json;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = SigningKey::generate()?;
/// let token = key.sign("at+jwt", &json!({ "sub": "ada" }))?;
/// assert_eq!(token.split('.').count(), 3);
/// let published = json!({ "keys": [key.public_jwk()] });
/// assert!(KeySet::parse(published.to_string().as_bytes()).is_ok());
/// # Ok(())
/// # }
/// ```
pub struct SigningKey {
    pair: KeyPair,
    jwk: Jwk,
}

/// The public members of the key (RFC 7518 section 6.3.1), base64url without padding.
struct Jwk {
    kid: String,
    n: String,
    e: String,
}

/// Why a signing key could not be made or used.
///
/// ```
/// use portcullis_token::{SigningError, SigningKey};
///
/// assert!(matches!(SigningKey::from_pkcs8(b"not a key"), Err(SigningError::Key)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The bytes are not an RSA private key in PKCS #8 form, or are of less than 2048 bits.
    #[error("not an RSA private key of at least 2048 bits in PKCS #8 form")]
    Key,
    /// The cryptographic library failed, for want of memory or of randomness.
    #[error("the cryptographic library failed")]
    Crypto,
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be written as JSON")]
    Claims(#[source] serde_json::Error),
}

impl SigningKey {
    /// Makes a new RSA-2048 key from the system's randomness. Takes some tens of milliseconds.
    ///
    /// # Errors
    /// [`SigningError::Crypto`] when the system has no randomness to give.
    ///
    /// ```
    /// use portcullis_token::SigningKey;
    ///
    /// let key = SigningKey::generate()?;
    /// assert_eq!(key.kid().len(), 21);
    /// # Ok::<(), portcullis_token::SigningError>(())
    /// ```
    pub fn generate() -> Result<Self, SigningError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| SigningError::Crypto)?;
        Ok(Self::from_pair(pair))
    }

    /// Reads a key that [`to_pkcs8`](Self::to_pkcs8) wrote.
    ///
    /// # Errors
    /// [`SigningError::Key`] for anything but an RSA private key of at least 2048 bits.
    ///
    /// ```
    /// use portcullis_token::SigningKey;
    ///
    /// let key = SigningKey::generate()?;
    /// let restored = SigningKey::from_pkcs8(key.to_pkcs8()?.expose())?;
    /// assert_eq!(restored.kid(), key.kid());
    /// # Ok::<(), portcullis_token::SigningError>(())
    /// ```
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SigningError> {
        let pair = KeyPair::from_pkcs8(der).map_err(|_| SigningError::Key)?;
        Ok(Self::from_pair(pair))
    }

    fn from_pair(pair: KeyPair) -> Self {
        let public = pair.public_key();
        let n = base64url::encode(public.modulus().big_endian_without_leading_zero());
        let e = base64url::encode(public.exponent().big_endian_without_leading_zero());
        let kid = key_id(&n, &e);
        Self {
            pair,
            jwk: Jwk { kid, n, e },
        }
    }

    /// The private key as PKCS #8 DER.
    ///
    /// # Errors
    /// [`SigningError::Crypto`] when the library runs out of memory.
    ///
    /// ```
    /// use portcullis_token::SigningKey;
    ///
    /// let der = SigningKey::generate()?.to_pkcs8()?;
    /// assert_eq!(format!("{der:?}"), "[redacted]");
    /// // A sequence (X.690 section 8.9) is what PKCS #8 begins with.
    /// assert_eq!(der.expose()[0], 0x30);
    /// # Ok::<(), portcullis_token::SigningError>(())
    /// ```
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, SigningError> {
        let der = self.pair.as_der().map_err(|_| SigningError::Crypto)?;
        Ok(Secret::new(der.as_ref().to_vec()))
    }

    /// The key's id: 21 characters, the beginning of its RFC 7638 thumbprint, so that it needs no
    /// storage of its own and differs whenever the key does.
    ///
    /// ```
    /// use portcullis_token::SigningKey;
    ///
    /// let key = SigningKey::generate()?;
    /// assert_eq!(key.public_jwk()["kid"], key.kid());
    /// # Ok::<(), portcullis_token::SigningError>(())
    /// ```
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    /// The public key as a JWK (RFC 7517), the members in the order Auth0 publishes them.
    ///
    /// ```
    /// use portcullis_token::SigningKey;
    ///
    /// let jwk = SigningKey::generate()?.public_jwk();
    /// assert_eq!((&jwk["kty"], &jwk["alg"]), (&"RSA".into(), &"RS256".into()));
    /// assert!(jwk.get("d").is_none(), "the private exponent stays here");
    /// # Ok::<(), portcullis_token::SigningError>(())
    /// ```
    pub fn public_jwk(&self) -> Value {
        let Jwk { kid, n, e } = &self.jwk;
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "n": n, "e": e, "kid": kid })
    }

    /// Signs `claims` as a compact JWS with the header `{"alg":"RS256","typ":typ,"kid":kid}`.
    ///
    /// `typ` is `JWT` for Auth0's tokens and `at+jwt` for those of RFC 9068.
    ///
    /// # Errors
    /// [`SigningError::Crypto`] when the library runs out of memory or of randomness.
    ///
    /// ```
    /// use portcullis_token::{SigningKey, TokenType, Unverified};
    /// use serde_json::json;
    ///
    /// let key = SigningKey::generate()?;
    /// let token = key.sign("at+jwt", &json!({ "sub": "ada" }))?;
    /// let token = Unverified::parse(&token, TokenType::AccessToken, &mut ())?;
    /// assert_eq!(token.header().kid(), Some(key.kid()));
    /// assert_eq!(token.claims().subject(), Some("ada"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign(&self, typ: &str, claims: &impl serde::Serialize) -> Result<String, SigningError> {
        let header = json!({ "alg": "RS256", "typ": typ, "kid": self.kid() });
        let claims = serde_json::to_vec(claims).map_err(SigningError::Claims)?;
        let mut token = base64url::encode(header.to_string().as_bytes());
        token.push('.');
        token.push_str(&base64url::encode(&claims));

        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                token.as_bytes(),
                &mut signature,
            )
            .map_err(|_| SigningError::Crypto)?;
        token.push('.');
        token.push_str(&base64url::encode(&signature));
        Ok(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

/// The first 21 characters of the RFC 7638 thumbprint: 126 bits, as long as Auth0's own ids.
fn key_id(n: &str, e: &str) -> String {
    // Section 3.2: the required members only, in lexicographic order, without white space.
    let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    let thumbprint = digest::digest(&digest::SHA256, canonical.as_bytes());
    let mut id = base64url::encode(thumbprint.as_ref());
    id.truncate(21);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_being_written_and_read() {
        let key = SigningKey::generate().unwrap();
        let copy = SigningKey::from_pkcs8(key.to_pkcs8().unwrap().expose()).unwrap();
        assert_eq!(copy.public_jwk(), key.public_jwk());
        assert_eq!(copy.kid().len(), 21);
        assert!(matches!(
            SigningKey::from_pkcs8(b"not DER"),
            Err(SigningError::Key)
        ));
    }

    #[test]
    fn the_key_id_is_the_thumbprint_of_rfc_7638_section_3_1() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        assert_eq!(key_id(n, "AQAB"), "NzbLsXh8uDCcd-6MNwXF4");
    }

    #[test]
    fn nothing_of_the_private_key_is_printed() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(
            format!("{key:?}"),
            format!("SigningKey {{ kid: {:?}, .. }}", key.kid())
        );
    }
}
