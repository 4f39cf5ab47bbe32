use std::sync::Arc;
use std::time::Duration;

use super::Verifier;
use super::trusted::KeyHolder;
use crate::{KeySource, Keys, KeysError};

/// Longer than any attempt takes that bounds its own time.
const PATIENCE: Duration = Duration::from_secs(15);

/// Some issuer has no keys yet, so none of its tokens could be accepted.
///
/// ```
/// use portcullis::Chain;
/// use portcullis_testkit::{Answer, TestIssuer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// issuer.answer(Answer::Status(500));
/// let auth = issuer.verifier("api").build()?;
/// let error = auth.ready().await.unwrap_err();
/// assert_eq!(
///     Chain(&error).to_string(),
///     "no keys of https://issuer.example/: discovery failed: no discovery document: \
///      https://issuer.example/.well-known/openid-configuration answered 500",
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("no keys of {origin}")]
#[non_exhaustive]
pub struct NotReady {
    /// Where the missing keys should come from.
    pub origin: KeySource,
    /// What the last fetch failed with; absent when none has finished.
    #[source]
    pub cause: Option<Arc<KeysError>>,
}

impl Verifier {
    /// Starts fetching keys in the background, on the current tokio runtime.
    ///
    /// Without it, keys are fetched when the first token needs them.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// auth.start();
    /// while !auth.is_ready() {
    ///     tokio::task::yield_now().await;
    /// }
    /// assert_eq!(issuer.key_fetches(), 1, "although no token came");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(&self) {
        for keys in self.fetched_keys() {
            keys.start();
        }
    }

    /// Whether every issuer has keys that are not too old: what a readiness probe should answer.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let auth = TestIssuer::new().verifier("api").build()?;
    /// assert!(!auth.is_ready(), "nothing was fetched yet");
    /// auth.ready().await?;
    /// assert!(auth.is_ready());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_ready(&self) -> bool {
        self.fetched_keys().all(Keys::is_usable)
    }

    /// Waits until every issuer has keys, and fails as soon as a fetch does.
    ///
    /// For a service that had better not start than start without its issuer. A snapshot counts
    /// as keys.
    ///
    /// ```
    /// # use portcullis_testkit::{Answer, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// issuer.answer(Answer::Reset);
    /// assert!(issuer.verifier("api").build()?.ready().await.is_err(), "after one attempt");
    /// issuer.answer(Answer::Documents);
    /// assert!(issuer.verifier("api").build()?.ready().await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NotReady`], for the first issuer without keys.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    /// Safe: the fetches belong to the background tasks.
    pub async fn ready(&self) -> Result<(), NotReady> {
        self.start();
        let tried = async {
            for keys in self.fetched_keys() {
                keys.until_tried().await;
                check(keys)?;
            }
            Ok(())
        };
        match tokio::time::timeout(PATIENCE, tried).await {
            Ok(result) => result,
            Err(_) => self.check_ready(),
        }
    }

    /// Waits until every issuer has keys, however often they must be asked, at most this long.
    ///
    /// For a service that starts together with its issuer.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let auth = TestIssuer::new().verifier("api").build()?;
    /// auth.ready_within(Duration::from_secs(30)).await?;
    /// assert!(auth.is_ready());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NotReady`], for the first issuer without keys, when the time is over.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    /// Safe: the fetches belong to the background tasks.
    pub async fn ready_within(&self, patience: Duration) -> Result<(), NotReady> {
        self.start();
        let usable = async {
            for keys in self.fetched_keys() {
                keys.until_usable().await;
            }
        };
        // Too late or not, what counts is whether there are keys.
        drop(tokio::time::timeout(patience, usable).await);
        self.check_ready()
    }

    fn check_ready(&self) -> Result<(), NotReady> {
        self.fetched_keys().try_for_each(check)
    }

    fn fetched_keys(&self) -> impl Iterator<Item = &Keys> {
        self.shared
            .issuers
            .iter()
            .filter_map(|issuer| match &issuer.keys {
                KeyHolder::Fetched(keys) => Some(keys),
                KeyHolder::Fixed(_) => None,
            })
    }
}

fn check(keys: &Keys) -> Result<(), NotReady> {
    if keys.is_usable() {
        return Ok(());
    }
    Err(NotReady {
        origin: keys.source().clone(),
        cause: keys.last_error(),
    })
}
