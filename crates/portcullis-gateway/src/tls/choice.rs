use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use webpki::EndEntityCert;

/// A certificate has no names by which to choose it.
#[derive(Debug)]
pub(super) struct Nameless;

/// Certificates by the DNS names in them; the first one of a name counts.
#[derive(Default)]
pub(super) struct ByName {
    /// For who asks for no name, or for one that no certificate has.
    first: Option<Arc<CertifiedKey>>,
    /// In lower case; `*.example.com` as it stands in the certificate.
    names: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    /// Adds a certificate. Only the first one may do without names.
    ///
    /// # Errors
    /// [`Nameless`], for another one without names.
    pub(super) fn add(&mut self, key: Arc<CertifiedKey>) -> Result<(), Nameless> {
        let end_entity = key.end_entity_cert().ok();
        let parsed = end_entity.and_then(|der| EndEntityCert::try_from(der).ok());
        let names: Vec<String> = parsed
            .iter()
            .flat_map(|certificate| certificate.valid_dns_names())
            .map(str::to_ascii_lowercase)
            .collect();
        if names.is_empty() && self.first.is_some() {
            return Err(Nameless);
        }
        for name in names {
            self.names.entry(name).or_insert_with(|| Arc::clone(&key));
        }
        self.first.get_or_insert(key);
        Ok(())
    }

    fn find(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        // RFC 9525 section 6.3: a wildcard is the whole first label, and one label only.
        let wildcard = || {
            let (_, parent) = name.split_once('.')?;
            self.names.get(&format!("*.{parent}"))
        };
        self.names.get(&name).or_else(wildcard).cloned()
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.find(name));
        named.or_else(|| self.first.clone())
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names.keys()).finish()
    }
}
