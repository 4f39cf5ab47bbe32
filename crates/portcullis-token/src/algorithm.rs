use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    self, ED25519, EcdsaVerificationAlgorithm, EdDSAParameters, RsaParameters,
};

/// A signature algorithm of RFC 7518 section 3.1 or RFC 8037 section 3.1.
///
/// `none` does not exist here, and the HMAC family cannot be read from text, so that no list of
/// names lets them in: HMAC needs [`KeySet::hmac`](crate::KeySet::hmac), which says so in words.
///
/// ```
/// use portcullis_token::Algorithm;
///
/// assert_eq!("ES256".parse(), Ok(Algorithm::Es256));
/// assert!("none".parse::<Algorithm>().is_err());
/// assert!("HS256".parse::<Algorithm>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; Auth0's default.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256 and MGF1 with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384 and MGF1 with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512 and MGF1 with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256; the signature is the fixed 64-byte form.
    Es256,
    /// ECDSA on P-384 with SHA-384; the signature is the fixed 96-byte form.
    Es384,
    /// ECDSA on P-521 with SHA-512; the signature is the fixed 132-byte form.
    Es512,
    /// Ed25519. The RFC's name for it is `EdDSA`.
    EdDsa,
    /// HMAC with SHA-256: whoever can check a token can also make one.
    Hs256,
    /// HMAC with SHA-384: whoever can check a token can also make one.
    Hs384,
    /// HMAC with SHA-512: whoever can check a token can also make one.
    Hs512,
}

/// How a key must be prepared before it can check signatures of an algorithm.
pub(crate) enum Scheme {
    Rsa(&'static RsaParameters),
    Ec(Curve, &'static EcdsaVerificationAlgorithm),
    Ed25519(&'static EdDSAParameters),
    Hmac(hmac::Algorithm),
}

/// An elliptic curve by its JWK `crv` name (RFC 7518 section 6.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The length of a coordinate in bytes (RFC 7518 section 6.2.1.2).
    pub(crate) const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

impl Algorithm {
    /// Every public-key algorithm, in the order of RFC 7518.
    ///
    /// ```
    /// use portcullis_token::Algorithm;
    ///
    /// assert_eq!(Algorithm::ALL[0].name(), "RS256");
    /// assert!(Algorithm::ALL.iter().all(|algorithm| algorithm.is_asymmetric()));
    /// ```
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The algorithms of a shared secret, which only [`KeySet::hmac`](crate::KeySet::hmac) has.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, KeySet, Secret};
    ///
    /// let secret = Secret::new(vec![7; 64]);
    /// assert!(Algorithm::HMAC.iter().all(|algorithm| KeySet::hmac(&secret, *algorithm).is_ok()));
    /// ```
    pub const HMAC: [Self; 3] = [Self::Hs256, Self::Hs384, Self::Hs512];

    /// What an issuer may sign with when the configuration does not say.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, Rules};
    ///
    /// assert_eq!(Rules::new(None, None).algorithms, Algorithm::DEFAULT);
    /// assert_eq!(Algorithm::DEFAULT.map(Algorithm::name), ["RS256", "PS256", "ES256", "EdDSA"]);
    /// ```
    pub const DEFAULT: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The `alg` value, compared byte for byte.
    ///
    /// ```
    /// use portcullis_token::Algorithm;
    ///
    /// assert_eq!(Algorithm::EdDsa.name(), "EdDSA");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// Whether anyone may know the key that checks a signature.
    ///
    /// ```
    /// use portcullis_token::Algorithm;
    ///
    /// assert!(Algorithm::Es256.is_asymmetric());
    /// assert!(!Algorithm::Hs256.is_asymmetric());
    /// ```
    pub const fn is_asymmetric(self) -> bool {
        !matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    /// The algorithm a token names, which may be one of [`Algorithm::HMAC`].
    pub(crate) fn from_header(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .chain(Self::HMAC)
            .find(|algorithm| algorithm.name() == name)
    }

    pub(crate) fn scheme(self) -> Scheme {
        match self {
            Self::Rs256 => Scheme::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Scheme::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Scheme::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Scheme::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Scheme::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Scheme::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Self::Es256 => Scheme::Ec(Curve::P256, &signature::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => Scheme::Ec(Curve::P384, &signature::ECDSA_P384_SHA384_FIXED),
            Self::Es512 => Scheme::Ec(Curve::P521, &signature::ECDSA_P521_SHA512_FIXED),
            Self::EdDsa => Scheme::Ed25519(&ED25519),
            Self::Hs256 => Scheme::Hmac(hmac::HMAC_SHA256),
            Self::Hs384 => Scheme::Hmac(hmac::HMAC_SHA384),
            Self::Hs512 => Scheme::Hmac(hmac::HMAC_SHA512),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no algorithm of [`Algorithm::ALL`].
///
/// ```
/// use portcullis_token::{Algorithm, UnknownAlgorithm};
///
/// assert_eq!("es256".parse::<Algorithm>(), Err(UnknownAlgorithm));
/// assert_eq!(UnknownAlgorithm.to_string(), "not a supported signature algorithm");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a supported signature algorithm")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or(UnknownAlgorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_matched_byte_for_byte() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
        for name in ["none", "None", "HS256", "rs256", "RS256 ", "ES521", ""] {
            assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name:?}");
        }
    }

    #[test]
    fn a_token_may_name_hmac_but_not_none() {
        for algorithm in Algorithm::ALL.into_iter().chain(Algorithm::HMAC) {
            assert_eq!(Algorithm::from_header(algorithm.name()), Some(algorithm));
            let hmac = algorithm.name().starts_with("HS");
            assert_eq!(algorithm.is_asymmetric(), !hmac, "{algorithm}");
        }
        assert_eq!(Algorithm::from_header("none"), None);
    }
}
