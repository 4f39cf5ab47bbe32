//! Where the answer to an authorization request may go (RFC 9700 section 2.1).

use url::Url;

/// Longer ones are not compared for closeness, which takes the product of both lengths.
const MAX_COMPARED: usize = 256;

/// How many registered URIs are compared for closeness.
const MAX_CANDIDATES: usize = 50;

/// Why a request's redirect URI is refused: nothing is ever sent to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// The request names none, and the application has not exactly one.
    #[error("Missing required parameter: redirect_uri")]
    Missing,
    /// It is none of the application's.
    #[error("the redirect_uri is not in the list of allowed callback URLs")]
    Mismatch,
}

/// Why a URI cannot be registered as a callback.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// It is not an absolute URL.
    #[error("it is not an absolute URL")]
    Url(#[source] url::ParseError),
    /// A fragment would swallow the answer (RFC 6749 section 3.1.2).
    #[error("it has a fragment")]
    Fragment,
    /// A user name or password in it would be sent around.
    #[error("it has a user name or a password")]
    Credentials,
    /// Browsers run or read what has this scheme.
    #[error("its scheme is not one that answers can be sent to")]
    Scheme,
    /// Only whole URIs are compared.
    #[error("its host has a wildcard")]
    Wildcard,
}

/// Finds the registered URI that `requested` is, byte for byte.
///
/// Nothing is normalised: a case, a port, a slash or an escape apart is another URI. An absent one
/// stands for the only one that is registered (RFC 6749 section 3.1.2.3).
///
/// # Errors
/// [`RedirectError`]; the answer must then be a page, not a redirect.
pub fn check_redirect_uri<'r>(
    requested: Option<&str>,
    registered: &'r [String],
) -> Result<&'r str, RedirectError> {
    let Some(requested) = requested else {
        return match registered {
            [only] => Ok(only),
            _ => Err(RedirectError::Missing),
        };
    };
    registered
        .iter()
        .find(|uri| *uri == requested)
        .map(String::as_str)
        .ok_or(RedirectError::Mismatch)
}

/// The registered URI with the least edits between it and `requested`, for who set it up.
///
/// It takes milliseconds: absent for a `requested` of more than 256 bytes, and only the first 50
/// are compared.
pub(crate) fn find_closest<'r>(requested: &str, registered: &'r [String]) -> Option<&'r str> {
    if requested.len() > MAX_COMPARED {
        return None;
    }
    registered
        .iter()
        .filter(|uri| uri.len() <= MAX_COMPARED)
        .take(MAX_CANDIDATES)
        .map(String::as_str)
        .min_by_key(|uri| strsim::levenshtein(requested, uri))
}

/// Reads a URI that an application may register as a callback or a logout URL.
///
/// `http` and `https`, and schemes of an application's own for native ones (RFC 8252 section 7.1).
///
/// # Errors
/// [`CallbackError`] when no answer may be sent there.
pub fn parse_callback(text: &str) -> Result<Url, CallbackError> {
    let url = Url::parse(text).map_err(CallbackError::Url)?;
    if url.fragment().is_some() {
        return Err(CallbackError::Fragment);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(CallbackError::Credentials);
    }
    if matches!(
        url.scheme(),
        "about"
            | "blob"
            | "data"
            | "file"
            | "filesystem"
            | "ftp"
            | "javascript"
            | "vbscript"
            | "ws"
            | "wss"
    ) {
        return Err(CallbackError::Scheme);
    }
    if url.host_str().is_some_and(|host| host.contains('*')) {
        return Err(CallbackError::Wildcard);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(uris: &[&str]) -> Vec<String> {
        uris.iter().map(|uri| (*uri).to_owned()).collect()
    }

    #[test]
    fn only_the_very_uri_is_the_registered_one() {
        let registered = owned(&[
            "http://localhost:3000/callback",
            "https://app.example.com/cb",
        ]);
        for requested in &registered {
            let found = check_redirect_uri(Some(requested), &registered);
            assert_eq!(found, Ok(requested.as_str()));
        }
        for requested in [
            "http://localhost:3000/callback/",
            "http://localhost:3000/callback?a=b",
            "http://localhost:3000/callback#a",
            "http://localhost:3000/callbac",
            "http://localhost:3000/Callback",
            "HTTP://localhost:3000/callback",
            "http://localhost:3001/callback",
            "http://127.0.0.1:3000/callback",
            "http://localhost:3000/call%62ack",
            "http://localhost:3000/x/../callback",
            "http://localhost:3000/callback%00",
            " http://localhost:3000/callback",
            "http://localhost:3000@evil.example/callback",
            "https://app.example.com.evil.example/cb",
            "https://evil.example/https://app.example.com/cb",
            "javascript:alert(1)",
            "",
        ] {
            let found = check_redirect_uri(Some(requested), &registered);
            assert_eq!(found, Err(RedirectError::Mismatch), "{requested:?}");
        }
    }

    #[test]
    fn an_absent_uri_stands_for_the_only_one() {
        let missing = Err(RedirectError::Missing);
        assert_eq!(
            check_redirect_uri(None, &owned(&["https://a/"])),
            Ok("https://a/")
        );
        assert_eq!(
            check_redirect_uri(None, &owned(&["https://a/", "https://b/"])),
            missing
        );
        assert_eq!(check_redirect_uri(None, &[]), missing);
    }

    #[test]
    fn the_closest_registered_uri_is_named() {
        let registered = owned(&[
            "https://app.example.com/callback",
            "http://localhost:3000/callback",
        ]);
        let just = format!("http://localhost:3000/{}", "c".repeat(MAX_COMPARED - 22));
        let long = format!("{just}c");
        for (requested, expected) in [
            ("http://localhost:3001/callback", Some(1)),
            ("http://localhost:3000", Some(1)),
            ("https://app.example.org/callback", Some(0)),
            (just.as_str(), Some(1)),
            (&long, None),
        ] {
            let expected = expected.map(|index: usize| registered[index].as_str());
            assert_eq!(
                find_closest(requested, &registered),
                expected,
                "{requested}"
            );
        }
        assert_eq!(find_closest("https://a/", &[]), None);
    }

    #[test]
    fn a_callback_is_somewhere_an_answer_can_go() {
        let relative = CallbackError::Url(url::ParseError::RelativeUrlWithoutBase);
        for (text, expected) in [
            ("https://app.example.com/cb?a=b", Ok(())),
            ("http://localhost:3000", Ok(())),
            ("com.example.app://callback", Ok(())),
            ("com.example.app:/callback", Ok(())),
            ("/callback", Err(relative)),
            ("https://app.example.com/#", Err(CallbackError::Fragment)),
            (
                "https://ada@app.example.com/",
                Err(CallbackError::Credentials),
            ),
            (
                "https://ada:x@app.example.com/",
                Err(CallbackError::Credentials),
            ),
            ("https://*.example.com/", Err(CallbackError::Wildcard)),
            ("javascript:alert(1)", Err(CallbackError::Scheme)),
            ("JavaScript:alert(1)", Err(CallbackError::Scheme)),
            ("data:text/html,x", Err(CallbackError::Scheme)),
            ("file:///etc/passwd", Err(CallbackError::Scheme)),
        ] {
            assert_eq!(parse_callback(text).map(drop), expected, "{text}");
        }
    }
}
