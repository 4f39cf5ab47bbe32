//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::Extensions;
use http::HeaderMap;
use http::header::{HOST, ORIGIN, USER_AGENT};

/// No longer user agent is kept.
const MAX_AGENT: usize = 256;

/// Who sends a request, as far as it can be known.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The address of the connection, or its network; empty where the server does not tell it.
    pub(crate) ip: String,
    pub(crate) user_agent: String,
}

impl Caller {
    pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap) -> Self {
        let address = extensions.get::<ConnectInfo<SocketAddr>>();
        let agent = headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok());
        Self {
            ip: address.map_or_else(String::new, |info| counted(info.0.ip())),
            user_agent: agent.unwrap_or_default().chars().take(MAX_AGENT).collect(),
        }
    }
}

/// The address that attempts are counted by: who has one IPv6 address has a /64 of them.
fn counted(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
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
    fn a_network_is_counted_as_one() {
        for (ip, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::1", "::"),
        ] {
            assert_eq!(counted(ip.parse().unwrap()), expected, "{ip}");
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
