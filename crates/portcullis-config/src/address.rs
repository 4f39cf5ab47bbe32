//! The rules for addresses that the gateway connects to.

use url::{Host, Url};

/// Why a text is not an address that may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It does not begin with `https://` or `http://`.
    #[error("must begin with `https://` or `http://`")]
    NotAbsolute,
    /// It holds white space, a backslash or a character outside ASCII.
    #[error("holds a character that an address cannot hold")]
    Character,
    /// The host or the port cannot be read.
    #[error("is not an address")]
    Syntax,
    /// It is http, and not on this machine.
    #[error("must be https: plain http is accepted on a loopback host only")]
    Insecure,
    /// It holds a user name or a password.
    #[error("must not hold a user name or a password")]
    UserInfo,
    /// It holds a `?` or a `#`.
    #[error("must not hold a query or a fragment")]
    QueryOrFragment,
}

/// Reads an http or https address that holds a host, a port and a path, and nothing else.
pub(crate) fn parse_url(text: &str) -> Result<Url, AddressError> {
    // The parser forgives white space, backslashes and missing slashes. What is compared byte for
    // byte elsewhere must not be read generously here.
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    {
        return Err(AddressError::Character);
    }
    let (scheme, rest) = text.split_once("://").ok_or(AddressError::NotAbsolute)?;
    if !["https", "http"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Err(AddressError::NotAbsolute);
    }
    if rest.contains(['?', '#']) {
        return Err(AddressError::QueryOrFragment);
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err(AddressError::UserInfo);
    }
    if authority.is_empty() {
        return Err(AddressError::Syntax);
    }
    Url::parse(text).map_err(|_| AddressError::Syntax)
}

/// Reads an address that tokens or keys are trusted because of: https, or http on this machine.
pub(crate) fn parse_secure_url(text: &str) -> Result<Url, AddressError> {
    let url = parse_url(text)?;
    if url.scheme() == "https" || is_loopback(&url) {
        Ok(url)
    } else {
        Err(AddressError::Insecure)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // RFC 6761 section 6.3: these names always mean this machine.
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_a_port_and_a_path() {
        for text in [
            "http://httpbin.org/",
            "https://example.com",
            "http://127.0.0.1:3001/a/b",
            "https://[::1]:8443/",
            "https://example.com/@me",
        ] {
            assert_eq!(parse_url(text), Ok(Url::parse(text).unwrap()), "{text}");
        }
        for (text, expected) in [
            ("", AddressError::NotAbsolute),
            ("example.com", AddressError::NotAbsolute),
            ("https:example.com", AddressError::NotAbsolute),
            ("https:/example.com", AddressError::NotAbsolute),
            ("ftp://example.com", AddressError::NotAbsolute),
            ("unix:///run/api.sock", AddressError::NotAbsolute),
            (" https://example.com", AddressError::Character),
            ("https://exam\nple.com", AddressError::Character),
            ("https://ex\u{e4}mple.com", AddressError::Character),
            ("https:\\\\example.com", AddressError::Character),
            ("https://", AddressError::Syntax),
            ("https:///path", AddressError::Syntax),
            ("https://example.com:port", AddressError::Syntax),
            ("https://example.com:99999", AddressError::Syntax),
            ("https://[::1", AddressError::Syntax),
            ("https://user@example.com", AddressError::UserInfo),
            ("https://user:word@example.com", AddressError::UserInfo),
            ("https://@example.com", AddressError::UserInfo),
            ("https://example.com?a", AddressError::QueryOrFragment),
            ("https://example.com/?", AddressError::QueryOrFragment),
            ("https://example.com/#", AddressError::QueryOrFragment),
        ] {
            assert_eq!(parse_url(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn plain_http_is_trusted_on_this_machine_only() {
        for text in [
            "https://example.com",
            "http://localhost:4000/",
            "http://LOCALHOST",
            "http://api.localhost",
            "http://127.0.0.1:4000",
            "http://127.255.255.254",
            "http://[::1]:4000",
        ] {
            assert!(parse_secure_url(text).is_ok(), "{text}");
        }
        for text in [
            "http://example.com",
            "http://localhost.example.com",
            "http://notlocalhost",
            "http://0.0.0.0",
            "http://128.0.0.1",
            "http://[::2]",
            "http://10.0.0.1",
        ] {
            assert_eq!(
                parse_secure_url(text),
                Err(AddressError::Insecure),
                "{text}"
            );
        }
    }
}
