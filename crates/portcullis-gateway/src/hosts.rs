//! Which APIs a host has: those that name it, then those of every host.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use http::HeaderMap;
use http::header::HOST;
use portcullis_config::{HostPattern, Method, PathPattern};

use crate::route::RouteTable;

/// The routes of every host.
#[derive(Debug, Default)]
pub(crate) struct HostTables {
    exact: BTreeMap<String, RouteTable>,
    /// By what follows the `*.`.
    below: BTreeMap<String, RouteTable>,
    /// Of the APIs that name no host.
    any: RouteTable,
}

/// What of a request chooses its route, besides the path: the tables of its host, and the method.
#[derive(Debug)]
pub(crate) struct Wanted<'p, 'r> {
    pub(crate) method: &'r str,
    /// Canonical; absent where hosts play no part.
    host: Option<String>,
    /// The most specific first.
    named: Vec<&'p RouteTable>,
    any: &'p RouteTable,
}

impl HostTables {
    /// Adds a route of an API with these hosts.
    pub(crate) fn insert(
        &mut self,
        hosts: &[HostPattern],
        (methods, path): (&Method, &PathPattern),
        route: usize,
    ) {
        if hosts.is_empty() {
            self.any.insert(methods, path, route);
        }
        for host in hosts {
            let (tables, name) = match host {
                HostPattern::Exact(name) => (&mut self.exact, name),
                HostPattern::Below(name) => (&mut self.below, name),
            };
            let table = tables.entry(name.clone()).or_default();
            table.insert(methods, path, route);
        }
    }

    /// Whether a request's host plays a part at all.
    pub(crate) fn tell_hosts_apart(&self) -> bool {
        !self.exact.is_empty() || !self.below.is_empty()
    }

    /// What answers this method at the host that the headers name.
    pub(crate) fn wanted<'r>(&self, method: &'r str, headers: &HeaderMap) -> Wanted<'_, 'r> {
        let host = headers.get(HOST).filter(|_| self.tell_hosts_apart());
        let host = host.and_then(|host| host.to_str().ok()).map(canonical);
        let named = host.as_deref().map(|host| self.named(host));
        Wanted {
            method,
            named: named.unwrap_or_default(),
            host: host.map(Cow::into_owned),
            any: &self.any,
        }
    }

    fn named(&self, host: &str) -> Vec<&RouteTable> {
        // An address has no names below it.
        let dots = host.match_indices('.').filter(|_| !host.starts_with('['));
        let above = dots.filter_map(|(dot, _)| host.get(dot + 1..));
        let below = above.filter_map(|above| self.below.get(above));
        self.exact.get(host).into_iter().chain(below).collect()
    }
}

impl Wanted<'_, '_> {
    /// The route of a canonical path: a host's own, then one of those for more hosts.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        self.tables()
            .find_map(|table| table.find(self.method, path))
    }

    /// The route that would answer if capitals were the same as other letters.
    pub(crate) fn find_in_any_case(&self, path: &str) -> Option<usize> {
        self.tables()
            .find_map(|table| table.find_in_any_case(self.method, path))
    }

    /// How an explanation calls the request.
    pub(crate) fn describe(&self, path: &str) -> String {
        match &self.host {
            Some(host) => format!("`{} {path}` at `{host}`", self.method),
            None => format!("`{} {path}`", self.method),
        }
    }

    fn tables(&self) -> impl Iterator<Item = &RouteTable> {
        self.named.iter().copied().chain([self.any])
    }
}

/// The one spelling of a `Host`: in lower case, without a port and without the dot of the root.
pub(crate) fn canonical(host: &str) -> Cow<'_, str> {
    if let Some((inside, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let address: Option<Ipv6Addr> = inside.parse().ok();
        return address.map_or(Cow::Borrowed(host), |address| format!("[{address}]").into());
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for (host, expected) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.com", "api.example.com"),
            ("api.example.com:8443", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("API.example.com.:80", "api.example.com"),
            ("api.example.com..", "api.example.com."),
            ("192.0.2.1:80", "192.0.2.1"),
            ("[2001:DB8:0::1]:80", "[2001:db8::1]"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("", ""),
        ] {
            assert_eq!(canonical(host), expected, "{host}");
        }
    }

    #[test]
    fn the_most_specific_host_that_has_the_path_answers() {
        let mut tables = HostTables::default();
        let routes: [(&[&str], &str); 6] = [
            (&["api.example.com"], "/a"),
            (&["*.example.com"], "/{rest+}"),
            (&["*.b.example.com"], "/b"),
            (&[], "/a"),
            (&[], "/c"),
            (&["[2001:db8::1]", "192.0.2.1"], "/a"),
        ];
        for (index, (hosts, path)) in routes.iter().enumerate() {
            let hosts: Vec<_> = hosts
                .iter()
                .map(|host| HostPattern::parse(host).unwrap())
                .collect();
            let path = PathPattern::parse(path).unwrap();
            tables.insert(&hosts, (&Method::Any, &path), index);
        }
        for (host, path, expected) in [
            ("api.example.com", "/a", Some(0)),
            ("api.example.com", "/c", Some(1)),
            ("other.example.com", "/a", Some(1)),
            ("a.b.example.com", "/b", Some(2)),
            ("a.b.example.com", "/a", Some(1)),
            ("b.example.com", "/b", Some(1)),
            ("example.com", "/a", Some(3)),
            ("example.com", "/b", None),
            ("myexample.com", "/b", None),
            (".example.com", "/b", Some(1)),
            ("[2001:DB8::1]:80", "/a", Some(5)),
            ("192.0.2.1", "/a", Some(5)),
            ("", "/a", Some(3)),
        ] {
            let host = HeaderValue::from_str(host).unwrap();
            let headers = HeaderMap::from_iter([(HOST, host.clone())]);
            let wanted = tables.wanted("GET", &headers);
            assert_eq!(wanted.find(path), expected, "{host:?} {path}");
            assert_eq!(wanted.find_in_any_case(path), expected, "{host:?} {path}");
        }
        let wanted = tables.wanted("GET", &HeaderMap::new());
        assert_eq!(wanted.find("/a"), Some(3), "without a host");
    }
}
