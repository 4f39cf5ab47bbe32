use std::sync::Arc;

use arc_swap::ArcSwap;

/// What an issuer's provider can no longer be asked about: a key, or everything it signs.
///
/// ```
/// use portcullis::Distrusted;
///
/// let stolen = Distrusted::key_id("https://tenant.eu.auth0.com/", "2026-01");
/// assert_ne!(stolen, Distrusted::issuer("https://tenant.eu.auth0.com/"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Distrusted {
    /// Every token with this `iss`.
    Issuer(String),
    /// Every token with this `iss` whose key has this id.
    KeyId {
        /// The `iss` of the tokens, byte for byte.
        issuer: String,
        /// The `kid` of the key.
        kid: String,
    },
    /// Every token signed by the key of this RFC 7638 thumbprint, whoever published it.
    Thumbprint([u8; 32]),
}

impl Distrusted {
    /// Every token with this `iss`.
    ///
    /// ```
    /// use portcullis::Distrusted;
    ///
    /// let all = Distrusted::issuer("https://tenant.eu.auth0.com/");
    /// assert_eq!(all, Distrusted::Issuer("https://tenant.eu.auth0.com/".to_owned()));
    /// ```
    pub fn issuer(issuer: impl Into<String>) -> Self {
        Self::Issuer(issuer.into())
    }

    /// Every token with this `iss` whose key has this id.
    ///
    /// ```
    /// use portcullis::Distrusted;
    ///
    /// let one = Distrusted::key_id("https://tenant.eu.auth0.com/", "2026-01");
    /// assert!(matches!(one, Distrusted::KeyId { kid, .. } if kid == "2026-01"));
    /// ```
    pub fn key_id(issuer: impl Into<String>, kid: impl Into<String>) -> Self {
        Self::KeyId {
            issuer: issuer.into(),
            kid: kid.into(),
        }
    }
}

/// Keys and issuers whose tokens are refused from the next request on, whatever the provider says.
///
/// Clones are the same list, so one kept aside is a switch to throw while requests are served.
/// A token that it concerns is refused with [`Reason::Revoked`](portcullis_token::Reason::Revoked),
/// from the cache of verified tokens too.
///
/// ```
/// use portcullis::{Credentials, DistrustList, Distrusted, Reason};
/// use portcullis_testkit::TestIssuer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let distrust = DistrustList::default();
/// let auth = issuer.verifier("api").distrust(distrust.clone()).build()?;
/// let token = issuer.token().audience("api").sign();
/// let verified = auth.verify(&Credentials::bearer(&token)).await?;
///
/// // Later, when the key is known to be stolen:
/// distrust.replace([Distrusted::key_id(issuer.name(), verified.kid().unwrap_or_default())]);
/// let refused = auth.verify(&Credentials::bearer(&token)).await;
/// assert_eq!(refused.unwrap_err(), Reason::Revoked);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct DistrustList {
    entries: Arc<ArcSwap<Vec<Distrusted>>>,
}

impl DistrustList {
    /// A list of these entries.
    ///
    /// ```
    /// # use portcullis::{DistrustList, Distrusted};
    /// let list = DistrustList::new([Distrusted::Thumbprint([7; 32])]);
    /// assert_eq!(*list.entries(), [Distrusted::Thumbprint([7; 32])]);
    /// ```
    pub fn new(entries: impl IntoIterator<Item = Distrusted>) -> Self {
        let list = Self::default();
        list.replace(entries);
        list
    }

    /// Puts these entries in the place of all others.
    ///
    /// ```
    /// # use portcullis::{DistrustList, Distrusted};
    /// let list = DistrustList::new([Distrusted::Thumbprint([7; 32])]);
    /// list.replace([]);
    /// assert!(list.entries().is_empty());
    /// ```
    pub fn replace(&self, entries: impl IntoIterator<Item = Distrusted>) {
        self.entries.store(Arc::new(entries.into_iter().collect()));
    }

    /// The entries at this moment.
    ///
    /// ```
    /// # use portcullis::{DistrustList, Distrusted};
    /// let list = DistrustList::new([Distrusted::issuer("https://issuer.example/")]);
    /// let before = list.entries();
    /// list.replace([]);
    /// assert_eq!((before.len(), list.entries().len()), (1, 0));
    /// ```
    pub fn entries(&self) -> Arc<Vec<Distrusted>> {
        self.entries.load_full()
    }

    /// Whether a token of `issuer`, signed by this key, is to be refused.
    pub(crate) fn concerns(&self, issuer: &str, kid: Option<&str>, thumbprint: &[u8; 32]) -> bool {
        self.entries.load().iter().any(|entry| match entry {
            Distrusted::Issuer(distrusted) => distrusted == issuer,
            Distrusted::KeyId {
                issuer: of,
                kid: distrusted,
            } => of == issuer && Some(distrusted.as_str()) == kid,
            Distrusted::Thumbprint(distrusted) => distrusted == thumbprint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_concerns_its_own_key_or_issuer_only() {
        for (entry, expected) in [
            (Distrusted::issuer("a"), true),
            (Distrusted::issuer("a/"), false),
            (Distrusted::key_id("a", "k"), true),
            (Distrusted::key_id("a", "K"), false),
            (Distrusted::key_id("b", "k"), false),
            (Distrusted::Thumbprint([1; 32]), true),
            (Distrusted::Thumbprint([2; 32]), false),
        ] {
            let list = DistrustList::new([entry.clone()]);
            assert_eq!(
                list.concerns("a", Some("k"), &[1; 32]),
                expected,
                "{entry:?}"
            );
        }
        assert!(!DistrustList::new([Distrusted::key_id("a", "k")]).concerns("a", None, &[1; 32]));
    }
}
