use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use subtle::ConstantTimeEq as _;

use crate::settings::{Application, Authentication, GrantType};

/// An application as the token endpoint sees it: its secret is known by its hash only.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    /// Absent for a public client.
    pub(crate) secret: Option<SecretHash>,
    grant_types: BTreeSet<GrantType>,
    grants: BTreeMap<String, Vec<String>>,
}

impl Client {
    pub(crate) fn new(application: Application) -> Self {
        let secret = match application.authentication {
            Authentication::Public => None,
            Authentication::Secret(secret) => Some(SecretHash::of(secret.expose())),
        };
        Self {
            id: application.client_id,
            secret,
            grant_types: application.grant_types,
            grants: application.grants,
        }
    }

    pub(crate) fn may_use(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }

    /// The scopes granted for `audience`; absent when that API is not open to this client.
    pub(crate) fn find_grant(&self, audience: &str) -> Option<&[String]> {
        self.grants.get(audience).map(Vec::as_slice)
    }
}

/// The SHA-256 of a client secret.
///
/// Hashes are compared instead of secrets because they are all of one length, so that neither the
/// length nor the content of a secret shows in the time a comparison takes.
#[derive(Clone, Copy)]
pub(crate) struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of no known secret, compared with when there is nothing else to compare with.
    pub(crate) const NOBODY: Self = Self([0; 32]);

    pub(crate) fn of(secret: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        Self(hash)
    }

    /// Whether both are the same, in a time that does not depend on the answer.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A short secret can be found from its hash by trying.
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_matches() {
        let hash = SecretHash::of("hunter2");
        assert!(hash.matches(&SecretHash::of("hunter2")));
        for other in ["", "hunter", "hunter3", "hunter2 ", "Hunter2"] {
            assert!(!hash.matches(&SecretHash::of(other)), "{other:?}");
        }
        assert!(!SecretHash::NOBODY.matches(&SecretHash::of("")));
        assert_eq!(format!("{hash:?}"), "[redacted]");
    }
}
