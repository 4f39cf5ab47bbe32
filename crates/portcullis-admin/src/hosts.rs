use std::net::IpAddr;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// The hosts by which the listener may be asked.
///
/// A page of another site can have its own name lead to this machine ("DNS rebinding"), and the
/// browser would let it read the answers; but it still sends that name.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    named: Vec<String>,
}

impl Hosts {
    /// This machine, and these names and addresses in lower case and without ports.
    ///
    /// This machine is `localhost`, the names below it (RFC 6761 section 6.3), and the loopback
    /// addresses.
    ///
    /// ```
    /// use portcullis_admin::Hosts;
    ///
    /// let hosts = Hosts::this_machine_and(vec!["gateway.internal".to_owned()]);
    /// # let _ = hosts;
    /// ```
    pub const fn this_machine_and(named: Vec<String>) -> Self {
        Self { named }
    }

    /// Whether every host that the request names, and there must be one, is among these.
    pub(crate) fn include(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let in_headers = headers
            .get_all(HOST)
            .iter()
            .map(|value| Authority::try_from(value.as_bytes()).ok());
        let mut hosts = in_headers
            .chain(uri.authority().map(|authority| Some(authority.clone())))
            .peekable();
        let is_ours = |host: Option<Authority>| host.is_some_and(|host| self.has(host.host()));
        hosts.peek().is_some() && hosts.all(is_ours)
    }

    fn has(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<IpAddr>().ok();
        if address.is_some_and(|address| address.to_canonical().is_loopback()) {
            return true;
        }
        let host = host.to_ascii_lowercase();
        let is_named = |named: &String| {
            *named == host || (address.is_some() && named.parse::<IpAddr>().ok() == address)
        };
        host == "localhost" || host.ends_with(".localhost") || self.named.iter().any(is_named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_host_must_be_this_machine_or_one_of_the_list() {
        let named = ["gateway.internal", "10.0.0.7", "2001:db8::1"].map(str::to_owned);
        let named = Hosts::this_machine_and(named.to_vec());
        let own = Hosts::default();
        for (uri, hosts, by_own, by_named) in [
            ("/", &["localhost:9901"][..], true, true),
            ("/", &["admin.LOCALHOST"], true, true),
            ("/", &["127.0.0.1:9901"], true, true),
            ("/", &["[::1]:9901"], true, true),
            ("http://localhost/", &["localhost"], true, true),
            ("/", &["Gateway.internal:9901"], false, true),
            ("/", &["10.0.0.7:9901"], false, true),
            ("/", &["[2001:db8:0::1]:9901"], false, true),
            ("/", &["10.0.0.8"], false, false),
            ("/", &["evil.example"], false, false),
            ("/", &["gateway.internal.evil.example"], false, false),
            ("/", &["localhost.evil.example"], false, false),
            ("/", &["gateway.internal@evil.example"], false, false),
            ("/", &[], false, false),
            ("/", &[""], false, false),
            ("/", &["localhost", "evil.example"], false, false),
            ("http://evil.example/", &["localhost"], false, false),
        ] {
            let headers = hosts.iter().map(|host| (HOST, host.parse().unwrap()));
            let mut map = HeaderMap::new();
            map.extend(headers.map(|(name, value)| (Some(name), value)));
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(own.include(&uri, &map), by_own, "{uri} {hosts:?}");
            assert_eq!(named.include(&uri, &map), by_named, "{uri} {hosts:?}");
        }
    }
}
