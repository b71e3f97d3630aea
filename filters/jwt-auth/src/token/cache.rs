//! Verified tokens, remembered: the second time a token comes, nothing but its time is checked.
//!
//! Only tokens that were verified get in, so nobody can fill it with made-up ones. An entry is
//! found by the end of the token, which is signature and as good as random, and the whole token is
//! compared: that is stronger than a hash, and takes a tenth of the time.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::rc::{Rc, Weak};

use crate::jose::Key;
use crate::verify::verified::Verified;

/// A bounded number of verified tokens, those used last.
///
/// Two generations take turns: what is used moves to the young one, and when that is full, the old
/// one is forgotten and the young one grows old.
#[derive(Debug)]
pub(crate) struct VerifiedTokens {
    /// The most entries of one generation.
    capacity: usize,
    max_token_bytes: usize,
    young: Generation,
    old: Generation,
}

type Generation = HashMap<Place, Entry, BuildHasherDefault<EndingHasher>>;

/// The last characters of a token, and the provider that vouches for it: others may make another
/// caller of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place([u8; 32], usize);

/// Takes a part of the signature for its hash: whoever could choose it could sign tokens.
#[derive(Debug, Default)]
struct EndingHasher(u64);

#[derive(Debug)]
struct Entry {
    token: Box<str>,
    /// The key that signed it; when its provider withdraws it, it is gone.
    key: Weak<Key>,
    verified: Rc<Verified>,
}

impl VerifiedTokens {
    /// Remembers at most so many tokens, none of them longer than this.
    #[must_use]
    pub(crate) fn new(tokens: usize, max_token_bytes: usize) -> Self {
        Self {
            capacity: tokens.div_ceil(2),
            max_token_bytes,
            young: Generation::default(),
            old: Generation::default(),
        }
    }

    /// What a provider has verified of this token, if the key that signed it still serves.
    pub(crate) fn find(&mut self, token: &str, provider: usize) -> Option<Rc<Verified>> {
        let place = place(token, provider)?;
        if let Some(entry) = self.young.get(&place) {
            if entry.is_of(token) {
                return Some(Rc::clone(&entry.verified));
            }
            return None;
        }
        let entry = self.old.remove(&place)?;
        if !entry.is_of(token) {
            return None;
        }
        let verified = Rc::clone(&entry.verified);
        self.insert(place, entry);
        Some(verified)
    }

    /// Every token is verified anew.
    pub(crate) fn forget_all(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// Remembers a token that was verified with this key.
    pub(crate) fn remember(&mut self, token: &str, key: &Rc<Key>, verified: &Rc<Verified>) {
        if self.capacity == 0 || token.len() > self.max_token_bytes {
            return;
        }
        let Some(place) = place(token, verified.provider) else {
            return;
        };
        let entry = Entry {
            token: token.into(),
            key: Rc::downgrade(key),
            verified: Rc::clone(verified),
        };
        self.insert(place, entry);
    }

    fn insert(&mut self, place: Place, entry: Entry) {
        if self.young.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(place, entry);
    }
}

impl Entry {
    fn is_of(&self, token: &str) -> bool {
        is_same(self.token.as_bytes(), token.as_bytes()) && self.key.strong_count() > 0
    }
}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (words, _) = self.0.as_chunks::<8>();
        // Not the last: what the end of base64url holds may be less than its characters say.
        let word = words.first().copied().unwrap_or_default();
        state.write_u64(u64::from_le_bytes(word).rotate_left(1) ^ self.1 as u64);
    }
}

impl Hasher for EndingHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, word: u64) {
        // A table looks at some bits only, high ones and low ones.
        let spread = word.wrapping_mul(SPREAD);
        self.0 = spread ^ (spread >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn place(token: &str, provider: usize) -> Option<Place> {
    let ending = token.as_bytes().last_chunk().copied()?;
    Some(Place(ending, provider))
}

/// Compares eight bytes at a time, which the comparison of the VM does not.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((one, one_rest), (other, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    one_rest == other_rest
        && one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| u64::from_le_bytes(*one) == u64::from_le_bytes(*other))
}

/// An odd number whose bits are as good as random: 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use policy::identity::Identity;

    use super::*;
    use crate::token::claims::Validity;

    fn verified() -> Rc<Verified> {
        Rc::new(Verified::new(0, Validity::ALWAYS, Identity::default()))
    }

    fn key() -> Rc<Key> {
        let secret = Key::secret(None, crate::jose::Algorithm::Hs256, &[7; 32]);
        Rc::new(secret.unwrap())
    }

    fn token(number: usize) -> String {
        format!("header.payload.{number:0>40}")
    }

    #[test]
    fn remembers_so_many_and_those_that_are_used() {
        let mut tokens = VerifiedTokens::new(100, 1000);
        let key = key();
        for number in 0..1000 {
            tokens.remember(&token(number), &key, &verified());
            assert!(tokens.find(&token(0), 0).is_some(), "in use all the time");
            assert!(tokens.young.len() + tokens.old.len() <= 100);
        }
        assert!(tokens.find(&token(999), 0).is_some());
        assert!(tokens.find(&token(500), 0).is_none());
    }

    #[test]
    fn only_the_very_token_is_found() {
        let mut tokens = VerifiedTokens::new(10, 60);
        let key = key();
        tokens.remember(&token(1), &key, &verified());
        assert!(tokens.find(&token(1), 0).is_some());
        assert!(
            tokens
                .find(&token(1).replace("payload", "pAyload"), 0)
                .is_none()
        );
        assert!(tokens.find(&token(1).replace("header.", ""), 0).is_none());
        assert!(tokens.find(&token(1), 1).is_none(), "of another provider");
        assert!(tokens.find("", 0).is_none());
        let long = format!("{}{}", "x".repeat(60), token(2));
        tokens.remember(&long, &key, &verified());
        assert!(tokens.find(&long, 0).is_none());
        let mut none = VerifiedTokens::new(0, 60);
        none.remember(&token(1), &key, &verified());
        assert!(none.young.is_empty());
    }

    #[test]
    fn a_withdrawn_key_takes_its_tokens_along() {
        let mut tokens = VerifiedTokens::new(10, 1000);
        let (stays, goes) = (key(), key());
        tokens.remember(&token(1), &stays, &verified());
        tokens.remember(&token(2), &goes, &verified());
        drop(goes);
        assert!(tokens.find(&token(1), 0).is_some());
        assert!(tokens.find(&token(2), 0).is_none());
    }
}
