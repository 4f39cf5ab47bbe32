//! A browser, and what binds pages and forms to it.

use aws_lc_rs::hmac;
use axum::response::Response;
use http::HeaderMap;
use http::header::SET_COOKIE;
use portcullis_store::tenant::Hash;
use portcullis_token::{NoRandomness, Secret, base64url};
use subtle::ConstantTimeEq as _;

use crate::cookies::{Cookie, Reach};
use crate::{Tenant, ids, opaque};

/// How long a browser keeps its key: a day, of which a login takes minutes.
const LIFETIME: i64 = 24 * 60 * 60;

/// A browser, by a key that only it and we know.
///
/// It is no session: it says that a form comes from the browser that a page was shown in, so that
/// nobody logs another's browser in (RFC 9700 section 4.7).
#[derive(Debug)]
pub(crate) struct Browser {
    key: Secret<String>,
    is_new: bool,
}

impl Browser {
    /// The browser of a request. Absent when it has no key yet.
    pub(crate) fn find(tenant: &Tenant, headers: &HeaderMap) -> Option<Self> {
        let key = Cookie::Browser.find(headers, &tenant.issuer)?;
        Some(Self { key, is_new: false })
    }

    /// The same, with a key for the browser that has none.
    pub(crate) fn find_or_begin(
        tenant: &Tenant,
        headers: &HeaderMap,
    ) -> Result<Self, NoRandomness> {
        Self::find(tenant, headers).map_or_else(Self::begin, Ok)
    }

    fn begin() -> Result<Self, NoRandomness> {
        Ok(Self {
            key: opaque::opaque_token()?,
            is_new: true,
        })
    }

    /// One who holds a secret that was sent to them, in whatever browser.
    pub(crate) const fn of_holder(key: Secret<String>) -> Self {
        Self { key, is_new: false }
    }

    pub(crate) fn hash(&self) -> Hash {
        ids::sha256(self.key.expose())
    }

    /// What a form of the transaction `id` must send in this browser, for the step named `step`.
    ///
    /// It is made from the browser's key, so that a page can be shown again without storing more.
    pub(crate) fn csrf(&self, id: &str, step: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.expose().as_bytes());
        let tag = hmac::sign(&key, format!("form\0{step}\0{id}").as_bytes());
        base64url::encode(tag.as_ref())
    }

    /// Whether a form sent that, in a time that does not depend on how much of it is right.
    pub(crate) fn has_sent(&self, csrf: &str, id: &str, step: &str) -> bool {
        self.csrf(id, step).as_bytes().ct_eq(csrf.as_bytes()).into()
    }

    /// Gives the browser its key along with the answer, if it has none yet.
    pub(crate) fn keep(&self, tenant: &Tenant, response: &mut Response) {
        if self.is_new {
            let header = Cookie::Browser.set(&self.key, LIFETIME, Reach::Pages, &tenant.issuer);
            response.headers_mut().append(SET_COOKIE, header);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_of_one_browser_transaction_and_step() {
        let (one, other) = (Browser::begin().unwrap(), Browser::begin().unwrap());
        let csrf = one.csrf("id", "login");
        assert!(one.has_sent(&csrf, "id", "login"));
        for (name, browser, csrf, id, step) in [
            ("browser", &other, csrf.as_str(), "id", "login"),
            ("transaction", &one, &csrf, "other", "login"),
            ("step", &one, &csrf, "id", "consent"),
            ("nothing", &one, "", "id", "login"),
        ] {
            assert!(!browser.has_sent(csrf, id, step), "{name}");
        }
    }
}
