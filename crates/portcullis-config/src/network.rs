use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A range of addresses: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Neither an address nor an address, a slash and a number of bits that it has.
    #[error("not an address or a range such as `10.0.0.0/8`")]
    Syntax,
    /// Bits after the prefix are set: the range or the address is not what was meant.
    #[error("has bits set after its prefix")]
    HostBits,
}

impl Network {
    /// Whether the range holds `address`. An IPv4 address in IPv6 form counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && masked(address, self.prefix) == masked(self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Syntax)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = bits.map_or(Ok(longest), |bits| parse_prefix(bits, longest))?;
        if masked(address, prefix) == masked(address, longest) {
            Ok(Self { address, prefix })
        } else {
            Err(NetworkError::HostBits)
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn parse_prefix(bits: &str, longest: u8) -> Result<u8, NetworkError> {
    let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = if digits { bits.parse().ok() } else { None };
    prefix
        .filter(|prefix| *prefix <= longest)
        .ok_or(NetworkError::Syntax)
}

/// The address with all bits after the first `prefix` cleared.
fn masked(address: IpAddr, prefix: u8) -> u128 {
    let (bits, length) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let dropped = u32::from(u8::saturating_sub(length, prefix));
    let prefix = bits.checked_shr(dropped).unwrap_or_default();
    prefix.checked_shl(dropped).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_or_a_range() {
        for (text, expected) in [
            ("10.0.0.0/8", Ok("10.0.0.0/8")),
            ("10.1.2.3", Ok("10.1.2.3/32")),
            ("0.0.0.0/0", Ok("0.0.0.0/0")),
            ("fd00::/8", Ok("fd00::/8")),
            ("::1", Ok("::1/128")),
            ("::/0", Ok("::/0")),
            ("10.0.0.1/8", Err(NetworkError::HostBits)),
            ("fd00::1/8", Err(NetworkError::HostBits)),
            ("10.0.0.0/33", Err(NetworkError::Syntax)),
            ("::/129", Err(NetworkError::Syntax)),
            ("10.0.0.0/", Err(NetworkError::Syntax)),
            ("10.0.0.0/+8", Err(NetworkError::Syntax)),
            ("10.0.0.0/256", Err(NetworkError::Syntax)),
            ("10.0.0", Err(NetworkError::Syntax)),
            ("localhost", Err(NetworkError::Syntax)),
            ("", Err(NetworkError::Syntax)),
        ] {
            let network = text.parse::<Network>().map(|network| network.to_string());
            assert_eq!(network, expected.map(str::to_owned), "{text:?}");
        }
    }

    #[test]
    fn a_range_ends_where_its_prefix_says() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("0.0.0.0/0", "255.1.2.3", true),
            ("0.0.0.0/0", "::2", false),
            ("::/0", "10.0.0.1", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
        ] {
            let range: Network = network.parse().unwrap();
            assert_eq!(
                range.contains(address.parse().unwrap()),
                inside,
                "{address} in {network}"
            );
        }
    }
}
