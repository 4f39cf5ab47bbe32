use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_token::{Secret, UnixTime};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::keys::{PoolKeys, RingKey};

/// The longest that is opened: more than any login makes it.
const LONGEST: usize = 8 * 1024;
const VERSION: u8 = 1;
/// The version, the key's id and the nonce.
const HEAD: usize = 1 + 4 + NONCE_LEN;

/// What a session token says, which nobody but us can read or write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    #[serde(rename = "k")]
    pub(crate) access_key: String,
    #[serde(rename = "r")]
    pub(crate) role: String,
    /// The last part of the user's ARN.
    #[serde(rename = "n")]
    pub(crate) name: String,
    /// Absent where no identity of the pool is behind it.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) amr: Vec<String>,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) exp: u64,
    /// The pool's epoch at that time.
    #[serde(rename = "e")]
    pub(crate) epoch: u64,
}

/// Why a session token does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    Invalid,
    Expired,
}

/// Seals a session for the pool of this id.
pub(crate) fn seal(
    keys: &PoolKeys,
    pool: &str,
    session: &Session,
) -> Result<Secret<String>, Fault> {
    let key = keys.current();
    let plain = serde_json::to_vec(session).map_err(|_| Fault::internal())?;
    let mut text = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
    text.extend_from_slice(&plain);
    let nonce = key
        .seal
        .seal_in_place_append_tag(Aad::from(pool.as_bytes()), &mut text)
        .map_err(|_| Fault::internal())?;
    let mut sealed = vec![VERSION];
    sealed.extend_from_slice(&key.id);
    sealed.extend_from_slice(nonce.as_ref());
    sealed.extend_from_slice(&text);
    Ok(Secret::new(STANDARD.encode(sealed)))
}

/// Opens what [`seal`] made, and gives the key that sealed it.
pub(crate) fn open<'k>(
    keys: &'k PoolKeys,
    pool: &str,
    epoch: u64,
    text: &str,
    now: UnixTime,
) -> Result<(Session, &'k RingKey), Unopened> {
    if text.len() > LONGEST {
        return Err(Unopened::Invalid);
    }
    let mut sealed = STANDARD.decode(text).map_err(|_| Unopened::Invalid)?;
    if sealed.len() < HEAD || sealed.first() != Some(&VERSION) {
        return Err(Unopened::Invalid);
    }
    let (head, body) = sealed.split_at_mut(HEAD);
    let mut nonce = [0; NONCE_LEN];
    nonce.copy_from_slice(&head[5..]);
    let key = keys.ring.iter().find(|key| key.id == head[1..5]);
    let key = key.ok_or(Unopened::Invalid)?;
    let plain = key
        .seal
        .open_in_place(Nonce::from(&nonce), Aad::from(pool.as_bytes()), body)
        .map_err(|_| Unopened::Invalid)?;
    let session: Session = serde_json::from_slice(plain).map_err(|_| Unopened::Invalid)?;
    if session.epoch < epoch {
        return Err(Unopened::Invalid);
    }
    if session.exp <= now.0 {
        return Err(Unopened::Expired);
    }
    Ok((session, key))
}
