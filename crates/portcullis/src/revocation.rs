mod list;

use std::error::Error;
use std::fmt;

use portcullis_token::Verified;

pub use self::list::{Revocation, RevocationList, RevocationListFull};
use crate::BoxFuture;

/// Knows which tokens were ended before their time.
///
/// It is asked about tokens that are good in every other way, cached ones too.
///
/// ```
/// use portcullis::{BoxFuture, Revocations, RevocationsError};
/// use portcullis_token::Verified;
///
/// /// Nobody who has left may use what they still have.
/// #[derive(Debug)]
/// struct Leavers(Vec<String>);
///
/// impl Revocations for Leavers {
///     fn is_revoked<'a>(&'a self, token: &'a Verified) -> BoxFuture<'a, Result<bool, RevocationsError>> {
///         let subject = token.claims().subject();
///         let has_left = self.0.iter().any(|leaver| Some(leaver.as_str()) == subject);
///         Box::pin(async move { Ok(has_left) })
///     }
/// }
/// ```
pub trait Revocations: Send + Sync + fmt::Debug {
    /// Whether `token` was revoked.
    ///
    /// # Errors
    /// [`RevocationsError`] when that is not known. What then happens is the verifier's
    /// [`OnFailure`].
    fn is_revoked<'a>(
        &'a self,
        token: &'a Verified,
    ) -> BoxFuture<'a, Result<bool, RevocationsError>>;
}

/// It is not known whether a token was revoked.
///
/// ```
/// use portcullis::{Chain, RevocationsError};
///
/// let error = RevocationsError::new(std::io::Error::other("connection refused"));
/// assert_eq!(Chain(&error).to_string(), "revocations cannot be read: connection refused");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("revocations cannot be read")]
pub struct RevocationsError(#[source] Box<dyn Error + Send + Sync>);

impl RevocationsError {
    /// With what the store of revocations says.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// What becomes of a good token when nobody can tell whether it was revoked.
///
/// ```
/// assert_eq!(portcullis::OnFailure::default(), portcullis::OnFailure::Deny);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused with 503, for the caller to try again.
    #[default]
    Deny,
    /// It is accepted, and the failure is logged as an error.
    Allow,
}
