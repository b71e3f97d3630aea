//! Hosts that are addresses, in the spellings that servers take for one.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The usual spellings of the address that a host may be, for a host in lower case, without port and
/// brackets. None for a name.
///
/// `inet_aton` and the URLs of browsers have `127.1`, `0x7f000001`, `2130706433` and `0177.0.0.1` as
/// 127.0.0.1; others read `010.0.0.1` as 10.0.0.1 and not as 8.0.0.1, so it has two.
pub(crate) fn spellings(host: &str) -> Vec<String> {
    if host.contains(':') {
        let Ok(ip) = host.parse::<Ipv6Addr>() else {
            return Vec::new();
        };
        let v4 = ip.to_ipv4_mapped().map(|v4| v4.to_string());
        return std::iter::once(ip.to_string()).chain(v4).collect();
    }
    let mut found: Vec<String> = Vec::new();
    for zero_is_octal in [true, false] {
        if let Some(ip) = v4(host, zero_is_octal) {
            let text = ip.to_string();
            if !found.contains(&text) {
                found.push(text);
            }
        }
    }
    found
}

/// One to four numbers, of which the last stands for all bytes that are left.
fn v4(host: &str, zero_is_octal: bool) -> Option<Ipv4Addr> {
    if !host.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let mut bytes_left = 4_u32;
    let mut address = 0_u64;
    let mut parts = host.split('.').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let taken = if is_last { bytes_left } else { 1 };
        bytes_left = bytes_left.checked_sub(1)?;
        let bits = taken.checked_mul(8)?;
        let value = number(part, zero_is_octal)?;
        if bits == 0 || value.checked_shr(bits)? != 0 {
            return None;
        }
        address = address.checked_shl(bits)? | value;
    }
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

fn number(text: &str, zero_is_octal: bool) -> Option<u64> {
    let (digits, radix) = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(""), _) => ("0", 16),
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if zero_is_octal && !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    // A sign is no digit.
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, radix).ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::spellings;

    #[test]
    fn addresses_are_known_in_all_spellings() {
        for (host, expected) in [
            ("127.0.0.1", &["127.0.0.1"][..]),
            ("127.1", &["127.0.0.1"]),
            ("127.0.1", &["127.0.0.1"]),
            ("2130706433", &["127.0.0.1"]),
            ("0x7f000001", &["127.0.0.1"]),
            ("0x7f.1", &["127.0.0.1"]),
            ("0x7f.0.0.0x1", &["127.0.0.1"]),
            ("0177.0.0.1", &["127.0.0.1", "177.0.0.1"]),
            ("127.000.000.001", &["127.0.0.1"]),
            ("010.0.0.1", &["8.0.0.1", "10.0.0.1"]),
            ("08.0.0.1", &["8.0.0.1"]),
            ("4294967295", &["255.255.255.255"]),
            ("0x", &["0.0.0.0"]),
            ("4294967296", &[]),
            ("256.0.0.1", &[]),
            ("1.2.3.256", &[]),
            ("1.2.3.4.5", &[]),
            ("1.2.3.4.", &[]),
            ("127..1", &[]),
            ("+1", &[]),
            ("1.+1", &[]),
            ("0x0x1", &[]),
            ("", &[]),
            ("1.example.com", &[]),
            ("abc", &[]),
            ("99999999999999999999999", &[]),
            ("0:0:0:0:0:0:0:1", &["::1"]),
            ("::1", &["::1"]),
            ("2001:db8::0:1", &["2001:db8::1"]),
            ("::ffff:7f00:1", &["::ffff:127.0.0.1", "127.0.0.1"]),
            ("fe80::1%eth0", &[]),
            ("api:8080", &[]),
        ] {
            assert_eq!(spellings(host), expected, "{host}");
        }
    }
}
