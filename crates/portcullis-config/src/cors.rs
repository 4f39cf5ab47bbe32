//! Which web pages of other origins may read the answers of an API.

use std::fmt;
use std::time::Duration;

use url::{Host, Url};

/// What browsers are told about pages of other origins (the Fetch standard, section 3.2).
///
/// It guards callers and their browsers, never the API: whoever is not a browser ignores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Whose pages may read answers.
    pub origins: Origins,
    /// The methods their scripts may use; those of the routes when absent.
    pub methods: Option<Vec<String>>,
    /// The request headers their scripts may set, in lower case; those asked for when absent.
    pub headers: Option<Vec<String>>,
    /// The answer's headers that their scripts may read, besides those of the gateway's own.
    pub expose: Vec<String>,
    /// Whether browsers add cookies, which no `Origins::Any` allows; `false` when absent.
    pub credentials: bool,
    /// How long browsers may remember a preflight's answer; as they like when absent.
    pub max_age: Option<Duration>,
}

/// Whose pages may read the answers of an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Those of every site.
    Any,
    /// Those of these sites.
    Listed(Vec<AllowedOrigin>),
}

/// A site, or all sites below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// Pages without an origin of their own, as in a sandboxed frame or a file: `null`.
    Null,
    /// This origin, as browsers write it: `https://app.example`, without a default port.
    Exact(String),
    /// Every name below a domain, however deep: `https://*.example.com`.
    Below {
        /// `https://`.
        scheme: String,
        /// What a name and the port end with: `.example.com` or `.example.com:8443`.
        domain: String,
    },
}

/// Why a text is no origin that can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It is `*`, or has one elsewhere than as the first label.
    #[error("may have one `*`, as the whole first label of a host")]
    Wildcard,
    /// The wildcard would hold for all of a top-level domain.
    #[error("must name two labels at least behind `*.`")]
    WholeTopLevel,
    /// It has no scheme, or more than a scheme, a host and a port.
    #[error("must be a scheme, a host and a port, and nothing behind them")]
    Syntax,
}

impl Cors {
    /// Every origin, the methods of the routes, the headers asked for: what `cors = true` means.
    pub const fn any() -> Self {
        Self {
            origins: Origins::Any,
            methods: None,
            headers: None,
            expose: Vec::new(),
            credentials: false,
            max_age: None,
        }
    }
}

impl AllowedOrigin {
    /// Reads an origin as the file has it.
    ///
    /// # Errors
    /// [`OriginError`] names the first rule that the text breaks.
    ///
    /// ```
    /// use portcullis_config::AllowedOrigin;
    ///
    /// let origin = AllowedOrigin::parse("https://*.example.com")?;
    /// assert!(origin.allows("https://app.example.com"));
    /// assert!(!origin.allows("https://evil-example.com"));
    /// # Ok::<(), portcullis_config::OriginError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text == "null" {
            return Ok(Self::Null);
        }
        if text == "*" {
            return Err(OriginError::Wildcard);
        }
        let (scheme, authority) = text.split_once("://").ok_or(OriginError::Syntax)?;
        let (below, authority) = match authority.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, authority),
        };
        if authority.contains('*') {
            return Err(OriginError::Wildcard);
        }
        let origin = serialize(scheme, authority)?;
        if !below {
            return Ok(Self::Exact(origin));
        }
        let (scheme, domain) = origin.split_once("://").ok_or(OriginError::Syntax)?;
        let host = domain.split(':').next().unwrap_or(domain);
        let has_labels = host.contains('.') || host == "localhost";
        let is_address = host.starts_with('[') || host.bytes().last().is_some_and(is_digit);
        if !has_labels || is_address {
            return Err(OriginError::WholeTopLevel);
        }
        Ok(Self::Below {
            scheme: format!("{scheme}://"),
            domain: format!(".{domain}"),
        })
    }

    /// Whether a request's `Origin` is this one, compared byte for byte as browsers write it.
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Null => origin == "null",
            Self::Exact(own) => origin == own,
            Self::Below { scheme, domain } => origin
                .strip_prefix(scheme.as_str())
                .and_then(|rest| rest.strip_suffix(domain.as_str()))
                .is_some_and(|name| name.split('.').all(is_label)),
        }
    }
}

/// The origin as browsers serialise it (RFC 6454 section 6.2).
fn serialize(scheme: &str, authority: &str) -> Result<String, OriginError> {
    let is_good = |byte: u8| byte.is_ascii_graphic() && !b"/\\?#@%".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(is_good) {
        return Err(OriginError::Syntax);
    }
    let text = format!("{scheme}://{authority}");
    let url = Url::parse(&text).map_err(|_| OriginError::Syntax)?;
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_ascii_lowercase(),
        Some(host) => host.to_string(),
        None => return Err(OriginError::Syntax),
    };
    let port = url.port().map(|port| format!(":{port}"));
    Ok(format!(
        "{}://{host}{}",
        url.scheme(),
        port.unwrap_or_default()
    ))
}

fn is_label(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || is_digit(byte) || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.bytes().all(allowed)
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Exact(origin) => f.write_str(origin),
            Self::Below { scheme, domain } => write!(f, "{scheme}*{domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_write_it() {
        for (text, expected) in [
            ("null", "null"),
            ("https://app.example", "https://app.example"),
            ("HTTPS://App.Example", "https://app.example"),
            ("https://app.example:443", "https://app.example"),
            ("http://app.example:443", "http://app.example:443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("http://127.0.0.1", "http://127.0.0.1"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("https://*.example.com", "https://*.example.com"),
            ("https://*.Example.com:443", "https://*.example.com"),
            ("https://*.example.com:8443", "https://*.example.com:8443"),
            ("http://*.localhost:3000", "http://*.localhost:3000"),
        ] {
            let origin = AllowedOrigin::parse(text).map(|origin| origin.to_string());
            assert_eq!(origin, Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for (text, expected) in [
            ("", OriginError::Syntax),
            ("*", OriginError::Wildcard),
            ("https://*", OriginError::Wildcard),
            ("https://a.*.example", OriginError::Wildcard),
            ("https://a*.example", OriginError::Wildcard),
            ("https://*.*.example", OriginError::Wildcard),
            ("https://*.com", OriginError::WholeTopLevel),
            ("https://*.127.0.0.1", OriginError::WholeTopLevel),
            ("app.example", OriginError::Syntax),
            ("https://", OriginError::Syntax),
            ("https://app.example/", OriginError::Syntax),
            ("https://app.example/a", OriginError::Syntax),
            ("https://app.example?a", OriginError::Syntax),
            ("https://app.example#a", OriginError::Syntax),
            ("https://user@app.example", OriginError::Syntax),
            ("https://app.example:99999", OriginError::Syntax),
            ("https://app example", OriginError::Syntax),
            ("https://app.example\\a", OriginError::Syntax),
        ] {
            assert_eq!(AllowedOrigin::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn an_origin_is_compared_as_a_whole() {
        for (allowed, origin, expected) in [
            ("https://app.example", "https://app.example", true),
            ("https://app.example", "http://app.example", false),
            ("https://app.example", "https://app.example:8443", false),
            (
                "https://app.example",
                "https://app.example.evil.example",
                false,
            ),
            ("https://app.example", "https://a.app.example", false),
            ("https://app.example", "https://APP.example", false),
            ("https://app.example", "null", false),
            ("null", "null", true),
            ("null", "https://app.example", false),
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://.example.com", false),
            ("https://*.example.com", "https://a..example.com", false),
            ("https://*.example.com", "https://evil-example.com", false),
            (
                "https://*.example.com",
                "https://a.example.com.evil.example",
                false,
            ),
            ("https://*.example.com", "http://a.example.com", false),
            ("https://*.example.com", "https://a.example.com:8443", false),
            (
                "https://*.example.com",
                "https://evil.example/.example.com",
                false,
            ),
            (
                "https://*.example.com",
                "https://evil.example:1.example.com",
                false,
            ),
            ("https://*.example.com", "https://user@a.example.com", false),
            (
                "https://*.example.com:8443",
                "https://a.example.com:8443",
                true,
            ),
            ("https://*.example.com:8443", "https://a.example.com", false),
        ] {
            let own = AllowedOrigin::parse(allowed).unwrap();
            assert_eq!(own.allows(origin), expected, "{allowed}: {origin}");
        }
    }
}
