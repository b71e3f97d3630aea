//! Who sent a request: the address of the client, behind however many proxies.
//!
//! A proxy knows the address of its peer. Behind other proxies that is the address of the last of
//! them, and the client's is in a header, where anybody may have written anything: only what a
//! trusted proxy has added counts. Every filter that needs an address reads the same block of
//! configuration, so that the client who is limited is the one who is recorded.

mod network;

pub use network::{IpRange, Network, Prefixes};

use std::net::{IpAddr, Ipv6Addr};

use crate::config::{Fields, Node};
use crate::http;

/// The key `client_address`: where the address of the client comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientAddress {
    source: Source,
    /// How much of an address tells clients apart.
    pub prefixes: Prefixes,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Source {
    /// The address that the proxy gives.
    #[default]
    Proxy,
    /// The so-many-th entry of `X-Forwarded-For` from the right; at least 1.
    Hops(u8),
    /// The last address on the way here that is not one of these.
    Proxies {
        trusted: Vec<IpRange>,
        /// A header in which a trusted peer names the client, by its lower-case name.
        header: Option<String>,
    },
}

impl ClientAddress {
    /// Reads the key `client_address` of a filter.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(Self::read_fields)
    }

    fn read_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let hops = fields.optional("trusted_hops").map(|n| trusted_hops(&n));
        let trusted = fields.optional("trusted_proxies").map(|n| {
            n.clone()
                .at_most(MAX_TRUSTED)
                .non_empty_list(|range| IpRange::read(&range))
                .filter(|ranges| {
                    let all = IpRange::cover_nearly_everybody(ranges);
                    if all {
                        n.reject_unseen(
                            "these ranges have half of all addresses or more: whoever is trusted \
                             names the client, so every client would choose its own address; list \
                             the ranges of your proxies",
                        );
                    }
                    if ranges.iter().all(IpRange::is_loopback) {
                        n.warn_unseen(
                            "loopback_proxy",
                            "for a peer on loopback Envoy appends an address of its own machine to \
                             X-Forwarded-For (use_remote_address), where the walk would end and all \
                             clients be one: list that address as well",
                        );
                    }
                    !all
                })
        });
        let header = fields.optional("header").map(|n| {
            let name = n.field_name()?;
            let is = |list: &str| http::folds_alike(name.as_bytes(), list.as_bytes());
            if ["x-forwarded-for", "forwarded"].into_iter().any(is) {
                n.reject(
                    "expected a header with one address, such as \"cf-connecting-ip\"; \
                     X-Forwarded-For is read without being named, and Forwarded is not read",
                );
                return None;
            }
            Some(name)
        });
        let prefixes = fields.or("ip_prefix", Prefixes::default(), |n| Prefixes::read(&n));
        if hops.is_some() && trusted.is_some() {
            fields
                .node()
                .reject_unseen(r#"either "trusted_hops" or "trusted_proxies", not both"#);
            return None;
        }
        if header.is_some() && trusted.is_none() {
            fields.node().reject_unseen(
                r#"a "header" needs "trusted_proxies": anybody else may write it too"#,
            );
            return None;
        }
        let source = match (hops, trusted) {
            (Some(hops), _) => Self::of_hops(hops?).source,
            (None, Some(trusted)) => Source::Proxies {
                trusted: trusted?,
                header: match header {
                    Some(header) => Some(header?),
                    None => None,
                },
            },
            (None, None) => Source::Proxy,
        };
        Some(Self { source, prefixes })
    }

    /// So many entries of `X-Forwarded-For` are trusted; with none, only the proxy itself.
    #[must_use]
    pub fn of_hops(hops: u8) -> Self {
        Self {
            source: match hops {
                0 => Source::Proxy,
                hops => Source::Hops(hops),
            },
            prefixes: Prefixes::default(),
        }
    }

    /// The address of the client, IPv4 wherever it is one (see [`canonical`]).
    ///
    /// `proxy` is the address that the proxy gives, `header` the value of a header by its
    /// lower-case name, several lines of it joined by commas. `None` where nobody who is trusted
    /// names an address.
    #[must_use]
    pub fn of(
        &self,
        proxy: impl FnOnce() -> Option<IpAddr>,
        header: impl Fn(&str) -> Option<String>,
    ) -> Option<IpAddr> {
        match &self.source {
            Source::Proxy => proxy().map(canonical),
            Source::Hops(hops) => {
                let index = usize::from(*hops).checked_sub(1)?;
                let forwarded = header(FORWARDED_FOR)?;
                forwarded.rsplit(',').nth(index).and_then(parse)
            }
            Source::Proxies {
                trusted,
                header: name,
            } => {
                let is_trusted = |ip: IpAddr| trusted.iter().any(|range| range.contains(ip));
                let peer = canonical(proxy()?);
                if !is_trusted(peer) {
                    return Some(peer);
                }
                if let Some(named) = name.as_deref().and_then(&header) {
                    return parse(&named);
                }
                let forwarded = header(FORWARDED_FOR).unwrap_or_default();
                let mut client = peer;
                // An empty element of a list is no element (RFC 9110 section 5.6.1).
                for hop in forwarded.rsplit(',').filter(|hop| !hop.trim().is_empty()) {
                    client = parse(hop)?;
                    if !is_trusted(client) {
                        break;
                    }
                }
                Some(client)
            }
        }
    }
}

/// Reads the number of trusted entries of `X-Forwarded-For`.
#[must_use]
pub fn trusted_hops(node: &Node<'_>) -> Option<u8> {
    let hops = node.integer(0..=16)?;
    u8::try_from(hops).ok()
}

/// Reads an address as proxies write it: `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]:567`, each with
/// spaces around it. An address of a link (`fe80::1%eth0`) is no client of anybody else.
#[must_use]
pub fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    // Nearly all are IPv4 with a port or none; the standard library's parser executes several times as much.
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    if let Some(octets) = ipv4(host) {
        return is_port(port).then(|| octets.into());
    }
    let ip = if let Ok(ip) = text.parse::<IpAddr>() {
        ip
    } else if let Some(rest) = text.strip_prefix('[') {
        let (ip, port) = rest.split_once(']')?;
        if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
            return None;
        }
        ip.parse::<Ipv6Addr>().ok()?.into()
    } else {
        let (ip, port) = text.rsplit_once(':')?;
        if !is_port(port) {
            return None;
        }
        ip.parse::<std::net::Ipv4Addr>().ok()?.into()
    };
    Some(canonical(ip))
}

/// `1.2.3.4`, as [`std::net::Ipv4Addr`] reads it.
fn ipv4(text: &str) -> Option<[u8; 4]> {
    let mut octets = [0_u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?.as_bytes();
        // `01` is one in octal to some, and nothing to others.
        if !matches!(part, [_] | [b'1'..=b'9', _] | [b'1'..=b'9', _, _]) {
            return None;
        }
        for byte in part {
            let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
            *octet = octet.checked_mul(10)?.checked_add(digit)?;
        }
    }
    parts.next().is_none().then_some(octets)
}

/// The one address that stands for all spellings of a client: IPv4 where it is mapped into IPv6
/// (`::ffff:192.0.2.1`), as sockets for both families show it, or translated (`64:ff9b::192.0.2.1`,
/// RFC 6052), as a NAT64 shows it.
#[must_use]
pub fn canonical(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    match v6.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => IpAddr::from([a, b, c, d]),
        _ => ip,
    }
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

const FORWARDED_FOR: &str = "x-forwarded-for";
const MAX_TRUSTED: usize = 256;

#[cfg(test)]
mod tests;
