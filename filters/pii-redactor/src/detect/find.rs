//! Looking for all wanted kinds in one text.
//!
//! Every number and every word with a digit is a possible beginning; what it can be follows from
//! its length and from what stands around it. A look at one costs a bounded number of steps, and what
//! is about the whole text (its words, the letters of tokens) is read once, so the cost is linear in
//! the text, whatever is in it and whatever is wanted.

use super::Confidence;
use super::assigned;
use super::boundary::{Strength, ends_free, starts_free};
use super::contact::{email, ip, mac, phone};
use super::fold::Folded;
use super::impersonal::{TIME_BYTES, UUID_BYTES, begins_with_time, begins_with_uuid};
use super::money::{bitcoin, card, ethereum, iban, track};
use super::secret;
use super::shape::{Bucket, Plain, Shape, ShapeIndex, WordKind};
use super::table::id;
use crate::budget::Looks;
use crate::bytes::{
    Position as _, at, before, count_while, count_while_back, is_alphanumeric, part, rest,
};
use crate::entity::EntitySet;
use crate::lexicon::{Announcement, Lexicon, Surroundings};
use crate::placeholder::label_length;
use crate::steps::step;
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
pub(crate) struct Text<'a> {
    /// The decoded bytes. What is before `from` has been dealt with and is only looked at.
    pub(crate) bytes: &'a [u8],
    /// Where matches may begin.
    pub(crate) from: usize,
    /// What the name of the member says.
    pub(crate) announcement: &'a Announcement,
    /// The kinds that are looked for.
    pub(crate) wanted: &'a EntitySet,
    /// The kinds that are the value of `name: value` in a text.
    pub(crate) assignable: &'a EntitySet,
    /// Their shapes.
    pub(crate) shapes: &'a ShapeIndex,
    /// Their words.
    pub(crate) lexicon: &'a Lexicon,
    /// Whether names and words that speak against a match count.
    pub(crate) heeds_negative: bool,
    /// Matches that are less sure are none.
    pub(crate) least: Confidence,
}

/// What searches work with, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) near: Surroundings,
    folded: Folded,
    /// What all searches so far have cost.
    pub(crate) looks: Looks,
}

/// Finds everything that is wanted in a text; matches may overlap.
#[inline]
pub(crate) fn find(text: &Text<'_>, scratch: &mut Scratch, spans: &mut Vec<Span>) {
    let triggers = Triggers::of(part(text.bytes, text.from, text.bytes.len()));
    let announced = !text.announcement.kinds.is_empty();
    if !triggers.is_empty() || announced {
        find_in_both(text, triggers, announced, scratch, spans);
    }
}

/// In the text as it stands, and in what other spellings in it stand for.
fn find_in_both(
    text: &Text<'_>,
    triggers: Triggers,
    announced: bool,
    scratch: &mut Scratch,
    spans: &mut Vec<Span>,
) {
    let Scratch {
        near,
        folded,
        looks,
    } = scratch;
    if folded.read(text.bytes, text.from) {
        let plain = Text {
            bytes: &folded.bytes,
            from: folded.from,
            ..*text
        };
        let triggers = Triggers::of(part(plain.bytes, plain.from, plain.bytes.len()));
        near.forget();
        looks.add(folded.units());
        find_triggered(&plain, triggers, announced, (near, looks), spans);
        for span in spans.iter_mut() {
            (span.start, span.end) = (folded.original(span.start), folded.original(span.end));
        }
        spans.retain(|span| span.start >= text.from);
    }
    near.forget();
    find_triggered(text, triggers, announced, (near, looks), spans);
}

fn find_triggered(
    text: &Text<'_>,
    triggers: Triggers,
    announced: bool,
    (near, looks): (&mut Surroundings, &Looks),
    spans: &mut Vec<Span>,
) {
    let has_words = announced
        || text.least == Confidence::Low
        || memchr::memchr3(b' ', b':', b'=', text.bytes).is_some()
        || memchr::memchr3(b'#', b',', b'\t', text.bytes).is_some();
    let mut search = Search {
        text,
        spans,
        near,
        looks,
        has_words,
        list: None,
        announceable: None,
        colons_to: 0,
    };
    if triggers.has(Triggers::AT) {
        search.signs();
    }
    if triggers.has(Triggers::LITERAL) {
        search.literals();
    }
    if triggers.has(Triggers::DIGIT) && text.shapes.has_numbers() {
        search.numbers();
    }
    if !text
        .announcement
        .kinds
        .and(text.shapes.lettered())
        .is_empty()
    {
        search.announced_words();
    }
    if has_words && !text.assignable.is_empty() {
        assigned::find(text, search.near, search.spans);
    }
    looks.add(search.near.words_read());
}

struct Search<'a, 's> {
    text: &'a Text<'a>,
    spans: &'s mut Vec<Span>,
    near: &'s mut Surroundings,
    looks: &'s Looks,
    /// The name announces something, or there are words around, or nothing needs them.
    has_words: bool,
    /// The end of the last match that a word announced, and what was announced there: it goes for the
    /// next item of a list as well.
    list: Option<(usize, EntitySet)>,
    /// What may be announced at the last place that was asked about.
    announceable: Option<(usize, EntitySet)>,
    /// Up to here words between colons have been looked at as one address.
    colons_to: usize,
}

impl Search<'_, '_> {
    fn signs(&mut self) {
        let text = self.text;
        if text.wanted.has(EMAIL) {
            let signs = email::find(text.bytes, text.from, |start, end| {
                self.push(EMAIL, start, end, Confidence::High);
            });
            self.looks.add(signs);
        }
        if text.wanted.has(URL_PASSWORD) {
            for sign in memchr::memchr_iter(b'@', text.bytes) {
                self.looks.add(1);
                if let Some((start, end)) = secret::url_password::find(text.bytes, sign) {
                    self.push(URL_PASSWORD, start, end, Confidence::High);
                }
            }
        }
    }

    fn literals(&mut self) {
        let text = self.text;
        if text.shapes.has_secrets() {
            let prefixes =
                secret::find(text.bytes, text.from, text.wanted, |entity, start, end| {
                    self.push(entity, start, end, Confidence::High);
                });
            self.looks.add(prefixes.saturating_mul(LOOKS_OF_A_SECRET));
        }
        // Addresses that have no digit at all: `fe::ab:cd`.
        if text.wanted.has(IP_ADDRESS) {
            let mut position = text.from;
            while let Some(offset) = memchr::memmem::find(rest(text.bytes, position), b"::") {
                step(offset / 8);
                self.looks.add(1);
                let place = position.plus(offset);
                position = place.plus(2);
                if let Some(end) = self.ip6(place) {
                    position = end.max(position);
                }
            }
            self.colons_to = 0;
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
            step(end.less(start));
            self.looks.add(1);
            let digits = back == 0 && part(bytes, start, end).iter().all(u8::is_ascii_digit);
            if digits {
                if let Some(past) = self.number(start, end) {
                    position = position.max(past);
                }
            } else {
                self.mixed(start, end);
            }
            if matches!(at(bytes, end), b':' | b'-' | b'.')
                || matches!(before(bytes, start), b':' | b'.')
            {
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
        if begins_with_time(ahead) && !self.text.announcement.kinds.has(PHONE) {
            return Some(start.plus(TIME_BYTES))
                .filter(|end| !is_alphanumeric(at(bytes, *end)) || at(bytes, *end) == b'Z');
        }
        let end = start.plus(UUID_BYTES);
        let is_uuid = begins_with_uuid(ahead)
            && starts_free(bytes, start, Strength::Form)
            && ends_free(bytes, end, Strength::Form);
        is_uuid.then_some(end)
    }

    /// A word of digits alone. Returns where to go on, if a match took more.
    fn number(&mut self, start: usize, end: usize) -> Option<usize> {
        let bytes = self.text.bytes;
        let wanted = self.text.wanted;
        let length = end.less(start);
        let next = at(bytes, end);
        let mut past = None;
        if length <= card::MAX_DIGITS
            && (length >= card::MIN_DIGITS || length >= 3 && card::may_go_on(next))
            && wanted.has(CREDIT_CARD)
            && let Some(found) = card::find(bytes, start)
            && self.is_card(&found, start)
        {
            self.push(CREDIT_CARD, start, found.end, Confidence::High);
            past = Some(found.end);
        }
        if wanted.has(CARD_TRACK)
            && length >= card::MIN_DIGITS
            && next == b'='
            && let Some((start, end)) = track::find(bytes, start)
        {
            self.push(CARD_TRACK, start, end, Confidence::High);
        }
        if length <= phone::MAX_DIGITS && wanted.has(PHONE) {
            // Without a word: `+`, `(212) 555-0147`, `212-555-0147` or `1-212-555-0147`.
            let dashed = |places: [usize; 2]| {
                next == b'-'
                    && places
                        .iter()
                        .all(|place| at(bytes, start.plus(*place)) == b'-')
            };
            let certain = matches!(before(bytes, start), b'+' | b'(')
                || length == 3 && dashed([3, 7])
                || length == 1 && dashed([5, 9]);
            if certain || self.has_words && self.may_be_announced(PHONE, start) {
                self.phone(start);
            }
        }
        if wanted.has(IP_ADDRESS) && length <= 3 && next == b'.' {
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
            && wanted.has(IBAN)
            && let Some(end) = iban::find(bytes, start)
        {
            self.push(IBAN, start, end, Confidence::High);
        }
        if length >= 26 {
            let word = part(bytes, start, end);
            let free = starts_free(bytes, start, Strength::Checked)
                && ends_free(bytes, end, Strength::Checked);
            if free && wanted.has(CRYPTO) && bitcoin::is_address(word) {
                self.push(CRYPTO, start, end, Confidence::High);
            }
            if free && wanted.has(ETHEREUM_ADDRESS) && ethereum::is_address(word) {
                self.push(ETHEREUM_ADDRESS, start, end, Confidence::High);
            }
        }
        if length >= card::MIN_DIGITS && wanted.has(CARD_TRACK) {
            let begin = start.plus(usize::from(matches!(at(bytes, start), b'B' | b'b')));
            if at(bytes, begin).is_ascii_digit()
                && let Some((start, end)) = track::find(bytes, begin)
            {
                self.push(CARD_TRACK, start, end, Confidence::High);
            }
        }
        self.shapes(WordKind::Mixed, start, length);
        self.lettered_beginning(start);
    }

    /// A few letters before a number, with one sign between: `AB 12 34 56 C`, `X-1234567-L`.
    fn lettered_beginning(&mut self, start: usize) {
        let bytes = self.text.bytes;
        if !is_joint(before(bytes, start)) {
            return;
        }
        let letters_before = |sign: usize| {
            let head = part(bytes, self.text.from.max(sign.less(5)), sign);
            count_while_back(head, head.len(), |byte| byte.is_ascii_alphabetic())
        };
        let sign = start.less(1);
        let letters = letters_before(sign);
        if (1..=4).contains(&letters) {
            let begin = sign.less(letters);
            if letters == 2
                && self.text.wanted.has(IBAN)
                && let Some(end) = iban::find(bytes, begin)
            {
                self.push(IBAN, begin, end, Confidence::High);
            }
            let joint = before(bytes, begin);
            let more = if is_joint(joint) {
                letters_before(begin.less(1))
            } else {
                0
            };
            self.shapes(WordKind::Letters, begin, letters);
            // `B-MW 1234` has two words of letters.
            if (1..=3).contains(&more) {
                self.shapes(WordKind::Letters, begin.less(1).less(more), more);
            }
        }
    }

    /// The shapes that begin with this word. Those that need a word are tried only where one may
    /// announce them.
    #[inline]
    fn shapes(&mut self, kind: WordKind, start: usize, length: usize) {
        let shapes = self.text.shapes;
        let next = at(self.text.bytes, start.plus(length));
        self.shapes_of(shapes.beginning_with(true, kind, length), next, start);
        if self.has_words {
            self.shapes_of(shapes.beginning_with(false, kind, length), next, start);
        }
    }

    #[inline]
    fn shapes_of(&mut self, buckets: &[Bucket], next: u8, start: usize) {
        for bucket in buckets {
            step(1);
            if bucket.next == 0 || bucket.next == next {
                self.try_bucket(bucket, start);
            }
        }
    }

    #[inline(never)]
    fn try_bucket(&mut self, bucket: &Bucket, start: usize) {
        let text = self.text;
        if bucket.is_alone || text.least == Confidence::Low {
            return self.try_shapes(bucket, &bucket.kinds, start);
        }
        // What the name says is likely; the words around are read if it is wrong.
        let by_name = bucket.kinds.and(&text.announcement.kinds);
        let found = self.spans.len();
        self.try_shapes(bucket, &by_name, start);
        if self.spans.len() == found {
            let around = bucket.kinds.and(&self.announceable(start));
            self.try_shapes(bucket, &around.without(&by_name), start);
        }
    }

    fn try_shapes(&mut self, bucket: &Bucket, kinds: &EntitySet, start: usize) {
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
            if !kinds.has(shape.entity) {
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

    fn is_card(&mut self, found: &card::Found, start: usize) -> bool {
        if found.needs_word && !self.is_announced(CREDIT_CARD, start, found.end) {
            return false;
        }
        found.is_grouped || self.is_plausible(CREDIT_CARD, start, found.end)
    }

    fn phone(&mut self, start: usize) {
        let bytes = self.text.bytes;
        self.looks.add(1);
        let Some((begin, end, writing)) = phone::find(bytes, start) else {
            return;
        };
        let by_name = self.text.announcement.kinds.has(PHONE);
        let sure = match writing {
            phone::Writing::Certain => {
                // What follows it in a list is announced as it is.
                self.is_announced(PHONE, begin, end);
                !self.text.announcement.negative || !self.text.heeds_negative
            }
            // `call` may be far from what it is about.
            phone::Writing::National => {
                by_name
                    || self.is_announced(PHONE, begin, end)
                        && !(self.text.heeds_negative && self.is_counted(begin, end))
            }
            phone::Writing::Short => by_name,
        };
        if sure {
            let confidence = match writing {
                phone::Writing::Certain => Confidence::High,
                phone::Writing::National | phone::Writing::Short => Confidence::Medium,
            };
            self.push(PHONE, begin, end, confidence);
        }
    }

    /// The words beside a number call it an id, or say what it counts.
    fn is_counted(&mut self, begin: usize, end: usize) -> bool {
        let (lexicon, bytes) = (self.text.lexicon, self.text.bytes);
        self.near.is_negative_before(lexicon, bytes, begin)
            || self.near.is_unit_behind(lexicon, bytes, end)
    }

    fn ip4(&mut self, start: usize) {
        let Some(end) = ip::version4(self.text.bytes, start) else {
            return;
        };
        // A version of four numbers looks the same.
        if self.is_plausible(IP_ADDRESS, start, end) {
            self.push(IP_ADDRESS, start, end, Confidence::High);
        }
    }

    /// An address around a place between colons. All of what hangs together is looked at once.
    fn ip6(&mut self, place: usize) -> Option<usize> {
        if place < self.colons_to {
            return Some(self.colons_to);
        }
        let (begin, end) = ip::colons_around(self.text.bytes, place);
        self.colons_to = end;
        if begin >= self.text.from
            && let Some((begin, end)) = ip::version6(self.text.bytes, begin, end)
        {
            self.push(IP_ADDRESS, begin, end, Confidence::High);
        }
        Some(end)
    }

    fn hexadecimal(&mut self, start: usize, end: usize) {
        let bytes = self.text.bytes;
        let word = part(bytes, start, end);
        if word.len() > 4 || !word.iter().all(u8::is_ascii_hexdigit) {
            return;
        }
        let length = word.len();
        let signs = (at(bytes, end), before(bytes, start));
        if self.text.wanted.has(MAC_ADDRESS)
            && mac::may_have(length, signs)
            && let Some((begin, end)) = mac::around(bytes, self.text.from, start, length, signs)
        {
            self.push(MAC_ADDRESS, begin, end, Confidence::High);
            return;
        }
        if self.text.wanted.has(IP_ADDRESS) && (signs.0 == b':' || signs.1 == b':') {
            self.ip6(start);
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

    /// Everything that the name, the words around a place or the list that it is in may announce.
    fn announceable(&mut self, start: usize) -> EntitySet {
        if let Some((place, kinds)) = self.announceable
            && place == start
        {
            return kinds;
        }
        let (lexicon, bytes) = (self.text.lexicon, self.text.bytes);
        let mut kinds = self
            .text
            .announcement
            .kinds
            .or(&self.near.nearby(lexicon, bytes, start));
        if let Some(listed) = self.listed(start) {
            kinds = kinds.or(&listed);
        }
        self.announceable = Some((start, kinds));
        kinds
    }

    fn may_be_announced(&mut self, entity: u8, start: usize) -> bool {
        self.text.announcement.kinds.has(entity) || self.announceable(start).has(entity)
    }

    /// The name of the member, or words around the place, announce the kind.
    fn is_announced(&mut self, entity: u8, start: usize, end: usize) -> bool {
        if self.text.announcement.kinds.has(entity) {
            return true;
        }
        let (lexicon, bytes) = (self.text.lexicon, self.text.bytes);
        let mut around = self.near.announced(lexicon, bytes, start, end);
        if let Some(listed) = self.listed(start) {
            around = around.or(&listed);
        }
        let is_announced = around.has(entity);
        if is_announced {
            self.list = Some((end, around));
        }
        is_announced
    }

    /// What was announced for the item before this one, if they are items of one list.
    fn listed(&self, start: usize) -> Option<EntitySet> {
        let (end, kinds) = self.list?;
        let gap = part(self.text.bytes, end, start);
        (end < start && start.less(end) <= MAX_LIST_GAP_BYTES && is_between_items(gap))
            .then_some(kinds)
    }

    /// Nothing speaks against a match that has no form but its digits: it is announced, or neither
    /// the name nor the words before call it an id, a time, a version or the like.
    fn is_plausible(&mut self, entity: u8, start: usize, end: usize) -> bool {
        if !self.text.heeds_negative {
            return true;
        }
        // Text right before: `v`, `version`, `order no.`
        let negative = self.text.announcement.negative
            || self.has_words
                && start > 0
                && self
                    .near
                    .is_negative_before(self.text.lexicon, self.text.bytes, start);
        !negative || self.is_announced(entity, start, end)
    }

    fn is_plausible_alone(&mut self, entity: u8, start: usize, end: usize) -> bool {
        // A member that is called an id may hold a code of letters and digits of any shape.
        !(self.text.heeds_negative && self.text.announcement.negative)
            || self.is_announced(entity, start, end)
    }

    fn push(&mut self, entity: u8, start: usize, end: usize, confidence: Confidence) {
        if start >= self.text.from
            && confidence >= self.text.least
            && self.text.wanted.has(entity)
            && !is_label(self.text.bytes, start, end)
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

/// Whether a match is the name of a kind in the label that stands for a value.
fn is_label(text: &[u8], start: usize, end: usize) -> bool {
    before(text, start) == b'['
        && label_length(rest(text, start.less(1))) == end.less(start).plus(2)
}

/// A sign between the parts of one code.
const fn is_joint(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'\t')
}

/// Whether a text between two values makes them items of one list.
fn is_between_items(gap: &[u8]) -> bool {
    let gap = without_notes(gap.trim_ascii());
    let words: [&[u8]; 10] = [
        b"u.", b"or", b"and", b"und", b"oder", b"et", b"ou", b"y", b"e", b"and/or",
    ];
    match gap {
        _ if gap.len() > MAX_LIST_SIGN_BYTES => false,
        [] | [b',' | b';' | b'/' | b'|' | b'&' | b'+'] => true,
        _ => words.iter().any(|word| gap.eq_ignore_ascii_case(word)),
    }
}

/// What stands between two items without what is noted about either: `(home), (work):`.
fn without_notes(gap: &[u8]) -> &[u8] {
    let is_note = |note: &[u8]| {
        note.iter()
            .all(|byte| !byte.is_ascii_digit() && !matches!(byte, b'(' | b')' | b'\n'))
    };
    let mut left = gap;
    if let Some(inner) = left.strip_prefix(b"(")
        && let Some(end) = memchr::memchr(b')', inner)
        && is_note(part(inner, 0, end))
    {
        left = rest(inner, end.plus(1)).trim_ascii_start();
    }
    let closed = left.strip_suffix(b":").unwrap_or(left);
    if let Some(inner) = closed.strip_suffix(b")")
        && let Some(begin) = memchr::memrchr(b'(', inner)
        && is_note(rest(inner, begin.plus(1)))
    {
        left = part(inner, 0, begin).trim_ascii_end();
    }
    left
}

/// The longest text between two items of a list, with what is noted about them.
const MAX_LIST_GAP_BYTES: usize = 40;
/// The longest sign or word between two items of a list.
const MAX_LIST_SIGN_BYTES: usize = 6;
/// The letters behind the prefix of a secret are read, and some of them are decoded.
const LOOKS_OF_A_SECRET: usize = 4;

const EMAIL: u8 = id("EMAIL");
const URL_PASSWORD: u8 = id("URL_PASSWORD");
const IP_ADDRESS: u8 = id("IP_ADDRESS");
const MAC_ADDRESS: u8 = id("MAC_ADDRESS");
const PHONE: u8 = id("PHONE");
const CREDIT_CARD: u8 = id("CREDIT_CARD");
const CARD_TRACK: u8 = id("CARD_TRACK");
const IBAN: u8 = id("IBAN");
const CRYPTO: u8 = id("CRYPTO");
const ETHEREUM_ADDRESS: u8 = id("ETHEREUM_ADDRESS");
