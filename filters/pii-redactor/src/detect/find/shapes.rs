//! Fixed forms: those that begin with a word are tried where there is one.

use super::Search;
use crate::bytes::{Position as _, at, count_while, is_alphanumeric, part};
use crate::detect::Confidence;
use crate::detect::boundary::{ends_free, starts_free};
use crate::detect::shape::{Bucket, Plain, Shape, WordKind, more_separators};
use crate::entity::EntitySet;
use crate::steps::step;

/// The word that shapes begin with.
struct FirstWord {
    start: usize,
    end: usize,
    /// The length of the word behind it, once something has asked for it.
    second: Option<usize>,
}

impl FirstWord {
    fn second(&mut self, text: &[u8]) -> usize {
        if let Some(second) = self.second {
            return second;
        }
        let begin = self.end.plus(1);
        let begin = begin.plus(more_separators(text, begin));
        let ahead = part(text, 0, begin.plus(1).plus(Bucket::LONGEST_SECOND));
        let second = count_while(ahead, begin, is_alphanumeric);
        self.second = Some(second);
        second
    }
}

/// So many places are tried for a form before the words of a text are read, which tell where none is worth trying.
const MOST_UNREAD_FORMS: usize = 64;

impl Search<'_, '_> {
    /// The shapes that begin with this word. Those that need a word are tried only where one may
    /// announce them.
    #[inline]
    pub(super) fn shapes(&mut self, kind: WordKind, start: usize, length: usize) {
        self.shapes_ending(kind, start, length, start.plus(length));
    }

    /// The same where the word ends at a place of its own: some letters have two bytes.
    #[inline]
    pub(super) fn shapes_ending(
        &mut self,
        kind: WordKind,
        start: usize,
        length: usize,
        end: usize,
    ) {
        let shapes = self.text.shapes;
        let mut word = FirstWord {
            start,
            end,
            second: None,
        };
        self.shapes_of(shapes.beginning_with(true, kind, length), &mut word);
        if self.announces != Some(false) {
            self.shapes_of(shapes.beginning_with(false, kind, length), &mut word);
        }
    }

    #[inline]
    fn shapes_of(&mut self, buckets: &[Bucket], word: &mut FirstWord) {
        if buckets.is_empty() {
            return;
        }
        let next = at(self.text.bytes, word.end);
        for bucket in buckets {
            step(1);
            if bucket.next == 0 {
                self.try_bucket(bucket, word.start, None);
            } else if bucket.next == next {
                // The length of the second word rules most of them out.
                let second = word.second(self.text.bytes);
                if bucket.has_second(second) {
                    self.try_bucket(bucket, word.start, Some(second));
                }
            }
        }
    }

    #[inline(never)]
    fn try_bucket(&mut self, bucket: &Bucket, start: usize, second: Option<usize>) {
        let text = self.text;
        if bucket.is_alone || text.least == Confidence::Low {
            return self.try_shapes(bucket, &bucket.kinds, start, second);
        }
        if !self.near.is_read()
            && self.unread_forms < MOST_UNREAD_FORMS
            && self.text.announcement.kinds.is_empty()
        {
            self.unread_forms = self.unread_forms.plus(1);
            if !self.has_form(bucket, start, second) {
                return;
            }
        }
        if !self.announces_any_of(&bucket.kinds) {
            return;
        }
        // What the name says is likely; the words around are read if it is wrong.
        let by_name = bucket.kinds.and(&text.announcement.kinds);
        let found = self.spans.len();
        self.try_shapes(bucket, &by_name, start, second);
        if self.spans.len() == found {
            let around = bucket.kinds.and(self.announceable(start));
            self.try_shapes(bucket, &around.without(&by_name), start, second);
        }
    }

    /// Whether one of the shapes is there, whatever announces it.
    fn has_form(&self, bucket: &Bucket, start: usize, second: Option<usize>) -> bool {
        let bytes = self.text.bytes;
        let mut plain = Plain::new();
        self.looks.add(1);
        bucket.shapes.iter().any(|shape| {
            step(1);
            second.is_none_or(|length| shape.has_second(length))
                && shape
                    .fits(bytes, start, &mut plain)
                    .is_some_and(|end| ends_free(bytes, end, shape.strength()))
        })
    }

    fn try_shapes(
        &mut self,
        bucket: &Bucket,
        kinds: &EntitySet,
        start: usize,
        second: Option<usize>,
    ) {
        if kinds.is_empty() {
            return;
        }
        let bytes = self.text.bytes;
        let mut plain = Plain::new();
        self.looks.add(1);
        // Whether the place is free for kinds with a check, and for those without.
        let mut free = [None; 2];
        for shape in &bucket.shapes {
            step(1);
            if !kinds.has(shape.entity) || second.is_some_and(|length| !shape.has_second(length)) {
                continue;
            }
            // Found alone already: only what announces it is of interest, for the items behind it.
            if !shape.alone
                && let Some(found) = self.spans.last().copied()
                && (found.start, found.entity) == (start, shape.entity)
                && found.confidence == Confidence::High
            {
                self.is_announced(found.entity, start, found.end);
                continue;
            }
            let Some(free) = free.get_mut(usize::from(shape.checked)) else {
                continue;
            };
            if *free.get_or_insert_with(|| starts_free(bytes, start, shape.strength())) {
                self.try_shape(shape, start, &mut plain);
            }
        }
    }

    fn try_shape(&mut self, shape: &Shape, start: usize, plain: &mut Plain) {
        let bytes = self.text.bytes;
        let Some(end) = shape.fits(bytes, start, plain) else {
            return;
        };
        if !ends_free(bytes, end, shape.strength()) {
            return;
        }
        step(plain.bytes().len());
        if !(shape.check)(plain.bytes()) {
            return;
        }
        // Small letters are common in words and ids: there a word must announce the kind.
        let alone = shape.alone && !plain.has_small;
        let confidence = if alone && !self.is_plausible_alone(shape.entity, start, end) {
            None
        } else if alone {
            Some(Confidence::High)
        } else if self.is_announced(shape.entity, start, end) {
            Some(if shape.checked {
                Confidence::High
            } else {
                Confidence::Medium
            })
        } else {
            shape.checked.then_some(Confidence::Low)
        };
        if let Some(confidence) = confidence {
            self.push(shape.entity, start, end, confidence);
        }
    }

    /// Where the name announces something: also words without digits (codes of letters alone).
    pub(super) fn announced_words(&mut self) {
        let bytes = self.text.bytes;
        let mut position = self.text.from;
        while position < bytes.len() {
            let start = position.plus(count_while(bytes, position, |byte| {
                !byte.is_ascii_alphanumeric()
            }));
            let length = count_while(bytes, start, |byte| byte.is_ascii_alphanumeric());
            if part(bytes, start, start.plus(length))
                .iter()
                .all(u8::is_ascii_alphabetic)
            {
                self.shapes(WordKind::Letters, start, length);
                self.shapes(WordKind::Mixed, start, length);
            }
            position = start.plus(length).max(position.plus(1));
        }
    }
}
