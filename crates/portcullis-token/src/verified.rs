use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{AcceptedProof, ClaimRule, ClaimValue, Claims, KeyIdentity, OnFail, Reason, Trace};

/// A token that its issuer vouches for and that is good here and at this time.
///
/// There is no way to make one but [`Rules::verify`](crate::Rules::verify) and its siblings, so a
/// function that takes it need not check.
///
/// ```
/// use portcullis_token::Verified;
///
/// fn greet(token: &Verified) -> String {
///     format!("hello {}", token.subject().unwrap_or("stranger"))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Verified {
    pub(crate) claims: Claims,
    pub(crate) scope_claims: Arc<[String]>,
    pub(crate) claim_rules: Arc<[ClaimRule]>,
    pub(crate) leeway: Duration,
    pub(crate) kid: Option<Arc<String>>,
    pub(crate) key: Option<Arc<KeyIdentity>>,
    pub(crate) proof: Option<AcceptedProof>,
}

/// A token that was verified, to be asked about again: [`Rules::verify_again`].
///
/// It is small, for a cache that has many of them.
///
/// [`Rules::verify_again`]: crate::Rules::verify_again
#[derive(Clone, Debug)]
pub struct Remembered {
    pub(crate) claims: Claims,
    pub(crate) kid: Option<Arc<String>>,
    pub(crate) key: Option<Arc<KeyIdentity>>,
}

impl Remembered {
    /// The claims, as the issuer signed them.
    ///
    /// ```
    /// use portcullis_token::{UnixTime, Verified};
    ///
    /// fn keep_until(token: &Verified) -> Option<UnixTime> {
    ///     token.remember().claims().expires_at()
    /// }
    /// ```
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The `kid` of the token's header, in the memory of the key's where the two are the same.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref().map(String::as_str)
    }

    /// The key that signed the token; absent for one that was introspected.
    pub fn key(&self) -> Option<&KeyIdentity> {
        self.key.as_deref()
    }
}

impl Verified {
    /// The claims, as the issuer signed them.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The scopes that the token grants.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.claims.scopes(&self.scope_claims)
    }

    /// `sub`: whom the token is about. Unique within its issuer only.
    pub fn subject(&self) -> Option<&str> {
        self.claims.subject()
    }

    /// The application the token was issued to.
    pub fn client_id(&self) -> Option<&str> {
        self.claims.client_id()
    }

    /// Whether an application calls on its own behalf, as Auth0 marks its tokens: `gty` is
    /// `client-credentials`, or `sub` ends with `@clients`.
    pub fn is_machine(&self) -> bool {
        let granted = self.claims.find("gty");
        granted.and_then(ClaimValue::as_str) == Some("client-credentials")
            || self.subject().is_some_and(|sub| sub.ends_with("@clients"))
    }

    /// Whether the token is that of an anonymous session of Auth0: `sub` begins with `anon@`.
    pub fn is_anonymous_session(&self) -> bool {
        self.subject().is_some_and(|sub| sub.starts_with("anon@"))
    }

    /// All claims as a type of the service's own.
    ///
    /// # Errors
    /// [`Reason::ClaimType`], when they do not read as that type.
    ///
    /// ```
    /// use portcullis_token::{Reason, Verified};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Membership {
    ///     #[serde(rename = "https://example.com/team")]
    ///     team: Option<String>,
    /// }
    ///
    /// fn team(token: &Verified) -> Result<Option<String>, Reason> {
    ///     Ok(token.deserialize::<Membership>()?.team)
    /// }
    /// ```
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Reason> {
        T::deserialize(self.claims.to_value()).map_err(|_| Reason::ClaimType)
    }

    /// The `kid` of the token's header; absent for one that was introspected.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref().map(String::as_str)
    }

    /// The RFC 7638 thumbprint of the key that signed the token; absent for one that was
    /// introspected.
    ///
    /// A cached token is good only while [`KeySet::contains`](crate::KeySet::contains) it.
    pub fn key_thumbprint(&self) -> Option<&[u8; 32]> {
        self.key.as_deref().map(KeyIdentity::thumbprint)
    }

    /// The key that signed the token; absent for one that was introspected.
    pub fn key(&self) -> Option<&KeyIdentity> {
        self.key.as_deref()
    }

    /// What of it a cache keeps, without what belongs to its issuer's rules and to this request.
    pub fn remember(&self) -> Remembered {
        Remembered {
            claims: self.claims.clone(),
            kid: self.kid.clone(),
            key: self.key.clone(),
        }
    }

    /// The `DPoP` proof that came with the token. The caller must see to it that it is used once.
    pub const fn proof(&self) -> Option<&AcceptedProof> {
        self.proof.as_ref()
    }

    /// Runs the issuer's rules that forbid, and then those of a route.
    ///
    /// The issuer's other rules were part of verifying the token.
    ///
    /// # Errors
    /// [`Reason::ClaimForbidden`], or [`Reason::ClaimMismatch`] for a rule of the route that asks
    /// for it.
    pub fn check_claims(&self, route: &[ClaimRule], trace: &mut impl Trace) -> Result<(), Reason> {
        let forbidding = |rule: &&ClaimRule| rule.fails_with() == OnFail::Forbid;
        self.claim_rules
            .iter()
            .filter(forbidding)
            .chain(route)
            .try_for_each(|rule| rule.check(&self.claims, trace))
    }

    pub(crate) const fn leeway(&self) -> Duration {
        self.leeway
    }
}
