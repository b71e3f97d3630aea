//! Names of keys that tokens have and no set had: a few of them, for a while.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};

/// When each unknown key was first asked for. A fetch that began later and did not bring it proves
/// that it is not published; until then nothing is known about it.
#[derive(Debug, Default)]
pub(crate) struct UnknownKeys {
    /// By hash, so that what a client makes up is not kept.
    first_seen: VecDeque<(u64, u64)>,
    hasher: RandomState,
}

impl UnknownKeys {
    /// When this key was first asked for; now, if it is new or that was longer ago than `for_ns`.
    pub(crate) fn first_seen(&mut self, key_id: Option<&str>, for_ns: u64, now_ns: u64) -> u64 {
        let hash = self.hasher.hash_one(key_id);
        let known = self.first_seen.iter().position(|(known, _)| *known == hash);
        if let Some(place) = known
            && let Some((_, seen_ns)) = self.first_seen.get(place).copied()
        {
            if now_ns.saturating_sub(seen_ns) <= for_ns {
                return seen_ns;
            }
            self.first_seen.remove(place);
        }
        if self.first_seen.len() >= MAX_UNKNOWN {
            self.first_seen.pop_front();
        }
        self.first_seen.push_back((hash, now_ns));
        now_ns
    }
}

const MAX_UNKNOWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_a_few_for_a_while() {
        let mut unknown = UnknownKeys::default();
        assert_eq!(unknown.first_seen(Some("a"), 10, 1), 1);
        assert_eq!(unknown.first_seen(Some("a"), 10, 11), 1);
        assert_eq!(unknown.first_seen(None, 10, 11), 11);
        assert_eq!(unknown.first_seen(Some("a"), 10, 12), 12, "long ago");
        for number in 0..1000 {
            unknown.first_seen(Some(&number.to_string()), 10, 13);
        }
        assert_eq!(unknown.first_seen.len(), MAX_UNKNOWN);
        assert_eq!(unknown.first_seen(Some("a"), 10, 14), 14);
    }
}
