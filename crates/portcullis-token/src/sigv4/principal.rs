use std::sync::Arc;

use super::DerivedKey;
use crate::{RolePolicy, UnixTime};

/// Who has signed a request, as functions and policies see them.
///
/// ```
/// use portcullis_token::sigv4::Principal;
///
/// let guest = Principal { amr: vec!["unauthenticated".to_owned()], ..Principal::default() };
/// assert_eq!(guest.subject(), "");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// The access key's id.
    pub access_key: String,
    /// The account, 12 digits.
    pub account: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub user_arn: String,
    /// `AROA…:SESSION`.
    pub user_id: String,
    /// The identity in the pool; absent for those who came by STS alone.
    pub identity: Option<String>,
    /// The pool's id.
    pub pool: String,
    /// How they logged in: `authenticated`, the provider, `PROVIDER:OIDC:SUBJECT`.
    pub amr: Vec<String>,
    /// The principal tags, by name.
    pub tags: Vec<(String, String)>,
    /// What the role may do.
    pub policy: RolePolicy,
    /// When the credentials end; absent for lasting ones.
    pub expires: Option<UnixTime>,
}

impl Principal {
    /// What stands for the caller where a token has `sub`: the identity, or else the login.
    ///
    /// Never the user's id, at whose end is a name that callers of STS give themselves.
    ///
    /// ```
    /// use portcullis_token::sigv4::Principal;
    ///
    /// let amr = ["authenticated", "issuer.example", "issuer.example:OIDC:ada"];
    /// let by_sts = Principal { amr: amr.map(str::to_owned).to_vec(), ..Principal::default() };
    /// assert_eq!(by_sts.subject(), "issuer.example:OIDC:ada");
    /// ```
    pub fn subject(&self) -> &str {
        let login = self.amr.get(2).map_or("", String::as_str);
        self.identity.as_deref().unwrap_or(login)
    }
}

/// The key that a request must be signed with, and by whom then.
///
/// ```
/// use portcullis_token::sigv4::{Trusted, Signature};
///
/// fn is_of_a_pool(trusted: &Trusted) -> bool {
///     trusted.principal.identity.is_some()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Trusted {
    /// The key.
    pub key: Arc<DerivedKey>,
    /// Who has it.
    pub principal: Principal,
}
