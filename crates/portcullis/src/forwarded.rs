use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;

/// As much of an IPv6 address as one customer has at least, who may use all of the rest.
const IPV6_PREFIX: u32 = 64;

/// Whose request it is: the peer's, or that of the last one in `X-Forwarded-For` who is no proxy
/// of ours.
///
/// What stands before that address may be invented. An entry that is no address ends the list, and
/// its proxy stands for whoever it has served. An IPv4 address in IPv6 form is the IPv4 address.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use std::net::IpAddr;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6, 198.51.100.7"));
/// let [proxy, stranger]: [IpAddr; 2] = [[10, 0, 0, 1].into(), [192, 0, 2, 1].into()];
/// let is_proxy = |address| address == proxy;
/// let caller: IpAddr = [198, 51, 100, 7].into();
/// assert_eq!(portcullis::caller_address(proxy, &headers, is_proxy), caller);
/// assert_eq!(portcullis::caller_address(stranger, &headers, is_proxy), stranger);
/// ```
pub fn caller_address(
    peer: IpAddr,
    headers: &HeaderMap,
    is_proxy: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut known = peer;
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_proxy(known)
        && let Some(next) = entries.next().and_then(address)
    {
        known = next;
    }
    known.to_canonical()
}

/// The address, or as much of it as stands for one customer: 64 bits of IPv6.
///
/// ```
/// use std::net::IpAddr;
///
/// let address: IpAddr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
/// assert_eq!(portcullis::caller_network(address).to_string(), "2001:db8:1:2::");
/// ```
pub fn caller_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(whole) => {
            let mask = !(u128::MAX >> IPV6_PREFIX);
            Ipv6Addr::from_bits(whole.to_bits() & mask).into()
        }
    }
}

/// `192.0.2.1`, `2001:db8::1`, and each with a port, as some proxies write it.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let with_port = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    text.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_last_one_who_is_no_proxy_of_ours_is_the_caller() {
        let trusts = |address: IpAddr| address.to_string().starts_with("10.");
        for (name, peer, lines, expected) in [
            (
                "a stranger's word",
                "192.0.2.1",
                &["198.51.100.7"][..],
                "192.0.2.1",
            ),
            (
                "a proxy's word",
                "10.0.0.1",
                &["198.51.100.7"],
                "198.51.100.7",
            ),
            ("a proxy without a word", "10.0.0.1", &[], "10.0.0.1"),
            (
                "two proxies",
                "10.0.0.1",
                &["198.51.100.7, 10.0.0.2"],
                "198.51.100.7",
            ),
            (
                "on two lines",
                "10.0.0.1",
                &["6.6.6.6", "198.51.100.7,10.0.0.2"],
                "198.51.100.7",
            ),
            (
                "an invented beginning",
                "10.0.0.1",
                &["10.6.6.6, 198.51.100.7"],
                "198.51.100.7",
            ),
            (
                "proxies only",
                "10.0.0.1",
                &["10.0.0.3, 10.0.0.2"],
                "10.0.0.3",
            ),
            (
                "no address",
                "10.0.0.1",
                &["198.51.100.7, unknown"],
                "10.0.0.1",
            ),
            (
                "an empty entry",
                "10.0.0.1",
                &["198.51.100.7, "],
                "10.0.0.1",
            ),
            ("a port", "10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            (
                "IPv6 and a port",
                "10.0.0.1",
                &["[2001:db8::1]:4711"],
                "2001:db8::1",
            ),
            ("IPv4 as IPv6", "::ffff:192.0.2.1", &[], "192.0.2.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", HeaderValue::from_static(line));
            }
            let found = caller_address(peer.parse().unwrap(), &headers, trusts);
            assert_eq!(found.to_string(), expected, "{name}");
        }
    }

    #[test]
    fn a_customer_has_one_address_or_64_bits_of_them() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:3::", "2001:db8:1:3::"),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(caller_network(address).to_string(), expected);
        }
    }
}
