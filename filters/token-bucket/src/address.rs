//! Addresses of clients: where they come from, how much of them counts, and ranges of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use host::Host;

use crate::lazy::LazyRequest;

/// Where addresses come from and how much of them counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRules {
    /// Leading bits of an IPv4 address that count.
    pub v4_prefix: u8,
    /// Leading bits of an IPv6 address that count: one client has a /64 at least.
    pub v6_prefix: u8,
    /// 0: the address that the proxy gives. Else the so-many-th entry of `X-Forwarded-For`,
    /// counted from the right, where the proxies in front append.
    pub trusted_hops: u8,
}

/// The client's address.
#[must_use]
pub fn client_address(
    host: &dyn Host,
    request: &LazyRequest<'_>,
    trusted_hops: u8,
) -> Option<IpAddr> {
    if trusted_hops == 0 {
        // nginx hosts know it by another name.
        let address = host
            .property(&["source", "address"])
            .or_else(|_| host.property(&["remote_addr"]))
            .ok()?;
        return parse_address(std::str::from_utf8(&address).ok()?);
    }
    let forwarded = request.get().header(host, "x-forwarded-for")?;
    let index = usize::from(trusted_hops).checked_sub(1)?;
    forwarded
        .rsplit(',')
        .nth(index)
        .and_then(|entry| parse_address(entry.trim()))
}

/// Reads `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]:567`.
fn parse_address(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']')?.0.parse().ok();
    }
    text.rsplit_once(':')?.0.parse().ok()
}

/// The leading bits of an address, with its family before them. An IPv4-mapped IPv6 address stays
/// IPv6, but whole: under one prefix all of them would be one client.
pub(crate) fn network(ip: IpAddr, addresses: AddressRules) -> Network {
    match ip {
        IpAddr::V4(ip) => {
            let masked = u32::from(ip) & mask_32(addresses.v4_prefix);
            Network {
                address: Ipv4Addr::from(masked).into(),
                prefix: addresses.v4_prefix,
            }
        }
        IpAddr::V6(ip) => {
            let prefix = if ip.to_ipv4_mapped().is_some() {
                128
            } else {
                addresses.v6_prefix
            };
            let masked = u128::from(ip) & mask_128(prefix);
            Network {
                address: Ipv6Addr::from(masked).into(),
                prefix,
            }
        }
    }
}

fn mask_32(prefix: u8) -> u32 {
    u32::MAX
        .checked_shl(32_u32.saturating_sub(u32::from(prefix)))
        .unwrap_or(0)
}

fn mask_128(prefix: u8) -> u128 {
    u128::MAX
        .checked_shl(128_u32.saturating_sub(u32::from(prefix)))
        .unwrap_or(0)
}

/// The part of an address that counts: who has the same is one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Writes what makes it different from every other.
    pub(crate) fn write(self, key: &mut Vec<u8>) {
        match self.address {
            IpAddr::V4(ip) => {
                key.extend([4, self.prefix]);
                key.extend(ip.octets());
            }
            IpAddr::V6(ip) => {
                key.extend([6, self.prefix]);
                key.extend(ip.octets());
            }
        }
    }
}

/// `192.0.2.1`, or `2001:db8::/64` where a part is cut off.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        if self.prefix == whole {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange {
    address: IpAddr,
    prefix: u8,
}

impl IpRange {
    /// Reads a range.
    ///
    /// # Errors
    /// Not an address, or a prefix that its family does not have.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = r#"expected an address or a range such as "10.0.0.0/8""#;
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| EXPECTED)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| EXPECTED)?,
            None => bits,
        };
        if prefix > bits {
            Err(EXPECTED)
        } else {
            Ok(Self { address, prefix })
        }
    }

    /// Whether the range has this address. An IPv4-mapped address belongs to the IPv4 range too.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(range), IpAddr::V4(ip)) => {
                (u32::from(range) ^ u32::from(ip)) & mask_32(self.prefix) == 0
            }
            (IpAddr::V6(range), IpAddr::V6(ip)) => {
                (u128::from(range) ^ u128::from(ip)) & mask_128(self.prefix) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: AddressRules = AddressRules {
        v4_prefix: 32,
        v6_prefix: 64,
        trusted_hops: 0,
    };

    fn ip(text: &str) -> IpAddr {
        parse_address(text).unwrap()
    }

    #[test]
    fn reads_addresses_as_proxies_write_them() {
        for (text, expected) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4:567", "1.2.3.4"),
            ("::1", "::1"),
            ("[::1]:567", "::1"),
            ("[2001:db8::1]", "2001:db8::1"),
        ] {
            assert_eq!(ip(text).to_string(), expected);
        }
        for text in ["", "x", "1.2.3", "[::1", "/tmp/socket", "1.2.3.4:5:6"] {
            assert_eq!(parse_address(text), None, "{text}");
        }
    }

    #[test]
    fn neighbours_in_a_network_are_one_client() {
        let same = |left, right| network(ip(left), DEFAULT) == network(ip(right), DEFAULT);
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(!same("1.2.3.4", "1.2.3.5"));
        assert!(!same("::ffff:1.2.3.4", "::ffff:1.2.3.5"));
        assert!(!same("1.2.3.4", "::ffff:1.2.3.4"));
        let text = |address| network(ip(address), DEFAULT).to_string();
        assert_eq!(text("1.2.3.4"), "1.2.3.4");
        assert_eq!(text("2001:db8::1"), "2001:db8::/64");
    }

    #[test]
    fn ranges_contain() {
        let contains = |range, address| IpRange::parse(range).unwrap().contains(ip(address));
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(contains("0.0.0.0/0", "1.2.3.4"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("192.0.2.7", "192.0.2.7"));
        assert!(contains("2001:db8::/32", "2001:db8:ffff::1"));
        for range in [
            "10.0.0.0/33",
            "10.0.0/8",
            "x",
            "10.0.0.0/-1",
            "::/129",
            "10.0.0.0/",
        ] {
            assert!(IpRange::parse(range).is_err(), "{range}");
        }
    }
}
