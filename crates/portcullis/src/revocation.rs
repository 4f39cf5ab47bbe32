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
/// use std::sync::Arc;
/// use portcullis::{BoxFuture, Credentials, Reason, Revocations, RevocationsError, Verified};
/// use portcullis_testkit::TestIssuer;
///
/// /// Nobody who has left may use what they still have.
/// #[derive(Debug)]
/// struct Leavers(Vec<String>);
///
/// impl Revocations for Leavers {
///     fn is_revoked<'a>(&'a self, token: &'a Verified) -> BoxFuture<'a, Result<bool, RevocationsError>> {
///         let has_left = self.0.iter().any(|leaver| Some(leaver.as_str()) == token.subject());
///         Box::pin(async move { Ok(has_left) })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let leavers = Leavers(vec!["auth0|ada".to_owned()]);
/// let auth = issuer.verifier("api").revocations(Arc::new(leavers)).build()?;
/// let token = issuer.token().audience("api").subject("auth0|ada").sign();
/// let refused = auth.verify(&Credentials::bearer(&token)).await;
/// assert_eq!(refused.unwrap_err(), Reason::Revoked);
/// # Ok(())
/// # }
/// ```
pub trait Revocations: Send + Sync + fmt::Debug {
    /// Whether `token` was revoked.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Revocation, RevocationList, Revocations as _};
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let list = RevocationList::new(Arc::new(TestClock::default()));
    /// let issuer = TestIssuer::new();
    /// let end = TestClock::START.plus(Duration::from_hours(1));
    /// list.revoke(issuer.name(), Revocation::Token("a-jti".to_owned()), end)?;
    /// let token = |id: &str| issuer.token().claim("jti", id).accept();
    /// assert!(list.is_revoked(token("a-jti").verified()).await?);
    /// assert!(!list.is_revoked(token("b-jti").verified()).await?);
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```
    /// use portcullis::RevocationsError;
    ///
    /// let error = RevocationsError::new("the database is down");
    /// assert_eq!(error.to_string(), "revocations cannot be read");
    /// ```
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
