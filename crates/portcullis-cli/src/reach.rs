use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where programs on this machine reach what listens on `address`.
///
/// Whoever listens on all addresses has the loopback one too, and nobody else can have it then.
pub(crate) fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_reached_by_the_loopback_one() {
        for (address, expected) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:2", "[::1]:2"),
            ("127.0.0.2:3", "127.0.0.2:3"),
            ("192.0.2.1:4", "192.0.2.1:4"),
        ] {
            let reached = from_here(address.parse().unwrap());
            assert_eq!(reached.to_string(), expected, "{address}");
        }
    }
}
