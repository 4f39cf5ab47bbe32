use std::fmt;
use std::str::FromStr;

use url::Url;

/// The tenant's name and the root of its URLs, such as `http://localhost:4000/`.
///
/// It is stated, never taken from a request's `Host`: whoever writes that header would choose the
/// `iss` of the tokens. It always ends in a slash, as Auth0's does, because clients compare it
/// byte for byte.
///
/// ```
/// let issuer: portcullis_tenant::Issuer = "http://localhost:4000".parse()?;
/// assert_eq!(issuer.as_str(), "http://localhost:4000/");
/// # Ok::<(), portcullis_tenant::IssuerError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

/// Why a text is not an [`Issuer`]. The text is not repeated: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// It cannot be read as a URL.
    #[error("the issuer is not a URL")]
    Url(#[source] url::ParseError),
    /// It is not an `http` or `https` URL.
    #[error("the issuer is not an http or https URL")]
    Scheme,
    /// It has a user name, password, path, query or fragment.
    #[error("the issuer has more than a scheme, a host and a port")]
    Excess,
    /// It is spelled in a way that URL libraries change, so clients would compare different texts.
    #[error("the issuer is to be spelled {canonical}")]
    Spelling {
        /// The one accepted spelling.
        canonical: String,
    },
}

impl Issuer {
    /// The issuer with its final slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of `path`, which begins without a slash, at this issuer.
    pub(crate) fn endpoint(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Issuer {
    type Err = IssuerError;

    /// Reads an issuer, written with its final slash or without.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(IssuerError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(IssuerError::Scheme);
        }
        let credentials = !url.username().is_empty() || url.password().is_some();
        let location = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        if credentials || location {
            return Err(IssuerError::Excess);
        }
        let canonical = url.as_str();
        if text != canonical && canonical.strip_suffix('/') != Some(text) {
            return Err(IssuerError::Spelling {
                canonical: canonical.to_owned(),
            });
        }
        Ok(Self(canonical.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_ends_in_one_slash() {
        for (text, expected) in [
            ("http://localhost:4000/", "http://localhost:4000/"),
            ("http://localhost:4000", "http://localhost:4000/"),
            ("https://tenant.example.com", "https://tenant.example.com/"),
            ("http://[::1]:4000/", "http://[::1]:4000/"),
        ] {
            let issuer: Issuer = text.parse().unwrap();
            assert_eq!(issuer.as_str(), expected, "{text}");
            assert_eq!(
                issuer.endpoint("oauth/token"),
                format!("{expected}oauth/token"),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_but_an_origin_is_refused() {
        let spelling = |canonical: &str| IssuerError::Spelling {
            canonical: canonical.to_owned(),
        };
        for (text, expected) in [
            (
                "",
                IssuerError::Url(url::ParseError::RelativeUrlWithoutBase),
            ),
            (
                "localhost",
                IssuerError::Url(url::ParseError::RelativeUrlWithoutBase),
            ),
            ("http://", IssuerError::Url(url::ParseError::EmptyHost)),
            ("localhost:4000", IssuerError::Scheme),
            ("ftp://localhost/", IssuerError::Scheme),
            ("http://ada:hunter2@localhost/", IssuerError::Excess),
            ("http://ada@localhost/", IssuerError::Excess),
            ("http://localhost/tenant/", IssuerError::Excess),
            ("http://localhost//", IssuerError::Excess),
            ("http://localhost/?", IssuerError::Excess),
            ("http://localhost/#", IssuerError::Excess),
            ("HTTP://Localhost/", spelling("http://localhost/")),
            ("http://localhost:80/", spelling("http://localhost/")),
            (" http://localhost/", spelling("http://localhost/")),
            ("http://local\nhost/", spelling("http://localhost/")),
        ] {
            assert_eq!(text.parse::<Issuer>(), Err(expected), "{text:?}");
        }
    }
}
