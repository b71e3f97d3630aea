//! PHONE: a telephone number: international with +, North American in its usual form, national ones where a word announces them.

use crate::detect::prelude::*;

use crate::bytes::before;
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
        2..=6 => at(text, start) == b'0' && at(text, start.plus(1)) == b'0',
        _ => false,
    }
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
        } else if signs < MAX_SIGNS
            && matches!(byte, b' ' | b'-' | b'.' | b'/' | b'\t' | b'(' | b')')
        {
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
    if part(text, start, start.plus(2)) == b"00"
        && let Some(end) = dialled(text, start)
    {
        return Some((start, end, Writing::Dialled));
    }
    // `(212) 555-0147`: the parenthesis belongs to it.
    let opened = before(text, start) == b'(';
    let begin = if opened { start.less(1) } else { start };
    if opened && is_word(before(text, begin)) {
        return None;
    }
    let mut number = Number::read(text, start, opened);
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

/// The end of `0049 30 901820` or `00 49 30 901820`: zeros, a country, and groups as people write them.
/// Bytes in groups of two, and numbers that are filled up with zeros, look like it.
fn dialled(text: &[u8], start: usize) -> Option<usize> {
    if !starts_free(text, start, Strength::Form) {
        return None;
    }
    let mut number = Number::read(text, start, false);
    loop {
        step(8);
        let lengths = number.lengths();
        let has_long_group = lengths.skip(1).any(|length| length > 2);
        let abroad = Number {
            digits: shifted(&number.digits),
            count: number.count.less(2),
            ..number
        };
        if number.group_count > 2
            && has_long_group
            && abroad.count >= LEAST_DIALLED_DIGITS
            && abroad.fits_country()
            && ends_free(text, number.end, Strength::Form)
        {
            return Some(number.end);
        }
        number.drop_group()?;
    }
}

/// Digits without the two zeros in front.
fn shifted(digits: &[u8; MAX_DIGITS]) -> [u8; MAX_DIGITS] {
    let mut left = [0; MAX_DIGITS];
    for (to, from) in left.iter_mut().zip(digits.iter().skip(2)) {
        *to = *from;
    }
    left
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
        let Ok(place) = usize::try_from(slice_number(digits, 0, 3)) else {
            return false;
        };
        let country = BY_CODE.get(place).copied().unwrap_or(0);
        COUNTRIES
            .get(usize::from(country).wrapping_sub(1))
            .is_some_and(|(code, least, most)| {
                let national = self.count.less(code.len());
                (*least..=*most).contains(&national)
            })
    }
}

/// By the first three digits of a number: its place in [`COUNTRIES`], counted from 1.
const BY_CODE: [u8; 1000] = by_code();

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs while compiling"
)]
const fn by_code() -> [u8; 1000] {
    let mut table = [0; 1000];
    let mut place = 0;
    while place < COUNTRIES.len() {
        let code = COUNTRIES[place].0;
        let (mut first, mut count) = (0, 1000);
        let mut index = 0;
        while index < code.len() {
            count /= 10;
            first += (code[index] - b'0') as usize * count;
            index += 1;
        }
        let mut number = first;
        while number < first + count {
            table[number] = place as u8 + 1;
            number += 1;
        }
        place += 1;
    }
    table
}

pub(crate) const MAX_DIGITS: usize = 15;
/// The shortest number, that of a small town.
const LEAST_DIGITS: usize = 5;
/// The country and the number behind the zeros of an international call.
const LEAST_DIALLED_DIGITS: usize = 8;
/// The most signs between two groups.
const MAX_SIGNS: usize = 3;
const MAX_GROUPS: usize = 8;

/// Country calling codes (ITU-T E.164) with the fewest and most digits of national numbers.
#[rustfmt::skip]
const COUNTRIES: &[(&[u8], usize, usize)] = &[
    (b"1", 7, 10), (b"7", 10, 14), (b"20", 8, 10), (b"27", 5, 10), (b"30", 10, 12), (b"31", 5, 11),
    (b"32", 8, 9), (b"33", 9, 9), (b"34", 9, 9), (b"36", 8, 9), (b"39", 6, 12), (b"40", 6, 9),
    (b"41", 9, 12), (b"43", 4, 13), (b"44", 7, 10), (b"45", 8, 8), (b"46", 6, 12), (b"47", 5, 8),
    (b"48", 6, 10), (b"49", 4, 15), (b"51", 8, 9), (b"52", 10, 10), (b"53", 6, 10),
    (b"54", 10, 11), (b"55", 8, 11), (b"56", 9, 11), (b"57", 8, 11), (b"58", 10, 10),
    (b"60", 8, 10), (b"61", 5, 12), (b"62", 7, 17), (b"63", 6, 13), (b"64", 5, 10), (b"65", 8, 11),
    (b"66", 8, 13), (b"81", 8, 17), (b"82", 5, 14), (b"84", 7, 10), (b"86", 7, 12), (b"90", 7, 13),
    (b"91", 8, 13), (b"92", 8, 12), (b"93", 9, 9), (b"94", 9, 9), (b"95", 6, 10), (b"98", 4, 10),
    (b"211", 9, 9), (b"212", 9, 9), (b"213", 8, 9), (b"216", 8, 8), (b"218", 9, 9), (b"220", 7, 9),
    (b"221", 9, 9), (b"222", 8, 8), (b"223", 8, 8), (b"224", 8, 9), (b"225", 10, 10),
    (b"226", 8, 8), (b"227", 8, 8), (b"228", 8, 8), (b"229", 10, 10), (b"230", 7, 10),
    (b"231", 7, 9), (b"232", 8, 8), (b"233", 8, 9), (b"234", 10, 14), (b"235", 8, 8),
    (b"236", 8, 8), (b"237", 8, 9), (b"238", 7, 7), (b"239", 7, 7), (b"240", 9, 9), (b"241", 7, 8),
    (b"242", 9, 9), (b"243", 7, 10), (b"244", 9, 9), (b"245", 7, 9), (b"246", 7, 7),
    (b"247", 5, 6), (b"248", 7, 7), (b"249", 9, 9), (b"250", 8, 9), (b"251", 9, 9), (b"252", 6, 9),
    (b"253", 8, 8), (b"254", 7, 10), (b"255", 9, 9), (b"256", 9, 9), (b"257", 8, 8),
    (b"258", 8, 9), (b"260", 9, 9), (b"261", 9, 9), (b"262", 9, 9), (b"263", 7, 10),
    (b"264", 8, 9), (b"265", 7, 9), (b"266", 8, 8), (b"267", 7, 10), (b"268", 8, 9),
    (b"269", 7, 7), (b"290", 4, 5), (b"291", 7, 7), (b"297", 7, 7), (b"298", 6, 6), (b"299", 6, 6),
    (b"350", 8, 8), (b"351", 9, 9), (b"352", 4, 11), (b"353", 7, 10), (b"354", 7, 9),
    (b"355", 6, 9), (b"356", 8, 8), (b"357", 8, 8), (b"358", 5, 12), (b"359", 6, 12),
    (b"370", 8, 8), (b"371", 8, 8), (b"372", 7, 10), (b"373", 8, 8), (b"374", 8, 8),
    (b"375", 6, 11), (b"376", 6, 9), (b"377", 8, 9), (b"378", 8, 10), (b"380", 9, 10),
    (b"381", 6, 12), (b"382", 8, 9), (b"383", 8, 12), (b"385", 7, 9), (b"386", 5, 8),
    (b"387", 8, 9), (b"389", 8, 8), (b"420", 9, 12), (b"421", 6, 9), (b"423", 7, 9),
    (b"500", 5, 5), (b"501", 7, 11), (b"502", 8, 11), (b"503", 7, 11), (b"504", 8, 11),
    (b"505", 8, 8), (b"506", 8, 10), (b"507", 7, 11), (b"508", 6, 9), (b"509", 8, 8),
    (b"590", 9, 9), (b"591", 8, 9), (b"592", 7, 7), (b"593", 8, 11), (b"594", 9, 9),
    (b"595", 6, 11), (b"596", 9, 9), (b"597", 6, 7), (b"598", 4, 13), (b"599", 7, 8),
    (b"670", 7, 8), (b"672", 6, 6), (b"673", 7, 7), (b"674", 7, 7), (b"675", 7, 8), (b"676", 5, 7),
    (b"677", 5, 7), (b"678", 5, 7), (b"679", 7, 11), (b"680", 7, 7), (b"681", 6, 9),
    (b"682", 5, 5), (b"683", 4, 7), (b"685", 5, 10), (b"686", 5, 8), (b"687", 6, 6),
    (b"688", 5, 7), (b"689", 6, 9), (b"690", 4, 7), (b"691", 7, 7), (b"692", 7, 7), (b"800", 8, 8),
    (b"808", 8, 8), (b"850", 8, 10), (b"852", 5, 11), (b"853", 7, 8), (b"855", 8, 10),
    (b"856", 8, 10), (b"870", 9, 12), (b"878", 12, 12), (b"880", 6, 10), (b"881", 9, 10),
    (b"882", 7, 12), (b"883", 8, 12), (b"886", 7, 11), (b"888", 11, 11), (b"960", 7, 10),
    (b"961", 7, 8), (b"962", 8, 9), (b"963", 8, 9), (b"964", 8, 10), (b"965", 7, 8),
    (b"966", 9, 10), (b"967", 7, 9), (b"968", 7, 9), (b"970", 8, 10), (b"971", 5, 12),
    (b"972", 7, 12), (b"973", 8, 8), (b"974", 7, 11), (b"975", 7, 8), (b"976", 8, 10),
    (b"977", 8, 11), (b"979", 9, 9), (b"992", 9, 9), (b"993", 8, 8), (b"994", 9, 9),
    (b"995", 9, 9), (b"996", 9, 10), (b"998", 9, 9),
];
