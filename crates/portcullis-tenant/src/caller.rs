//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::Extensions;

/// Who sends a request, as far as it can be known.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The address of the connection, or its network; empty where the server does not tell it.
    pub(crate) ip: String,
}

impl Caller {
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let address = extensions.get::<ConnectInfo<SocketAddr>>();
        Self {
            ip: address.map_or_else(String::new, |info| counted(info.0.ip())),
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
