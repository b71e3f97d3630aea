//! Taking names and texts apart into words.

use crate::bytes::{Position as _, at, count_while, part, rest};
use crate::placeholder::{Labels, is_kind};
use crate::pseudonym::code_start;
use crate::steps::step;

/// The words of a text, one after the other, without copying any of it.
///
/// A word is a run of letters and digits; a capital letter behind a small one begins another
/// (`birthDate`), and so does the last capital of several before a small one (`SSNNumber`).
#[derive(Clone, Debug)]
pub(crate) struct Words<'t> {
    text: &'t [u8],
    labels: &'t Labels,
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

/// A word of a text, or of a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Of its letters in lower case, if all of them are ASCII.
    pub(super) hash: u32,
    pub(super) is_ascii: bool,
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
    pub(crate) const fn new(text: &'t [u8], labels: &'t Labels) -> Self {
        Self {
            text,
            labels,
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
                ends_with_code: code_start(part(self.text, start, end)).is_some(),
                none_before: 0,
            };
        }
        if !self.run.ends_with_code || start < self.run.none_before {
            return None;
        }
        let code = self.run.end.less(PSEUDONYM_CODE_BYTES);
        let kind = count_while(part(self.text, 0, code), start, is_kind);
        if start.plus(kind) == code
            && self
                .labels
                .is_pseudonym(part(self.text, start, self.run.end))
        {
            return Some(self.run.end);
        }
        self.run.none_before = start.plus(kind);
        None
    }

    /// The character at a position: its first byte, its class and how many bytes it has.
    #[inline(always)]
    fn read(&self, position: usize) -> (u8, Class, usize) {
        let byte = at(self.text, position);
        let class = match byte {
            b'a'..=b'z' => Class::Small,
            b'A'..=b'Z' => Class::Capital,
            b'0'..=b'9' => Class::Caseless,
            0..=0x7f => Class::Other,
            _ => {
                let (class, length) = self.read_character(position);
                return (byte, class, length);
            }
        };
        (byte, class, 1)
    }

    #[inline(never)]
    fn read_character(&self, position: usize) -> (Class, usize) {
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

    /// Whether a capital at `position`, behind a character of this class, begins a word.
    fn begins_word(&self, last: Class, position: usize, length: usize) -> bool {
        let next = position.plus(length);
        let (_, class, next_length) = self.read(next);
        match last {
            Class::Small => true,
            // `SSNs` is the plural of one word, `SSNNumber` is two.
            Class::Capital if class == Class::Small => {
                let is_plural = at(self.text, next) == b's'
                    && self.read(next.plus(next_length)).1 != Class::Small;
                !is_plural
            }
            _ => false,
        }
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    #[inline]
    fn next(&mut self) -> Option<Word> {
        let mut class;
        let mut length;
        let mut byte;
        loop {
            if self.position >= self.text.len() {
                return None;
            }
            (byte, class, length) = self.read(self.position);
            if class != Class::Other {
                break;
            }
            if byte == b'[' {
                let label = self.labels.length(rest(self.text, self.position));
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
            hash: HASH_SEED,
            is_ascii: true,
            digits: 0,
            is_placeholder: false,
        };
        let mut last = Class::Other;
        while class != Class::Other {
            if class == Class::Capital && self.begins_word(last, self.position, length) {
                break;
            }
            word.is_ascii &= length == 1;
            word.digits = word.digits.plus(usize::from(byte.is_ascii_digit()));
            word.hash = hashed(word.hash, byte);
            last = class;
            self.position = self.position.plus(length);
            (byte, class, length) = self.read(self.position);
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
            hash: 0,
            is_ascii: false,
            digits: 0,
            is_placeholder: true,
        }
    }

    /// How many bytes it has.
    pub(crate) const fn length(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether the word consists of digits.
    pub(crate) const fn is_number(&self) -> bool {
        self.digits > 0 && self.digits == self.length()
    }
}

/// One more byte of a word, in lower case (FNV-1a).
#[inline(always)]
fn hashed(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
}

pub(super) fn hash_of(word: &[u8]) -> u32 {
    word.iter()
        .fold(HASH_SEED, |hash, byte| hashed(hash, *byte))
}

const HASH_SEED: u32 = 0x811c_9dc5;

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

/// The words of a name or a text, in lower case.
#[must_use]
pub fn split(text: &[u8]) -> Vec<String> {
    Words::new(text, &Labels::default())
        .map(|word| {
            let spelled = part(text, word.start, word.end);
            policy::text::lossy(spelled).to_lowercase()
        })
        .collect()
}

/// A name as rules compare it: its words with one space between them.
#[must_use]
pub fn folded(name: &str) -> String {
    split(name.as_bytes()).join(" ")
}

/// The letters of a pseudonym behind its kind.
const PSEUDONYM_CODE_BYTES: usize = 26;
