use std::sync::Arc;

use http::{HeaderMap, Uri};
use portcullis::{is_this_machine, names_only};

/// The names by which a tenant may be asked.
#[derive(Clone, Debug)]
pub(crate) enum Names {
    Any,
    /// `localhost`, those below it (RFC 6761 section 6.3), the loopback addresses, and these.
    ThisMachine(Arc<[String]>),
}

impl Names {
    /// Whether only people at this machine can ask: whoever has another name for it may not be here.
    pub(crate) fn are_local(&self) -> bool {
        match self {
            Self::Any => false,
            Self::ThisMachine(others) => others.iter().all(|name| is_this_machine(name)),
        }
    }

    /// Whether every host that the request names, and there must be one, is among these.
    pub(crate) fn include(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Self::ThisMachine(others) = self else {
            return true;
        };
        let is_other = |host: &str| others.iter().any(|other| other.eq_ignore_ascii_case(host));
        names_only(uri, headers, |host| is_this_machine(host) || is_other(host))
    }
}

#[cfg(test)]
mod tests {
    use http::header::HOST;

    use super::*;

    #[test]
    fn whoever_has_a_name_of_another_machine_may_be_there() {
        for (others, expected) in [
            (&[][..], true),
            (&["localhost", "127.0.0.1"], true),
            (&["localhost", "portcullis"], false),
            (&["login.example.com"], false),
        ] {
            let names = others.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(
                Names::ThisMachine(names).are_local(),
                expected,
                "{others:?}"
            );
        }
        assert!(!Names::Any.are_local());
    }

    #[test]
    fn every_named_host_must_be_this_machine() {
        for (uri, hosts, expected) in [
            ("/", &["localhost:4000"][..], true),
            ("/", &["LOCALHOST"], true),
            ("/", &["tenant.localhost"], true),
            ("/", &["127.0.0.1:4000"], true),
            ("/", &["127.255.255.255"], true),
            ("/", &["[::1]:4000"], true),
            ("/", &["[::ffff:127.0.0.1]"], true),
            ("http://localhost/", &["localhost"], true),
            ("/", &["Portcullis:4000"], true),
            ("/", &["portcullis.evil.example"], false),
            ("/", &[], false),
            ("/", &[""], false),
            ("/", &["evil.example"], false),
            ("/", &["localhost.evil.example"], false),
            ("/", &["evillocalhost"], false),
            ("/", &["127.0.0.1.evil.example"], false),
            ("/", &["128.0.0.1"], false),
            ("/", &["[::2]"], false),
            ("/", &["localhost@evil.example"], false),
            ("/", &["local host"], false),
            ("/", &["localhost", "evil.example"], false),
            ("http://evil.example/", &["localhost"], false),
        ] {
            let headers = hosts.iter().map(|host| (HOST, host.parse().unwrap()));
            let mut map = HeaderMap::new();
            map.extend(headers.map(|(name, value)| (Some(name), value)));
            let uri: Uri = uri.parse().unwrap();
            let names = Names::ThisMachine(Arc::from(["portcullis".to_owned()]));
            let included = names.include(&uri, &map);
            assert_eq!(included, expected, "{uri} {hosts:?}");
            assert!(Names::Any.include(&uri, &map), "{uri} {hosts:?}");
        }
    }
}
