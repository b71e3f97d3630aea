//! Numbers and literals: how they are searched and replaced.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::members::is_token_byte;
use super::{JsonRewriter, MAX_TOKEN_BYTES, Skip, State};
use crate::action::Replacement;
use crate::bytes::{Position as _, at, count_while, part, rest};
use crate::malformed::Fault;
use crate::plan::{Plan, TypePolicy};
use crate::redaction::{Found, Redaction};
use crate::spelled::searched;
use crate::tally::Tally;

impl JsonRewriter {
    #[inline]
    pub(super) fn start_token(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let sign = usize::from(cursor.peek() == Some(b'-'));
        let digits = count_while(cursor.chunk, cursor.at.plus(sign), |byte| {
            byte.is_ascii_digit()
        });
        let after = cursor.at.plus(sign).plus(digits);
        // A short whole number that nothing announces, inside an object or an array.
        if (1..LEAST_DIGITS).contains(&digits)
            && matches!(at(cursor.chunk, after), b',' | b'}' | b']')
            && self.next.info.kinds.is_none()
            && self.next.applied.is_none()
            && !self.stack.frames.is_empty()
            && after < cursor.chunk.len()
        {
            self.state = State::AfterValue;
            self.has_value = true;
            cursor.at = after;
            return;
        }
        let length = count_while(cursor.chunk, cursor.at, is_token_byte);
        let end = cursor.at.plus(length);
        let next = at(cursor.chunk, end);
        // The usual number or literal: all of it is here, inside an object or an array.
        if end < cursor.chunk.len() && length <= MAX_TOKEN_BYTES && !self.stack.frames.is_empty() {
            let token = part(cursor.chunk, cursor.at, end);
            // Behind a space there may be more of what is no number at all.
            let space = count_while(cursor.chunk, end, |byte| matches!(byte, b' ' | b'\t'));
            let is_last = space == 0 || is_delimiter(at(cursor.chunk, end.plus(space)));
            if is_delimiter(next) && is_last && is_literal(token) {
                self.state = State::AfterValue;
                self.has_value = true;
                if let Some(new) = self.number(token, self.place(cursor), plan, tally) {
                    cursor.flush();
                    cursor.out().extend_from_slice(&new);
                    cursor.at = end;
                    cursor.drop_read();
                } else {
                    cursor.at = end;
                }
                return;
            }
        }
        cursor.flush();
        self.token.clear();
        self.state = State::InToken { is_long: false };
    }

    pub(super) fn in_token(
        &mut self,
        byte: u8,
        is_long: bool,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        let top = self.stack.frames.is_empty();
        if byte == b'(' && !top && self.is_called() {
            return self.begin_call(cursor, tally);
        }
        // `u"Jane"` of Python.
        if matches!(byte, b'"' | b'\'') && !top && self.token.len() == 1 && self.is_called() {
            self.note(Fault::UnknownToken, self.place(cursor));
            let prefix = std::mem::take(&mut self.token);
            cursor.out().extend_from_slice(&prefix);
            return self.begin(byte, cursor, plan, tally);
        }
        if self.token.last() == Some(&b'/') && matches!(byte, b'/' | b'*') {
            // A comment begins right behind it.
            self.token.pop();
            self.end_token(Some(b' '), cursor, plan, tally);
            if self.state == State::Text {
                // What is before it is no JSON, and neither is this.
                return self.recovery.text.write(b"/", cursor.out(), tally);
            }
            return self.begin_comment_behind_slash(cursor);
        }
        // Numbers beside each other on a line are prose, and one number there may be in groups.
        let goes_on = self.token.last() != Some(&b'/')
            && (is_token_byte(byte) || !is_long && matches!(byte, b' ' | b'\t' | b'/'));
        if top && !goes_on && !is_long && !matches!(byte, b'\n' | b'\r')
            || self.is_followed_by_more(byte)
        {
            return self.break_off(Fault::UnknownToken, cursor, plan, tally);
        }
        if !goes_on {
            return self.end_token(Some(byte), cursor, plan, tally);
        }
        cursor.advance();
        if is_long {
            return;
        }
        cursor.drop_read();
        self.token.push(byte);
        if self.token.len() > MAX_TOKEN_BYTES {
            if !top && matches!(byte, b' ' | b'\t') {
                return self.end_token(Some(byte), cursor, plan, tally);
            }
            if top {
                return self.break_off(Fault::UnknownToken, cursor, plan, tally);
            }
            // No card or other number is so long.
            let mut token = std::mem::take(&mut self.token);
            cursor.out().append(&mut token);
            self.state = State::InToken { is_long: true };
        }
    }

    /// Something other than a space or the next delimiter behind a number with a space behind it.
    fn is_followed_by_more(&self, byte: u8) -> bool {
        let is_end = matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/')
            || !self.stack.frames.is_empty() && matches!(byte, b',' | b']' | b'}');
        let after_space = matches!(self.token.last(), Some(b' ' | b'\t'));
        after_space && !is_end && self.token.trim_ascii_end() != b"new"
    }

    /// Whether what has been read names a function, such as those in which the shell of MongoDB writes values:
    /// `ObjectId("…")`, `new Date(0)`.
    fn is_called(&self) -> bool {
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b' ');
        self.traits.level == 0
            && self.token.first().is_some_and(u8::is_ascii_alphabetic)
            && self.token.iter().all(is_name)
    }

    /// A function is called here: what is in its brackets is the value, and behind them the document goes on.
    fn begin_call(&mut self, cursor: &mut Cursor<'_>, tally: &mut Tally) {
        self.note(Fault::UnknownToken, self.place(cursor));
        self.has_value = true;
        let token = std::mem::take(&mut self.token);
        cursor.out().extend_from_slice(&token);
        cursor.advance();
        cursor.flush();
        self.recovery.text.begin_at(self.place(cursor));
        self.recovery.text.announce(self.next.info.announcement());
        let skip = Skip {
            is_text: true,
            is_call: true,
            depth: 1,
            ..Skip::default()
        };
        self.skip(skip, cursor, tally);
    }

    /// A number or literal is over.
    pub(super) fn end_token(
        &mut self,
        next: Option<u8>,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        if matches!(self.state, State::InToken { is_long: true }) {
            self.state = State::AfterValue;
            return;
        }
        let delimited = next.is_none_or(|byte| is_delimiter(byte) || self.is_other_space(byte));
        let is_literal = is_literal(&self.token);
        if !delimited || !is_literal && self.stack.frames.is_empty() {
            return self.break_off(Fault::UnknownToken, cursor, plan, tally);
        }
        let token = std::mem::take(&mut self.token);
        self.state = State::AfterValue;
        self.has_value = true;
        let number = token.trim_ascii_end();
        let back = u64::try_from(token.len()).unwrap_or(0);
        let place = self.place(cursor).saturating_sub(back);
        if !is_literal {
            // A word that JSON does not have stands where a value does, and the rest is JSON again.
            self.note(Fault::UnknownToken, place);
            // `4111n`, `536L`, `+123`.
            let core = number.strip_prefix(b"+").unwrap_or(number);
            let core = core
                .strip_suffix(b"n")
                .or(core.strip_suffix(b"L"))
                .unwrap_or(core);
            if is_number(core)
                && let Some(new) = self.number(core, place, plan, tally)
            {
                cursor.out().extend_from_slice(&new);
                cursor.out().extend_from_slice(rest(&token, number.len()));
                return;
            }
            let announcement = self.next.info.announcement();
            let new = searched(plan, &token, &announcement, place, tally);
            cursor
                .out()
                .extend_from_slice(new.as_deref().unwrap_or(&token));
            return;
        }
        match self.number(number, place, plan, tally) {
            Some(new) => {
                cursor.out().extend_from_slice(&new);
                cursor.out().extend_from_slice(rest(&token, number.len()));
            }
            None => cursor.out().extend_from_slice(&token),
        }
        self.token = token;
        self.token.clear();
    }

    /// What takes the place of a number; `None` if it stays.
    #[inline]
    fn number(
        &mut self,
        token: &[u8],
        place: u64,
        plan: &Plan,
        tally: &mut Tally,
    ) -> Option<Vec<u8>> {
        let applied = self.next.applied;
        let announced = self.next.info.kinds.is_some();
        let is_of_interest = token.len() >= LEAST_DIGITS || announced || applied.is_some();
        if !is_of_interest || !token.iter().any(u8::is_ascii_digit) {
            return None;
        }
        plan.count_number();
        let by_field = applied.and_then(|index| Redaction::of_field(plan, index, Some(token)));
        let redaction = match by_field {
            Some(redaction) if !redaction.keeps() && plan.type_policy() != TypePolicy::Keep => {
                redaction
            }
            kept => {
                // What stays is searched as any other value.
                if let Some(redaction) = kept {
                    redaction.record(
                        tally,
                        Found {
                            offset: place,
                            length: token.len(),
                            old: token,
                            new: None,
                        },
                    );
                }
                let announcement = self.next.info.announcement().of_number();
                let mut spans = std::mem::take(&mut self.spans);
                // `-4111111111111111` and `4111111111111111.0` are that number too.
                let core = whole_number(token);
                spans.clear();
                // `010501E9032` looks like a number, and is a code.
                let has_letter = matches!(
                    token.iter().find(|byte| !byte.is_ascii_digit()),
                    Some(b'e' | b'E')
                );
                if announced || has_letter {
                    plan.search(token, 0, &announcement, true, &mut spans);
                }
                let mut found = only_one(&spans, token.len());
                let mut value = token;
                let core = core.filter(|_| found.is_none());
                if let Some(core) = core.as_deref() {
                    plan.search(core, 0, &announcement, true, &mut spans);
                    found = only_one(&spans, core.len());
                    value = core;
                }
                self.spans = spans;
                let redaction = Redaction::of_kind(plan, found?.entity, Some(value));
                // Of `-1` as of `1`, nothing that would be too precise.
                let is_same = |text: &String| text.as_bytes() == value;
                if matches!(&redaction.replacement, Replacement::Text(text) if redaction.generalizes && is_same(text))
                {
                    return None;
                }
                redaction
            }
        };
        let less_precise = match &redaction.replacement {
            Replacement::Text(text) if redaction.generalizes => Some(text),
            _ => None,
        };
        let new = match plan.type_policy() {
            _ if redaction.keeps() => None,
            TypePolicy::Keep if !plan.is_beyond_ration(redaction.entity) => None,
            TypePolicy::Keep => Some(b"null".to_vec()),
            // Less precise, and still a number.
            _ if less_precise.is_some_and(|text| is_json_number(text.as_bytes())) => {
                less_precise.map(|text| text.clone().into_bytes())
            }
            TypePolicy::String => redaction.json(),
            TypePolicy::Zero if redaction.replacement != Replacement::Null => Some(b"0".to_vec()),
            TypePolicy::Zero | TypePolicy::Null => Some(b"null".to_vec()),
        };
        let found = Found {
            offset: place,
            length: token.len(),
            old: token,
            new: new.as_deref(),
        };
        redaction.record(tally, found);
        new
    }
}

/// Whether a token is a literal or begins like a number: enough to tell JSON from prose.
fn is_literal(token: &[u8]) -> bool {
    let token = token.trim_ascii_end();
    // The last three are those of JSON5, and of writers that do not mind.
    matches!(
        token,
        b"true" | b"false" | b"null" | b"NaN" | b"Infinity" | b"-Infinity"
    ) || is_number(token)
}

/// RFC 8259 section 6, and zeros in front: digits with one point and one exponent at the most. What has
/// more signs in it is something else, such as a telephone number or an address, and so text.
fn is_number(token: &[u8]) -> bool {
    let digits_from = |from: usize| count_while(token, from, |byte| byte.is_ascii_digit());
    let mut position = usize::from(token.first() == Some(&b'-'));
    let whole = digits_from(position);
    position = position.plus(whole);
    let mut valid = whole > 0;
    if at(token, position) == b'.' {
        let fraction = digits_from(position.plus(1));
        position = position.plus(1).plus(fraction);
        valid &= fraction > 0;
    }
    if matches!(at(token, position), b'e' | b'E') {
        position = position.plus(1);
        if matches!(at(token, position), b'+' | b'-') {
            position = position.plus(1);
        }
        let exponent = digits_from(position);
        position = position.plus(exponent);
        valid &= exponent > 0;
    }
    valid && position == token.len()
}

/// The digits of a whole number, without its sign, a fraction of zeros and an exponent: `4.2e1` is 42.
fn whole_number(token: &[u8]) -> Option<Cow<'_, [u8]>> {
    let unsigned = token.strip_prefix(b"-").unwrap_or(token);
    let length = count_while(unsigned, 0, |byte| byte.is_ascii_digit());
    let whole = part(unsigned, 0, length);
    let mut fraction: &[u8] = &[];
    let mut behind = rest(unsigned, length);
    if let Some(digits) = behind.strip_prefix(b".") {
        let length = count_while(digits, 0, |byte| byte.is_ascii_digit());
        fraction = part(digits, 0, length);
        behind = rest(digits, length);
    }
    let shift = match behind.split_first() {
        None => 0,
        Some((b'e' | b'E', exponent)) => {
            let exponent = exponent.strip_prefix(b"+").unwrap_or(exponent);
            let is_short =
                (1..=2).contains(&exponent.len()) && exponent.iter().all(u8::is_ascii_digit);
            usize::try_from(crate::bytes::number(exponent))
                .ok()
                .filter(|_| is_short)?
        }
        Some(_) => return None,
    };
    let decimals = rest(fraction, shift);
    if decimals.iter().any(|byte| *byte != b'0') || whole.is_empty() || shift > MAX_TOKEN_BYTES {
        return None;
    }
    if shift == 0 {
        return Some(Cow::Borrowed(whole));
    }
    let mut digits = [whole, part(fraction, 0, shift)].concat();
    digits.resize(length.plus(shift), b'0');
    Some(Cow::Owned(digits))
}

/// The match that is all of a number.
fn only_one(spans: &[crate::detect::Span], length: usize) -> Option<crate::detect::Span> {
    let first = spans.first().copied();
    first.filter(|span| span.start == 0 && span.end == length)
}

/// RFC 8259 section 6, as far as replacements go: digits, a point, a sign.
pub(crate) fn is_json_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let leading_zero =
        digits.len() > 1 && digits.first() == Some(&b'0') && digits.get(1) != Some(&b'.');
    let points = digits.iter().filter(|byte| **byte == b'.').count();
    digits.first().is_some_and(u8::is_ascii_digit)
        && digits.last().is_some_and(u8::is_ascii_digit)
        && points <= 1
        && !leading_zero
        && digits
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}')
}

/// A number with fewer digits is personal data only if its name says so.
pub(super) const LEAST_DIGITS: usize = 7;
