//! Reads the words of a text and finds the phrases in it.

use super::{DIGITS_OF_A_NUMBER, Hit, NearWord, Seam, Surroundings};
use crate::bytes::{Position as _, count_while, count_while_back, part};
use crate::entity::EntitySet;
use crate::lexicon::words::{Word, Words};
use crate::lexicon::{Known, Lexicon, NEGATIVE_BEFORE, UNIT};
use crate::steps::step;

impl Surroundings {
    #[inline(never)]
    pub(super) fn read_words(&mut self, lexicon: &Lexicon, text: &[u8]) {
        self.is_read = true;
        self.cursor = 0;
        self.hit_cursor = 0;
        self.words.clear();
        self.hits.clear();
        self.open.clear();
        self.glued.clear();
        self.all = EntitySet::EMPTY;
        for word in Words::new(text, &lexicon.labels) {
            step(1);
            if word.is_placeholder || word.is_number() && word.digits >= DIGITS_OF_A_NUMBER {
                self.open.clear();
                self.add((word.start, word.end), Known::default(), true);
                if let Some(added) = self.words.last_mut() {
                    added.is_placeholder = word.is_placeholder;
                }
                continue;
            }
            let known = lexicon.vocabulary.look_up(text, &word);
            // `ssn2` is a name, `SSN536-22-8145` a name and a number.
            let may_be_glued = known.is_nothing() || known.ids[0] == 0 && word.digits > 2;
            if may_be_glued && word.digits >= 2 && !word.is_number() {
                self.add_glued(lexicon, text, &word, known);
                continue;
            }
            self.add(
                (word.start, word.end),
                known,
                word.digits >= DIGITS_OF_A_NUMBER,
            );
            self.follow(lexicon, known);
        }
    }

    fn add(&mut self, (start, end): (usize, usize), known: Known, is_number: bool) {
        self.words.push(NearWord {
            start,
            end,
            is_negative: known.flags & NEGATIVE_BEFORE != 0,
            is_unit: known.flags & UNIT != 0,
            is_number,
            is_placeholder: false,
        });
    }

    /// A word of letters and digits that is none that is known. A word that announces something, or that
    /// people write right beside numbers, may be at either end of it: `card4111…`, `IBANDE89…`,
    /// `4111…USD`.
    fn add_glued(&mut self, lexicon: &Lexicon, text: &[u8], word: &Word, whole: Known) {
        let head = count_while(part(text, 0, word.end), word.start, is_letter);
        let tail = count_while_back(part(text, word.start, word.end), word.length(), is_letter);
        let (mut start, mut end) = (word.start, word.end);
        if word.digits >= DIGITS_OF_A_NUMBER {
            // The country of an account number may stand between.
            for length in [head, head.less(2)] {
                let place = word.start.plus(length);
                if let Some(known) = lexicon.beside(part(text, word.start, place)) {
                    self.add((word.start, place), known, false);
                    self.follow(lexicon, known);
                    self.glued.push(Seam {
                        place,
                        is_behind: false,
                    });
                    start = place;
                    break;
                }
            }
        }
        let mut behind = None;
        if head < word.length() {
            let place = word.end.less(tail);
            behind = lexicon.beside(part(text, place, word.end));
            if behind.is_some() {
                end = place;
            }
        }
        let is_number = word.digits >= DIGITS_OF_A_NUMBER;
        if (start, end) == (word.start, word.end) {
            self.add((start, end), whole, is_number);
            return self.follow(lexicon, whole);
        }
        self.add((start, end), Known::default(), is_number);
        self.open.clear();
        if let Some(known) = behind {
            self.add((end, word.end), known, false);
            self.follow(lexicon, known);
            self.glued.push(Seam {
                place: end,
                is_behind: true,
            });
        }
    }

    /// The word that was added last begins phrases, and goes on with those that are open.
    #[inline]
    fn follow(&mut self, lexicon: &Lexicon, known: Known) {
        if known.ids == [0; 2] {
            return self.open.clear();
        }
        let place = self.words.len().less(1);
        let ids = known.ids.into_iter().filter(|id| *id != 0);
        if self.open.is_empty() && ids.clone().all(|id| lexicon.step(0, id).is_none()) {
            return;
        }
        self.still_open.clear();
        self.open.push((0, place));
        for (node, first) in self.open.drain(..) {
            for id in ids.clone() {
                let Some(next) = lexicon.step(node, id) else {
                    continue;
                };
                let phrase = lexicon.phrase(next);
                if !phrase.announces.is_empty() || !phrase.denies.is_empty() {
                    self.all = self.all.or(&phrase.announces);
                    self.hits.push(Hit {
                        first,
                        last: place,
                        node: next,
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

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

/// Phrases that are open at one word; there are never so many.
const MOST_OPEN: usize = 16;
