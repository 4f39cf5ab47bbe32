use std::str::FromStr;

use url::Url;

/// A request as it is typed: `GET /path`, or a path alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The whole of it.
    pub(super) written: String,
    pub(super) method: String,
    /// The path with its query, in which a token may be.
    target: String,
    /// The scheme and the host, where an address was typed.
    origin: Option<String>,
    /// The host and the port, as they were typed.
    host: Option<String>,
}

/// The text holds no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a method and a path, such as 'GET /hello/world'")]
pub(crate) struct NotARequest;

impl FromStr for Request {
    type Err = NotARequest;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let text = written.trim();
        let (method, target) = text.split_once(' ').unwrap_or(("GET", text));
        let target = target.trim_start();
        let target = target.split('#').next().unwrap_or(target);
        let (origin, target) = split_origin(target).ok_or(NotARequest)?;
        let (origin, host) = origin.unzip();
        Ok(Self {
            written: written.to_owned(),
            method: method.to_owned(),
            target,
            origin,
            host,
        })
    }
}

impl Request {
    /// What `Host` would be: of the address that was typed, or of the one that callers know.
    pub(super) fn host<'h>(&'h self, url: Option<&'h Url>) -> Option<&'h str> {
        let host = self.host.as_deref();
        host.or_else(|| url?.host_str())
    }

    /// The path and the query as the gateway sees them, which callers reach at `url`.
    pub(super) fn target(&self, url: Option<&Url>) -> &str {
        let (Some(origin), Some(url)) = (&self.origin, url) else {
            return &self.target;
        };
        let own = url.origin().ascii_serialization();
        let base = url.path().trim_end_matches('/');
        let below = self.target.strip_prefix(base).filter(|_| own == *origin);
        below
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(&self.target)
    }
}

/// The origin and the host of an address, and what follows them; a path alone has none.
fn split_origin(target: &str) -> Option<(Option<(String, String)>, String)> {
    if target.starts_with('/') {
        return Some((None, target.to_owned()));
    }
    let url: Url = target.parse().ok()?;
    let is_http = ["http", "https"].contains(&url.scheme());
    // As it was typed: the parser would put it in its plain form, and the gateway would not.
    let (_, rest) = target.split_once("://").filter(|_| is_http)?;
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some((
        Some((url.origin().ascii_serialization(), host.to_owned())),
        format!("{slash}{path}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_method_and_a_path() {
        for (text, expected) in [
            ("GET /hello/world", Ok(("GET", "/hello/world"))),
            ("/hello", Ok(("GET", "/hello"))),
            (" POST  /a?b=c#d ", Ok(("POST", "/a?b=c"))),
            ("GET https://a.example", Ok(("GET", "/"))),
            ("https://a.example?b", Ok(("GET", "/?b"))),
            ("GET https://a.example:1/a/../b?c", Ok(("GET", "/a/../b?c"))),
            ("GET ftp://a.example/a", Err(NotARequest)),
            ("hello", Err(NotARequest)),
            ("GET hello", Err(NotARequest)),
            ("", Err(NotARequest)),
        ] {
            let parsed: Result<Request, _> = text.parse();
            let parts = parsed.as_ref().map(|r| (r.method.as_str(), r.target(None)));
            assert_eq!(parts, expected.as_ref().copied(), "{text:?}");
        }
    }

    #[test]
    fn an_address_leads_through_the_one_that_callers_know() {
        let url = Url::parse("https://api.example/base/").unwrap();
        for (text, expected) in [
            ("https://api.example/base/a?b", "/a?b"),
            ("https://api.example:443/base/a", "/a"),
            ("https://api.example/base/", "/"),
            ("https://api.example/basement", "/basement"),
            ("https://other.example/base/a", "/base/a"),
            ("/base/a", "/base/a"),
        ] {
            let request: Request = text.parse().unwrap();
            assert_eq!(request.target(Some(&url)), expected, "{text}");
        }
    }

    #[test]
    fn the_host_is_the_one_that_was_typed_or_the_gateways() {
        let url = Url::parse("https://api.example/base/").unwrap();
        for (text, own, url, expected) in [
            ("/a", "nothing", None, None),
            ("/a", "the gateway's", Some(&url), Some("api.example")),
            (
                "https://B.example:1?c",
                "typed",
                Some(&url),
                Some("B.example:1"),
            ),
        ] {
            let request: Request = text.parse().unwrap();
            assert_eq!(request.host(url), expected, "{own}");
        }
    }
}
