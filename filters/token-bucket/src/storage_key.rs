//! The storage keys of sets.
//!
//! One host (ngx_wasm_module) compares keys by their CRC-32 alone, so names are made such that no
//! two have the same. Within a table they differ in their last four bytes only, and a CRC-32 tells
//! any two such names apart; between tables it is checked.

/// The names of the sets of one table.
#[derive(Clone, Debug)]
pub struct StorageKeys {
    prefix: String,
    checksum: u32,
}

impl StorageKeys {
    /// Names that begin with `prefix`.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self {
            checksum: crc_32_state(prefix.as_bytes()),
            prefix: prefix.to_owned(),
        }
    }

    /// What the names begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A checksum of the prefix.
    #[must_use]
    pub const fn checksum(&self) -> u32 {
        self.checksum
    }

    /// The name of a set: the prefix and four digits.
    #[must_use]
    pub fn of(&self, set: u32) -> String {
        let mut name = String::with_capacity(self.prefix.len().saturating_add(DIGITS));
        name.push_str(&self.prefix);
        name.extend(digits(set).map(char::from));
        name
    }
}

/// Whether no set of the one table has the CRC-32 of a set of the other.
///
/// The state of a CRC-32 after four more bytes is a bijection of (state before XOR these bytes). So
/// two names collide exactly when the XOR of their digits is the XOR of the states of their
/// prefixes. It is enough to look whether any two digits can give each byte of that.
#[must_use]
pub fn cannot_collide(
    (left, left_sets): (&StorageKeys, u32),
    (right, right_sets): (&StorageKeys, u32),
) -> bool {
    let difference = (left.checksum ^ right.checksum).to_le_bytes();
    let highest = |sets: u32| sets.saturating_sub(1);
    let places = SHIFTS.into_iter().zip(difference);
    let possible = |(shift, byte): (u32, u8)| {
        let used = |sets: u32| (highest(sets) >> shift).min(DIGIT_MASK);
        let (left, right) = (used(left_sets), used(right_sets));
        (0..=left).any(|a| (0..=right).any(|b| digit(a) ^ digit(b) == byte))
    };
    !{ places }.all(possible)
}

/// Six bits each, the lowest first.
fn digits(set: u32) -> [u8; DIGITS] {
    SHIFTS.map(|shift| digit(set >> shift))
}

/// Any 64 characters in a row do: `0` to `o`.
fn digit(value: u32) -> u8 {
    u8::try_from(value & DIGIT_MASK)
        .unwrap_or(0)
        .saturating_add(b'0')
}

/// CRC-32 (ISO-HDLC, as in zlib) before its last inversion.
fn crc_32_state(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

const DIGITS: usize = 4;
const SHIFTS: [u32; DIGITS] = [0, 6, 12, 18];
const DIGIT_MASK: u32 = 63;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(!crc_32_state(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn no_two_sets_of_a_table_collide() {
        let names = StorageKeys::new("meshward/token-bucket/per-client/0123456789abcdef/");
        let sums: HashSet<u32> = (0..65_536)
            .map(|set| crc_32_state(names.of(set).as_bytes()))
            .collect();
        assert_eq!(sums.len(), 65_536);
        assert!(names.of(0).ends_with("/0000") && names.of(1 << 20).ends_with("/0004"));
    }

    #[test]
    fn tables_that_could_collide_are_noticed() {
        let sums = |names: &StorageKeys, sets: u32| -> HashSet<u32> {
            (0..sets)
                .map(|set| crc_32_state(names.of(set).as_bytes()))
                .collect()
        };
        let (mut like, mut collisions) = (0, 0);
        let one = StorageKeys::new("meshward/token-bucket/a/0/");
        let of_one = sums(&one, 5_000);
        for number in 0..300 {
            let other = StorageKeys::new(&format!("meshward/token-bucket/b/{number}/"));
            let collides = !of_one.is_disjoint(&sums(&other, 700));
            let apart = cannot_collide((&one, 5_000), (&other, 700));
            assert!(!(collides && apart), "{number}");
            collisions += u32::from(collides);
            like += u32::from(!apart);
        }
        assert!(
            like < 100,
            "{like} of 300 prefixes are refused for {collisions} collisions"
        );
        assert!(!cannot_collide((&one, 16), (&one, 16)));
    }
}
