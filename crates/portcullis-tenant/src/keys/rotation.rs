use std::fmt;
use std::str::FromStr;

use portcullis_token::SigningError;

use super::{KeyRing, PublicCertificate, RingKey};

/// How many keys that signed before may be published: clients read all of them.
const MAX_PREVIOUS: usize = 8;

/// How many revoked keys are remembered.
const MAX_REVOKED: usize = 100;

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// It signs.
    Current,
    /// It signs after the next rotation, and is published already.
    Next,
    /// It signed before; its signatures hold.
    Previous,
    /// Its signatures do not hold any more.
    Revoked,
}

/// The text names no [`KeyState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key's state")]
pub struct UnknownKeyState;

impl KeyState {
    /// The name under which it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Previous => "previous",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyState {
    type Err = UnknownKeyState;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Current, Self::Next, Self::Previous, Self::Revoked]
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or(UnknownKeyState)
    }
}

/// A key without its private part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// Its id.
    pub kid: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// Its certificate.
    pub certificate: PublicCertificate,
}

/// Why a ring was not turned. It is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// Eight keys that signed before are published already.
    #[error("8 previous keys are published already: revoke those whose tokens have expired")]
    TooManyPrevious,
    /// The key after the next one could not be made.
    #[error("could not make a signing key")]
    Generate(#[source] SigningError),
}

/// Why a key was not revoked. The ring is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// No key has this id.
    #[error("no signing key has this id")]
    Unknown,
    /// It signs: nothing would.
    #[error("the key is in use: rotate first")]
    Current,
    /// It was revoked before.
    #[error("the key is revoked already")]
    Revoked,
    /// The key in its place could not be made.
    #[error("could not make a signing key")]
    Generate(#[source] SigningError),
}

impl KeyRing {
    /// Has the next key sign from here on, and makes one to follow it.
    ///
    /// Takes as long as a key takes to make. Tokens of the key that signed stay good; revoke it
    /// when the last of them has expired.
    ///
    /// # Errors
    /// [`RotateError`]; the ring is then as it was.
    pub fn rotate(&mut self) -> Result<(), RotateError> {
        if self.previous.len() >= MAX_PREVIOUS {
            return Err(RotateError::TooManyPrevious);
        }
        let after = RingKey::generate().map_err(RotateError::Generate)?;
        let next = std::mem::replace(&mut self.next, after);
        let current = std::mem::replace(&mut self.current, next);
        self.previous.insert(0, current);
        Ok(())
    }

    /// Takes a key's signatures out of force. A next one is replaced by another.
    ///
    /// # Errors
    /// [`RevokeError`]; the ring is then as it was.
    pub fn revoke(&mut self, kid: &str) -> Result<(), RevokeError> {
        if self.current.key.kid() == kid {
            return Err(RevokeError::Current);
        }
        let revoked = if self.next.key.kid() == kid {
            let after = RingKey::generate().map_err(RevokeError::Generate)?;
            std::mem::replace(&mut self.next, after)
        } else if let Some(index) = self.previous.iter().position(|key| key.key.kid() == kid) {
            self.previous.remove(index)
        } else if self.revoked.iter().any(|key| key.kid() == kid) {
            return Err(RevokeError::Revoked);
        } else {
            return Err(RevokeError::Unknown);
        };
        self.revoked.insert(0, revoked.certificate);
        self.revoked.truncate(MAX_REVOKED);
        Ok(())
    }

    /// Every key: the current one, the next one, those before, those revoked.
    pub fn list(&self) -> Vec<ListedKey> {
        let states = [KeyState::Current, KeyState::Next];
        let states = states
            .into_iter()
            .chain(std::iter::repeat(KeyState::Previous));
        let published = self.published().map(|key| &key.certificate).zip(states);
        let revoked = self.revoked.iter().map(|key| (key, KeyState::Revoked));
        let listed = published
            .chain(revoked)
            .map(|(certificate, state)| ListedKey {
                kid: certificate.kid().to_owned(),
                state,
                certificate: certificate.public(),
            });
        listed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(ring: &KeyRing) -> Vec<(String, KeyState)> {
        let listed = ring.list().into_iter();
        listed.map(|key| (key.kid, key.state)).collect()
    }

    fn published(ring: &KeyRing) -> Vec<String> {
        let jwks = ring.jwks();
        let keys = jwks["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_key_lives_from_next_to_revoked() {
        let mut ring = KeyRing::generate().unwrap();
        let [(first, KeyState::Current), (second, KeyState::Next)] = &states(&ring)[..] else {
            panic!("{ring:?}")
        };
        ring.rotate().unwrap();
        let after = states(&ring);
        let third = &after[1].0;
        let expected = [
            (second, KeyState::Current),
            (third, KeyState::Next),
            (first, KeyState::Previous),
        ];
        assert_eq!(after, expected.map(|(kid, state)| (kid.clone(), state)));
        assert_eq!(
            published(&ring),
            [second.clone(), third.clone(), first.clone()]
        );

        ring.revoke(first).unwrap();
        assert_eq!(published(&ring), [second.clone(), third.clone()]);
        assert_eq!(states(&ring)[2], (first.clone(), KeyState::Revoked));

        ring.revoke(third).unwrap();
        let [current, next] = &published(&ring)[..] else {
            panic!("{ring:?}")
        };
        assert_eq!(current, second);
        assert_ne!(next, third);
    }

    #[test]
    fn what_cannot_be_revoked_is_left_alone() {
        let mut ring = KeyRing::generate().unwrap();
        ring.rotate().unwrap();
        let (current, previous) = (states(&ring)[0].0.clone(), states(&ring)[2].0.clone());
        ring.revoke(&previous).unwrap();
        let before = states(&ring);
        assert!(matches!(ring.revoke(&current), Err(RevokeError::Current)));
        assert!(matches!(ring.revoke(&previous), Err(RevokeError::Revoked)));
        assert!(matches!(ring.revoke("other"), Err(RevokeError::Unknown)));
        assert_eq!(states(&ring), before);
    }

    #[test]
    fn the_published_keys_are_bounded() {
        let mut ring = KeyRing::generate().unwrap();
        for _ in 0..MAX_PREVIOUS {
            ring.rotate().unwrap();
        }
        assert!(matches!(ring.rotate(), Err(RotateError::TooManyPrevious)));
        assert_eq!(published(&ring).len(), MAX_PREVIOUS + 2);
        let oldest = published(&ring).pop().unwrap();
        ring.revoke(&oldest).unwrap();
        ring.rotate().unwrap();
    }

    #[test]
    fn a_state_has_one_name() {
        for state in [
            KeyState::Current,
            KeyState::Next,
            KeyState::Previous,
            KeyState::Revoked,
        ] {
            assert_eq!(state.name().parse(), Ok(state));
        }
        assert_eq!("Current".parse::<KeyState>(), Err(UnknownKeyState));
    }
}
