use std::fmt;

use aws_lc_rs::{constant_time, hmac, rand};

use crate::{Secret, UnixTime, base64url};

/// How long one nonce is given out, in seconds.
const BUCKET_SECONDS: u64 = 60;

/// Makes and recognises nonces for `DPoP` proofs (RFC 9449 section 9) without storing any.
///
/// A nonce is a keyed hash of the minute it was made in. It is good in that minute and in the
/// next, at every replica that has the same key.
///
/// ```
/// use portcullis_token::{NonceIssuer, Secret, UnixTime};
///
/// let nonces = NonceIssuer::new(&Secret::new([7; 32]));
/// let nonce = nonces.issue(UnixTime(600));
/// assert!(nonces.accepts(&nonce, UnixTime(719)));
/// assert!(!nonces.accepts(&nonce, UnixTime(720)));
/// ```
pub struct NonceIssuer {
    key: hmac::Key,
}

/// The system has no randomness to give.
///
/// ```
/// use portcullis_token::NoRandomness;
///
/// assert_eq!(NoRandomness.to_string(), "the system has no randomness to give");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness to give")]
pub struct NoRandomness;

impl NonceIssuer {
    /// Makes nonces with a key that replicas share.
    ///
    /// ```
    /// use portcullis_token::{NonceIssuer, Secret, UnixTime};
    ///
    /// let replica = || NonceIssuer::new(&Secret::new([7; 32]));
    /// let nonce = replica().issue(UnixTime(600));
    /// assert!(replica().accepts(&nonce, UnixTime(600)));
    /// ```
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()),
        }
    }

    /// Makes nonces with a key of its own, for a single process.
    ///
    /// # Errors
    /// [`NoRandomness`], where the system has none.
    ///
    /// ```
    /// use portcullis_token::{NonceIssuer, UnixTime};
    ///
    /// let nonces = NonceIssuer::random()?;
    /// assert!(nonces.accepts(&nonces.issue(UnixTime(0)), UnixTime(0)));
    /// # Ok::<(), portcullis_token::NoRandomness>(())
    /// ```
    pub fn random() -> Result<Self, NoRandomness> {
        let mut key = [0; 32];
        rand::fill(&mut key).map_err(|_| NoRandomness)?;
        Ok(Self::new(&Secret::new(key)))
    }

    /// The nonce to tell a client at `now`: 43 characters of base64url.
    ///
    /// ```
    /// use portcullis_token::{NonceIssuer, Secret, UnixTime};
    ///
    /// let nonces = NonceIssuer::new(&Secret::new([7; 32]));
    /// assert_eq!(nonces.issue(UnixTime(600)).len(), 43);
    /// assert_eq!(nonces.issue(UnixTime(600)), nonces.issue(UnixTime(659)));
    /// ```
    pub fn issue(&self, now: UnixTime) -> String {
        self.nonce(now.0 / BUCKET_SECONDS)
    }

    /// Whether `nonce` was issued in the minute of `now` or in the one before.
    ///
    /// ```
    /// use portcullis_token::{NonceIssuer, Secret, UnixTime};
    ///
    /// let nonces = NonceIssuer::new(&Secret::new([7; 32]));
    /// let nonce = nonces.issue(UnixTime(659));
    /// assert!(nonces.accepts(&nonce, UnixTime(660)));
    /// assert!(!nonces.accepts(&nonce, UnixTime(720)));
    /// assert!(!nonces.accepts("guessed", UnixTime(660)));
    /// ```
    pub fn accepts(&self, nonce: &str, now: UnixTime) -> bool {
        let bucket = now.0 / BUCKET_SECONDS;
        [Some(bucket), bucket.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|bucket| {
                let expected = self.nonce(bucket);
                constant_time::verify_slices_are_equal(expected.as_bytes(), nonce.as_bytes())
                    .is_ok()
            })
    }

    fn nonce(&self, bucket: u64) -> String {
        let mut message = *b"dpop nonce:01234567";
        message[11..].copy_from_slice(&bucket.to_be_bytes());
        base64url::encode(hmac::sign(&self.key, &message).as_ref())
    }
}

impl fmt::Debug for NonceIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceIssuer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_in_its_minute_and_in_the_next() {
        let nonces = NonceIssuer::new(&Secret::new([1; 32]));
        let nonce = nonces.issue(UnixTime(659));
        for (now, expected) in [
            (599, false),
            (600, true),
            (659, true),
            (719, true),
            (720, false),
        ] {
            assert_eq!(nonces.accepts(&nonce, UnixTime(now)), expected, "at {now}");
        }
        assert!(nonces.accepts(&nonces.issue(UnixTime(0)), UnixTime(0)));
    }

    #[test]
    fn a_nonce_of_another_key_or_spelling_is_not_ours() {
        let (ours, theirs) = (
            NonceIssuer::new(&Secret::new([1; 32])),
            NonceIssuer::new(&Secret::new([2; 32])),
        );
        let now = UnixTime(600);
        let good = ours.issue(now);
        assert_eq!(good.len(), 43);
        for nonce in ["", "x", &theirs.issue(now), &format!("{good}=")] {
            assert!(!ours.accepts(nonce, now), "{nonce}");
        }
    }
}
