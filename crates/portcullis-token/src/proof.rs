//! `DPoP` proofs: a caller shows that the key a token is bound to is theirs (RFC 9449).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{self, SHA256};
use subtle::ConstantTimeEq as _;

use crate::address::normalize;
use crate::header::{self, parse_algorithm, parse_type, refuse_extensions};
use crate::json::{ClaimValue, Object};
use crate::token::Segments;
use crate::token_type::MediaType;
use crate::{
    Algorithm, Claims, DuplicateClaims, NonceIssuer, ProofOffer, Reason, UnixTime, VerifyingKey,
    base64url,
};

/// The longest proof that is looked at: one with an RSA-4096 key takes two kilobytes.
const MAX_PROOF_BYTES: usize = 8 * 1024;
const MAX_ID_BYTES: usize = 256;
/// How far back `iat` may lie where nonces tell the proof's age.
const MAX_AGE_WITH_NONCE: Duration = Duration::from_mins(1);

/// What a `DPoP` proof must be like (RFC 9449 section 4.3).
///
/// ```
/// use std::time::Duration;
/// use portcullis_token::{Algorithm, ProofRules};
///
/// let rules = ProofRules {
///     algorithms: vec![Algorithm::Es256],
///     ..ProofRules::default()
/// };
/// assert_eq!(rules.max_age, Duration::from_secs(300));
/// ```
#[derive(Clone, Debug)]
pub struct ProofRules {
    /// What a proof may be signed with; the HMAC algorithms never count. Default:
    /// [`Algorithm::DEFAULT`].
    pub algorithms: Vec<Algorithm>,
    /// How far back `iat` may lie. Default 300 s; with nonces, at most 60 s.
    pub max_age: Duration,
    /// How far ahead `iat` may lie, for clocks that differ. Default 30 s.
    pub max_ahead: Duration,
    /// Whose nonces a proof must carry; absent, the default, when it needs none.
    pub nonces: Option<Arc<NonceIssuer>>,
}

/// A `DPoP` proof that was accepted and must not be accepted again (RFC 9449 section 11.1).
///
/// ```
/// use portcullis_token::{Introspected, ProofOffer, Rules, Sender, UnixTime};
///
/// // {"typ":"dpop+jwt","alg":"EdDSA","jwk":{…}}.
/// // {"jti":"1","htm":"GET","htu":"https://a.example/","iat":100,"ath":"bSKY…"}
/// let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVkRFNBIiwiandrIjp7Imt0eSI6Ik9LUCIsImNydiI6IkVkMj\
///     U1MTkiLCJ4IjoiMTFxWUFZS3hDcmZWU183VHlXUUhPZzdoY3ZQYXBpTWxyd0lhYVBjSFVSbyJ9fQ.eyJqdGkiOiIxIi\
///     wiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9hLmV4YW1wbGUvIiwiaWF0IjoxMDAsImF0aCI6ImJTS1loTUVtaTdDc\
///     k10amFNVjBQNVMtUlJ5S0wyRENqZThuN0tLbFVsQTAifQ.QP6kU2cRmFkP8h_u5SIeKNQWofDulvvvMnD9LqsLkTvLu\
///     GjG-cNuBgSfYuK1P6GDGwdDb-sSadI8WmISQQzlDA";
/// let offer = ProofOffer { proof, method: "GET", url: "https://a.example/?page=2" };
/// let sender = Sender { proof: Some(offer), ..Sender::default() };
/// let answer = Introspected::parse(br#"{"active":true,"exp":9999,
///     "cnf":{"jkt":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}}"#)?;
///
/// let rules = Rules::new(None, None);
/// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(100), &mut ())?;
/// assert_eq!(token.proof().map(|proof| proof.expires_at()), Some(UnixTime(401)));
/// # Ok::<(), portcullis_token::Reason>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedProof {
    replay_key: [u8; 32],
    expires_at: UnixTime,
}

/// A proof that is good for its request, by whichever key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CheckedProof {
    /// The RFC 7638 thumbprint of the key that made it.
    pub(crate) thumbprint: [u8; 32],
    pub(crate) accepted: AcceptedProof,
}

impl Default for ProofRules {
    fn default() -> Self {
        Self {
            algorithms: Algorithm::DEFAULT.to_vec(),
            max_age: Duration::from_mins(5),
            max_ahead: Duration::from_secs(30),
            nonces: None,
        }
    }
}

impl AcceptedProof {
    /// What the caller's store remembers: a hash of the key, the proof's `jti` and its address.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, ProofOffer, Rules, Sender, UnixTime};
    /// # let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVkRFNBIiwiandrIjp7Imt0eSI6Ik9LUCIsImNydiI6IkVkMj\
    /// #     U1MTkiLCJ4IjoiMTFxWUFZS3hDcmZWU183VHlXUUhPZzdoY3ZQYXBpTWxyd0lhYVBjSFVSbyJ9fQ.eyJqdGkiOiIxIi\
    /// #     wiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9hLmV4YW1wbGUvIiwiaWF0IjoxMDAsImF0aCI6ImJTS1loTUVtaTdDc\
    /// #     k10amFNVjBQNVMtUlJ5S0wyRENqZThuN0tLbFVsQTAifQ.QP6kU2cRmFkP8h_u5SIeKNQWofDulvvvMnD9LqsLkTvLu\
    /// #     GjG-cNuBgSfYuK1P6GDGwdDb-sSadI8WmISQQzlDA";
    /// # let offer = ProofOffer { proof, method: "GET", url: "https://a.example/" };
    /// # let sender = Sender { proof: Some(offer), ..Sender::default() };
    /// # let answer = Introspected::parse(br#"{"active":true,"exp":9999,
    /// #     "cnf":{"jkt":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}}"#)?;
    /// # let rules = Rules::new(None, None);
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(100), &mut ())?;
    /// let proof = token.proof().unwrap();
    /// let mut used = std::collections::HashMap::new();
    /// assert_eq!(used.insert(*proof.replay_key(), proof.expires_at()), None);
    /// // Sent again it would be `Reason::DpopReplay`.
    /// assert!(used.contains_key(proof.replay_key()));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn replay_key(&self) -> &[u8; 32] {
        &self.replay_key
    }

    /// From this second on the proof is refused for its age, and may be forgotten.
    ///
    /// ```
    /// # use portcullis_token::{Introspected, ProofOffer, Rules, Sender, UnixTime};
    /// # let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVkRFNBIiwiandrIjp7Imt0eSI6Ik9LUCIsImNydiI6IkVkMj\
    /// #     U1MTkiLCJ4IjoiMTFxWUFZS3hDcmZWU183VHlXUUhPZzdoY3ZQYXBpTWxyd0lhYVBjSFVSbyJ9fQ.eyJqdGkiOiIxIi\
    /// #     wiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9hLmV4YW1wbGUvIiwiaWF0IjoxMDAsImF0aCI6ImJTS1loTUVtaTdDc\
    /// #     k10amFNVjBQNVMtUlJ5S0wyRENqZThuN0tLbFVsQTAifQ.QP6kU2cRmFkP8h_u5SIeKNQWofDulvvvMnD9LqsLkTvLu\
    /// #     GjG-cNuBgSfYuK1P6GDGwdDb-sSadI8WmISQQzlDA";
    /// # let offer = ProofOffer { proof, method: "GET", url: "https://a.example/" };
    /// # let sender = Sender { proof: Some(offer), ..Sender::default() };
    /// # let answer = Introspected::parse(br#"{"active":true,"exp":9999,
    /// #     "cnf":{"jkt":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}}"#)?;
    /// # let rules = Rules::new(None, None);
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(100), &mut ())?;
    /// let proof = token.proof().unwrap();
    /// // `iat` is 100, and a proof is good for 300 s.
    /// assert_eq!(proof.expires_at(), UnixTime(401));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn expires_at(&self) -> UnixTime {
        self.expires_at
    }
}

impl ProofRules {
    /// Checks a proof in the order of RFC 9449 section 4.3; that there is only one is for the
    /// caller to see.
    pub(crate) fn check(
        &self,
        offer: &ProofOffer<'_>,
        token: &str,
        now: UnixTime,
    ) -> Result<CheckedProof, Reason> {
        // 2: one well-formed JWT.
        let proof = Proof::parse(offer.proof)?;
        // 3: the claims of section 4.2, with their types.
        let claims = ProofClaims::read(&proof.claims)?;
        // 4 to 7: `typ`, `alg`, a signature by the key in the header, which is a public one.
        let key = self.check_signature(&proof)?;
        // 8, 9: this method and this address.
        let address = normalize(claims.address).ok_or(Reason::DpopProof)?;
        let same_address = normalize(offer.url).is_some_and(|url| url == address);
        require(claims.method == offer.method && same_address)?;
        // 10: a nonce of ours.
        self.check_nonce(claims.nonce, now)?;
        // 11: made just now.
        let max_age = self.max_age();
        let last = claims.issued_at.plus(max_age);
        require(now <= last && claims.issued_at <= now.plus(self.max_ahead))?;
        // 12: for this token; whether the token is bound to this key is the caller's to compare.
        check_token_hash(claims.token_hash, token)?;
        let thumbprint = *key.thumbprint();
        Ok(CheckedProof {
            thumbprint,
            accepted: AcceptedProof {
                replay_key: replay_key(&thumbprint, claims.id, &address),
                expires_at: last.plus(Duration::from_secs(1)),
            },
        })
    }

    fn check_signature(&self, proof: &Proof<'_>) -> Result<VerifyingKey, Reason> {
        let members =
            Object::parse(&proof.header, header::LIMITS).map_err(|_| Reason::DpopProof)?;
        let typ = parse_type(&members).map_err(|_| Reason::DpopProof)?;
        require(typ == MediaType::parse("dpop+jwt"))?;
        let algorithm = parse_algorithm(&members).map_err(|_| Reason::DpopProof)?;
        require(algorithm.is_asymmetric() && self.algorithms.contains(&algorithm))?;
        refuse_extensions(&members).map_err(|_| Reason::DpopProof)?;
        let jwk = members.find("jwk").ok_or(Reason::DpopProof)?;
        let key =
            VerifyingKey::from_jwk(&jwk.to_value(), algorithm).map_err(|_| Reason::DpopProof)?;
        key.verify(proof.signing_input, &proof.signature)
            .map_err(|_| Reason::DpopProof)?;
        Ok(key)
    }

    fn check_nonce(&self, nonce: Option<&str>, now: UnixTime) -> Result<(), Reason> {
        let good = self
            .nonces
            .as_ref()
            .is_none_or(|nonces| nonce.is_some_and(|nonce| nonces.accepts(nonce, now)));
        if good { Ok(()) } else { Err(Reason::DpopNonce) }
    }

    fn max_age(&self) -> Duration {
        match self.nonces {
            Some(_) => self.max_age.min(MAX_AGE_WITH_NONCE),
            None => self.max_age,
        }
    }
}

/// The parts of a proof, decoded.
struct Proof<'p> {
    signing_input: &'p [u8],
    header: Vec<u8>,
    claims: Claims,
    signature: Vec<u8>,
}

impl<'p> Proof<'p> {
    fn parse(proof: &'p str) -> Result<Self, Reason> {
        require(proof.len() <= MAX_PROOF_BYTES)?;
        let segments = Segments::split(proof, MAX_PROOF_BYTES).map_err(|_| Reason::DpopProof)?;
        let (claims, _) = Claims::parse(segments.claims, DuplicateClaims::Rejected, &mut ())
            .map_err(|_| Reason::DpopProof)?;
        let decode = |segment| base64url::decode(segment).map_err(|_| Reason::DpopProof);
        Ok(Self {
            signing_input: segments.signing_input,
            header: decode(segments.header)?,
            claims,
            signature: decode(segments.signature)?,
        })
    }
}

/// The claims of RFC 9449 section 4.2.
struct ProofClaims<'c> {
    id: &'c str,
    method: &'c str,
    address: &'c str,
    issued_at: UnixTime,
    token_hash: &'c str,
    nonce: Option<&'c str>,
}

impl<'c> ProofClaims<'c> {
    fn read(claims: &'c Claims) -> Result<Self, Reason> {
        let text = |name| claims.find(name).and_then(ClaimValue::as_str);
        let needed = |name| text(name).ok_or(Reason::DpopProof);
        let id = needed("jti")?;
        require((1..=MAX_ID_BYTES).contains(&id.len()))?;
        Ok(Self {
            id,
            method: needed("htm")?,
            address: needed("htu")?,
            issued_at: claims.issued_at().ok_or(Reason::DpopProof)?,
            token_hash: needed("ath")?,
            nonce: text("nonce"),
        })
    }
}

fn require(holds: bool) -> Result<(), Reason> {
    if holds {
        Ok(())
    } else {
        Err(Reason::DpopProof)
    }
}

fn check_token_hash(hash: &str, token: &str) -> Result<(), Reason> {
    let expected = base64url::encode(digest::digest(&SHA256, token.as_bytes()).as_ref());
    require(expected.as_bytes().ct_eq(hash.as_bytes()).into())
}

/// The lengths of key and id are part of what is hashed, so that no two proofs share a key.
fn replay_key(thumbprint: &[u8; 32], id: &str, address: &str) -> [u8; 32] {
    let mut hash = digest::Context::new(&SHA256);
    hash.update(thumbprint);
    hash.update(&id.len().to_be_bytes());
    hash.update(id.as_bytes());
    hash.update(address.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(hash.finish().as_ref());
    key
}
