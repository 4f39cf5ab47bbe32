//! Where a request comes from.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use http::HeaderMap;
use http::header::{HOST, ORIGIN, USER_AGENT};
use http::request::Parts;
use portcullis::{caller_address, caller_network};

/// No longer user agent is kept.
const MAX_AGENT: usize = 256;

/// Who sends a request, as far as it can be known.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The address, or its network, that attempts are counted by; empty where it is not told.
    pub(crate) ip: String,
    pub(crate) user_agent: String,
}

impl Caller {
    pub(crate) fn of(proxies: &Proxies, head: &Parts) -> Self {
        let Parts {
            extensions,
            headers,
            ..
        } = head;
        // As axum's own server tells it, or as that of the program does.
        let told = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0);
        let peer = told.or_else(|| extensions.get::<SocketAddr>().copied());
        let address = peer.map(|peer| {
            let address = caller_address(peer.ip(), headers, |address| (proxies.0)(address));
            caller_network(address).to_string()
        });
        let agent = headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok());
        Self {
            ip: address.unwrap_or_default(),
            user_agent: agent.unwrap_or_default().chars().take(MAX_AGENT).collect(),
        }
    }
}

/// Whose word on where a request is from is believed. Nobody's by default.
#[derive(Clone)]
pub(crate) struct Proxies(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl Proxies {
    pub(crate) fn new(is_proxy: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_proxy))
    }
}

impl Default for Proxies {
    fn default() -> Self {
        Self::new(|_| false)
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxies")
    }
}

/// Whether a form can be one of our own pages, by what browsers say and scripts cannot forge.
///
/// Our pages send no referrer, which makes their `Origin` read `null`: it says nothing then. The
/// token in the form proves more; this stops what is foreign before it is looked at.
pub(crate) fn is_own_form(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match text(ORIGIN.as_str()) {
        None | Some("null") => true,
        Some(origin) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some() && authority == text(HOST.as_str())
        }
    }
}

/// Whether another site's page sends the browser here.
pub(crate) fn is_cross_site(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site.as_bytes() == b"cross-site")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_proxy_of_ours_is_believed_and_a_network_is_counted_as_one() {
        let trusted = |address: IpAddr| address.to_string().starts_with("10.");
        for (name, peer, forwarded, expected) in [
            ("directly", Some("192.0.2.1:1"), None, "192.0.2.1"),
            (
                "a stranger's word",
                Some("192.0.2.1:1"),
                Some("198.51.100.7"),
                "192.0.2.1",
            ),
            (
                "a proxy's word",
                Some("10.0.0.1:1"),
                Some("6.6.6.6, 198.51.100.7"),
                "198.51.100.7",
            ),
            (
                "a proxy without a word",
                Some("10.0.0.1:1"),
                None,
                "10.0.0.1",
            ),
            (
                "a network",
                Some("10.0.0.1:1"),
                Some("2001:db8:1:2:3:4:5:6"),
                "2001:db8:1:2::",
            ),
            (
                "IPv4 as IPv6",
                Some("[::ffff:192.0.2.1]:1"),
                None,
                "192.0.2.1",
            ),
            ("unknown", None, Some("198.51.100.7"), ""),
        ] {
            let mut request = http::Request::new(());
            if let Some(peer) = peer {
                let peer: SocketAddr = peer.parse().unwrap();
                request.extensions_mut().insert(ConnectInfo(peer));
            }
            if let Some(forwarded) = forwarded {
                let value = HeaderValue::from_static(forwarded);
                request.headers_mut().insert("x-forwarded-for", value);
            }
            let (head, ()) = request.into_parts();
            let caller = Caller::of(&Proxies::new(trusted), &head);
            assert_eq!(caller.ip, expected, "{name}");
            if peer.is_some_and(|peer| peer.starts_with("10.")) {
                let caller = Caller::of(&Proxies::default(), &head);
                assert_eq!(caller.ip, "10.0.0.1", "{name}, and nobody is trusted");
            }
        }
    }

    #[test]
    fn a_foreign_form_is_seen() {
        for (site, origin, expected) in [
            (None, None, true),
            (None, Some("null"), true),
            (None, Some("http://localhost:4000"), true),
            (None, Some("http://localhost:3000"), false),
            (None, Some("http://localhost"), false),
            (None, Some("localhost:4000"), false),
            (Some("same-origin"), Some("null"), true),
            (Some("none"), None, true),
            (Some("same-site"), Some("http://localhost:4000"), false),
            (Some("cross-site"), Some("null"), false),
            (Some(""), None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("localhost:4000"));
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(is_own_form(&headers), expected, "{site:?} {origin:?}");
            assert_eq!(
                is_cross_site(&headers),
                site == Some("cross-site"),
                "{site:?}"
            );
        }
    }
}
