//! What stands in the place of a value without quotes in a document that a text holds: JSON in a page, in a string, in
//! a field of a form, in a call or in a line of a log; YAML and TOML. A number or a plain word needs no quotes
//! there and a label does, or nobody could read the document any more.

use crate::action::Replacement;
use crate::bytes::{Position as _, at, before, count_while, count_while_back, part, rest};
use crate::json::is_json_number;
use crate::redaction::Redaction;
use crate::steps::step;

/// The quotes that a replacement needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quotes {
    /// Where the value begins and ends of which the match is a part: `-4111111111111111.0`.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) style: Style,
}

/// How the quotes are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Like those that end the name before the value, escapes included: they stand from one place to another.
    Like(usize, usize),
    /// Double quotes; the value has none inside.
    Double,
    /// Single quotes, which scripts and attributes of pages need not escape.
    Single,
    /// Single quotes around all of a plain scalar of YAML that begins with the match; those inside are doubled.
    Scalar,
}

/// The quotes of what is the value of a member of JSON, or an item of one, and stands in no quotes.
pub(crate) fn of_member(text: &[u8], (start, end): (usize, usize)) -> Option<Quotes> {
    let start = start.less(usize::from(matches!(before(text, start), b'-' | b'+')));
    let place = back(text, start, MAX_BLANKS, is_blank);
    let colon = match before(text, place) {
        b':' => place,
        b'[' | b',' => before_array(text, place)?,
        _ => return None,
    };
    let behind_quote = back(text, colon.less(1), MAX_BLANKS, is_blank);
    if !matches!(before(text, behind_quote), b'"' | b'\'') {
        return None;
    }
    let quote = back(text, behind_quote.less(1), MAX_ESCAPES, |byte| {
        byte == b'\\'
    });
    let ends_name =
        |byte: u8| byte.is_ascii_alphanumeric() || b"_-$]".contains(&byte) || byte >= 0x80;
    if !ends_name(before(text, quote)) {
        return None;
    }
    let more = count_while(part(text, 0, end.plus(MAX_REST_BYTES)), end, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')
    });
    let end = end.plus(more);
    let blanks = count_while(part(text, 0, end.plus(MAX_BLANKS)), end, is_blank);
    let behind = end.plus(blanks);
    let ends = behind >= text.len() || matches!(at(text, behind), b',' | b'}' | b']' | b'\\');
    ends.then_some(Quotes {
        start,
        end,
        style: Style::Like(quote, behind_quote),
    })
}

/// The quotes of what is a value in a program, where names have none: of a member, a variable, an argument, an item, a
/// comparison. `{phone: 4155550123}`, `let phone = 4155550123;`, `f(1, 4155550123)`, `VALUES (1, 4155550123)`.
pub(crate) fn of_program(text: &[u8], (start, end): (usize, usize)) -> Option<Quotes> {
    let is_number = part(text, start, end).iter().all(u8::is_ascii_digit);
    let start = start.less(usize::from(before(text, start) == b'-'));
    // A whole number of JavaScript may end so.
    let end = end.plus(usize::from(
        is_number && at(text, end) == b'n' && !is_of_name(at(text, end.plus(1))),
    ));
    let sign = back(text, start, MAX_BLANKS, is_blank);
    let blanks = count_while(part(text, 0, end.plus(MAX_BLANKS)), end, is_blank);
    let behind = end.plus(blanks);
    let next = at(text, behind);
    let is_value = is_value_of_name(text, sign) && matches!(next, 0 | b',' | b'}' | b';')
        || is_number
            && match before(text, sign) {
                b'(' | b'[' | b',' => matches!(next, b',' | b')' | b']') && is_item(text, sign),
                b'=' | b'>' => is_compared(text, sign, next),
                _ => sign < start && is_behind_word(text, sign, &[b"return", b"case"]),
            };
    let head = part(text, start.less(MAX_OBJECT_BYTES), start);
    // In an attribute of a page that has such quotes itself.
    let is_in_single = memchr::memmem::rfind(head, b"='").is_some_and(|place| {
        memchr::memchr2(b'\'', b'>', rest(head, place.plus(2))).is_none()
            && before(head, place).is_ascii_alphabetic()
    });
    is_value.then_some(Quotes {
        start,
        end,
        style: if is_in_single {
            Style::Double
        } else {
            Style::Single
        },
    })
}

/// Whether the sign before a place gives a name its value: `{phone:`, `let phone =`.
fn is_value_of_name(text: &[u8], sign: usize) -> bool {
    let behind_name = back(text, sign.less(1), MAX_BLANKS, is_blank);
    let name = back(text, behind_name, MAX_NAME_BYTES, is_of_name);
    let head = part(text, name.less(MAX_OBJECT_BYTES), name);
    name < behind_name
        && match before(text, sign) {
            b':' => {
                let opening = memchr::memrchr2(b'{', b'}', head);
                let is_member = matches!(head.trim_ascii_end().last(), Some(b'{' | b','));
                is_member && opening.is_some_and(|place| at(head, place) == b'{')
            }
            b'=' => [&b"var "[..], b"let ", b"const "]
                .iter()
                .any(|word| head.ends_with(word)),
            _ => false,
        }
}

/// Whether an item of a list in brackets begins at a place: arguments, an array, a row of SQL.
fn is_item(text: &[u8], place: usize) -> bool {
    let Some(opening) = opening_before(text, place) else {
        return false;
    };
    let behind_head = back(text, opening, MAX_BLANKS, is_blank);
    let edge = before(text, behind_head);
    let is_array = at(text, opening) == b'[';
    let is_tight = behind_head == opening && is_of_name(edge);
    is_tight && !part(text, 0, opening).ends_with(b"<![CDATA")
        || matches!(edge, b'(' | b'[')
        || is_array && matches!(edge, b'=' | b',')
        // The row before it.
        || edge == b',' && before(text, behind_head.less(1)) == b')'
        || is_behind_word(text, behind_head, &[b"values", b"in", b"return"])
}

/// The bracket that the list is in whose next item begins at a place. No item before it has a blank inside: a sentence
/// is no list.
fn opening_before(text: &[u8], place: usize) -> Option<usize> {
    let (mut open_quote, mut depth) = (0, 0_usize);
    let mut position = place;
    while position > place.less(MAX_LIST_BYTES) {
        step(1);
        position = position.less(1);
        let byte = at(text, position);
        if open_quote != 0 {
            open_quote = if byte == open_quote { 0 } else { open_quote };
            continue;
        }
        match byte {
            b'"' | b'\'' => open_quote = byte,
            b')' | b']' => depth = depth.plus(1),
            b'(' | b'[' if depth == 0 => return Some(position),
            b'(' | b'[' => depth = depth.less(1),
            b';' | b'{' | b'}' | b'<' | b'>' => return None,
            b' ' if is_of_name(before(text, position))
                && is_of_name(at(text, position.plus(1))) =>
            {
                return None;
            }
            _ => {}
        }
    }
    None
}

/// Whether the sign before a place compares, or sets: `pan === 4111…`, `WHERE pan = 4111…`, `pan = 4111…;`.
fn is_compared(text: &[u8], sign: usize, next: u8) -> bool {
    let left = before(text, sign.less(1));
    if before(text, sign) == b'>' {
        return left == b'<';
    }
    let name_end = back(text, sign.less(1), MAX_BLANKS, is_blank);
    let name = back(text, name_end, MAX_NAME_BYTES, |byte| {
        is_of_name(byte) || byte == b'.'
    });
    let head = part(text, name.less(MAX_OBJECT_BYTES), name);
    let is_of_sql = || {
        [&b"WHERE "[..], b"where ", b"SET "]
            .iter()
            .any(|word| memchr::memmem::find(head, word).is_some())
    };
    matches!(left, b'=' | b'!')
        || name < name_end
            && (next == b';' && name_end < sign.less(1) && is_blank(at(text, sign)) || is_of_sql())
}

fn is_behind_word(text: &[u8], place: usize, words: &[&[u8]]) -> bool {
    let end = back(text, place, MAX_BLANKS, is_blank);
    let start = back(text, end, MAX_NAME_BYTES, is_of_name);
    let word = part(text, start, end);
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

/// Where the name of an array ends, behind its colon, of which an item begins at a place behind others that have no
/// quotes either.
fn before_array(text: &[u8], place: usize) -> Option<usize> {
    let first = back(text, place, MAX_ARRAY_BYTES, |byte| {
        byte.is_ascii_digit() || is_blank(byte) || b",.-+eE[".contains(&byte)
    });
    let opening = first.plus(count_while(part(text, 0, place), first, is_blank));
    (at(text, opening) == b'[' && before(text, first) == b':').then_some(first)
}

/// A line of YAML or TOML that is read once, up to one match after the other.
#[derive(Debug)]
pub(crate) struct Line {
    read_to: usize,
    /// The quote of the string that is open; 0 for none.
    open: u8,
    /// A value may begin here.
    expects: bool,
    /// The value is a list or a map in brackets.
    is_flow: bool,
    /// The line before says that a value comes.
    is_awaited: bool,
    /// Where the first colon with a blank behind it, and the first sign of a setting, are.
    colon: Option<usize>,
    equals: Option<usize>,
}

impl Line {
    pub(crate) const fn new(is_awaited: bool) -> Self {
        Self {
            read_to: 0,
            is_awaited,
            open: 0,
            expects: true,
            is_flow: false,
            colon: None,
            equals: None,
        }
    }

    fn read(&mut self, line: &[u8], to: usize) {
        step(to.less(self.read_to));
        while self.read_to < to {
            let place = self.read_to;
            let byte = at(line, place);
            match byte {
                _ if self.open != 0 => {
                    if byte == self.open {
                        self.open = 0;
                    }
                }
                b'"' | b'\'' if self.expects => {
                    self.open = byte;
                    self.expects = false;
                }
                b'[' | b'{' if self.expects => self.is_flow = true,
                b',' if self.is_flow => self.expects = true,
                b':' if self.is_flow => self.expects = true,
                b'=' if self.equals.is_none() => {
                    self.equals = Some(place);
                    self.expects = true;
                }
                b' ' | b'\t' if before(line, place) == b':' && self.colon.is_none() => {
                    self.colon = Some(place.less(1));
                    self.expects = true;
                }
                _ if is_blank(byte) || byte == b'-' => {}
                _ => self.expects = false,
            }
            self.read_to = place.plus(1);
        }
    }
}

/// The quotes of what is a value in a line of YAML or TOML, or an item of one, and stands in none.
pub(crate) fn of_line(
    line: &[u8],
    read: &mut Line,
    (start, end): (usize, usize),
) -> Option<Quotes> {
    let start = start.less(usize::from(
        matches!(before(line, start), b'+' | b'-')
            && start > 1
            && before(line, start.less(1)) == b' ',
    ));
    read.read(line, start);
    if read.open != 0 {
        return None;
    }
    let mut place = back(line, start, MAX_BLANKS, is_blank);
    // An anchor and a tag belong to the value, and not to its text.
    for _ in 0..2 {
        let word = back(line, place, MAX_TAG_BYTES, |byte| !is_blank(byte));
        if matches!(at(line, word), b'&' | b'!') && word < place {
            place = back(line, word, MAX_BLANKS, is_blank);
        }
    }
    let has_blank = place < start;
    let is_first = |sign: Option<usize>| sign == place.checked_sub(1);
    let context = match before(line, place) {
        0 => Context::Flow,
        b'[' | b'{' | b',' | b':' if read.is_flow => Context::Flow,
        b'=' if read.is_flow => Context::Flow,
        b'=' if is_first(read.equals) => Context::Setting,
        b':' if has_blank && is_first(read.colon) => Context::Block,
        b'-' | b'?' if has_blank && back(line, place.less(1), MAX_BLANKS, is_blank) == 0 => {
            Context::Block
        }
        _ => return None,
    };
    let end_of_blanks = |from: usize| {
        from.plus(count_while(
            part(line, 0, from.plus(MAX_BLANKS)),
            from,
            is_blank,
        ))
    };
    let behind = end_of_blanks(end);
    let ends_line = |place: usize| place >= line.len() || at(line, place) == b'#' && place > end;
    // A line of a list or a map that goes over several may end so.
    let ends_item = matches!(at(line, behind), b',' | b']' | b'}')
        && (context == Context::Flow || ends_line(end_of_blanks(behind.plus(1))));
    // The name of a member: a list can be none everywhere.
    let is_name = place == 0
        && (at(line, end) == b':'
            && (end.plus(1) >= line.len() || is_blank(at(line, end.plus(1))))
            || at(line, behind) == b'=');
    if is_name || ends_item || ends_line(behind) && (place > 0 || read.is_awaited) {
        return Some(Quotes {
            start,
            end,
            style: Style::Double,
        });
    }
    if context != Context::Block {
        return None;
    }
    let scalar = rest(line, start);
    let comment = memchr::memmem::find(scalar, b" #").unwrap_or(scalar.len());
    Some(Quotes {
        start,
        end: start.plus(part(scalar, 0, comment).trim_ascii_end().len()),
        style: Style::Scalar,
    })
}

/// What a value without quotes stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    /// A list or a map in brackets.
    Flow,
    /// Behind the name or the dash of a line of YAML: it goes on to the end of the line.
    Block,
    /// Behind the `=` of TOML.
    Setting,
}

/// A place before which so many bytes at most are of a sort.
fn back(text: &[u8], place: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
    let from = place.less(most);
    place.less(count_while_back(
        part(text, from, place),
        place.less(from),
        is,
    ))
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether a replacement needs no quotes: a number that is less precise.
pub(crate) fn is_number(redaction: &Redaction) -> bool {
    matches!(&redaction.replacement, Replacement::Text(text)
        if redaction.generalizes && is_json_number(text.as_bytes()))
}

const MAX_ESCAPES: usize = 8;
const MAX_BLANKS: usize = 32;
const MAX_TAG_BYTES: usize = 24;
/// What of a number stands behind the match: `.0`.
const MAX_REST_BYTES: usize = 16;
const MAX_ARRAY_BYTES: usize = 96;
const MAX_NAME_BYTES: usize = 48;
const MAX_LIST_BYTES: usize = 128;
/// So far back the brace is looked for that a member of a program is behind.
const MAX_OBJECT_BYTES: usize = 96;

#[cfg(test)]
mod tests;
