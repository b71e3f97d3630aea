//! Taking names and texts apart into words, and the words that are known.

use crate::bytes::{Position as _, at, count_while, part, rest};
use crate::placeholder::{is_kind, label_length};
use crate::pseudonym::ends_with_code;
use crate::steps::step;

/// The words of a text, one after the other, without copying any of it.
///
/// A word is a run of letters and digits; a capital letter behind a small one begins another
/// (`birthDate`), and so does the last capital of several before a small one (`SSNNumber`).
#[derive(Clone, Debug)]
pub(crate) struct Words<'t> {
    text: &'t [u8],
    position: usize,
    run: Run,
}

/// A run of letters, digits and underscores, and whether it may end with a pseudonym: looked at once
/// for all the words in it.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    end: usize,
    ends_with_code: bool,
    /// No pseudonym begins before this place.
    none_before: usize,
}

/// One word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// In lower case, as far as it can be a known one.
    lower: [u8; LONGEST_BYTES],
    lower_length: usize,
    /// How many of its characters are ASCII digits.
    pub(crate) digits: usize,
    /// A label or a pseudonym that an earlier redaction left: it stands for a value and says nothing.
    pub(crate) is_placeholder: bool,
}

/// What a character is to the splitting of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Other,
    Small,
    Capital,
    /// Digits, and letters without case.
    Caseless,
}

impl<'t> Words<'t> {
    pub(crate) const fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            position: 0,
            run: Run {
                end: 0,
                ends_with_code: false,
                none_before: 0,
            },
        }
    }

    /// The end of the pseudonym that begins at a position.
    fn pseudonym_end(&mut self, start: usize) -> Option<usize> {
        if start >= self.run.end {
            let length = count_while(self.text, start, |byte| {
                byte.is_ascii_alphanumeric() || byte == b'_'
            });
            let end = start.plus(length);
            self.run = Run {
                end,
                ends_with_code: ends_with_code(part(self.text, start, end)),
                none_before: 0,
            };
        }
        if !self.run.ends_with_code || start < self.run.none_before {
            return None;
        }
        let code = self.run.end.less(PSEUDONYM_CODE_BYTES);
        let kind = count_while(part(self.text, 0, code), start, is_kind);
        if start.plus(kind) == code {
            return Some(self.run.end);
        }
        self.run.none_before = start.plus(kind);
        None
    }

    /// The character at a position: its class and how many bytes it has.
    #[inline(always)]
    fn class(&self, position: usize) -> (Class, usize) {
        match at(self.text, position) {
            b'a'..=b'z' => (Class::Small, 1),
            b'A'..=b'Z' => (Class::Capital, 1),
            b'0'..=b'9' => (Class::Caseless, 1),
            0..=0x7f => (Class::Other, 1),
            _ => {
                let Some(character) = char_at(self.text, position) else {
                    return (Class::Other, 1);
                };
                let class = if character.is_lowercase() {
                    Class::Small
                } else if character.is_uppercase() {
                    Class::Capital
                } else if character.is_alphanumeric() {
                    Class::Caseless
                } else {
                    Class::Other
                };
                (class, character.len_utf8())
            }
        }
    }

    /// Whether a capital at `position`, behind a character of this class, begins a word.
    fn begins_word(&self, last: Class, position: usize, length: usize) -> bool {
        let next = position.plus(length);
        let (class, next_length) = self.class(next);
        match last {
            Class::Small => true,
            // `SSNs` is the plural of one word, `SSNNumber` is two.
            Class::Capital if class == Class::Small => {
                let is_plural = at(self.text, next) == b's'
                    && self.class(next.plus(next_length)).0 != Class::Small;
                !is_plural
            }
            _ => false,
        }
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let mut class;
        let mut length;
        loop {
            if self.position >= self.text.len() {
                return None;
            }
            (class, length) = self.class(self.position);
            if class != Class::Other {
                break;
            }
            if at(self.text, self.position) == b'[' {
                let label = label_length(rest(self.text, self.position));
                if label > 0 {
                    let start = self.position;
                    self.position = start.plus(label);
                    return Some(Word::placeholder(start, self.position));
                }
            }
            self.position = self.position.plus(length);
        }
        let mut word = Word {
            start: self.position,
            end: self.position,
            lower: [0; LONGEST_BYTES],
            lower_length: 0,
            digits: 0,
            is_placeholder: false,
        };
        let mut last = Class::Other;
        while class != Class::Other {
            if class == Class::Capital && self.begins_word(last, self.position, length) {
                break;
            }
            word.push(self.text, self.position, length);
            last = class;
            self.position = self.position.plus(length);
            (class, length) = self.class(self.position);
            if self.position >= self.text.len() {
                break;
            }
        }
        word.end = self.position;
        // `EMAIL_` and the letters of a pseudonym.
        if at(self.text, word.end) == b'_'
            && at(self.text, word.start).is_ascii_uppercase()
            && let Some(end) = self.pseudonym_end(word.start)
        {
            self.position = end;
            return Some(Word::placeholder(word.start, end));
        }
        Some(word)
    }
}

impl Word {
    const fn placeholder(start: usize, end: usize) -> Self {
        Self {
            start,
            end,
            lower: [0; LONGEST_BYTES],
            lower_length: LONGEST_BYTES + 1,
            digits: 0,
            is_placeholder: true,
        }
    }

    #[inline(always)]
    fn push(&mut self, text: &[u8], position: usize, length: usize) {
        let byte = text.get(position).copied().unwrap_or(0);
        if length == 1 {
            self.digits = self.digits.plus(usize::from(byte.is_ascii_digit()));
            self.push_byte(byte.to_ascii_lowercase());
            return;
        }
        let mut buffer = [0; 4];
        let lower = char_at(text, position)
            .into_iter()
            .flat_map(char::to_lowercase);
        for character in lower {
            for byte in character.encode_utf8(&mut buffer).bytes() {
                self.push_byte(byte);
            }
        }
    }

    #[inline(always)]
    fn push_byte(&mut self, byte: u8) {
        if let Some(slot) = self.lower.get_mut(self.lower_length) {
            *slot = byte;
            self.lower_length = self.lower_length.plus(1);
        } else {
            self.lower_length = LONGEST_BYTES.plus(1);
        }
    }

    /// In lower case; `None` if it is longer than any known word.
    pub(crate) fn lower(&self) -> Option<&[u8]> {
        self.lower.get(..self.lower_length)
    }

    /// It consists of digits.
    pub(crate) const fn is_number(&self) -> bool {
        self.digits > 0 && self.digits == self.end.saturating_sub(self.start)
    }
}

/// The character that begins at a position.
pub(crate) fn char_at(text: &[u8], position: usize) -> Option<char> {
    let bytes = part(text, position, position.plus(4));
    let length = match bytes.first()? {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    step(length);
    std::str::from_utf8(bytes.get(..length)?)
        .ok()?
        .chars()
        .next()
}

/// The character that ends at a position.
pub(crate) fn char_before(text: &[u8], position: usize) -> Option<char> {
    (1..=4_usize).find_map(|length| {
        let start = position.checked_sub(length)?;
        let character = char_at(text, start)?;
        (character.len_utf8() == length).then_some(character)
    })
}

/// Words with numbers, found by their text in a few steps.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    words: Vec<(Box<[u8]>, Flags)>,
    /// Open addressing; a number counted from 1, 0 for an empty slot.
    slots: Vec<u16>,
}

/// What a word is apart from being part of phrases, as bits.
pub(crate) type Flags = u8;

/// What is known about one word of a name or a text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    /// Its number, and that of what it is without the `s` of a plural or a number at its end.
    pub(crate) ids: [u16; 2],
    pub(crate) flags: Flags,
}

impl Vocabulary {
    /// Adds a word, and returns its number.
    pub(crate) fn add(&mut self, word: &[u8], flags: Flags) -> u16 {
        if let Some(id) = self.find(word) {
            if let Some((_, known)) = self.words.get_mut(usize::from(id.saturating_sub(1))) {
                *known |= flags;
            }
            return id;
        }
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
        self.slots.resize(size, 0);
        for id in 1..=u16::try_from(self.words.len()).unwrap_or(u16::MAX) {
            self.insert(id);
        }
    }

    fn insert(&mut self, id: u16) {
        let Some((word, _)) = self.words.get(usize::from(id.saturating_sub(1))) else {
            return;
        };
        let mut place = self.place(word);
        while self.slots.get(place).is_some_and(|slot| *slot != 0) {
            place = self.next(place);
        }
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = id;
        }
    }

    #[inline]
    fn find(&self, word: &[u8]) -> Option<u16> {
        step(word.len().plus(2));
        let mut place = self.place(word);
        loop {
            let id = self.slots.get(place).copied().unwrap_or(0);
            if id == 0 {
                return None;
            }
            let known = self.words.get(usize::from(id.saturating_sub(1)));
            if known.is_some_and(|(known, _)| **known == *word) {
                return Some(id);
            }
            step(2);
            place = self.next(place);
        }
    }

    fn place(&self, word: &[u8]) -> usize {
        let hash = word.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        usize::try_from(hash ^ hash >> 15).unwrap_or(0) & self.slots.len().less(1)
    }

    fn next(&self, place: usize) -> usize {
        place.plus(1) & self.slots.len().less(1)
    }

    /// What is known about a word.
    pub(crate) fn look_up(&self, word: &Word) -> Known {
        let mut known = Known::default();
        let Some(lower) = word.lower() else {
            return known;
        };
        if let Some(id) = self.find(lower) {
            known.ids[0] = id;
            known.flags = self
                .words
                .get(usize::from(id.saturating_sub(1)))
                .map_or(0, |(_, flags)| *flags);
        }
        let without = singular(without_number(lower));
        if without.len() < lower.len()
            && let Some(id) = self.find(without)
        {
            known.ids[1] = id;
        }
        known
    }
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

/// `patient` of `patients`.
fn singular(word: &[u8]) -> &[u8] {
    match word.strip_suffix(b"s") {
        Some(single) if single.len() > 2 => single,
        _ => word,
    }
}

/// The words of a name or a text, in lower case.
#[must_use]
pub fn split(text: &[u8]) -> Vec<String> {
    Words::new(text)
        .map(|word| {
            let spelled = part(text, word.start, word.end);
            String::from_utf8_lossy(spelled).to_lowercase()
        })
        .collect()
}

/// A name as rules compare it: its words with one space between them.
#[must_use]
pub fn folded(name: &str) -> String {
    split(name.as_bytes()).join(" ")
}

/// No word of a phrase is longer.
const LONGEST_BYTES: usize = 40;
/// The letters of a pseudonym behind its kind.
const PSEUDONYM_CODE_BYTES: usize = 26;
