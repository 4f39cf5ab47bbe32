//! Public keys in DER: `SubjectPublicKeyInfo` (RFC 5280 section 4.1), alone or in a certificate.

use serde_json::{Value, json};

use super::der::{NotDer, Reader, Tag};
use crate::algorithm::Curve;
use crate::base64url;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// A public key's numbers, big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PublicKey<'d> {
    Rsa {
        n: &'d [u8],
        e: &'d [u8],
    },
    Ec {
        curve: Curve,
        x: &'d [u8],
        y: &'d [u8],
    },
    Ed25519 {
        x: &'d [u8],
    },
}

impl<'d> PublicKey<'d> {
    /// Reads a `SubjectPublicKeyInfo`, and nothing after it.
    pub(super) fn from_spki(der: &'d [u8]) -> Result<Self, NotDer> {
        Self::from_info(Reader::only(der, Tag::SEQUENCE)?)
    }

    /// Reads the content of a `SubjectPublicKeyInfo`.
    fn from_info(content: &'d [u8]) -> Result<Self, NotDer> {
        let mut info = Reader::new(content);
        let mut algorithm = Reader::new(info.read(Tag::SEQUENCE)?);
        let bits = info.read(Tag::BIT_STRING)?;
        info.end()?;
        let key = bits.strip_prefix(&[0]).ok_or(NotDer)?;
        match algorithm.read(Tag::OBJECT_ID)? {
            RSA => Self::from_rsa(key),
            EC => Self::from_point(curve(algorithm.read(Tag::OBJECT_ID)?)?, key),
            ED25519 if key.len() == 32 => Ok(Self::Ed25519 { x: key }),
            _ => Err(NotDer),
        }
    }

    /// Reads the key of an X.509 certificate (RFC 5280 section 4.1), whose other fields are not
    /// looked at: neither its signature nor its dates say anything about a key that is pinned.
    pub(super) fn from_certificate(der: &'d [u8]) -> Result<Self, NotDer> {
        let mut certificate = Reader::new(Reader::only(der, Tag::SEQUENCE)?);
        let mut fields = Reader::new(certificate.read(Tag::SEQUENCE)?);
        fields.skip_if(Tag::VERSION)?;
        fields.read(Tag::INTEGER)?;
        for _signature_issuer_validity_subject in 0..4 {
            fields.read(Tag::SEQUENCE)?;
        }
        Self::from_info(fields.read(Tag::SEQUENCE)?)
    }

    /// Reads an `RSAPublicKey` (RFC 8017 appendix A.1.1).
    pub(super) fn from_rsa(der: &'d [u8]) -> Result<Self, NotDer> {
        let mut key = Reader::new(Reader::only(der, Tag::SEQUENCE)?);
        let n = unsigned(key.read(Tag::INTEGER)?);
        let e = unsigned(key.read(Tag::INTEGER)?);
        key.end()?;
        Ok(Self::Rsa { n, e })
    }

    /// SEC 1 section 2.3.3, uncompressed only.
    fn from_point(curve: Curve, point: &'d [u8]) -> Result<Self, NotDer> {
        let coordinates = point.strip_prefix(&[4]).ok_or(NotDer)?;
        if coordinates.len() != 2 * curve.width() {
            return Err(NotDer);
        }
        let (x, y) = coordinates.split_at(curve.width());
        Ok(Self::Ec { curve, x, y })
    }

    /// The key as a JWK, so that it passes the same checks as a published one.
    pub(super) fn to_jwk(self) -> Value {
        let text = base64url::encode;
        match self {
            Self::Rsa { n, e } => json!({ "kty": "RSA", "n": text(n), "e": text(e) }),
            Self::Ec { curve, x, y } => {
                json!({ "kty": "EC", "crv": curve.name(), "x": text(x), "y": text(y) })
            }
            Self::Ed25519 { x } => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(x) }),
        }
    }
}

fn curve(object_id: &[u8]) -> Result<Curve, NotDer> {
    match object_id {
        P256 => Ok(Curve::P256),
        P384 => Ok(Curve::P384),
        P521 => Ok(Curve::P521),
        _ => Err(NotDer),
    }
}

/// An INTEGER without the zero byte that keeps it from being negative.
fn unsigned(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410 section 10.1: an Ed25519 key.
    const ED25519_SPKI: &[u8] = &[
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0x19, 0xbf, 0x44,
        0x09, 0x69, 0x84, 0xcd, 0xfe, 0x85, 0x41, 0xba, 0xc1, 0x67, 0xdc, 0x3b, 0x96, 0xc8, 0x50,
        0x86, 0xaa, 0x30, 0xb6, 0xb6, 0xcb, 0x0c, 0x5c, 0x38, 0xad, 0x70, 0x31, 0x66, 0xe1,
    ];

    #[test]
    fn a_key_is_read_and_nothing_around_it() {
        let expected = PublicKey::Ed25519 {
            x: &ED25519_SPKI[12..],
        };
        assert_eq!(PublicKey::from_spki(ED25519_SPKI), Ok(expected));
        for length in 0..ED25519_SPKI.len() {
            let cut = PublicKey::from_spki(&ED25519_SPKI[..length]);
            assert_eq!(cut, Err(NotDer), "the first {length} bytes");
        }
        let longer = [ED25519_SPKI, &[0]].concat();
        assert_eq!(PublicKey::from_spki(&longer), Err(NotDer));
    }

    #[test]
    fn a_sign_byte_is_not_part_of_a_number() {
        let der = [0x30, 0x08, 0x02, 0x02, 0x00, 0x80, 0x02, 0x02, 0x01, 0x01];
        let expected = PublicKey::Rsa {
            n: &[0x80],
            e: &[1, 1],
        };
        assert_eq!(PublicKey::from_rsa(&der), Ok(expected));
    }
}
