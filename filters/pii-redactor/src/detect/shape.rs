//! Fixed forms, and which of them a word can begin.

use super::boundary::Strength;
use super::kind;
use super::{DETECTORS, Form};
use crate::bytes::{Position as _, at, rest};
use crate::entity::EntitySet;

/// The shapes of the wanted kinds, by the word that they begin with and the sign behind it.
#[derive(Debug, Default)]
pub struct ShapeIndex {
    alone: Table,
    announced: Table,
    has_secrets: bool,
    has_numbers: bool,
    /// The kinds that may have no digit at all.
    lettered: EntitySet,
}

/// Shapes by the kind of their first word and its length.
#[derive(Debug, Default)]
struct Table {
    digits: Vec<Vec<Bucket>>,
    letters: Vec<Vec<Bucket>>,
    mixed: Vec<Vec<Bucket>>,
}

/// The shapes that begin with a word of one kind and length, with the same sign behind it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    /// The sign; 0 for none.
    pub(crate) next: u8,
    /// The lengths that the second word may have, as bits; all of them where one of the shapes leaves it
    /// open.
    seconds: u64,
    /// They act alone, or need a word.
    pub(crate) is_alone: bool,
    /// The kinds of all shapes.
    pub(crate) kinds: EntitySet,
    pub(crate) shapes: Vec<Shape>,
}

impl Bucket {
    /// No second word is longer.
    pub(crate) const LONGEST_SECOND: usize = 24;

    /// Whether a second word of so many bytes fits any of them.
    pub(crate) fn has_second(&self, length: usize) -> bool {
        has_bit(self.seconds, length)
    }
}

fn has_bit(bits: u64, place: usize) -> bool {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    bits.checked_shr(place).unwrap_or(0) & 1 != 0
}

/// One spelling of a form.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) entity: u8,
    pub(crate) alone: bool,
    pub(crate) checked: bool,
    pub(crate) check: fn(&[u8]) -> bool,
    /// Any sign between its groups will do for any other.
    is_loose: bool,
    /// The lengths that its second word may have, as bits.
    seconds: u64,
    pattern: Box<[u8]>,
}

/// What a word consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WordKind {
    Digits,
    Letters,
    Mixed,
}

impl ShapeIndex {
    /// The shapes of these kinds.
    #[must_use]
    pub fn new(wanted: &EntitySet) -> Self {
        let secrets = super::secret::kinds();
        let mut signs = EntitySet::EMPTY;
        for entity in [kind::EMAIL, kind::URL_PASSWORD] {
            signs.insert(entity);
        }
        let mut index = Self {
            has_secrets: !secrets.and(wanted).is_empty(),
            has_numbers: !wanted.without(&secrets).without(&signs).is_empty(),
            ..Self::default()
        };
        for (entity, detector) in (0_u8..).zip(DETECTORS) {
            if !wanted.has(entity) {
                continue;
            }
            let Form::Shapes {
                alone,
                announced,
                check,
            } = detector.form
            else {
                continue;
            };
            let mut add = |pattern: &str, alone: bool, is_loose: bool| {
                index.add(Shape {
                    entity,
                    alone,
                    checked: detector.checked,
                    check,
                    is_loose,
                    seconds: 0,
                    pattern: pattern.as_bytes().into(),
                });
            };
            for shape in alone.iter().flat_map(|shape| spellings(shape)) {
                add(&shape, true, false);
                // Where a word announces it, people may separate it as they like.
                if detector.checked && has_separator(&shape) {
                    add(&shape, false, true);
                }
            }
            for shape in announced.iter().flat_map(|shape| spellings(shape)) {
                let is_loose = has_separator(&shape);
                // Any separator goes for any other, so one spelling will do.
                let is_known = is_loose && shape.contains('-') && {
                    let spaced = shape.replace('-', " ");
                    announced.iter().any(|other| {
                        other.contains('~') && spellings(other).contains(&spaced)
                            || **other == spaced
                    })
                };
                if !is_known {
                    add(&shape, false, is_loose);
                }
            }
        }
        index
    }

    /// Whether secrets that begin with a prefix are among the kinds.
    pub(crate) const fn has_secrets(&self) -> bool {
        self.has_secrets
    }

    /// The kinds that may begin with a word of letters.
    pub(crate) const fn lettered(&self) -> &EntitySet {
        &self.lettered
    }

    /// Whether any of the kinds begins with a number or a word with a digit.
    pub(crate) const fn has_numbers(&self) -> bool {
        self.has_numbers
    }

    /// The shapes that begin with a word of this kind and length, with this sign behind it, or with
    /// nothing: those that act alone, or those that need a word.
    #[inline]
    pub(crate) fn beginning_with(&self, alone: bool, kind: WordKind, length: usize) -> &[Bucket] {
        let table = if alone { &self.alone } else { &self.announced };
        let table = match kind {
            WordKind::Digits => &table.digits,
            WordKind::Letters => &table.letters,
            WordKind::Mixed => &table.mixed,
        };
        table.get(length).map(Vec::as_slice).unwrap_or_default()
    }

    fn add(&mut self, mut shape: Shape) {
        let word: Vec<u8> = shape
            .pattern
            .iter()
            .copied()
            .take_while(u8::is_ascii_alphanumeric)
            .collect();
        let next = at(&shape.pattern, word.len());
        let seconds = second_lengths(rest(&shape.pattern, word.len().plus(1)));
        shape.seconds = seconds;
        // A letter of the shape that stands for itself counts as a letter.
        let has_digit = word.iter().any(u8::is_ascii_digit);
        let has_letter = word
            .iter()
            .any(|byte| byte.is_ascii_alphabetic() && *byte != b'X');
        let has_either = word.contains(&b'X');
        if !has_digit {
            self.lettered.insert(shape.entity);
        }
        let table = if shape.alone {
            &mut self.alone
        } else {
            &mut self.announced
        };
        for (table, fits) in [
            (&mut table.digits, !has_letter),
            (&mut table.letters, !has_digit),
            (&mut table.mixed, has_either || has_digit && has_letter),
        ] {
            if !fits {
                continue;
            }
            if table.len() <= word.len() {
                table.resize(word.len().plus(1), Vec::new());
            }
            let Some(list) = table.get_mut(word.len()) else {
                continue;
            };
            let signs = match next {
                sign if shape.is_loose && is_separator(sign) => SEPARATORS,
                _ => std::slice::from_ref(&next),
            };
            for sign in signs {
                let place = list.iter().position(|bucket| bucket.next == *sign);
                let place = place.unwrap_or_else(|| {
                    list.push(Bucket {
                        next: *sign,
                        is_alone: shape.alone,
                        ..Bucket::default()
                    });
                    list.len().less(1)
                });
                if let Some(bucket) = list.get_mut(place) {
                    bucket.seconds |= seconds;
                    bucket.kinds.insert(shape.entity);
                    bucket.shapes.push(shape.clone());
                }
            }
        }
    }
}

/// The lengths, as bits, that the first word of the rest of a pattern may have.
fn second_lengths(pattern: &[u8]) -> u64 {
    let length = pattern
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let is_open = pattern
        .iter()
        .take(length.plus(1))
        .any(|byte| matches!(byte, b'd' | b'a' | b'?'));
    if is_open {
        return u64::MAX;
    }
    u32::try_from(length)
        .ok()
        .and_then(|length| 1_u64.checked_shl(length))
        .unwrap_or(u64::MAX)
}

impl Shape {
    /// How much of a text beside it makes it something else.
    pub(crate) const fn strength(&self) -> Strength {
        if self.checked {
            Strength::Checked
        } else {
            Strength::Form
        }
    }

    /// Whether a second word of so many bytes fits.
    pub(crate) fn has_second(&self, length: usize) -> bool {
        has_bit(self.seconds, length)
    }

    /// The end of a match that begins at `start`. What it has without separators goes to `plain`.
    pub(crate) fn fits(&self, text: &[u8], start: usize, plain: &mut Plain) -> Option<usize> {
        plain.clear();
        let mut position = start;
        for expected in &self.pattern {
            let mut found = at(text, position);
            // The first of two bytes is as good as a letter.
            if found == UMLAUT {
                found = umlaut(at(text, position.plus(1))).unwrap_or(found);
                position = position.plus(usize::from(found != UMLAUT));
            }
            // What may be missing.
            let is_there = match expected {
                b'd' => found.is_ascii_digit(),
                b'a' => found.is_ascii_alphabetic(),
                b'?' => is_separator(found),
                _ => true,
            };
            if !is_there {
                position = position.less(usize::from(at(text, position) >= 0x80));
                continue;
            }
            let fits = match expected {
                b'9' => found.is_ascii_digit(),
                b'A' => found.is_ascii_alphabetic(),
                b'X' => found.is_ascii_alphanumeric(),
                b'd' | b'a' | b'?' => true,
                sign if self.is_loose && is_separator(*sign) => is_separator(found),
                other => found.eq_ignore_ascii_case(other),
            };
            if !fits {
                return None;
            }
            if found.is_ascii_alphanumeric() || found == b'+' {
                plain.push(found);
            }
            position = position.plus(1);
            // ` - `, two spaces.
            if self.is_loose && is_separator(*expected) {
                position = position.plus(more_separators(text, position));
            }
        }
        Some(position)
    }
}

/// The first byte of `Ä`, `Ö` and `Ü`.
pub(crate) const UMLAUT: u8 = 0xc3;

/// What is as good as a letter on a number plate, by its second byte.
const fn umlaut(second: u8) -> Option<u8> {
    match second {
        0x84 => Some(b'A'),
        0x96 => Some(b'O'),
        0x9c => Some(b'U'),
        _ => None,
    }
}

/// One of the two bytes of such a letter.
pub(crate) const fn is_umlaut_byte(byte: u8) -> bool {
    byte == UMLAUT || umlaut(byte).is_some()
}

/// A value without its separators, in upper case.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    bytes: [u8; 48],
    length: usize,
    /// A letter was written small.
    pub(crate) has_small: bool,
}

impl Plain {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; 48],
            length: 0,
            has_small: false,
        }
    }

    pub(crate) const fn clear(&mut self) {
        self.length = 0;
        self.has_small = false;
    }

    pub(crate) fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte.to_ascii_uppercase();
            self.length = self.length.plus(1);
        }
        self.has_small |= byte.is_ascii_lowercase();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The signs that people put between groups of digits and letters.
const SEPARATORS: &[u8] = b" -./\t_";

pub(crate) const fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/' | b'\t' | b'_')
}

/// How many signs follow the first one between two groups: a sign between spaces, or two spaces.
pub(crate) fn more_separators(text: &[u8], position: usize) -> usize {
    if !is_separator(at(text, position)) {
        return 0;
    }
    let is_padded = at(text, position.less(1)) == b' ' || at(text, position) == b' ';
    match at(text, position.plus(1)) {
        _ if !is_padded => 0,
        b' ' if at(text, position.less(1)) == b' ' => 2,
        next if !is_separator(next) => 1,
        _ => 0,
    }
}

fn has_separator(shape: &str) -> bool {
    shape.bytes().any(is_separator)
}

/// A shape with optional separators: without them, with spaces, with dashes.
fn spellings(shape: &str) -> Vec<String> {
    // Shapes are found by their first word, so that has a length.
    let word = shape.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (head, tail) = shape.split_at_checked(word).unwrap_or((shape, ""));
    let fixed = head.trim_end_matches('a');
    if fixed.len() < head.len() {
        return (fixed.len()..=head.len())
            .map(|length| format!("{fixed}{}{tail}", "A".repeat(length.less(fixed.len()))))
            .collect();
    }
    if shape.contains('~') {
        ["", " ", "-"].map(|sign| shape.replace('~', sign)).into()
    } else {
        vec![shape.to_owned()]
    }
}
