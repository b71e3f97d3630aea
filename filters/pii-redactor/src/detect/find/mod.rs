//! Looking for all wanted kinds in one text.
//!
//! Every number and every word with a digit is a possible beginning; what it can be follows from
//! its length and from what stands around it. A look at one costs a bounded number of steps, and what
//! is about the whole text (its words, the letters of tokens) is read once, so the cost is linear in
//! the text, whatever is in it and whatever is wanted.

mod context;
mod lists;
mod numbers;
mod shapes;
mod signs;

use super::Confidence;
use super::assigned;
use super::fold::Folded;
use super::internal_url;
use super::kind::{BASIC_AUTH, INTERNAL_URL};
use super::prose;
use super::secret::basic::is_pair;
use super::secret::may_have_long_token;
use super::shape::ShapeIndex;
use crate::budget::Looks;
use crate::bytes::{Position as _, at, before, part, rest};
use crate::entity::EntitySet;
use crate::lexicon::{Announcement, Lexicon, Surroundings};
use crate::steps::step;
use crate::trigger::Triggers;

/// A match in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The position of its first byte.
    pub start: usize,
    /// The position behind its last byte.
    pub end: usize,
    /// The kind of data.
    pub entity: u8,
    /// How sure the detector is.
    pub confidence: Confidence,
}

/// A text, and what is known about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    /// The decoded bytes. What is before `from` has been dealt with and is only looked at.
    pub(crate) bytes: &'a [u8],
    /// The position from which matches may begin.
    pub(crate) from: usize,
    /// What the name of the member says.
    pub(crate) announcement: &'a Announcement,
    /// The kinds that are looked for.
    pub(crate) wanted: &'a EntitySet,
    /// The kinds that are the value of `name: value` in a text.
    pub(crate) assignable: &'a EntitySet,
    /// The shapes of the kinds that are looked for.
    pub(crate) shapes: &'a ShapeIndex,
    /// The words of the kinds that are looked for.
    pub(crate) lexicon: &'a Lexicon,
    /// Whether names and words that speak against a match count.
    pub(crate) heeds_negative: bool,
    /// Matches that are less sure are none.
    pub(crate) least: Confidence,
    /// A card number of a scheme in use is one in a member that is called an id, too.
    pub(crate) cards_in_ids: bool,
    /// The list that the text before `from` ends with.
    pub(crate) list: List,
    /// Up to here the text leaves: the list that ends there goes on in what comes next.
    pub(crate) cut: usize,
}

/// The end of the last item of a list, and what was announced for it; it goes for the next one as well.
pub(crate) type List = Option<(usize, EntitySet)>;

/// What searches work with, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) near: Surroundings,
    folded: Folded,
    unglued: Folded,
    /// The list that the last text ends with, as far as it leaves.
    pub(crate) list: List,
    /// What all searches so far have cost.
    pub(crate) looks: Looks,
}

/// Finds everything that is wanted in a text; matches may overlap.
#[inline]
pub(crate) fn find(text: &Text<'_>, scratch: &mut Scratch, spans: &mut Vec<Span>) {
    scratch.list = text.list;
    let is_announced = !text.announcement.kinds.is_empty() || text.list.is_some();
    if text.bytes.len().less(text.from) < LEAST_BYTES && !is_announced {
        return;
    }
    let triggers = Triggers::of(part(text.bytes, text.from, text.bytes.len()));
    if !triggers.is_empty(assigned::finds_settings(text.assignable)) || is_announced {
        find_in_all(text, triggers, scratch, spans);
    }
    if text.wanted.has(INTERNAL_URL) {
        internal_urls(text, scratch, spans);
    }
}

/// Addresses that lead inside have a sign of their own that nothing else looks for.
#[inline(never)]
fn internal_urls(text: &Text<'_>, scratch: &Scratch, spans: &mut Vec<Span>) {
    internal_url::find(text.bytes, text.from, |start, end| {
        scratch.looks.add(1);
        spans.push(Span {
            start,
            end,
            entity: INTERNAL_URL,
            confidence: Confidence::High,
        });
    });
}

/// In the text as it stands, in what other spellings in it stand for, and in both with a space between
/// words and numbers that stand together.
fn find_in_all(text: &Text<'_>, triggers: Triggers, scratch: &mut Scratch, spans: &mut Vec<Span>) {
    let Scratch {
        near,
        folded,
        unglued,
        list,
        looks,
    } = scratch;
    let census = Census::of(text.bytes);
    let mut has_letters = census.has_letters || census.has_others;
    if census.has_spellings && folded.read(text.bytes, text.from) {
        let plain = Text {
            bytes: &folded.bytes,
            from: folded.from,
            list: text.list.map(|(end, kinds)| (folded.place_of(end), kinds)),
            cut: folded.place_of(text.cut),
            ..*text
        };
        let triggers = Triggers::of(part(plain.bytes, plain.from, plain.bytes.len()));
        looks.add(folded.units().saturating_mul(LOOKS_OF_A_SPELLING));
        let plain_census = Census::of(plain.bytes);
        let plain_letters = plain_census.has_letters || plain_census.has_others;
        near.forget();
        let mut search = Search::new(&plain, spans, near, looks, plain_letters);
        search.run(triggers);
        search.run_unglued(unglued);
        let last = search.last_list;
        keep_later(list, last.map(|(end, kinds)| (folded.original(end), kinds)));
        for span in spans.iter_mut() {
            (span.start, span.end) = (folded.original(span.start), folded.original(span.end));
        }
        spans.retain(|span| span.start >= text.from);
        // Other characters beyond ASCII than those that were read as ASCII may be letters.
        has_letters = census.has_letters || plain_census.has_others;
    }
    near.forget();
    let mut search = Search::new(text, spans, near, looks, has_letters);
    search.run(triggers);
    search.run_unglued(unglued);
    keep_later(list, search.last_list);
}

/// Of two lists the one that ends later goes on.
fn keep_later(known: &mut List, other: List) {
    if other.map(|(end, _)| end) > known.map(|(end, _)| end) {
        *known = other;
    }
}

/// What sorts of bytes a text has.
#[derive(Clone, Copy, Debug)]
struct Census {
    /// Whether there are ASCII letters.
    has_letters: bool,
    /// Whether there are bytes beyond ASCII.
    has_others: bool,
    /// What other spellings of ASCII characters begin with.
    has_spellings: bool,
}

impl Census {
    fn of(text: &[u8]) -> Self {
        step(text.len() / 8);
        let (mut letters, mut others, mut spellings) = (0_u8, 0_u8, 0_u8);
        for byte in text {
            letters |= u8::from((byte | 0x20).wrapping_sub(b'a') < 26);
            others |= byte & 0x80;
            spellings |= u8::from(byte.wrapping_sub(b'%') < 2) | u8::from(*byte == b'\\');
        }
        Self {
            has_letters: letters != 0,
            has_others: others != 0,
            has_spellings: others | spellings != 0,
        }
    }
}

struct Search<'a, 's> {
    text: &'a Text<'a>,
    spans: &'s mut Vec<Span>,
    near: &'s mut Surroundings,
    looks: &'s Looks,
    /// There are letters, and so perhaps words.
    has_letters: bool,
    /// The name or a word of the text announces something, or nothing needs that; `None` before
    /// anything has asked.
    announces: Option<bool>,
    /// The end of the last match that a word announced, and what was announced there: it goes for the
    /// next item of a list as well.
    list: List,
    /// The last one of them that is in what leaves.
    last_list: List,
    /// What may be announced at the last place that was asked about.
    announceable: (usize, EntitySet),
    /// Up to here words between colons have been looked at as one address.
    colons_to: usize,
    /// Words of letters alone are looked at by themselves.
    looks_at_letters: bool,
    /// How many places have been tried for a form without reading the words around.
    unread_forms: usize,
}

impl<'a, 's> Search<'a, 's> {
    fn new(
        text: &'a Text<'a>,
        spans: &'s mut Vec<Span>,
        near: &'s mut Surroundings,
        looks: &'s Looks,
        has_letters: bool,
    ) -> Self {
        let is_announced = !text.announcement.kinds.is_empty()
            || text.least == Confidence::Low
            || text.list.is_some();
        Self {
            text,
            spans,
            near,
            looks,
            has_letters: has_letters || text.list.is_some(),
            announces: match (is_announced, has_letters) {
                (true, _) => Some(true),
                (false, true) => None,
                (false, false) => Some(false),
            },
            list: text.list,
            last_list: text.list,
            announceable: (usize::MAX, EntitySet::EMPTY),
            colons_to: 0,
            unread_forms: 0,
            looks_at_letters: text.announcement.kinds.meets(text.shapes.lettered()),
        }
    }

    fn run(&mut self, triggers: Triggers) {
        let text = self.text;
        if triggers.has(Triggers::AT) {
            self.signs();
        }
        let has_long_token = || {
            triggers.has(Triggers::DIGIT)
                && text.shapes.has_secrets()
                && may_have_long_token(text.bytes)
        };
        if triggers.has(Triggers::LITERAL) || has_long_token() {
            self.literals();
        }
        if text.announcement.kinds.has(BASIC_AUTH) && text.from == 0 && is_pair(text.bytes) {
            self.push(BASIC_AUTH, 0, text.bytes.len(), Confidence::High);
        }
        if triggers.has(Triggers::DIGIT) && text.shapes.has_numbers() {
            self.numbers();
        }
        if self.looks_at_letters {
            self.announced_words();
        }
        if !text.assignable.is_empty() && text.least <= Confidence::Medium {
            prose::find(text, self.spans);
            if self.has_letters {
                assigned::find(text, self.near, self.spans);
            }
        }
        self.looks.add(self.near.words_read());
    }

    /// Once more, if there are words and numbers without a sign between them.
    #[inline]
    fn run_unglued(&mut self, unglued: &mut Folded) {
        if !self.near.glued().is_empty() {
            self.run_with_spaces(unglued);
        }
    }

    #[inline(never)]
    fn run_with_spaces(&mut self, unglued: &mut Folded) {
        let seams = self.near.take_glued();
        unglued.separate(self.text.bytes, self.text.from, &seams);
        let spaced = Text {
            bytes: &unglued.bytes,
            from: unglued.from,
            list: None,
            ..*self.text
        };
        self.looks.add(unglued.units());
        let found = self.spans.len();
        self.near.separate(&seams);
        let mut search = Search::new(&spaced, self.spans, self.near, self.looks, true);
        search.numbers_at(&seams);
        self.near.give_back(seams);
        let from = self.text.from;
        for span in self.spans.iter_mut().skip(found) {
            (span.start, span.end) = (unglued.original(span.start), unglued.original(span.end));
        }
        let mut place = 0_usize;
        self.spans.retain(|span| {
            place = place.plus(1);
            place <= found || span.start >= from
        });
    }

    fn push(&mut self, entity: u8, start: usize, mut end: usize, confidence: Confidence) {
        // The dashes are those of the comment around it.
        if at(self.text.bytes, end) == b'>'
            && part(self.text.bytes, end.less(2).max(start), end) == b"--"
        {
            end = end.less(2);
        }
        if start >= self.text.from
            && confidence >= self.text.least
            && self.text.wanted.has(entity)
            && !self.is_label(start, end)
        {
            let span = Span {
                start,
                end,
                entity,
                confidence,
            };
            if self.spans.last() != Some(&span) {
                self.spans.push(span);
            }
        }
    }

    /// Whether a match is the name of a kind in the label that stands for a value.
    fn is_label(&self, start: usize, end: usize) -> bool {
        let text = self.text.bytes;
        before(text, start) == b'['
            && self.text.lexicon.labels().length(rest(text, start.less(1)))
                == end.less(start).plus(2)
    }
}

/// A character that is spelled otherwise is read, replaced and found again.
const LOOKS_OF_A_SPELLING: usize = 4;
/// Nothing that no name announces is shorter.
const LEAST_BYTES: usize = 5;
