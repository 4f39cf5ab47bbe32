//! Users' passwords: argon2id, as PHC strings, a few at a time.

use std::num::NonZeroUsize;
use std::sync::Arc;

use argon2::{
    ARGON2ID_IDENT, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _,
    Version,
};
use aws_lc_rs::rand;
use portcullis_token::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::background;

/// Longer passwords are refused: nobody types them.
const MAX_BYTES: usize = 1024;

/// How many attempts may wait for one that is under way.
const WAITING: usize = 64;

/// Checks and hashes passwords, so many at once as it was told to.
///
/// A hash takes 19 MiB and tens of milliseconds of a core, by intent. The bound keeps a flood of
/// logins from taking the memory and the cores that the rest of the tenant needs, to whose threads
/// those of a hash give way besides; what does not find a place in the queue is refused at once.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// Of all who share the cores.
    under_way: Arc<Semaphore>,
    /// Of this queue: only its first waits for the others'.
    turn: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    concurrency: NonZeroUsize,
    waiting: usize,
    params: Params,
    /// That of no password, checked for users who do not exist.
    dummy: Arc<str>,
}

/// What a password turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the user's, or there is no such user.
    Wrong,
    /// It is the user's.
    Right {
        /// To be kept in place of the stored hash, which was made with other parameters.
        rehashed: Option<Secret<String>>,
    },
}

/// Why a password could not be checked or hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Too many wait already: the caller is to try again (429).
    #[error("too many passwords are waiting to be checked")]
    Busy,
    /// It has more than 1024 bytes.
    #[error("the password is longer than 1024 bytes")]
    TooLong,
    /// The stored hash cannot be read.
    #[error("the stored hash is not a PHC string of argon2")]
    Stored,
    /// There is no memory or no randomness for a hash.
    #[error("the password could not be hashed")]
    Hash,
}

impl Passwords {
    /// Hashes with argon2id of 19 MiB and two passes (OWASP's least), `concurrency` at once.
    ///
    /// Takes the time of one hash.
    ///
    /// # Errors
    /// [`PasswordError::Hash`] when there is no memory or no randomness.
    pub fn new(concurrency: NonZeroUsize) -> Result<Self, PasswordError> {
        Self::with_params(Params::default(), concurrency, WAITING)
    }

    fn with_params(
        params: Params,
        concurrency: NonZeroUsize,
        waiting: usize,
    ) -> Result<Self, PasswordError> {
        let mut nobody_s = [0; 16];
        rand::fill(&mut nobody_s).map_err(|_| PasswordError::Hash)?;
        let dummy = hash(&params, &nobody_s)?;
        Ok(Self {
            under_way: Arc::new(Semaphore::new(concurrency.get())),
            turn: Arc::new(Semaphore::new(concurrency.get())),
            queue: Arc::new(Semaphore::new(concurrency.get().saturating_add(waiting))),
            concurrency,
            waiting,
            params,
            dummy: dummy.expose().as_str().into(),
        })
    }

    /// Another queue for the same cores, whose turns alternate with those of this one.
    ///
    /// However many wait in one, those in the other are served; each has a bound of its own.
    #[must_use]
    pub fn beside(&self) -> Self {
        let concurrency = self.concurrency.get();
        Self {
            turn: Arc::new(Semaphore::new(concurrency)),
            queue: Arc::new(Semaphore::new(concurrency.saturating_add(self.waiting))),
            ..self.clone()
        }
    }

    /// Hashes a password to be stored: a PHC string of about 100 characters.
    ///
    /// # Errors
    /// Any [`PasswordError`] but `Stored`.
    ///
    /// # Cancel safety
    /// Safe; a hash that is under way ends first, and keeps its place until then.
    pub async fn hash(&self, password: Secret<String>) -> Result<Secret<String>, PasswordError> {
        if password.expose().len() > MAX_BYTES {
            return Err(PasswordError::TooLong);
        }
        let params = self.params.clone();
        self.run(move || hash(&params, password.expose().as_bytes()))
            .await
    }

    /// Holds a password against the stored hash; absent for a user who does not exist.
    ///
    /// Both take the same time, so that the answer does not tell who has an account.
    ///
    /// # Errors
    /// [`PasswordError::Busy`], [`PasswordError::Stored`] or [`PasswordError::Hash`].
    ///
    /// # Cancel safety
    /// Safe; a check that is under way ends first, and keeps its place until then.
    pub async fn verify(
        &self,
        password: Secret<String>,
        stored: Option<Secret<String>>,
    ) -> Result<Verdict, PasswordError> {
        if password.expose().len() > MAX_BYTES {
            return Ok(Verdict::Wrong);
        }
        let (params, dummy) = (self.params.clone(), Arc::clone(&self.dummy));
        self.run(move || {
            let password = password.expose().as_bytes();
            match stored {
                Some(stored) => verify(&params, password, stored.expose()),
                None => verify(&params, password, &dummy).map(|_| Verdict::Wrong),
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.queue)
            .try_acquire_owned()
            .map_err(|_| PasswordError::Busy)?;
        let turn = acquire(&self.turn).await?;
        let core = acquire(&self.under_way).await?;
        background::run(move || {
            // Given back when the work is done, whether or not somebody still waits for it.
            let _held: [OwnedSemaphorePermit; 3] = [place, turn, core];
            work()
        })
        .await
        .map_err(|_| PasswordError::Hash)?
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, PasswordError> {
    let permit = Arc::clone(semaphore).acquire_owned().await;
    permit.map_err(|_| PasswordError::Busy)
}

fn hash(params: &Params, password: &[u8]) -> Result<Secret<String>, PasswordError> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).map_err(|_| PasswordError::Hash)?;
    let hash: PasswordHash = Argon2::from(params)
        .hash_password_with_salt(password, &salt)
        .map_err(|_| PasswordError::Hash)?;
    Ok(Secret::new(hash.to_string()))
}

fn verify(params: &Params, password: &[u8], stored: &str) -> Result<Verdict, PasswordError> {
    let parsed = PasswordHash::new(stored).map_err(|_| PasswordError::Stored)?;
    let used = Params::try_from(&parsed).map_err(|_| PasswordError::Stored)?;
    match Argon2::from(params).verify_password(password, &parsed) {
        Ok(()) => {}
        Err(argon2::password_hash::Error::PasswordInvalid) => return Ok(Verdict::Wrong),
        Err(_) => return Err(PasswordError::Stored),
    }
    let current = parsed.algorithm == ARGON2ID_IDENT
        && parsed.version == Some(Version::V0x13.into())
        && costs(&used) == costs(params);
    let rehashed = if current {
        None
    } else {
        Some(hash(params, password)?)
    };
    Ok(Verdict::Right { rehashed })
}

fn costs(params: &Params) -> [u32; 3] {
    [params.m_cost(), params.t_cost(), params.p_cost()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NonZeroUsize = NonZeroUsize::MIN;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn params(passes: u32) -> Params {
        Params::new(64, passes, 1, None).unwrap()
    }

    fn quick(passes: u32) -> Passwords {
        Passwords::with_params(params(passes), ONE, WAITING).unwrap()
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right() {
        let passwords = quick(1);
        let stored = passwords.hash(secret("correct horse")).await.unwrap();
        let again = passwords.hash(secret("correct horse")).await.unwrap();
        assert_ne!(stored, again);
        assert!(stored.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));

        let right = Verdict::Right { rehashed: None };
        for (password, stored, expected) in [
            ("correct horse", Some(&stored), right),
            ("correct horsE", Some(&stored), Verdict::Wrong),
            ("correct horse ", Some(&stored), Verdict::Wrong),
            ("", Some(&stored), Verdict::Wrong),
            ("correct horse", None, Verdict::Wrong),
        ] {
            let verdict = passwords.verify(secret(password), stored.cloned()).await;
            assert_eq!(verdict, Ok(expected), "{password:?}");
        }
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_replaced() {
        let (old, passwords) = (quick(1), quick(2));
        let stored = old.hash(secret("correct horse")).await.unwrap();
        let wrong = passwords
            .verify(secret("wrong"), Some(stored.clone()))
            .await;
        assert_eq!(wrong, Ok(Verdict::Wrong));
        let right = passwords
            .verify(secret("correct horse"), Some(stored))
            .await;
        let Ok(Verdict::Right {
            rehashed: Some(hash),
        }) = right
        else {
            panic!("{right:?}");
        };
        assert!(hash.expose().starts_with("$argon2id$v=19$m=64,t=2,p=1$"));
        let right = passwords.verify(secret("correct horse"), Some(hash)).await;
        assert_eq!(right, Ok(Verdict::Right { rehashed: None }));
    }

    #[tokio::test]
    async fn passwords_and_hashes_have_bounds() {
        let passwords = quick(1);
        let (most, long) = ("a".repeat(MAX_BYTES), "a".repeat(MAX_BYTES + 1));
        let stored = passwords.hash(secret(&most)).await.unwrap();
        let right = Verdict::Right { rehashed: None };
        assert_eq!(
            passwords.verify(secret(&most), Some(stored.clone())).await,
            Ok(right)
        );
        assert_eq!(
            passwords.verify(secret(&long), Some(stored)).await,
            Ok(Verdict::Wrong)
        );
        assert_eq!(
            passwords.hash(secret(&long)).await,
            Err(PasswordError::TooLong)
        );
        for stored in ["", "x", "$2b$12$abcdefghijklmnopqrstuv"] {
            let verdict = passwords.verify(secret("x"), Some(secret(stored))).await;
            assert_eq!(verdict, Err(PasswordError::Stored), "{stored}");
        }
    }

    #[tokio::test]
    async fn no_more_than_the_queue_holds_may_wait() {
        let passwords = Passwords::with_params(params(1), ONE, 1).unwrap();
        let turn = passwords.under_way.clone().acquire_owned().await.unwrap();
        let attempt = |password: &'static str| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.hash(secret(password)).await })
        };
        let waiting = [attempt("a"), attempt("b")];
        // The runtime has one thread: both have taken their place when this goes on.
        tokio::task::yield_now().await;
        assert_eq!(passwords.hash(secret("c")).await, Err(PasswordError::Busy));
        drop(turn);
        for attempt in waiting {
            assert!(attempt.await.unwrap().is_ok());
        }
        assert!(passwords.hash(secret("c")).await.is_ok());
    }

    #[tokio::test]
    async fn a_full_queue_keeps_nobody_from_another() {
        let logins = Passwords::with_params(params(1), ONE, 1).unwrap();
        let others = logins.beside();
        let core = logins.under_way.clone().acquire_owned().await.unwrap();
        let attempt = |passwords: &Passwords| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.hash(secret("a")).await })
        };
        let flood = [attempt(&others), attempt(&others)];
        tokio::task::yield_now().await;
        assert_eq!(others.hash(secret("b")).await, Err(PasswordError::Busy));
        let login = attempt(&logins);
        tokio::task::yield_now().await;
        // Of the others, one has come before the login.
        drop(core);
        assert!(login.await.unwrap().is_ok());
        for attempt in flood {
            assert!(attempt.await.unwrap().is_ok());
        }
    }
}
