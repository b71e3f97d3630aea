//! Every number and every word with a digit, and what can begin with it.

use super::Search;
use crate::bytes::{
    Position as _, at, before, count_while, count_while_back, is_alphanumeric, part, rest,
};
use crate::detect::Confidence;
use crate::detect::boundary::{Strength, ends_free, starts_free};
use crate::detect::contact::phone;
use crate::detect::impersonal::{TIME_BYTES, UUID_BYTES, begins_with_time, begins_with_uuid};
use crate::detect::kind::{
    CARD_TRACK, CREDIT_CARD, CRYPTO, ETHEREUM_ADDRESS, IBAN, IP_ADDRESS, PHONE,
};
use crate::detect::money::{bitcoin, card, emv, ethereum, iban, track};
use crate::detect::shape::{UMLAUT, WordKind, is_umlaut_byte};
use crate::lexicon::Seam;
use crate::steps::step;
use crate::trigger::find_digit;

impl Search<'_, '_> {
    pub(super) fn numbers(&mut self) {
        self.numbers_between(self.text.from, self.text.bytes.len());
    }

    /// Only those that a word stands right beside; there is a space between them now.
    pub(super) fn numbers_at(&mut self, seams: &[Seam]) {
        let mut done = self.text.from;
        // Each seam is one space further on than the one before it.
        for (spaces, seam) in seams.iter().enumerate() {
            step(2);
            let place = seam.place.plus(spaces);
            let (from, to) = if seam.is_behind {
                (place.less(LONGEST_BYTES).max(done), place)
            } else {
                // The country of an account number may stand before its digits.
                (place.plus(1).max(done), place.plus(4))
            };
            if from < to {
                self.numbers_between(from, to);
                done = to;
            }
        }
    }

    /// Those that begin between two places.
    fn numbers_between(&mut self, from: usize, to: usize) {
        let bytes = self.text.bytes;
        let mut position = from;
        while let Some(first) = find_digit(bytes, position).filter(|first| *first < to) {
            let head = part(bytes, position, first);
            let back = count_while_back(head, head.len(), is_alphanumeric);
            let start = first.less(back);
            let digits_end = first.plus(count_while(bytes, first, |byte| byte.is_ascii_digit()));
            let mut end = digits_end;
            if is_alphanumeric(at(bytes, end)) {
                end = end.plus(count_while(bytes, end, is_alphanumeric));
            }
            let (next, ahead) = (at(bytes, end), before(bytes, start));
            position = end;
            if (next == b'-' || ahead == b'-')
                && let Some(end) = self.nothing_personal(start, end.less(start))
            {
                position = end;
                continue;
            }
            self.looks.add(1);
            if back == 0 && end == digits_end {
                if let Some(past) = self.number(start, end) {
                    position = position.max(past);
                }
            } else {
                self.mixed(start, end);
            }
            let may_be_hardware = match end.less(start) {
                2 => next == b'-',
                4 => next == b'.' || ahead == b'.',
                _ => false,
            };
            if next == b':' || ahead == b':' || may_be_hardware {
                self.hexadecimal(start, end);
            }
        }
    }

    /// The end of what is known to be no personal data, and is in most documents: a UUID, or a day
    /// with a time as RFC 3339 writes it. Nothing inside stands free, so nothing there could match.
    fn nothing_personal(&self, start: usize, length: usize) -> Option<usize> {
        let bytes = self.text.bytes;
        if length == 4
            && begins_with_time(rest(bytes, start))
            && !self.text.announcement.kinds.has(PHONE)
        {
            return Some(start.plus(TIME_BYTES))
                .filter(|end| !is_alphanumeric(at(bytes, *end)) || at(bytes, *end) == b'Z');
        }
        // The groups before this one may have no digit.
        let places: &[usize] = match length {
            8 => &[0],
            4 => &[9, 14, 19],
            12 => &[24],
            _ => return None,
        };
        places.iter().find_map(|place| {
            let begin = start.checked_sub(*place)?;
            let end = begin.plus(UUID_BYTES);
            let is_uuid = begins_with_uuid(rest(bytes, begin))
                && starts_free(bytes, begin, Strength::Form)
                && ends_free(bytes, end, Strength::Form);
            is_uuid.then_some(end)
        })
    }

    /// A word of digits alone. Returns where to go on, if a match took more.
    #[inline]
    fn number(&mut self, start: usize, end: usize) -> Option<usize> {
        let bytes = self.text.bytes;
        let wanted = self.text.wanted;
        let length = end.less(start);
        let next = at(bytes, end);
        let mut past = None;
        if length <= card::MAX_DIGITS
            && (length >= card::MIN_DIGITS
                || length >= card::LEAST_GROUP_DIGITS && card::may_go_on(next))
            && wanted.has(CREDIT_CARD)
            && let Some(found) = card::find(bytes, start)
            && self.is_card(&found, start)
        {
            self.push(CREDIT_CARD, start, found.end, Confidence::High);
            past = Some(found.end);
        }
        if next == b'='
            && length >= card::MIN_DIGITS
            && wanted.has(CARD_TRACK)
            && let Some((start, end)) = track::find(bytes, start)
        {
            self.push(CARD_TRACK, start, end, Confidence::High);
        }
        if length <= phone::MAX_DIGITS && wanted.has(PHONE) {
            let is_certain = phone::may_be_certain(bytes, start, length);
            if (is_certain || self.announces != Some(false))
                && phone::has_enough_digits(bytes, start, length)
                && (is_certain
                    || self.announces_anywhere(PHONE) && self.announceable(start).has(PHONE))
            {
                self.phone(start);
            }
        }
        let may_begin_address = next == b'.' && length <= 3 && before(bytes, start) != b'.';
        if may_begin_address && wanted.has(IP_ADDRESS) {
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
        if wanted.has(CARD_TRACK) || wanted.has(CREDIT_CARD) {
            for (tag, from, to) in emv::find(part(bytes, start, end)) {
                let kind = match tag {
                    emv::Tag::Number => CREDIT_CARD,
                    emv::Tag::Track => CARD_TRACK,
                };
                self.push(kind, start.plus(from), start.plus(to), Confidence::High);
            }
        }
        if self.text.cards_in_ids
            && wanted.has(CREDIT_CARD)
            && length > card::LEAST_OF_SCHEME
            && let Some((from, to)) = card::in_word(part(bytes, start, end))
            && starts_free(bytes, start, Strength::Checked)
            && ends_free(bytes, end, Strength::Checked)
        {
            self.push(
                CREDIT_CARD,
                start.plus(from),
                start.plus(to),
                Confidence::High,
            );
        }
        // A word and a number without a sign between: reading the words tells.
        let may_be_glued = !self.near.is_read() || !before(bytes, end).is_ascii_digit();
        if length > 4 && may_be_glued {
            let (has_head, has_tail) = self.glued_ends(part(bytes, start, end));
            if has_head || has_tail {
                self.near.all(self.text.lexicon, bytes);
            }
            // It ends with a word, which is looked at without it.
            if has_tail {
                return;
            }
        }
        self.shapes(WordKind::Mixed, start, length);
        self.lettered_beginning(start);
    }

    /// Whether a word of letters and digits begins or ends with a word that stands beside a number without a
    /// sign between, as far as that can be told without reading the words.
    fn glued_ends(&self, word: &[u8]) -> (bool, bool) {
        let (head, tail) = ends_of(word);
        if head.is_empty() && tail.is_empty() {
            return (false, false);
        }
        let lexicon = self.text.lexicon;
        // `cardNumber4111…`: of several words the last one.
        let last = head.windows(2).rposition(|pair| match pair {
            [left, right] => left.is_ascii_lowercase() && right.is_ascii_uppercase(),
            _ => false,
        });
        let head = last.map_or(head, |place| rest(head, place.plus(1)));
        // That of a head only matters as long as the words have not been read.
        let has_head = !self.near.is_read()
            && (lexicon.stands_beside(head)
                || lexicon.stands_beside(part(head, 0, head.len().less(2))));
        (has_head, lexicon.stands_beside(tail))
    }

    /// A few letters before a number, with one sign between: `AB 12 34 56 C`, `X-1234567-L`.
    #[inline]
    fn lettered_beginning(&mut self, start: usize) {
        let bytes = self.text.bytes;
        if self.has_letters
            && is_joint(before(bytes, start))
            && before(bytes, start.less(1)).is_ascii_alphabetic()
        {
            self.letters_before(start);
        }
    }

    fn letters_before(&mut self, start: usize) {
        let bytes = self.text.bytes;
        let sign = start.less(1);
        let (letters, begin) = self.letters_ending(sign);
        if !(1..=4).contains(&letters) {
            return;
        }
        if letters == 2
            && self.text.wanted.has(IBAN)
            && let Some(end) = iban::find(bytes, begin)
        {
            self.push(IBAN, begin, end, Confidence::High);
        }
        let joint = begin.less(1);
        let (more, outer) = if is_joint(before(bytes, begin)) {
            self.letters_ending(joint)
        } else {
            (0, joint)
        };
        // Where the name says so, words of ASCII letters are looked at by themselves.
        if !self.looks_at_letters || letters != sign.less(begin) {
            self.shapes_ending(WordKind::Letters, begin, letters, sign);
        }
        // `B-MW 1234` has two words of letters.
        if (1..=3).contains(&more) && (!self.looks_at_letters || more != joint.less(outer)) {
            self.shapes_ending(WordKind::Letters, outer, more, joint);
        }
    }

    /// How many letters end at a place, as far as they can begin a code, and where they begin. `Ä`, `Ö`
    /// and `Ü` stand on number plates too.
    fn letters_ending(&self, end: usize) -> (usize, usize) {
        let head = part(self.text.bytes, self.text.from.max(end.less(8)), end);
        let length = count_while_back(head, head.len(), |byte| {
            byte.is_ascii_alphabetic() || is_umlaut_byte(byte)
        });
        let word = rest(head, head.len().less(length));
        let letters = word
            .iter()
            .filter(|byte| byte.is_ascii_alphabetic() || **byte == UMLAUT)
            .count();
        (letters, end.less(length))
    }

    fn is_card(&mut self, found: &card::Found, start: usize) -> bool {
        if found.needs_word && !self.is_announced(CREDIT_CARD, start, found.end) {
            return false;
        }
        found.is_grouped
            || self.is_plausible(CREDIT_CARD, start, found.end)
            || self.text.cards_in_ids && card::is_of_scheme(part(self.text.bytes, start, found.end))
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
            // A number with zeros in front may be written in groups as well.
            phone::Writing::Dialled => {
                by_name
                    || self.is_plausible(PHONE, begin, end)
                        && !(self.text.heeds_negative && self.is_counted(begin, end))
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
                phone::Writing::Certain | phone::Writing::Dialled => Confidence::High,
                phone::Writing::National | phone::Writing::Short => Confidence::Medium,
            };
            self.push(PHONE, begin, end, confidence);
        }
    }
}

/// The letters at the beginning of a word, if at least three digits follow, and those at its end, if at
/// least two digits stand before them.
fn ends_of(word: &[u8]) -> (&[u8], &[u8]) {
    let letters = count_while(word, 0, |byte| byte.is_ascii_alphabetic());
    let digits = count_while(part(word, 0, letters.plus(3)), letters, |byte| {
        byte.is_ascii_digit()
    });
    let last = count_while_back(word, word.len(), |byte| byte.is_ascii_alphabetic());
    let digits_before = |count: usize| {
        let end = word.len().less(last);
        part(word, end.less(count), end)
            .iter()
            .all(u8::is_ascii_digit)
    };
    let head = if digits == 3 { letters } else { 0 };
    let tail = if letters < word.len() && last >= 2 && digits_before(2) {
        last
    } else {
        0
    };
    (part(word, 0, head), rest(word, word.len().less(tail)))
}

/// A sign between the parts of one code.
const fn is_joint(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'\t')
}

/// The longest number in groups.
const LONGEST_BYTES: usize = 64;
