use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use portcullis_token::sigv4::{
    DerivedKey, Principal, Signature, SignatureAlgorithm, SignatureRefusal, Trusted,
};
use portcullis_token::{Secret, UnixTime};

use crate::fault::Fault;
use crate::pool::Pool;
use crate::session_token::{self, Session, Unopened};

/// How many signing keys are remembered: those of many callers on two days.
const MAX_KEYS: usize = 4096;
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Temporary credentials.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) access_key: String,
    pub(crate) secret: Secret<String>,
    pub(crate) session_token: Secret<String>,
    pub(crate) expires: UnixTime,
}

/// The signing keys of the last callers.
#[derive(Default)]
pub(crate) struct SigningKeys {
    known: Mutex<HashMap<[u8; 32], Arc<DerivedKey>>>,
}

impl SigningKeys {
    fn find(
        &self,
        secret: &Secret<String>,
        signature: &Signature,
    ) -> Result<Arc<DerivedKey>, SignatureRefusal> {
        // Of what decides about the key, so that no other one can be found under it.
        let mut name = Vec::with_capacity(160);
        for part in [secret.expose(), signature.access_key(), &signature.scope()] {
            name.extend_from_slice(part.as_bytes());
            name.push(0);
        }
        name.push(u8::from(signature.algorithm() == SignatureAlgorithm::Ecdsa));
        let mut index = [0; 32];
        index.copy_from_slice(digest(&SHA256, &name).as_ref());
        let known = |keys: &HashMap<_, _>| keys.get(&index).cloned();
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known(&lock()) {
            return Ok(key);
        }
        let key = Arc::new(DerivedKey::of(secret.expose(), signature)?);
        let mut keys = lock();
        // They cost microseconds: to forget all of them now and then is cheaper than an order.
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(index, Arc::clone(&key));
        Ok(key)
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys").finish_non_exhaustive()
    }
}

impl Pool {
    /// Makes credentials for `session`, whose access key is filled in.
    pub(crate) fn issue(&self, mut session: Session) -> Result<Credentials, Fault> {
        session.access_key = access_key()?;
        let secret = self.keys.current().secret_access_key(&session.access_key);
        let session_token = session_token::seal(&self.keys, &self.id, &session)?;
        Ok(Credentials {
            expires: UnixTime(session.exp),
            access_key: session.access_key,
            secret,
            session_token,
        })
    }

    /// Whom the credentials of `signature` were given to, if they are of this pool and not over.
    ///
    /// # Errors
    /// [`SignatureRefusal::TokenInvalid`] and [`SignatureRefusal::TokenExpired`].
    pub fn trust(&self, signature: &Signature, now: UnixTime) -> Result<Trusted, SignatureRefusal> {
        let token = signature
            .session_token()
            .ok_or(SignatureRefusal::TokenInvalid)?;
        let opened = session_token::open(&self.keys, &self.id, self.settings.epoch, token, now);
        let (session, ring) = opened.map_err(|unopened| match unopened {
            Unopened::Invalid => SignatureRefusal::TokenInvalid,
            Unopened::Expired => SignatureRefusal::TokenExpired,
        })?;
        if session.access_key != signature.access_key() {
            return Err(SignatureRefusal::TokenInvalid);
        }
        let roles = &self.settings.roles;
        let role = roles.iter().find(|role| role.name == session.role);
        let role = role.ok_or(SignatureRefusal::TokenInvalid)?;
        let secret = ring.secret_access_key(&session.access_key);
        let key = self.signing_keys.find(&secret, signature)?;
        let account = self.settings.account.clone();
        Ok(Trusted {
            key,
            principal: Principal {
                user_arn: format!(
                    "arn:aws:sts::{account}:assumed-role/{}/{}",
                    session.role, session.name
                ),
                user_id: format!("{}:{}", self.role_id(&session.role), session.name),
                access_key: session.access_key,
                account,
                identity: session.identity,
                pool: self.id.clone(),
                amr: session.amr,
                tags: session.tags,
                policy: role.policy.clone(),
                expires: Some(UnixTime(session.exp)),
            },
        })
    }
}

/// `ASIA` and sixteen letters.
fn access_key() -> Result<String, Fault> {
    let mut random = [0; 16];
    rand::fill(&mut random).map_err(|_| Fault::internal())?;
    Ok(format!("ASIA{}", letters(&random)))
}

/// One of 32 letters for each byte.
pub(crate) fn letters(bytes: &[u8]) -> String {
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte & 31)]);
    bytes.iter().map(letter).collect()
}
