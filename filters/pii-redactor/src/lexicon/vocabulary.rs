//! The words that are known, found by their text in a few steps.

use super::words::{Word, hash_of};
use crate::bytes::{Position as _, part};
use crate::steps::step;

/// Words with numbers, found by their text in a few steps.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    words: Vec<(Box<[u8]>, Flags)>,
    /// Open addressing; a number counted from 1, 0 for an empty slot, and the upper half of the hash.
    slots: Vec<(u16, u16)>,
    /// There are words of digits alone.
    has_numbers: bool,
}

/// What a word is apart from being part of phrases, as bits.
pub(crate) type Flags = u16;

/// What is known about one word of a name or a text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    /// Its number, and that of what it is without the `s` of a plural or a number at its end.
    pub(crate) ids: [u16; 2],
    pub(crate) flags: Flags,
}

impl Known {
    /// Whether it is in no phrase and on no list.
    pub(crate) fn is_nothing(&self) -> bool {
        self.ids == [0; 2] && self.flags == 0
    }
}

impl Vocabulary {
    /// Adds a word, and returns its number.
    pub(crate) fn add(&mut self, word: &[u8], flags: Flags) -> u16 {
        if let Some(id) = self.find(word, hash_of(word)) {
            if let Some((_, known)) = self.words.get_mut(usize::from(id.saturating_sub(1))) {
                *known |= flags;
            }
            return id;
        }
        self.has_numbers |= word.iter().all(u8::is_ascii_digit);
        self.words.push((word.into(), flags));
        let id = u16::try_from(self.words.len()).unwrap_or(0);
        if self.slots.len() < self.words.len().saturating_mul(4) {
            self.grow();
        } else {
            self.insert(id);
        }
        id
    }

    fn grow(&mut self) {
        let size = self.words.len().saturating_mul(8).next_power_of_two();
        self.slots.clear();
        self.slots.resize(size, (0, 0));
        for id in 1..=u16::try_from(self.words.len()).unwrap_or(u16::MAX) {
            self.insert(id);
        }
    }

    fn insert(&mut self, id: u16) {
        let Some((word, _)) = self.words.get(usize::from(id.saturating_sub(1))) else {
            return;
        };
        let hash = hash_of(word);
        let mut place = self.place(hash);
        while self.slots.get(place).is_some_and(|(known, _)| *known != 0) {
            place = self.next(place);
        }
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = (id, tag(hash));
        }
    }

    /// The number of a word with this hash; in any case, as hashes are of lower case.
    #[inline]
    fn find(&self, word: &[u8], hash: u32) -> Option<u16> {
        step(2);
        let mut place = self.place(hash);
        loop {
            let (id, known_tag) = self.slots.get(place).copied().unwrap_or((0, 0));
            if id == 0 {
                return None;
            }
            if known_tag == tag(hash)
                && let Some((known, _)) = self.words.get(usize::from(id.saturating_sub(1)))
                && known.eq_ignore_ascii_case(word)
            {
                step(word.len());
                return Some(id);
            }
            step(2);
            place = self.next(place);
        }
    }

    #[inline(always)]
    fn place(&self, hash: u32) -> usize {
        usize::try_from(hash ^ hash >> 15).unwrap_or(0) & self.slots.len().less(1)
    }

    fn next(&self, place: usize) -> usize {
        place.plus(1) & self.slots.len().less(1)
    }

    /// What is known about a word of a text.
    #[inline]
    pub(crate) fn look_up(&self, text: &[u8], word: &Word) -> Known {
        if word.length() > LONGEST_BYTES || word.is_placeholder {
            return Known::default();
        }
        let spelled = part(text, word.start, word.end);
        if word.is_ascii {
            if word.is_number() && !self.has_numbers {
                return Known::default();
            }
            return self.look_up_ascii(spelled, word.hash);
        }
        let lower = policy::text::lossy(spelled).to_lowercase();
        step(spelled.len());
        self.look_up_ascii(lower.as_bytes(), hash_of(lower.as_bytes()))
    }

    /// What is known about the letters that a word begins or ends with.
    pub(crate) fn look_up_part(&self, letters: &[u8]) -> Known {
        step(letters.len());
        self.look_up_ascii(letters, hash_of(letters))
    }

    #[inline]
    fn look_up_ascii(&self, word: &[u8], hash: u32) -> Known {
        let mut known = Known::default();
        if let Some(id) = self.find(word, hash) {
            known.ids[0] = id;
            known.flags = self
                .words
                .get(usize::from(id.saturating_sub(1)))
                .map_or(0, |(_, flags)| *flags);
        }
        if let Some(b's' | b'S' | b'0'..=b'9') = word.last() {
            let without = singular(without_number(word));
            step(without.len());
            if without.len() < word.len()
                && let Some(id) = self.find(without, hash_of(without))
            {
                known.ids[1] = id;
            }
        }
        known
    }
}

/// Tells most words in the same slot apart without reading them.
#[allow(clippy::cast_possible_truncation, reason = "the upper half of it")]
const fn tag(hash: u32) -> u16 {
    (hash >> 16) as u16
}

/// `phone` of `phone1`: letters with up to three digits at the end.
fn without_number(word: &[u8]) -> &[u8] {
    let digits = word
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let letters = word.len().less(digits);
    if (1..=3).contains(&digits) && letters >= 2 {
        part(word, 0, letters)
    } else {
        word
    }
}

/// The singular of a plural: `patient` of `patients`.
fn singular(word: &[u8]) -> &[u8] {
    match word.split_last() {
        Some((b's' | b'S', single)) if single.len() > 2 => single,
        _ => word,
    }
}

/// No word of a phrase is longer.
const LONGEST_BYTES: usize = 40;
