//! The two cookies of a browser that people log in with.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use portcullis_token::Secret;

use crate::Issuer;

/// How many characters the value of a cookie of ours has: that of an opaque token.
const LENGTH: usize = 32;

/// What a browser is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Somebody who has logged in.
    Session,
    /// The browser itself, to which pages and forms are bound.
    Browser,
}

/// Which requests of other sites carry a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those that show a page, by GET (`SameSite=Lax`).
    Pages,
    /// Those of frames, too (`SameSite=None`): for silent logins. Browsers want HTTPS for it.
    Frames,
}

impl Cookie {
    /// With HTTPS the name is one that no other host, and no other path, can set.
    fn name(self, issuer: &Issuer) -> String {
        let name = match self {
            Self::Session => "portcullis_session",
            Self::Browser => "portcullis_browser",
        };
        let prefix = if is_secure(issuer) { "__Host-" } else { "" };
        format!("{prefix}{name}")
    }

    /// The cookie of a request. Absent also when there are several, of which one may be planted.
    pub(crate) fn find(self, headers: &HeaderMap, issuer: &Issuer) -> Option<Secret<String>> {
        let name = self.name(issuer);
        let lines = headers.get_all(COOKIE).iter();
        let mut values = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter_map(|(known, value)| (known == name).then_some(value));
        let value = values.next().filter(|value| is_ours(value))?;
        values
            .next()
            .is_none()
            .then(|| Secret::new(value.to_owned()))
    }

    /// The header that sets the cookie for `seconds`.
    pub(crate) fn set(
        self,
        value: &Secret<String>,
        seconds: i64,
        reach: Reach,
        issuer: &Issuer,
    ) -> HeaderValue {
        let name = self.name(issuer);
        let value = value.expose();
        let (secure, site) = match (is_secure(issuer), reach) {
            (true, Reach::Frames) => ("; Secure", "None"),
            (true, Reach::Pages) => ("; Secure", "Lax"),
            // Without HTTPS, browsers drop a cookie of the other kind.
            (false, _) => ("", "Lax"),
        };
        let text =
            format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly{secure}; SameSite={site}");
        let mut header =
            HeaderValue::try_from(text).expect("names, base64url and numbers are visible ASCII");
        header.set_sensitive(true);
        header
    }

    /// Has the browser forget the cookie.
    pub(crate) fn remove(self, headers: &mut HeaderMap, issuer: &Issuer) {
        let nothing = Secret::new(String::new());
        headers.append(SET_COOKIE, self.set(&nothing, 0, Reach::Pages, issuer));
    }
}

fn is_secure(issuer: &Issuer) -> bool {
    issuer.as_str().starts_with("https:")
}

fn is_ours(value: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    value.len() == LENGTH && value.bytes().all(is_base64url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "abcdefghijklmnopqrstuvwxyz012345";

    #[test]
    fn a_cookie_is_found_when_it_is_the_only_one() {
        let other = VALUE.to_uppercase();
        let ours = format!("portcullis_session={VALUE}");
        for (name, issuer, lines, expected) in [
            ("alone", "http://localhost/", vec![ours.clone()], true),
            (
                "among others",
                "http://localhost/",
                vec![format!("a=b; {ours}; c")],
                true,
            ),
            (
                "another line",
                "http://localhost/",
                vec!["a=b".to_owned(), ours.clone()],
                true,
            ),
            (
                "twice",
                "http://localhost/",
                vec![format!("{ours}; portcullis_session={other}")],
                false,
            ),
            (
                "not ours",
                "http://localhost/",
                vec![format!("{ours}x")],
                false,
            ),
            (
                "of the browser",
                "http://localhost/",
                vec![format!("portcullis_browser={VALUE}")],
                false,
            ),
            (
                "unprefixed",
                "https://localhost/",
                vec![ours.clone()],
                false,
            ),
            (
                "prefixed",
                "https://localhost/",
                vec![format!("__Host-{ours}")],
                true,
            ),
            ("none", "http://localhost/", vec![], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, line.parse().unwrap());
            }
            let found = Cookie::Session.find(&headers, &issuer.parse().unwrap());
            let expected = expected.then(|| Secret::new(VALUE.to_owned()));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_cookie_is_set_as_its_issuer_allows() {
        let value = Secret::new(VALUE.to_owned());
        for (issuer, reach, expected) in [
            (
                "http://localhost/",
                Reach::Frames,
                "portcullis_session=V; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
            ),
            (
                "https://localhost/",
                Reach::Pages,
                "__Host-portcullis_session=V; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax",
            ),
            (
                "https://localhost/",
                Reach::Frames,
                "__Host-portcullis_session=V; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=None",
            ),
        ] {
            let header = Cookie::Session.set(&value, 60, reach, &issuer.parse().unwrap());
            let expected = expected.replace("=V;", &format!("={VALUE};"));
            assert_eq!(header.to_str().unwrap(), expected);
            assert!(header.is_sensitive());
        }
    }
}
