use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use portcullis_token::{ClaimValue, UnixTime, Verified};

use super::{Revocations, RevocationsError};
use crate::{BoxFuture, Clock};

/// What is revoked, always of one issuer: ids are unique within their issuer only.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use portcullis::{Revocation, RevocationList};
/// use portcullis_testkit::{TestClock, TestIssuer};
///
/// let issuer = TestIssuer::new();
/// let revocations = RevocationList::new(Arc::new(TestClock::default()));
/// // The user has changed the password: what was issued before is not good any more.
/// let revocation = Revocation::Subject {
///     subject: "auth0|ada".to_owned(),
///     issued_before: TestClock::START,
/// };
/// let end = TestClock::START.plus(Duration::from_hours(24));
/// revocations.revoke(issuer.name(), revocation, end)?;
/// assert_eq!(revocations.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The token with this `jti`.
    Token(String),
    /// The tokens of the session with this `sid` (OpenID Connect Back-Channel Logout section 2.4).
    Session(String),
    /// The tokens about this `sub` whose `iat` is earlier, or that have none.
    Subject {
        /// The `sub` of the tokens.
        subject: String,
        /// A token issued at this second or later is good.
        issued_before: UnixTime,
    },
}

/// The list has no room for another revocation: one that is dropped would not be one.
///
/// ```
/// assert_eq!(portcullis::RevocationListFull.to_string(), "no room for another revocation");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for another revocation")]
pub struct RevocationListFull;

/// Revocations in the memory of this process. Clones are the same list.
///
/// Each is kept until the last token that it concerns has expired anyway. A token without `iss`,
/// which an issuer that is asked about it may leave out, is revoked by whoever revokes its like.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use portcullis::{Clock as _, Credentials, Reason, Revocation, RevocationList};
/// use portcullis_testkit::{TestClock, TestIssuer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (issuer, clock) = (TestIssuer::new(), Arc::new(TestClock::default()));
/// let revocations = RevocationList::new(clock.clone());
/// let auth = issuer
///     .verifier("api")
///     .clock(clock.clone())
///     .revocations(Arc::new(revocations.clone()))
///     .build()?;
/// let token = issuer.token().audience("api").claim("sid", "a-sid").sign();
/// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok());
///
/// // The issuer's tokens live for a day.
/// let until = clock.now().plus(Duration::from_hours(24));
/// revocations.revoke(issuer.name(), Revocation::Session("a-sid".to_owned()), until)?;
/// let refused = auth.verify(&Credentials::bearer(&token)).await;
/// assert_eq!(refused.unwrap_err(), Reason::Revoked);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RevocationList {
    clock: Arc<dyn Clock>,
    max_entries: usize,
    issuers: Arc<RwLock<HashMap<String, Revoked>>>,
}

/// What is revoked of one issuer, and until when that must be remembered.
#[derive(Debug, Default)]
struct Revoked {
    tokens: HashMap<String, UnixTime>,
    sessions: HashMap<String, UnixTime>,
    subjects: HashMap<String, IssuedBefore>,
}

#[derive(Clone, Copy, Debug, Default)]
struct IssuedBefore {
    time: UnixTime,
    until: UnixTime,
}

impl RevocationList {
    /// An empty list, with room for 100,000 revocations.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{RevocationList, SystemClock};
    /// let list = RevocationList::new(Arc::new(SystemClock));
    /// assert_eq!(list.len(), 0);
    /// ```
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_room(clock, 100_000)
    }

    /// An empty list with room for so many revocations.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Clock as _, Revocation, RevocationList, RevocationListFull, SystemClock};
    /// let list = RevocationList::with_room(Arc::new(SystemClock), 1);
    /// let until = SystemClock.now().plus(Duration::from_hours(1));
    /// let revoke = |id: &str| list.revoke("issuer", Revocation::Token(id.to_owned()), until);
    /// assert_eq!(revoke("a"), Ok(()));
    /// assert_eq!(revoke("b"), Err(RevocationListFull));
    /// ```
    pub fn with_room(clock: Arc<dyn Clock>, max_entries: usize) -> Self {
        Self {
            clock,
            max_entries,
            issuers: Arc::default(),
        }
    }

    /// Revokes tokens of `issuer` from the next request on, and remembers it until `until`.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Clock as _, Revocation, RevocationList, SystemClock};
    /// let list = RevocationList::new(Arc::new(SystemClock));
    /// let until = SystemClock.now().plus(Duration::from_hours(24));
    /// let session = Revocation::Session("a-sid".to_owned());
    /// list.revoke("https://tenant.eu.auth0.com/", session, until)?;
    /// assert_eq!(list.len(), 1);
    /// # Ok::<(), portcullis::RevocationListFull>(())
    /// ```
    ///
    /// # Errors
    /// [`RevocationListFull`], after those past their time have made room.
    pub fn revoke(
        &self,
        issuer: &str,
        revocation: Revocation,
        until: UnixTime,
    ) -> Result<(), RevocationListFull> {
        let now = self.clock.now();
        let mut issuers = self.issuers.write().unwrap_or_else(PoisonError::into_inner);
        if issuers.values().map(Revoked::len).sum::<usize>() >= self.max_entries {
            for revoked in issuers.values_mut() {
                revoked.forget_ended(now);
            }
            issuers.retain(|_, revoked| revoked.len() > 0);
            if issuers.values().map(Revoked::len).sum::<usize>() >= self.max_entries {
                return Err(RevocationListFull);
            }
        }
        issuers
            .entry(issuer.to_owned())
            .or_default()
            .add(revocation, until);
        Ok(())
    }

    /// How many revocations are remembered, those past their time included until room is needed.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use portcullis::{Clock as _, Revocation, RevocationList, SystemClock};
    /// let list = RevocationList::new(Arc::new(SystemClock));
    /// let until = SystemClock.now().plus(Duration::from_hours(1));
    /// for id in ["a", "b", "b"] {
    ///     list.revoke("issuer", Revocation::Token(id.to_owned()), until)?;
    /// }
    /// assert_eq!(list.len(), 2);
    /// # Ok::<(), portcullis::RevocationListFull>(())
    /// ```
    pub fn len(&self) -> usize {
        let issuers = self.issuers.read().unwrap_or_else(PoisonError::into_inner);
        issuers.values().map(Revoked::len).sum()
    }

    /// Whether nothing is revoked.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{RevocationList, SystemClock};
    /// let list = RevocationList::new(Arc::new(SystemClock));
    /// assert!(list.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn concerns(&self, token: &Verified) -> bool {
        let now = self.clock.now();
        let issuers = self.issuers.read().unwrap_or_else(PoisonError::into_inner);
        let claims = token.claims();
        let text = |name| claims.find(name).and_then(ClaimValue::as_str);
        let is_revoked = |revoked: &Revoked| {
            holds(&revoked.tokens, text("jti"), now)
                || holds(&revoked.sessions, text("sid"), now)
                || claims
                    .subject()
                    .and_then(|subject| revoked.subjects.get(subject))
                    .is_some_and(|before| before.concerns(claims.issued_at(), now))
        };
        match claims.issuer() {
            Some(issuer) => issuers.get(issuer).is_some_and(is_revoked),
            // RFC 7662 section 2.2: an issuer that is asked need not say who it is.
            None => issuers.values().any(is_revoked),
        }
    }
}

impl Revocations for RevocationList {
    fn is_revoked<'a>(
        &'a self,
        token: &'a Verified,
    ) -> BoxFuture<'a, Result<bool, RevocationsError>> {
        let concerns = self.concerns(token);
        Box::pin(async move { Ok(concerns) })
    }
}

impl Revoked {
    fn add(&mut self, revocation: Revocation, until: UnixTime) {
        let keep = |kept: &mut UnixTime| *kept = until.max(*kept);
        match revocation {
            Revocation::Token(id) => keep(self.tokens.entry(id).or_default()),
            Revocation::Session(id) => keep(self.sessions.entry(id).or_default()),
            Revocation::Subject {
                subject,
                issued_before,
            } => {
                let before = self.subjects.entry(subject).or_default();
                before.time = before.time.max(issued_before);
                keep(&mut before.until);
            }
        }
    }

    fn forget_ended(&mut self, now: UnixTime) {
        self.tokens.retain(|_, until| now < *until);
        self.sessions.retain(|_, until| now < *until);
        self.subjects.retain(|_, before| now < before.until);
    }

    fn len(&self) -> usize {
        self.tokens.len() + self.sessions.len() + self.subjects.len()
    }
}

impl IssuedBefore {
    fn concerns(&self, issued_at: Option<UnixTime>, now: UnixTime) -> bool {
        now < self.until && issued_at.is_none_or(|issued_at| issued_at < self.time)
    }
}

fn holds(ids: &HashMap<String, UnixTime>, id: Option<&str>, now: UnixTime) -> bool {
    id.and_then(|id| ids.get(id))
        .is_some_and(|until| now < *until)
}
