//! Fixed forms, and which of them a word can begin.

use super::{DETECTORS, Form};
use crate::bytes::{Position as _, at};
use crate::entity::EntitySet;

/// The shapes of the wanted kinds, by the word that they begin with and the sign behind it.
#[derive(Debug, Default)]
pub struct ShapeIndex {
    alone: Table,
    announced: Table,
}

/// Shapes by the kind of their first word, its length, and what follows it: 0 for nothing.
#[derive(Debug, Default)]
struct Table {
    digits: Vec<Vec<(u8, Vec<Shape>)>>,
    letters: Vec<Vec<(u8, Vec<Shape>)>>,
    mixed: Vec<Vec<(u8, Vec<Shape>)>>,
}

/// One spelling of a form.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) entity: u8,
    pub(crate) alone: bool,
    pub(crate) checked: bool,
    pub(crate) check: fn(&[u8]) -> bool,
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
        let mut index = Self::default();
        for (entity, detector) in (0_u8..).zip(DETECTORS) {
            if !wanted.has(entity) {
                continue;
            }
            if let Form::Shapes {
                alone,
                announced,
                check,
            } = detector.form
            {
                for (shapes, alone) in [(alone, true), (announced, false)] {
                    for shape in shapes.iter().flat_map(|shape| spellings(shape)) {
                        index.add(Shape {
                            entity,
                            alone,
                            checked: detector.checked,
                            check,
                            pattern: shape.into_bytes().into(),
                        });
                    }
                }
            }
        }
        index
    }

    /// The shapes that begin with a word of this kind and length, with this sign behind it, or with
    /// nothing: first those that act alone, then those that need a word.
    #[inline]
    pub(crate) fn beginning_with(
        &self,
        alone: bool,
        kind: WordKind,
        length: usize,
    ) -> &[(u8, Vec<Shape>)] {
        let table = if alone { &self.alone } else { &self.announced };
        let table = match kind {
            WordKind::Digits => &table.digits,
            WordKind::Letters => &table.letters,
            WordKind::Mixed => &table.mixed,
        };
        table.get(length).map(Vec::as_slice).unwrap_or_default()
    }

    fn add(&mut self, shape: Shape) {
        let word: Vec<u8> = shape
            .pattern
            .iter()
            .copied()
            .take_while(u8::is_ascii_alphanumeric)
            .collect();
        let next = at(&shape.pattern, word.len());
        // A letter of the shape that stands for itself counts as a letter.
        let has_digit = word.iter().any(u8::is_ascii_digit);
        let has_letter = word
            .iter()
            .any(|byte| byte.is_ascii_alphabetic() && *byte != b'X');
        let has_either = word.contains(&b'X');
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
            match list.iter_mut().find(|(known, _)| *known == next) {
                Some((_, shapes)) => shapes.push(shape.clone()),
                None => list.push((next, vec![shape.clone()])),
            }
        }
    }
}

impl Shape {
    /// The end of a match that begins at `start`. What it has without separators goes to `plain`.
    pub(crate) fn fits(&self, text: &[u8], start: usize, plain: &mut Plain) -> Option<usize> {
        plain.clear();
        let mut position = start;
        for expected in &self.pattern {
            let found = at(text, position);
            let fits = match expected {
                b'9' => found.is_ascii_digit(),
                b'A' => found.is_ascii_alphabetic(),
                b'X' => found.is_ascii_alphanumeric(),
                other => found.eq_ignore_ascii_case(other),
            };
            if !fits {
                return None;
            }
            if found.is_ascii_alphanumeric() || found == b'+' {
                plain.push(found);
            }
            position = position.plus(1);
        }
        Some(position)
    }
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

/// A shape with optional separators: without them, with spaces, with dashes.
fn spellings(shape: &str) -> Vec<String> {
    if shape.contains('~') {
        ["", " ", "-"].map(|sign| shape.replace('~', sign)).into()
    } else {
        vec![shape.to_owned()]
    }
}
