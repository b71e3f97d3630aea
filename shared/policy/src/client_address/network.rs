//! Parts of addresses: the network that stands for a client, and ranges that a user names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::canonical;
use crate::config::Node;

/// The key `ip_prefix`: the leading bits of an address that tell clients apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixes {
    /// How many bits of an IPv4 address count.
    pub v4: u8,
    /// Of an IPv6 address, of which one customer has a /64 at least.
    pub v6: u8,
}

impl Default for Prefixes {
    fn default() -> Self {
        Self { v4: 32, v6: 64 }
    }
}

impl Prefixes {
    /// Reads the key `ip_prefix` from the configuration.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        let bits = |n: Node<'_>, most: u64| {
            let bits = n.integer(0..=most)?;
            u8::try_from(bits).ok()
        };
        node.object(|fields| {
            let default = Self::default();
            let read = Self {
                v4: fields.or("v4", default.v4, |n| bits(n, 32)),
                v6: fields.or("v6", default.v6, |n| bits(n, 128)),
            };
            if read.v4 == 0 || read.v6 == 0 {
                let message = "with no bits all addresses are one client";
                fields.node().warn_unseen("ip_prefix_zero", message);
            }
            Some(read)
        })
    }
}

/// The leading bits of an address: whoever shares them is one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of an address.
    #[must_use]
    pub fn of(ip: IpAddr, prefixes: Prefixes) -> Self {
        match canonical(ip) {
            IpAddr::V4(ip) => {
                let masked = u32::from(ip) & mask_32(prefixes.v4);
                Self {
                    address: Ipv4Addr::from(masked).into(),
                    prefix: prefixes.v4,
                }
            }
            IpAddr::V6(ip) => {
                let masked = u128::from(ip) & mask_128(prefixes.v6);
                Self {
                    address: Ipv6Addr::from(masked).into(),
                    prefix: prefixes.v6,
                }
            }
        }
    }

    /// The first address of the network.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// Appends bytes that tell this network from every other.
    pub fn write(self, bytes: &mut Vec<u8>) {
        match self.address {
            IpAddr::V4(ip) => {
                bytes.extend([4, self.prefix]);
                bytes.extend(ip.octets());
            }
            IpAddr::V6(ip) => {
                bytes.extend([6, self.prefix]);
                bytes.extend(ip.octets());
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
    /// Reads a range. One of IPv4 addresses mapped or translated into IPv6 is the range of these
    /// IPv4 addresses.
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
        let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            // `parse` would take a sign.
            Some(prefix) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
                prefix.parse().map_err(|_| EXPECTED)?
            }
            Some(_) => return Err(EXPECTED),
            None => bits,
        };
        if prefix > bits {
            return Err(EXPECTED);
        }
        let embedded = prefix.checked_sub(96);
        match (address, canonical(address), embedded) {
            (IpAddr::V6(_), v4 @ IpAddr::V4(_), Some(prefix)) => Ok(Self {
                address: v4,
                prefix,
            }),
            _ => Ok(Self { address, prefix }),
        }
    }

    /// Reads a range of a configuration. One that is written with bits behind its prefix is the range
    /// that it is in, and a warning.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        let range = node.parsed(Self::parse, "an address or a range")?;
        let first = range.first();
        if first != range.address {
            let message = format_args!("this is the whole range {first}/{}", range.prefix);
            node.warn("range_host_bits", message);
        }
        Some(range)
    }

    /// Whether it has no addresses but those by which a machine reaches itself.
    pub(super) fn is_loopback(&self) -> bool {
        let bits = if self.address.is_ipv4() { 8 } else { 128 };
        self.prefix >= bits && self.address.is_loopback()
    }

    /// The first address of the range.
    fn first(self) -> IpAddr {
        match self.address {
            IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip) & mask_32(self.prefix)).into(),
            IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) & mask_128(self.prefix)).into(),
        }
    }

    /// Whether all addresses of the range are in another.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        other.prefix <= self.prefix && other.contains(self.first())
    }

    /// Whether these ranges have half of all public addresses of a family or more: whoever trusts
    /// them trusts everybody.
    #[must_use]
    pub fn cover_nearly_everybody(ranges: &[Self]) -> bool {
        let mut distinct: Vec<Self> = Vec::new();
        for range in ranges {
            if !distinct.iter().any(|other| range.is_within(other)) {
                distinct.push(*range);
            }
        }
        let (mut v4, mut v6) = (0_u64, 0_u128);
        for range in distinct {
            let size = |bits: u32| bits.saturating_sub(u32::from(range.prefix));
            match range.first() {
                IpAddr::V4(_) => {
                    v4 = v4.saturating_add(1_u64.checked_shl(size(32)).unwrap_or(u64::MAX));
                }
                // All public addresses are in 2000::/3.
                IpAddr::V6(ip) => {
                    let is_public = u128::from(ip) >> 125 == 1;
                    if range.prefix < 3 && range.contains(PUBLIC_V6.into()) {
                        return true;
                    }
                    if is_public {
                        v6 = v6.saturating_add(1_u128.checked_shl(size(128)).unwrap_or(u128::MAX));
                    }
                }
            }
        }
        v4 >= 1 << 31 || v6 >= 1 << 124
    }

    /// Whether the range has this address, in any of its spellings.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, canonical(ip)) {
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

const PUBLIC_V6: Ipv6Addr = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);

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
