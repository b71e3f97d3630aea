//! PHONE: a telephone number: international with +, North American in its usual form, national ones where a word announces them.

use crate::detect::prelude::*;

use super::calling_codes;
use crate::bytes::{before, rest};
use crate::detect::boundary::{Strength, ends_free, is_word, starts_free};

/// How a number was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// With `+` and a country that exists, or in the usual form of North America: acts alone.
    Certain,
    /// With the zeros of an international call and a country that exists, in groups: acts where nothing
    /// speaks against it.
    Dialled,
    /// Digits and separators of a plausible length: needs a word.
    National,
    /// As few digits as in a small town: the member must be called so.
    Short,
}

/// Whether a number that begins with so many digits may be one that needs no word: with `+`, with the
/// zeros of an international call, `(212) 555-0147`, `212-555-0147` or `1-212-555-0147`.
#[inline]
pub(crate) fn may_be_certain(text: &[u8], start: usize, length: usize) -> bool {
    // A dash, three digits and a dash.
    let area = |dash: usize| {
        at(text, start.plus(dash)) == b'-'
            && at(text, start.plus(dash).plus(4)) == b'-'
            && (1..=3).all(|place| at(text, start.plus(dash).plus(place)).is_ascii_digit())
    };
    match length {
        _ if matches!(before(text, start), b'+' | b'(') => true,
        1 => area(1) && area(5),
        3 if area(3) => true,
        2..=6 => dials_abroad(text, start),
        _ => false,
    }
}

/// Whether there are the two zeros of an international call, and behind them, perhaps behind signs, what a
/// country can begin with: no code begins with a zero (ITU-T E.164).
fn dials_abroad(text: &[u8], start: usize) -> bool {
    if at(text, start) != b'0' || at(text, start.plus(1)) != b'0' {
        return false;
    }
    let first = (2..=2_usize.plus(MAX_SIGNS))
        .map(|place| at(text, start.plus(place)))
        .find(|byte| !is_sign(*byte));
    first.is_some_and(|byte| matches!(byte, b'1'..=b'9'))
}

/// Whether a byte stands between the groups of a number.
const fn is_sign(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/' | b'\t' | b'(' | b')')
}

/// Whether so many digits, and what follows them, are as many as the shortest number has.
#[inline]
pub(crate) fn has_enough_digits(text: &[u8], start: usize, length: usize) -> bool {
    let (mut digits, mut signs) = (length, 0_usize);
    let mut place = start.plus(length);
    while digits < LEAST_DIGITS {
        let byte = at(text, place);
        if byte.is_ascii_digit() {
            (digits, signs) = (digits.plus(1), 0);
        } else if signs < MAX_SIGNS && is_sign(byte) {
            signs = signs.plus(1);
        } else {
            return false;
        }
        place = place.plus(1);
    }
    true
}

/// A telephone number whose first digits begin at `start`, with its whole span.
pub(crate) fn find(text: &[u8], start: usize) -> Option<(usize, usize, Writing)> {
    if before(text, start) == b'+' {
        return international(text, start);
    }
    // `(212) 555-0147`: the parenthesis belongs to it.
    let opened = before(text, start) == b'(';
    let begin = if opened { start.less(1) } else { start };
    let mut number = Number::read(text, start, opened);
    if dials_abroad(text, start) {
        let abroad = match opened {
            true => Number::read(text, start, false).dialled_end(text, start),
            false => number.dialled_end(text, start),
        };
        if let Some(end) = abroad {
            return Some((start, end, Writing::Dialled));
        }
    }
    if opened && is_word(before(text, begin)) {
        return None;
    }
    let strength = if number.is_north_american() {
        Strength::Checked
    } else {
        Strength::Form
    };
    if !opened && !starts_free(text, start, strength) {
        return None;
    }
    // Another number may follow right behind: give up groups at the end until it stands free.
    while !ends_free(text, number.end, strength) {
        number.drop_group()?;
    }
    // A parenthesis that is not closed is not part of the number.
    let begin = if opened && !number.closed {
        start
    } else {
        begin
    };
    if number.is_north_american() {
        return Some((begin, number.end, Writing::Certain));
    }
    let writing = match number.count {
        5..=6 => Writing::Short,
        7..=15 => Writing::National,
        _ => return None,
    };
    (!number.looks_like_a_date()).then_some((begin, number.end, writing))
}

/// `+`, a country calling code, and as many digits as that country has (ITU-T E.164).
fn international(text: &[u8], start: usize) -> Option<(usize, usize, Writing)> {
    let plus = start.less(1);
    if is_word(before(text, plus)) {
        return None;
    }
    let mut number = Number::read(text, start, false);
    // Other numbers may follow in a sentence: give up groups at the end until the length fits.
    loop {
        step(8);
        if number.fits_country() && ends_free(text, number.end, Strength::Checked) {
            return Some((plus, number.end, Writing::Certain));
        }
        number.drop_group()?;
    }
}

/// The digits of a number and their groups.
#[derive(Clone, Copy)]
struct Number {
    digits: [u8; MAX_DIGITS],
    count: usize,
    /// Where each group ends, and how many digits there are up to there.
    groups: [(usize, usize); MAX_GROUPS],
    group_count: usize,
    end: usize,
    closed: bool,
    separator: u8,
}

impl Number {
    fn read(text: &[u8], start: usize, opened: bool) -> Self {
        let mut number = Self {
            digits: [0; MAX_DIGITS],
            count: 0,
            groups: [(0, 0); MAX_GROUPS],
            group_count: 0,
            end: start,
            closed: false,
            separator: 0,
        };
        let mut position = start;
        let mut open = opened;
        let mut singles = 0_u8;
        loop {
            let before_group = number.count;
            loop {
                let byte = at(text, position);
                if !byte.is_ascii_digit() || number.count > MAX_DIGITS {
                    break;
                }
                if let Some(slot) = number.digits.get_mut(number.count) {
                    *slot = byte;
                }
                number.count = number.count.plus(1);
                position = position.plus(1);
            }
            let length = number.count.less(before_group);
            // More digits than any number has: the last group is something else.
            if length == 0 || number.count > MAX_DIGITS {
                number.count = before_group;
                break;
            }
            // Digits one by one are a list of something else.
            singles = singles.saturating_add(u8::from(length == 1));
            if singles > 2 {
                number.count = 0;
                break;
            }
            number.end = position;
            if let Some(slot) = number.groups.get_mut(number.group_count) {
                *slot = (position, number.count);
                number.group_count = number.group_count.plus(1);
            } else {
                break;
            }
            let Some(next) = number.separator(text, position, &mut open) else {
                break;
            };
            position = next;
        }
        number
    }

    /// Where the next group begins: behind up to three signs that stand between groups.
    fn separator(&mut self, text: &[u8], position: usize, open: &mut bool) -> Option<usize> {
        let mut next = position;
        let (mut sign, mut opens, mut closes) = (self.separator, *open, self.closed);
        loop {
            let byte = at(text, next);
            match byte {
                b'0'..=b'9' if next > position => break,
                b')' if opens => {
                    opens = false;
                    closes = true;
                }
                b'(' if !opens => opens = true,
                // Between spaces it stands between two numbers.
                b'/' if at(text, next.plus(1)) == b' ' => return None,
                // The number of an item in a list: `2. 030 901820`.
                b'.' if self.group_count == 1
                    && self.count <= 2
                    && at(text, next.plus(1)) == b' ' =>
                {
                    return None;
                }
                b' ' | b'-' | b'.' | b'/' | b'\t' => sign = byte,
                _ => return None,
            }
            next = next.plus(1);
            if next.less(position) > MAX_SIGNS {
                return None;
            }
        }
        (self.separator, *open, self.closed) = (sign, opens, closes);
        Some(next)
    }

    /// The end of `0049 30 901820` or `00 49 30 901820`: zeros, a country, and groups as people write
    /// them, as many as the country has. Bytes in groups of two, and numbers that are filled up with
    /// zeros, look like it.
    fn dialled_end(&self, text: &[u8], start: usize) -> Option<usize> {
        if !starts_free(text, start, Strength::Form) {
            return None;
        }
        let &(code, least, most) = calling_codes::country(rest(self.digits(), 2))?;
        let (mut found, mut last, mut has_long_group) = (None, 0, false);
        let groups = self.groups.iter().take(self.group_count);
        for (place, (end, count)) in groups.enumerate() {
            step(2);
            has_long_group |= place > 0 && count.less(last) > 2;
            last = *count;
            let abroad = count.less(2);
            let fits = (least..=most).contains(&abroad.less(code.len()));
            if place > 1
                && has_long_group
                && fits
                && abroad >= LEAST_DIALLED_DIGITS
                && ends_free(text, *end, Strength::Form)
            {
                found = Some(*end);
            }
        }
        found
    }

    fn drop_group(&mut self) -> Option<()> {
        self.group_count = self.group_count.checked_sub(1)?;
        let (end, count) = self.groups.get(self.group_count.checked_sub(1)?).copied()?;
        (self.end, self.count) = (end, count);
        Some(())
    }

    fn digits(&self) -> &[u8] {
        self.digits
            .get(..self.count.min(MAX_DIGITS))
            .unwrap_or_default()
    }

    fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        let mut last = 0;
        self.groups
            .iter()
            .take(self.group_count)
            .map(move |(_, count)| {
                let length = count.less(last);
                last = *count;
                length
            })
    }

    /// `(NXX) NXX-XXXX`, `NXX-NXX-XXXX` and with a 1 before; with dots or spaces only a word tells.
    fn is_north_american(&self) -> bool {
        let lengths: [usize; 4] = {
            let mut lengths = [0; 4];
            for (slot, length) in lengths.iter_mut().zip(self.lengths()) {
                *slot = length;
            }
            lengths
        };
        let national = match (lengths, self.group_count) {
            ([3, 3, 4, _], 3) => self.digits(),
            ([1, 3, 3, 4], 4) if self.digits().first() == Some(&b'1') => part(self.digits(), 1, 11),
            _ => return false,
        };
        let written = self.closed || self.separator == b'-';
        let exchange = part(national, 3, 6);
        written
            && at(national, 0) >= b'2'
            && at(exchange, 0) >= b'2'
            && part(national, 1, 3) != b"11"
            && part(exchange, 1, 3) != b"11"
    }

    fn looks_like_a_date(&self) -> bool {
        let digits = self.digits();
        let dated = self.count == 8 && self.group_count == 3;
        dated
            && (date::yyyymmdd(digits, 0)
                || date::exists(4, slice_number(digits, 2, 4), slice_number(digits, 0, 2)))
    }

    fn fits_country(&self) -> bool {
        let digits = self.digits();
        if self.count > MAX_DIGITS || self.count < 4 {
            return false;
        }
        calling_codes::country(digits).is_some_and(|(code, least, most)| {
            let national = self.count.less(code.len());
            (*least..=*most).contains(&national)
        })
    }
}

pub(crate) const MAX_DIGITS: usize = 15;
/// The shortest number, that of a small town.
const LEAST_DIGITS: usize = 5;
/// The country and the number behind the zeros of an international call.
const LEAST_DIALLED_DIGITS: usize = 8;
/// The most signs between two groups.
const MAX_SIGNS: usize = 3;
const MAX_GROUPS: usize = 8;
