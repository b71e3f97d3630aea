//! What the words around a place in a text say about it.

use super::words::Words;
use super::{Lexicon, NEGATIVE_BEFORE, UNIT};
use crate::bytes::Position as _;
use crate::entity::EntitySet;
use crate::steps::step;

/// The words of one text and the phrases in it, read once for all the places that are asked about, and
/// only if one is.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    is_read: bool,
    words: Vec<NearWord>,
    hits: Vec<Hit>,
    /// Phrases that may go on with the next word: the node, and the first word.
    open: Vec<(u16, usize)>,
    still_open: Vec<(u16, usize)>,
    /// The word that was asked about last: places are asked about nearly in order.
    cursor: usize,
}

#[derive(Clone, Copy, Debug)]
struct NearWord {
    start: usize,
    end: usize,
    /// It calls what follows an id, a version or the like.
    is_negative: bool,
    /// It says what the number before it counts.
    is_unit: bool,
    /// It is a number by itself, or stands for one: what is before it is about that one.
    is_number: bool,
}

/// A phrase, by its first and its last word.
#[derive(Clone, Copy, Debug)]
struct Hit {
    first: usize,
    last: usize,
    kinds: EntitySet,
    /// See [`super::Phrase::denies`].
    denies: EntitySet,
}

impl Surroundings {
    /// Another text comes.
    pub(crate) fn forget(&mut self) {
        self.is_read = false;
    }

    /// How many words have been read of this text.
    pub(crate) const fn words_read(&self) -> usize {
        if self.is_read { self.words.len() } else { 0 }
    }

    fn read(&mut self, lexicon: &Lexicon, text: &[u8]) {
        if self.is_read {
            return;
        }
        self.is_read = true;
        self.cursor = 0;
        self.words.clear();
        self.hits.clear();
        self.open.clear();
        for (place, word) in Words::new(text).enumerate() {
            step(4);
            let known = if word.is_placeholder || word.is_number() && word.digits > 2 {
                super::Known::default()
            } else {
                lexicon.vocabulary.look_up(&word)
            };
            self.words.push(NearWord {
                start: word.start,
                end: word.end,
                is_negative: known.flags & NEGATIVE_BEFORE != 0,
                is_unit: known.flags & UNIT != 0,
                is_number: word.is_placeholder || word.digits >= DIGITS_OF_A_NUMBER,
            });
            self.still_open.clear();
            self.open.push((0, place));
            for (node, first) in self.open.drain(..) {
                for id in known.ids.into_iter().filter(|id| *id != 0) {
                    let Some(next) = lexicon.step(node, id) else {
                        continue;
                    };
                    let phrase = lexicon.phrase(next);
                    if !phrase.announces.is_empty() || !phrase.denies.is_empty() {
                        self.hits.push(Hit {
                            first,
                            last: place,
                            kinds: phrase.announces,
                            denies: phrase.denies,
                        });
                    }
                    if self.still_open.len() < MOST_OPEN {
                        self.still_open.push((next, first));
                    }
                }
            }
            std::mem::swap(&mut self.open, &mut self.still_open);
        }
    }

    /// What the words right before and behind a place in a text announce.
    pub(crate) fn announced(
        &mut self,
        lexicon: &Lexicon,
        text: &[u8],
        start: usize,
        end: usize,
    ) -> EntitySet {
        self.read(lexicon, text);
        if self.hits.is_empty() {
            return EntitySet::EMPTY;
        }
        let here = self.words_before(start);
        let nearest = start.less(NEAR_BEFORE_BYTES);
        let mut first = here;
        while let Some(before) = first.checked_sub(1)
            && here.less(before) <= MAX_WORDS_BEFORE
            && let Some(word) = self.words.get(before)
            && word.start >= nearest
            && !word.is_number
        {
            step(1);
            first = before;
        }
        let mut behind = here;
        while self.words.get(behind).is_some_and(|word| word.start < end) {
            behind = behind.plus(1);
        }
        let last_byte = end.plus(NEAR_BEHIND_BYTES);
        let within = |hit: &Hit| {
            hit.last < behind.plus(MAX_WORDS_BEHIND)
                && self
                    .words
                    .get(hit.last)
                    .is_some_and(|word| word.end <= last_byte)
        };
        let from = self.hits.partition_point(|hit| hit.last < first);
        let mut kinds = EntitySet::EMPTY;
        for hit in self.hits.iter().skip(from) {
            step(2);
            if hit.last >= behind.plus(MAX_WORDS_BEHIND) {
                break;
            }
            let is_before = hit.first >= first && hit.last < here;
            if is_before || hit.first >= behind && within(hit) {
                kinds = kinds.or(&hit.kinds);
            }
        }
        kinds
    }

    /// Everything that could be announced at a place, whatever is found there: more than
    /// [`Self::announced`] says, in fewer steps.
    pub(crate) fn nearby(&mut self, lexicon: &Lexicon, text: &[u8], start: usize) -> EntitySet {
        self.read(lexicon, text);
        if self.hits.is_empty() {
            return EntitySet::EMPTY;
        }
        let here = self.words_before(start);
        let first = here.less(MAX_WORDS_BEFORE);
        let last_byte = start.plus(FAR_BEHIND_BYTES);
        let from = self.hits.partition_point(|hit| hit.last < first);
        let mut kinds = EntitySet::EMPTY;
        for hit in self.hits.iter().skip(from) {
            step(1);
            let starts = self.words.get(hit.first).map_or(0, |word| word.start);
            if starts > last_byte {
                break;
            }
            kinds = kinds.or(&hit.kinds);
        }
        kinds
    }

    /// The phrases that announce some of these kinds, with the place where each ends, in order.
    pub(crate) fn each_phrase(
        &mut self,
        lexicon: &Lexicon,
        text: &[u8],
        wanted: &EntitySet,
        mut each: impl FnMut(EntitySet, usize),
    ) {
        self.read(lexicon, text);
        let mut hits = self.hits.iter().peekable();
        while let Some(hit) = hits.next() {
            step(2);
            // Longer phrases that end at the same word began earlier, and come first.
            let mut denies = hit.denies;
            let mut kinds = hit.kinds;
            while let Some(shorter) = hits.next_if(|next| next.last == hit.last) {
                step(2);
                kinds = kinds.or(&shorter.kinds.without(&denies));
                denies = denies.or(&shorter.denies);
            }
            let kinds = kinds.and(wanted);
            if !kinds.is_empty()
                && let Some(word) = self.words.get(hit.last)
            {
                each(kinds, word.end);
            }
        }
    }

    /// Whether one of the two words right before a place calls it an id, a version or the like.
    pub(crate) fn is_negative_before(
        &mut self,
        lexicon: &Lexicon,
        text: &[u8],
        start: usize,
    ) -> bool {
        self.read(lexicon, text);
        let here = self.words_before(start);
        let nearest = start.less(NEGATIVE_BEFORE_BYTES);
        self.words
            .get(here.less(2)..here)
            .unwrap_or_default()
            .iter()
            .any(|word| word.is_negative && word.start >= nearest)
    }

    /// Whether the word right behind a place says what is counted.
    pub(crate) fn is_unit_behind(&mut self, lexicon: &Lexicon, text: &[u8], end: usize) -> bool {
        self.read(lexicon, text);
        let here = self.words_before(end);
        self.words
            .get(here)
            .is_some_and(|word| word.is_unit && word.start <= end.plus(1))
    }

    /// How many words end at a place or before it.
    fn words_before(&mut self, place: usize) -> usize {
        while self
            .words
            .get(self.cursor)
            .is_some_and(|word| word.end <= place)
        {
            step(1);
            self.cursor = self.cursor.plus(1);
        }
        while let Some(before) = self.cursor.checked_sub(1)
            && self.words.get(before).is_some_and(|word| word.end > place)
        {
            step(1);
            self.cursor = before;
        }
        self.cursor
    }
}

const DIGITS_OF_A_NUMBER: usize = 3;
const NEAR_BEFORE_BYTES: usize = 64;
const NEAR_BEHIND_BYTES: usize = 24;
const NEGATIVE_BEFORE_BYTES: usize = 32;
/// The longest number with its separators, and the words behind it.
const FAR_BEHIND_BYTES: usize = 64;
const MAX_WORDS_BEFORE: usize = 6;
const MAX_WORDS_BEHIND: usize = 3;
/// Phrases that are open at one word; there are never so many.
const MOST_OPEN: usize = 16;
