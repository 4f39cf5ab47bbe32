//! Which addresses a provider's documents may come from.
//!
//! A `jwks_uri` is chosen by whoever writes the discovery document. It must not lead to the
//! metadata service of the machine's cloud, which gives credentials to anybody on the machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Amazon's metadata service over IPv6, which is not link-local.
const AMAZON_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
/// Alibaba's metadata service, which is not link-local either.
const ALIBABA_METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);

/// The host names and addresses that may be link-local, in lower case.
#[derive(Clone, Debug, Default)]
pub(super) struct AllowedHosts(Arc<[String]>);

/// A name of which all addresses are link-local.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to link-local addresses only")]
struct LinkLocalName;

impl AllowedHosts {
    pub(super) fn new(hosts: impl IntoIterator<Item = String>) -> Self {
        let lower = |host: String| host.to_ascii_lowercase();
        Self(hosts.into_iter().map(lower).collect())
    }

    /// Whether the host of `url`, where it is an address and not a name, may be asked.
    pub(super) fn allows(&self, url: &Url) -> bool {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return true,
        };
        !is_link_local(address) || url.host_str().is_some_and(|host| self.contains(host))
    }

    fn contains(&self, host: &str) -> bool {
        self.0.iter().any(|allowed| allowed == host)
    }

    fn select(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, LinkLocalName> {
        if self.contains(host) {
            return Ok(found);
        }
        let good: Vec<_> = found
            .into_iter()
            .filter(|address| !is_link_local(address.ip()))
            .collect();
        if good.is_empty() {
            Err(LinkLocalName)
        } else {
            Ok(good)
        }
    }
}

impl Resolve for AllowedHosts {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_ascii_lowercase();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let good = allowed.select(&host, found)?;
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// RFC 3927 and RFC 4291 section 2.5.6, and the metadata services that stand elsewhere.
fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local() || address == ALIBABA_METADATA,
        IpAddr::V6(address) => address.is_unicast_link_local() || address == AMAZON_METADATA,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_refused_however_they_are_written() {
        let allowed = AllowedHosts::default();
        for (url, expected) in [
            ("https://issuer.example/", true),
            ("https://127.0.0.1/", true),
            ("https://10.0.0.1/", true),
            ("https://169.253.255.255/", true),
            ("https://169.254.169.254/", false),
            ("https://169.254.0.0/", false),
            ("https://2852039166/", false),
            ("https://[::ffff:169.254.169.254]/", false),
            ("https://[fe80::1]/", false),
            ("https://[febf::1]/", false),
            ("https://[fec0::1]/", true),
            ("https://[fd00:ec2::254]/", false),
            ("https://100.100.100.200/", false),
            ("https://100.100.100.201/", true),
        ] {
            assert_eq!(allowed.allows(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn a_name_is_only_as_good_as_its_addresses() {
        let [good, bad] = ["192.0.2.1:0", "169.254.169.254:0"].map(|text| text.parse().unwrap());
        let allowed = AllowedHosts::new(["Metadata.example".to_owned()]);
        for (host, found, expected) in [
            ("issuer.example", vec![good], Some(vec![good])),
            ("issuer.example", vec![bad, good], Some(vec![good])),
            ("issuer.example", vec![bad], None),
            ("issuer.example", vec![], None),
            ("metadata.example", vec![bad], Some(vec![bad])),
        ] {
            let selected = allowed.select(host, found.clone()).ok();
            assert_eq!(selected, expected, "{host}: {found:?}");
        }
        let url = Url::parse("https://169.254.1.1/").unwrap();
        assert!(AllowedHosts::new(["169.254.1.1".to_owned()]).allows(&url));
    }
}
