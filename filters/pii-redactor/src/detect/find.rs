//! Looking for all wanted kinds in one text.
//!
//! Every number and every word with a digit is a possible beginning; what it can be follows from
//! its length and from what stands around it. So the cost is a look at each number, whatever is
//! wanted.

use super::Confidence;
use super::boundary::{ends_free, starts_free};
use super::contact::{email, ip, mac, phone};
use super::impersonal::{TIME_BYTES, UUID_BYTES, begins_with_time, begins_with_uuid};
use super::money::{bitcoin, card, ethereum, iban, track};
use super::secret;
use super::shape::{Plain, Shape, ShapeIndex, WordKind};
use super::table::id;
use crate::bytes::{
    Position as _, at, before, count_while, count_while_back, is_alphanumeric, part, rest,
};
use crate::entity::EntitySet;
use crate::lexicon::{Announcement, Lexicon};
use crate::trigger::{Triggers, find_digit};

/// A match in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it is.
    pub entity: u8,
    /// How sure that is.
    pub confidence: Confidence,
}

/// A text, and what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The decoded bytes. What is before `from` has been dealt with and is only looked at.
    pub bytes: &'a [u8],
    /// Where matches may begin.
    pub from: usize,
    /// What the name of the member says.
    pub announcement: &'a Announcement,
    /// The kinds that are looked for.
    pub wanted: &'a EntitySet,
    /// Their shapes.
    pub shapes: &'a ShapeIndex,
    /// Their words.
    pub lexicon: &'a Lexicon,
    /// Whether names and words that speak against a match count.
    pub heeds_negative: bool,
    /// Matches that are less sure are none.
    pub least: Confidence,
}

/// Finds everything that is wanted in a text; matches may overlap.
#[inline]
pub fn find(text: &Text<'_>, spans: &mut Vec<Span>) {
    let triggers = Triggers::of(part(text.bytes, text.from, text.bytes.len()));
    let announced = !text.announcement.kinds.is_empty();
    if !triggers.is_empty() || announced {
        find_triggered(text, triggers, announced, spans);
    }
}

fn find_triggered(text: &Text<'_>, triggers: Triggers, announced: bool, spans: &mut Vec<Span>) {
    let has_words = announced
        || text.least == Confidence::Low
        || memchr::memchr3(b' ', b':', b'=', text.bytes).is_some();
    let mut search = Search {
        text,
        spans,
        around: None,
        has_words,
    };
    if triggers.has(Triggers::AT) {
        search.signs();
    }
    if triggers.has(Triggers::LITERAL) {
        search.literals();
    }
    if triggers.has(Triggers::DIGIT) {
        search.numbers();
    }
    if announced {
        search.announced_words();
    }
}

struct Search<'a, 's> {
    text: &'a Text<'a>,
    spans: &'s mut Vec<Span>,
    /// What the words around the last candidate announce.
    around: Option<(usize, EntitySet)>,
    /// The name announces something, or there are words around, or nothing needs them.
    has_words: bool,
}

impl Search<'_, '_> {
    fn signs(&mut self) {
        let (text, spans) = (self.text, &mut *self.spans);
        let found = |entity: u8, start: usize, end: usize, spans: &mut Vec<Span>| {
            spans.push(Span {
                start,
                end,
                entity,
                confidence: Confidence::High,
            });
        };
        if text.wanted.has(id("EMAIL")) {
            email::find(text.bytes, text.from, |start, end| {
                found(id("EMAIL"), start, end, spans);
            });
        }
        if text.wanted.has(id("URL_PASSWORD")) {
            for sign in memchr::memchr_iter(b'@', text.bytes) {
                if let Some((start, end)) = secret::url_password::find(text.bytes, sign) {
                    found(id("URL_PASSWORD"), start, end, spans);
                }
            }
        }
    }

    fn literals(&mut self) {
        let (text, spans) = (self.text, &mut *self.spans);
        secret::find(text.bytes, text.from, |entity, start, end| {
            if text.wanted.has(entity) {
                spans.push(Span {
                    start,
                    end,
                    entity,
                    confidence: Confidence::High,
                });
            }
        });
        // Addresses that have no digit at all: `fe::ab:cd`.
        if text.wanted.has(id("IP_ADDRESS")) {
            let mut position = text.from;
            while let Some(offset) =
                memchr::memmem::find(part(text.bytes, position, text.bytes.len()), b"::")
            {
                let place = position.plus(offset);
                position = place.plus(2);
                if let Some((start, end)) = ip::version6(text.bytes, place) {
                    self.push(id("IP_ADDRESS"), start, end, Confidence::High);
                    position = end.max(position);
                }
            }
        }
    }

    /// Every number and every word with a digit.
    fn numbers(&mut self) {
        let bytes = self.text.bytes;
        let mut position = self.text.from;
        while let Some(first) = find_digit(bytes, position) {
            let ahead = part(bytes, position, first);
            let back = count_while_back(ahead, ahead.len(), is_alphanumeric);
            let start = first.less(back);
            if let Some(end) = self.nothing_personal(start) {
                position = end;
                continue;
            }
            let end = first.plus(count_while(bytes, first, is_alphanumeric));
            position = end;
            let digits = back == 0 && part(bytes, start, end).iter().all(u8::is_ascii_digit);
            if digits {
                if let Some(past) = self.number(start, end) {
                    position = position.max(past);
                }
            } else {
                self.mixed(start, end);
            }
            if matches!(at(bytes, end), b':' | b'-') || before(bytes, start) == b':' {
                self.hexadecimal(start, end);
            }
        }
    }

    /// The end of what is known to be no personal data, and is in most documents: a UUID, or a day
    /// with a time as RFC 3339 writes it. Nothing inside stands free, so nothing there could match.
    #[inline]
    fn nothing_personal(&self, start: usize) -> Option<usize> {
        let bytes = self.text.bytes;
        let ahead = rest(bytes, start);
        if begins_with_time(ahead) && !self.text.announcement.kinds.has(id("PHONE")) {
            return Some(start.plus(TIME_BYTES))
                .filter(|end| !is_alphanumeric(at(bytes, *end)) || at(bytes, *end) == b'Z');
        }
        let end = start.plus(UUID_BYTES);
        let is_uuid = begins_with_uuid(ahead) && starts_free(bytes, start) && ends_free(bytes, end);
        is_uuid.then_some(end)
    }

    /// A word of digits alone. Answers where to go on, if a match took more.
    fn number(&mut self, start: usize, end: usize) -> Option<usize> {
        let bytes = self.text.bytes;
        let wanted = self.text.wanted;
        let length = end.less(start);
        let mut past = None;
        // A card has at least twelve digits, and groups of three or more.
        let grouped = length >= 3
            && matches!(at(bytes, end), b' ' | b'-')
            && at(bytes, end.plus(1)).is_ascii_digit();
        if (length >= 12 || grouped)
            && length <= 19
            && wanted.has(id("CREDIT_CARD"))
            && let Some((end, grouped)) = card::find(bytes, start)
            && (grouped || self.is_plausible(id("CREDIT_CARD"), start, end))
        {
            self.push(id("CREDIT_CARD"), start, end, Confidence::High);
            past = Some(end);
        }
        if wanted.has(id("CARD_TRACK"))
            && matches!(before(bytes, start), b';')
            && let Some((start, end)) = track::find(bytes, start)
        {
            self.push(id("CARD_TRACK"), start, end, Confidence::High);
        }
        // Without a word: `+`, `(212) 555-0147`, `212-555-0147` or `1-212-555-0147`.
        let certain = matches!(before(bytes, start), b'+' | b'(')
            || at(bytes, end) == b'-' && (length == 3 || length == 1);
        if (certain || self.has_words) && length <= 15 && wanted.has(id("PHONE")) {
            self.phone(start);
        }
        if wanted.has(id("IP_ADDRESS")) && length <= 3 && at(bytes, end) == b'.' {
            self.ip4(start);
        }
        self.shapes(WordKind::Digits, start, length);
        self.lettered_beginning(start);
        past
    }

    /// A word of letters and digits.
    fn mixed(&mut self, start: usize, end: usize) {
        let bytes = self.text.bytes;
        let wanted = self.text.wanted;
        let length = end.less(start);
        if at(bytes, start).is_ascii_alphabetic()
            && at(bytes, start.plus(2)).is_ascii_digit()
            && wanted.has(id("IBAN"))
            && let Some(end) = iban::find(bytes, start)
        {
            self.push(id("IBAN"), start, end, Confidence::High);
        }
        if length >= 26 {
            let word = part(bytes, start, end);
            let free = starts_free(bytes, start) && ends_free(bytes, end);
            if free && wanted.has(id("CRYPTO")) && bitcoin::is_address(word) {
                self.push(id("CRYPTO"), start, end, Confidence::High);
            }
            if free && wanted.has(id("ETHEREUM_ADDRESS")) && ethereum::is_address(word) {
                self.push(id("ETHEREUM_ADDRESS"), start, end, Confidence::High);
            }
        }
        if wanted.has(id("CARD_TRACK"))
            && matches!(at(bytes, start), b'B' | b'b')
            && let Some((start, end)) = track::find(bytes, start.plus(1))
        {
            self.push(id("CARD_TRACK"), start, end, Confidence::High);
        }
        self.shapes(WordKind::Mixed, start, length);
        self.lettered_beginning(start);
    }

    /// A few letters before a number, with one sign between: `AB 12 34 56 C`, `X-1234567-L`.
    fn lettered_beginning(&mut self, start: usize) {
        let bytes = self.text.bytes;
        if !matches!(before(bytes, start), b' ' | b'-') {
            return;
        }
        let sign = start.less(1);
        let letters = count_while_back(
            part(bytes, self.text.from, sign),
            sign.less(self.text.from),
            |byte| byte.is_ascii_alphabetic(),
        );
        if (1..=4).contains(&letters) {
            let begin = sign.less(letters);
            self.shapes(WordKind::Letters, begin, letters);
            // `B-MW 1234` has two words of letters.
            if matches!(before(bytes, begin), b' ' | b'-') {
                let sign = begin.less(1);
                let more = count_while_back(
                    part(bytes, self.text.from, sign),
                    sign.less(self.text.from),
                    |byte| byte.is_ascii_alphabetic(),
                );
                if (1..=3).contains(&more) {
                    self.shapes(WordKind::Letters, sign.less(more), more);
                }
            }
        }
    }

    /// The shapes that begin with this word. Those that need a word are tried only where there is one.
    #[inline]
    fn shapes(&mut self, kind: WordKind, start: usize, length: usize) {
        let text = self.text;
        let next = at(text.bytes, start.plus(length));
        self.shapes_of(text.shapes.beginning_with(true, kind, length), next, start);
        if self.has_words {
            self.shapes_of(text.shapes.beginning_with(false, kind, length), next, start);
        }
    }

    #[inline]
    fn shapes_of(&mut self, buckets: &[(u8, Vec<Shape>)], next: u8, start: usize) {
        for (expected, shapes) in buckets {
            if *expected == 0 || *expected == next {
                self.try_shapes(shapes, start);
            }
        }
    }

    #[inline(never)]
    fn try_shapes(&mut self, shapes: &[Shape], start: usize) {
        let text = self.text;
        if !starts_free(text.bytes, start) {
            return;
        }
        let mut plain = Plain::new();
        for shape in shapes {
            let Some(end) = shape.fits(text.bytes, start, &mut plain) else {
                continue;
            };
            if !ends_free(text.bytes, end) || !(shape.check)(plain.bytes()) {
                continue;
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
    }

    fn phone(&mut self, start: usize) {
        let Some((begin, end, writing)) = phone::find(self.text.bytes, start) else {
            return;
        };
        let sure = match writing {
            phone::Writing::Certain => {
                !self.text.announcement.negative || !self.text.heeds_negative
            }
            phone::Writing::National => {
                let by_name = self.text.announcement.kinds.has(id("PHONE"));
                // `call` may be far from what it is about.
                let negative =
                    self.text.heeds_negative && Lexicon::is_negative_before(self.text.bytes, begin);
                by_name || !negative && self.is_announced(id("PHONE"), begin, end)
            }
            phone::Writing::Short => self.text.announcement.kinds.has(id("PHONE")),
        };
        if sure && begin >= self.text.from {
            let confidence = match writing {
                phone::Writing::Certain => Confidence::High,
                phone::Writing::National | phone::Writing::Short => Confidence::Medium,
            };
            self.push(id("PHONE"), begin, end, confidence);
        }
    }

    fn ip4(&mut self, start: usize) {
        let Some(end) = ip::version4(self.text.bytes, start) else {
            return;
        };
        // A version of four numbers looks the same.
        if self.is_plausible(id("IP_ADDRESS"), start, end) {
            self.push(id("IP_ADDRESS"), start, end, Confidence::High);
        }
    }

    fn hexadecimal(&mut self, start: usize, end: usize) {
        let bytes = self.text.bytes;
        let word = part(bytes, start, end);
        if word.len() > 4 || !word.iter().all(u8::is_ascii_hexdigit) {
            return;
        }
        let beside = |sign: u8| {
            at(bytes, end) == sign && at(bytes, end.plus(3)) == sign
                || before(bytes, start) == sign && at(bytes, start.less(4)) == sign && start >= 4
        };
        if word.len() == 2
            && (beside(b':') || beside(b'-'))
            && self.text.wanted.has(id("MAC_ADDRESS"))
        {
            // The first pair may have no digit, so the address may have begun earlier.
            for back in 0..6_usize {
                let begin = start.less(back.saturating_mul(3));
                if begin >= self.text.from
                    && let Some(end) = mac::find(bytes, begin)
                    && end > start
                {
                    self.push(id("MAC_ADDRESS"), begin, end, Confidence::High);
                    return;
                }
            }
        }
        if self.text.wanted.has(id("IP_ADDRESS"))
            && (at(bytes, end) == b':' || before(bytes, start) == b':')
            && let Some((begin, end)) = ip::version6(bytes, start)
            && begin >= self.text.from
        {
            self.push(id("IP_ADDRESS"), begin, end, Confidence::High);
        }
    }

    /// Where the name announces something: also words without digits (codes of letters alone).
    fn announced_words(&mut self) {
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

    /// The name of the member, or words around the place, announce the kind.
    fn is_announced(&mut self, entity: u8, start: usize, end: usize) -> bool {
        if self.text.announcement.kinds.has(entity) {
            return true;
        }
        let around = match self.around {
            Some((place, around)) if place == start => around,
            _ => {
                let around = self.text.lexicon.around(self.text.bytes, start, end);
                self.around = Some((start, around));
                around
            }
        };
        around.has(entity)
    }

    /// Nothing speaks against a match that has no form but its digits: it is announced, or neither
    /// the name nor the words before call it an id, a time, a version or the like.
    fn is_plausible(&mut self, entity: u8, start: usize, end: usize) -> bool {
        if !self.text.heeds_negative {
            return true;
        }
        let negative = self.text.announcement.negative || {
            // Text right before: `v`, `version`, `order no.`
            start > 0 && Lexicon::is_negative_before(self.text.bytes, start)
        };
        !negative || self.is_announced(entity, start, end)
    }

    fn is_plausible_alone(&mut self, entity: u8, start: usize, end: usize) -> bool {
        // A member that is called an id may hold a code of letters and digits of any shape.
        !(self.text.heeds_negative && self.text.announcement.negative)
            || self.is_announced(entity, start, end)
    }

    fn push(&mut self, entity: u8, start: usize, end: usize, confidence: Confidence) {
        if start >= self.text.from && confidence >= self.text.least && self.text.wanted.has(entity)
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
}
