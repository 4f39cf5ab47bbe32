use std::fmt;

/// Which hosts an API answers: `api.example.com`, or `*.example.com` for every name below it.
///
/// It is canonical: in lower case, without a port and without a dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// This name or address, an IPv6 one in brackets.
    Exact(String),
    /// Every name that ends with a dot and this, however many labels it has before it.
    Below(String),
}

/// Why a text is no [`HostPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// It has letters in upper case.
    #[error("must be in lower case")]
    Case,
    /// A port follows, or it is a whole address.
    #[error("must be a host alone, without a scheme, a port or a path")]
    NotAlone,
    /// It ends with a dot.
    #[error("must not end with a dot")]
    LastDot,
    /// `*` is not the first label, or nothing follows it.
    #[error("may have `*` only as its first label, as in `*.example.com`")]
    Wildcard,
    /// A label is empty, too long, or holds something else than letters, digits, `-` and `_`.
    #[error("must be a host name or an address")]
    Name,
}

/// The longest name of DNS (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

impl HostPattern {
    /// Reads a host as it is written in `hosts`.
    ///
    /// # Errors
    /// [`HostError`] names the first rule that the text breaks.
    ///
    /// ```
    /// use portcullis_config::{HostError, HostPattern};
    ///
    /// assert_eq!(HostPattern::parse("*.example.com")?.to_string(), "*.example.com");
    /// assert_eq!(HostPattern::parse("a.example:443"), Err(HostError::NotAlone));
    /// # Ok::<(), HostError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(HostError::Case);
        }
        if let Some(inside) = text.strip_prefix('[') {
            let address = inside.strip_suffix(']').ok_or(HostError::NotAlone)?;
            let address: std::net::Ipv6Addr = address.parse().map_err(|_| HostError::Name)?;
            return Ok(Self::Exact(format!("[{address}]")));
        }
        if text.contains([':', '/']) {
            return Err(HostError::NotAlone);
        }
        if text.ends_with('.') {
            return Err(HostError::LastDot);
        }
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains('*') {
            return Err(HostError::Wildcard);
        }
        if name.len() > LONGEST_NAME || !name.split('.').all(is_label) {
            return Err(HostError::Name);
        }
        let name = name.to_owned();
        Ok(if below {
            Self::Below(name)
        } else {
            Self::Exact(name)
        })
    }
}

/// Underscores are no part of host names, but some networks have them.
fn is_label(label: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LONGEST_LABEL).contains(&label.len()) && label.bytes().all(fits)
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_an_address_or_all_names_below_one() {
        let (label, long) = ("a".repeat(63), "a".repeat(64));
        let name = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        for (text, expected) in [
            ("api.example.com", Ok("api.example.com")),
            ("localhost", Ok("localhost")),
            ("my_api.example", Ok("my_api.example")),
            ("192.0.2.1", Ok("192.0.2.1")),
            ("[2001:db8:0::1]", Ok("[2001:db8::1]")),
            ("*.example.com", Ok("*.example.com")),
            (&label, Ok(&*label)),
            (&long, Err(HostError::Name)),
            (&name, Ok(&*name)),
            (&format!("{name}a"), Err(HostError::Name)),
            ("API.example.com", Err(HostError::Case)),
            ("api.example.com.", Err(HostError::LastDot)),
            ("api.example.com:443", Err(HostError::NotAlone)),
            ("https://api.example.com", Err(HostError::NotAlone)),
            ("api.example.com/a", Err(HostError::NotAlone)),
            ("[2001:db8::1]:443", Err(HostError::NotAlone)),
            ("[2001:db8::g]", Err(HostError::Name)),
            ("*", Err(HostError::Wildcard)),
            ("*.*.example.com", Err(HostError::Wildcard)),
            ("api.*.com", Err(HostError::Wildcard)),
            ("a*.example.com", Err(HostError::Wildcard)),
            ("*.", Err(HostError::LastDot)),
            ("", Err(HostError::Name)),
            (".example.com", Err(HostError::Name)),
            ("a..example.com", Err(HostError::Name)),
            ("a b", Err(HostError::Name)),
            ("user@a.example", Err(HostError::Name)),
            ("ä.example", Err(HostError::Name)),
        ] {
            let found = HostPattern::parse(text).map(|host| host.to_string());
            assert_eq!(found, expected.map(str::to_owned), "{text:?}");
        }
    }
}
