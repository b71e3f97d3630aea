//! What the words around a place in a text say about it.

mod reading;

use super::Lexicon;
use crate::bytes::{Position as _, count_while_back, part, rest};
use crate::entity::EntitySet;
use crate::steps::step;

/// The words of one text and the phrases in it, read once for all the places that are asked about, and
/// only if one is.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    is_read: bool,
    words: Vec<NearWord>,
    hits: Vec<Hit>,
    /// Everything that any of the phrases announces.
    all: EntitySet,
    /// Phrases that may go on with the next word: the node, and the first word.
    open: Vec<(u16, usize)>,
    still_open: Vec<(u16, usize)>,
    /// The word that was asked about last: places are asked about nearly in order.
    cursor: usize,
    /// The same of the hits.
    hit_cursor: usize,
    /// Where a word and a number stand together without a sign between them: `card4111…`.
    glued: Vec<Seam>,
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
    /// It stands for a value that an earlier redaction took away.
    is_placeholder: bool,
}

/// Where a word and a number stand together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seam {
    /// Where the second of them begins.
    pub(crate) place: usize,
    /// The number is the first of them.
    pub(crate) is_behind: bool,
}

/// A phrase, by its first and its last word.
#[derive(Clone, Copy, Debug)]
struct Hit {
    first: usize,
    last: usize,
    /// In the tree of the lexicon.
    node: u16,
}

impl Surroundings {
    /// Forgets the words of the text before, as another text begins.
    pub(crate) fn forget(&mut self) {
        self.is_read = false;
        self.glued.clear();
    }

    /// Whether the words of this text have been read.
    pub(crate) const fn is_read(&self) -> bool {
        self.is_read
    }

    /// How many words have been read of this text.
    pub(crate) const fn words_read(&self) -> usize {
        if self.is_read { self.words.len() } else { 0 }
    }

    /// Where words and numbers stand together without a sign, as far as the words have been read.
    pub(crate) fn glued(&self) -> &[Seam] {
        &self.glued
    }

    /// The same, to be given back.
    pub(crate) fn take_glued(&mut self) -> Vec<Seam> {
        std::mem::take(&mut self.glued)
    }

    /// The words have been read already of a text that has a space at these seams now.
    pub(crate) fn separate(&mut self, seams: &[Seam]) {
        let mut spaces = 0_usize;
        self.cursor = 0;
        self.hit_cursor = 0;
        for word in &mut self.words {
            while seams
                .get(spaces)
                .is_some_and(|seam| seam.place <= word.start)
            {
                spaces = spaces.plus(1);
            }
            step(1);
            word.start = word.start.plus(spaces);
            word.end = word.end.plus(spaces);
        }
    }

    /// Takes the room for them back.
    pub(crate) fn give_back(&mut self, seams: Vec<Seam>) {
        self.glued = seams;
        self.glued.clear();
    }

    /// Everything that is announced anywhere in the text.
    #[inline]
    pub(crate) fn all(&mut self, lexicon: &Lexicon, text: &[u8]) -> &EntitySet {
        self.read(lexicon, text);
        &self.all
    }

    #[inline]
    fn read(&mut self, lexicon: &Lexicon, text: &[u8]) {
        if !self.is_read {
            self.read_words(lexicon, text);
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
        if self.all.is_empty() {
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
        // A label is shorter than what it stands for, and must not bring into reach what is behind it.
        let reach = self.words.get(behind..).unwrap_or_default();
        let reach = reach
            .iter()
            .take(MAX_WORDS_BEHIND)
            .take_while(|word| !word.is_placeholder)
            .count();
        let reach = behind.plus(reach);
        let from = self.hits_before(first);
        let within = |hit: &Hit| {
            hit.last < reach
                && self
                    .words
                    .get(hit.last)
                    .is_some_and(|word| word.end <= last_byte)
        };
        let mut kinds = EntitySet::EMPTY;
        for hit in self.hits.get(from..).unwrap_or_default() {
            step(1);
            if hit.last >= reach {
                break;
            }
            let is_before = hit.first >= first && hit.last < here;
            if is_before || hit.first >= behind && within(hit) {
                kinds = kinds.or(&lexicon.phrase(hit.node).announces);
            }
        }
        kinds
    }

    /// Everything that could be announced at a place, whatever is found there: more than
    /// [`Self::announced`] says, in fewer steps.
    pub(crate) fn nearby(&mut self, lexicon: &Lexicon, text: &[u8], start: usize) -> EntitySet {
        self.read(lexicon, text);
        if self.all.is_empty() {
            return EntitySet::EMPTY;
        }
        let here = self.words_before(start);
        let first = here.less(MAX_WORDS_BEFORE);
        let last_byte = start.plus(FAR_BEHIND_BYTES);
        let from = self.hits_before(first);
        let mut kinds = EntitySet::EMPTY;
        for hit in self.hits.get(from..).unwrap_or_default() {
            step(1);
            let starts = self.words.get(hit.first).map_or(0, |word| word.start);
            if starts > last_byte {
                break;
            }
            kinds = kinds.or(&lexicon.phrase(hit.node).announces);
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
        if self.all.and(wanted).is_empty() {
            return;
        }
        let mut hits = self.hits.iter().peekable();
        while let Some(hit) = hits.next() {
            step(2);
            // Longer phrases that end at the same word began earlier, and come first.
            let phrase = lexicon.phrase(hit.node);
            let mut denies = phrase.denies;
            let mut kinds = phrase.announces;
            while let Some(shorter) = hits.next_if(|next| next.last == hit.last) {
                step(2);
                let phrase = lexicon.phrase(shorter.node);
                kinds = kinds.or(&phrase.announces.without(&denies));
                denies = denies.or(&phrase.denies);
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
            .filter(|word| word.is_negative && word.start >= nearest)
            .any(|word| {
                // What an address or a code ends with is about nothing else: `jane@example.id 4111…`.
                let head = part(text, word.start.less(NEAR_BEFORE_BYTES), word.start);
                let token = count_while_back(head, head.len(), |byte| byte > b' ');
                !rest(head, head.len().less(token))
                    .iter()
                    .any(|byte| *byte == b'@' || byte.is_ascii_digit())
            })
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

    /// How many hits end before a word.
    fn hits_before(&mut self, word: usize) -> usize {
        while self
            .hits
            .get(self.hit_cursor)
            .is_some_and(|hit| hit.last < word)
        {
            step(1);
            self.hit_cursor = self.hit_cursor.plus(1);
        }
        while let Some(before) = self.hit_cursor.checked_sub(1)
            && self.hits.get(before).is_some_and(|hit| hit.last >= word)
        {
            step(1);
            self.hit_cursor = before;
        }
        self.hit_cursor
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
