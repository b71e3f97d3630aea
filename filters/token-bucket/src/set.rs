//! One set of the table: up to sixteen buckets in one shared value.
//!
//! Layout, little-endian: version, three zero bytes, checksum of the rest (32 bits), floor (64
//! bits), then for each bucket its fingerprint and its TAT (64 bits each). The checksum is against
//! torn reads, which one host allows, not against an attacker: only filters write here.

use crate::gcra::{Gcra, Verdict};

/// The buckets that share a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// No newcomer starts below this TAT: an evicted bucket can come back only as full as it was.
    floor_ns: u64,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    fingerprint: u64,
    tat_ns: u64,
}

/// The stored bytes are not a set of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The verdict of the bucket.
    pub verdict: Verdict,
    /// The state of the bucket: after the request when it was admitted, else as it was.
    pub tat_ns: u64,
    /// A live bucket had to go to make room.
    pub overflow: bool,
}

impl Set {
    /// Reads a stored set; nothing stored is an empty one.
    ///
    /// # Errors
    /// Anything that [`Set::to_bytes`] does not write.
    pub fn parse(bytes: &[u8]) -> Result<Self, Corrupt> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let (header, rest) = bytes.split_first_chunk::<8>().ok_or(Corrupt)?;
        let [version, 0, 0, 0, c0, c1, c2, c3] = *header else {
            return Err(Corrupt);
        };
        if version != VERSION || u32::from_le_bytes([c0, c1, c2, c3]) != checksum(rest) {
            return Err(Corrupt);
        }
        let (floor, entries) = rest.split_first_chunk::<8>().ok_or(Corrupt)?;
        let (entries, left) = entries.as_chunks::<16>();
        if !left.is_empty() || entries.len() > WAYS {
            return Err(Corrupt);
        }
        let entries = entries.iter().map(|entry| {
            let (fingerprint, tat) = entry.split_first_chunk::<8>().ok_or(Corrupt)?;
            Ok(Entry {
                fingerprint: u64::from_le_bytes(*fingerprint),
                tat_ns: u64::from_le_bytes(tat.try_into().map_err(|_| Corrupt)?),
            })
        });
        Ok(Self {
            floor_ns: u64::from_le_bytes(*floor),
            entries: entries.collect::<Result<_, _>>()?,
        })
    }

    /// A set that admits nobody before `now_ns` plus one window: what takes the place of a corrupt
    /// one, since nobody can tell what was admitted already.
    #[must_use]
    pub fn distrusted(gcra: &Gcra, now_ns: u64) -> Self {
        let window_ns = u64::try_from(gcra.window().as_nanos()).unwrap_or(u64::MAX);
        Self {
            floor_ns: now_ns.saturating_add(window_ns),
            entries: Vec::new(),
        }
    }

    /// Writes the set.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut rest = self.floor_ns.to_le_bytes().to_vec();
        for entry in &self.entries {
            rest.extend(entry.fingerprint.to_le_bytes());
            rest.extend(entry.tat_ns.to_le_bytes());
        }
        let mut bytes = vec![VERSION, 0, 0, 0];
        bytes.extend(checksum(&rest).to_le_bytes());
        bytes.extend(rest);
        bytes
    }

    /// Decides about a request and, when it passes, changes the set.
    pub fn take(&mut self, fingerprint: u64, gcra: &Gcra, now_ns: u64, cost: u64) -> Taken {
        let tat_ns = self.tat_ns(fingerprint);
        let verdict = gcra.decide(tat_ns, now_ns, cost);
        let Verdict::Admit { tat_ns: new_tat_ns } = verdict else {
            return Taken {
                verdict,
                tat_ns,
                overflow: false,
            };
        };
        let overflow = self.put(
            Entry {
                fingerprint,
                tat_ns: new_tat_ns,
            },
            now_ns,
        );
        Taken {
            verdict,
            tat_ns: new_tat_ns,
            overflow,
        }
    }

    /// Gives a request's cost back if nothing has happened to its bucket since; later requests may
    /// have been measured against it otherwise. Whether the set has changed.
    pub fn give_back(&mut self, fingerprint: u64, taken_tat_ns: u64, before_tat_ns: u64) -> bool {
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.fingerprint == fingerprint);
        match entry {
            Some(entry) if entry.tat_ns == taken_tat_ns => {
                entry.tat_ns = before_tat_ns;
                true
            }
            _ => false,
        }
    }

    /// The state of a bucket.
    #[must_use]
    pub fn tat_ns(&self, fingerprint: u64) -> u64 {
        let known = self
            .entries
            .iter()
            .find(|entry| entry.fingerprint == fingerprint);
        known.map_or(self.floor_ns, |entry| entry.tat_ns)
    }

    /// Stores a bucket; whether a live one had to go.
    fn put(&mut self, entry: Entry, now_ns: u64) -> bool {
        if let Some(known) = self
            .entries
            .iter_mut()
            .find(|known| known.fingerprint == entry.fingerprint)
        {
            known.tat_ns = entry.tat_ns;
            return false;
        }
        if self.entries.len() < WAYS {
            self.entries.push(entry);
            return false;
        }
        // The bucket that is nearest to full loses least. One whose TAT has passed is full: it is
        // the same as an absent one, and replacing it loses nothing.
        let Some(victim) = self.entries.iter_mut().min_by_key(|entry| entry.tat_ns) else {
            return false;
        };
        let live = victim.tat_ns > now_ns;
        if live {
            self.floor_ns = self.floor_ns.max(victim.tat_ns);
        }
        *victim = entry;
        live
    }
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// Buckets in a set. More ways overflow later at the same memory, and cost more to read and write.
pub const WAYS: usize = 16;
const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use policy::units::Rate;
    use proptest::prelude::*;

    use super::*;

    fn gcra() -> Gcra {
        Gcra::new(Rate::parse("10/s").unwrap(), 5).unwrap()
    }

    #[test]
    fn survives_storage() {
        let mut set = Set::default();
        for fingerprint in 0..10 {
            set.take(fingerprint, &gcra(), 1_000, 1);
        }
        assert_eq!(Set::parse(&set.to_bytes()), Ok(set));
        assert_eq!(Set::parse(b""), Ok(Set::default()));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let mut set = Set::default();
        set.take(7, &gcra(), 1_000, 1);
        let bytes = set.to_bytes();
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[index] ^= 1 << bit;
                assert_eq!(
                    Set::parse(&changed),
                    Err(Corrupt),
                    "byte {index}, bit {bit}"
                );
            }
            assert!(index == 0 || Set::parse(&bytes[..index]).is_err());
        }
    }

    #[test]
    fn a_distrusted_set_gives_no_burst_away() {
        let mut set = Set::distrusted(&gcra(), 1_000);
        assert!(matches!(
            set.take(1, &gcra(), 1_000, 1).verdict,
            Verdict::Refuse { .. }
        ));
    }

    proptest! {
        /// Far more keys than room: no key ever gets more than its own ideal bucket would admit.
        #[test]
        fn eviction_never_admits_more(
            requests in proptest::collection::vec((0_u64..60, 0_u64..40_000_000), 1..600),
        ) {
            let gcra = gcra();
            let mut set = Set::default();
            let mut now = 1_000_000_000;
            let mut ideal = std::collections::HashMap::new();
            for (key, step) in requests {
                now += step;
                if matches!(set.take(key, &gcra, now, 1).verdict, Verdict::Admit { .. }) {
                    let tat = ideal.entry(key).or_insert(0);
                    match gcra.decide(*tat, now, 1) {
                        Verdict::Admit { tat_ns } => *tat = tat_ns,
                        Verdict::Refuse { .. } => prop_assert!(false, "over-admission of {key}"),
                    }
                }
                prop_assert!(set.entries.len() <= WAYS);
            }
        }
    }
}
