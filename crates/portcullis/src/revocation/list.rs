use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use portcullis_token::{ClaimValue, UnixTime, Verified};

use super::{Revocations, RevocationsError};
use crate::{BoxFuture, Clock};

/// What is revoked, always of one issuer: ids are unique within their issuer only.
///
/// ```
/// use portcullis::Revocation;
/// use portcullis_token::UnixTime;
///
/// // The user has changed the password: what was issued before is not good any more.
/// let revocation = Revocation::Subject {
///     subject: "auth0|ada".to_owned(),
///     issued_before: UnixTime(1_767_225_600),
/// };
/// assert_ne!(revocation, Revocation::Token("a-jti".to_owned()));
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
/// Each is kept until the last token that it concerns has expired anyway.
///
/// ```
/// use std::sync::Arc;
/// use portcullis::{Clock, Issuer, Revocation, RevocationList, SystemClock, Verifier};
/// use std::time::Duration;
///
/// let clock = Arc::new(SystemClock);
/// let revocations = RevocationList::new(clock.clone());
/// let verifier = Verifier::builder()
///     .issuer(Issuer::discover("https://tenant.eu.auth0.com/").audience("https://expenses-api"))
///     .revocations(Arc::new(revocations.clone()))
///     .build()
///     .unwrap();
/// // The tenant's tokens live for a day.
/// let until = clock.now().plus(Duration::from_hours(24));
/// let session = Revocation::Session("a-sid".to_owned());
/// revocations.revoke("https://tenant.eu.auth0.com/", session, until).unwrap();
/// # let _ = verifier;
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
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_room(clock, 100_000)
    }

    /// An empty list with room for so many revocations.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use portcullis::{RevocationList, SystemClock};
    ///
    /// let list = RevocationList::with_room(Arc::new(SystemClock), 1_000_000);
    /// assert!(list.is_empty());
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
    pub fn len(&self) -> usize {
        let issuers = self.issuers.read().unwrap_or_else(PoisonError::into_inner);
        issuers.values().map(Revoked::len).sum()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn concerns(&self, token: &Verified) -> bool {
        let now = self.clock.now();
        let issuers = self.issuers.read().unwrap_or_else(PoisonError::into_inner);
        let claims = token.claims();
        let text = |name| claims.find(name).and_then(ClaimValue::as_str);
        let revoked = claims.issuer().and_then(|issuer| issuers.get(issuer));
        revoked.is_some_and(|revoked| {
            holds(&revoked.tokens, text("jti"), now)
                || holds(&revoked.sessions, text("sid"), now)
                || claims
                    .subject()
                    .and_then(|subject| revoked.subjects.get(subject))
                    .is_some_and(|before| before.concerns(claims.issued_at(), now))
        })
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
