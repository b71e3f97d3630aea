//! Pseudonyms (GDPR article 4(5)): the same value has the same name everywhere, and only who holds
//! the key can tell whose it is.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Makes pseudonyms with HMAC-SHA-256. A plain hash would be undone by hashing every number that a
/// card or a phone can have.
#[derive(Clone)]
pub struct Pseudonymizer {
    keyed: Hmac<Sha256>,
}

impl std::fmt::Debug for Pseudonymizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonymizer(...)")
    }
}

impl Pseudonymizer {
    /// With a key, for one domain: the pseudonyms of different domains cannot be joined.
    #[must_use]
    pub fn new(key: &[u8], domain: &str) -> Self {
        // HMAC takes keys of any length; the error exists for other constructions.
        let mut keyed = Hmac::<Sha256>::new_from_slice(key)
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&[0; 64].into()));
        keyed.update(b"meshward.pii-redactor\0");
        keyed.update(domain.as_bytes());
        keyed.update(&[0]);
        Self { keyed }
    }

    /// `EMAIL_` and 128 bits in base 32. The kind is part of what is hashed, so a number that is both
    /// an account and a phone has two names. What is a pseudonym already stays.
    #[must_use]
    pub fn pseudonym(&self, label: &str, value: &str) -> String {
        if is_pseudonym(label, value) {
            return value.to_owned();
        }
        let mut mac = self.keyed.clone();
        mac.update(label.as_bytes());
        mac.update(&[0]);
        mac.update(normal(value).as_bytes());
        let digest = mac.finalize().into_bytes();
        format!("{label}_{}", base32(digest.get(..16).unwrap_or_default()))
    }
}

/// The least number of bytes that a key has.
pub const MIN_KEY_BYTES: usize = 32;

/// Spellings of one value: case, percent-encoding, the forms of an IPv6 address, and between digits spaces, dashes
/// and the like, make no difference.
fn normal(value: &str) -> String {
    let decoded = value
        .contains('%')
        .then(|| String::from_utf8(crate::bytes::percent_decoded(value.as_bytes())).ok());
    let decoded = decoded.flatten();
    let value = decoded.as_deref().unwrap_or(value);
    let address = value.contains(':').then(|| value.trim().parse().ok());
    let address = address
        .flatten()
        .map(|address: Ipv6Addr| address.to_canonical().to_string());
    let value = address.as_deref().unwrap_or(value);
    let value = value.trim();
    // `1.11.1.1` and `11.1.1.1` are two addresses.
    if value.parse::<Ipv4Addr>().is_ok() {
        return value.to_owned();
    }
    let has_digits = value.bytes().any(|byte| byte.is_ascii_digit()) && !value.contains('@');
    let is_joined =
        |character: &char| !has_digits || character.is_alphanumeric() || !character.is_ascii();
    // And `1.11.1970` is another day than `11.1.1970`.
    let day = day_of_full_width(value);
    let value = day.as_deref().unwrap_or(value);
    value
        .chars()
        .filter(is_joined)
        .flat_map(char::to_lowercase)
        .collect()
}

/// A day in three numbers, each of two digits at least.
fn day_of_full_width(value: &str) -> Option<String> {
    let sign = value
        .chars()
        .find(|character| !character.is_ascii_digit())?;
    let numbers: Vec<&str> = value.split(sign).collect();
    let is_number =
        |number: &&str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (matches!(sign, '.' | '-' | '/') && numbers.len() == 3 && numbers.iter().all(is_number)).then(
        || {
            numbers
                .iter()
                .map(|number| format!("{number:0>2}"))
                .collect()
        },
    )
}

/// Where the letters of a pseudonym begin that a text ends with; before them is an underscore.
pub(crate) fn code_start(text: &[u8]) -> Option<usize> {
    let start = text.len().checked_sub(ENCODED_BYTES)?;
    let (kind, code) = text.split_at_checked(start)?;
    let is_code = kind.ends_with(b"_") && code.iter().all(|byte| ALPHABET.contains(byte));
    is_code.then_some(start)
}

fn is_pseudonym(label: &str, value: &str) -> bool {
    let rest = value
        .strip_prefix(label)
        .and_then(|rest| rest.strip_prefix('_'));
    rest.is_some_and(|rest| {
        rest.len() == ENCODED_BYTES && rest.bytes().all(|byte| ALPHABET.contains(&byte))
    })
}

/// RFC 4648 section 6, small letters, without padding.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(ENCODED_BYTES);
    let mut pending = 0_u32;
    let mut bits = 0_u32;
    let mut letter = |value: u32| {
        let index = usize::try_from(value & 31).unwrap_or(0);
        text.push(ALPHABET.get(index).map_or('a', |byte| char::from(*byte)));
    };
    for byte in bytes {
        pending = pending << 8 | u32::from(*byte);
        bits = bits.wrapping_add(8);
        while bits >= 5 {
            bits = bits.wrapping_sub(5);
            letter(pending >> bits);
        }
        pending &= (1_u32 << bits).wrapping_sub(1);
    }
    if bits > 0 {
        letter(pending << 5_u32.wrapping_sub(bits));
    }
    text
}

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const ENCODED_BYTES: usize = 26;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_one_name_in_one_domain() {
        let one = Pseudonymizer::new(&[7; 32], "a");
        let other = Pseudonymizer::new(&[7; 32], "b");
        let name = one.pseudonym("EMAIL", "Jane@Example.com");
        assert_eq!(name, one.pseudonym("EMAIL", "jane@example.com"));
        assert_ne!(name, other.pseudonym("EMAIL", "jane@example.com"));
        assert_ne!(name, one.pseudonym("EMAIL", "joe@example.com"));
        assert!(name.starts_with("EMAIL_") && name.len() == 32, "{name}");
        assert_eq!(one.pseudonym("EMAIL", &name), name, "twice");
        assert_eq!(
            one.pseudonym("CREDIT_CARD", "4111 1111 1111 1111"),
            one.pseudonym("CREDIT_CARD", "4111-1111-1111-1111")
        );
        for (label, value, same) in [
            ("EMAIL", "jane@example.com", "jane%40example.com"),
            ("IP_ADDRESS", "2001:db8::1", "2001:DB8:0:0:0:0:0:1"),
            ("IP_ADDRESS", "10.1.2.3", "::ffff:10.1.2.3"),
        ] {
            assert_eq!(one.pseudonym(label, value), one.pseudonym(label, same));
        }
        for (label, value, other) in [
            ("IP_ADDRESS", "1.11.1.1", "11.1.1.1"),
            ("PERSON_DATE", "1.11.1970", "11.1.1970"),
        ] {
            assert_ne!(one.pseudonym(label, value), one.pseudonym(label, other));
        }
        assert_eq!(
            one.pseudonym("PERSON_DATE", "1.11.1970"),
            one.pseudonym("PERSON_DATE", "01.11.1970")
        );
        assert_ne!(one.pseudonym("A", "1"), one.pseudonym("B", "1"));
        assert_eq!(base32(b"foobar"), "mzxw6ytboi", "RFC 4648 section 10");
    }
}
