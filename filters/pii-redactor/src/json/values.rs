//! Strings, numbers and literals: what becomes of values that stay.

use super::cursor::Cursor;
use super::members::is_token_byte;
use super::{JsonRewriter, MAX_TOKEN_BYTES, State};
use crate::action::{Action, Replacement};
use crate::bytes::{Position as _, at, count_while, find_quote, part, rest};
use crate::plan::{FieldAction, Plan, TypePolicy};
use crate::scan::{Sink, Spelled, Spelling, WINDOW_BYTES, count, write_spelled};
use crate::tally::{FIELD, Finding, Tally};

impl JsonRewriter {
    /// The first byte of a value that stays.
    #[inline]
    pub(super) fn begin(
        &mut self,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        match byte {
            b'"' => self.string(cursor, plan, tally),
            b'{' | b'[' => self.open(byte, cursor),
            _ if is_token_byte(byte) => self.start_token(cursor, plan, tally),
            // The byte order mark that RFC 8259 section 8.1 lets parsers ignore.
            0xef | 0xbb | 0xbf if self.frames.is_empty() => cursor.advance(),
            _ => self.give_up(cursor),
        }
    }

    /// A string. The usual one is all here, has no escape and is short: it is looked at where it is.
    #[inline]
    fn string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let start = cursor.at.plus(1);
        let ahead = rest(cursor.chunk, start);
        if self.next.applied.is_none()
            && let Some(length) = find_quote(ahead)
            && at(ahead, length) == b'"'
            && length < LONGEST_WHOLE_BYTES
        {
            self.state = State::AfterValue;
            self.has_value = true;
            if self.next.info.kinds.is_none() && plan.has_nothing_for(ahead, length) {
                cursor.at = start.plus(length).plus(1);
                return;
            }
            let text = part(ahead, 0, length);
            let mut spans = std::mem::take(&mut self.spans);
            plan.search(text, 0, &self.next.info.announcement(), true, &mut spans);
            if !spans.is_empty() {
                let offset = self.place(cursor).saturating_add(1);
                let spelled = Spelled {
                    text,
                    raw: text,
                    breaks: &[],
                    from: 0,
                    offset,
                    spelling: Spelling::Json,
                };
                cursor.flush();
                write_string(&spelled, &spans, plan, cursor.out(), tally);
                cursor.at = start.plus(length).plus(1);
                cursor.drop_read();
            } else {
                cursor.at = start.plus(length).plus(1);
            }
            self.spans = spans;
            return;
        }
        self.slow_string(cursor, plan, tally);
    }

    fn slow_string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        cursor.flush();
        self.scanner.begin(self.place(cursor).saturating_add(1));
        cursor.advance();
        cursor.drop_read();
        self.state = State::InString;
        self.in_string(cursor, plan, tally);
    }

    pub(super) fn in_string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let announcement = self.next.info.announcement();
        // What takes the place of the whole value needs the whole value, or must do without.
        let needs_whole =
            self.next.applied.is_some() || plan.whole_kind(&announcement, b"0").is_some();
        let ahead = rest(cursor.chunk, cursor.at);
        let before_start = self.scanner.has_started();
        let mut window = Vec::new();
        let taken = {
            let mut sink = Sink {
                plan,
                out: &mut window,
                tally,
            };
            if needs_whole {
                self.push_whole(ahead, &mut sink)
            } else {
                Some(
                    self.scanner
                        .push_json(ahead, b'"', &announcement, &mut sink),
                )
            }
        };
        let Some(taken) = taken else {
            // Too long to be held: its label leaves, and nothing else of it.
            self.lose_string(cursor, plan, tally);
            return;
        };
        if !before_start && self.scanner.has_started() {
            cursor.out().push(b'"');
        }
        cursor.out().append(&mut window);
        cursor.at = cursor.at.plus(taken);
        cursor.drop_read();
        if cursor.peek() != Some(b'"') {
            return;
        }
        cursor.advance();
        cursor.drop_read();
        self.end_string(cursor, plan, tally);
    }

    /// As the scanner's own, up to what a window holds.
    fn push_whole(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Option<usize> {
        let announcement = self.next.info.announcement();
        let mut position = 0;
        while position < bytes.len() {
            let room = LONGEST_WHOLE_BYTES.less(self.scanner.held());
            if room == 0 {
                return None;
            }
            let piece = part(bytes, position, position.plus(room));
            let taken = self.scanner.push_json(piece, b'"', &announcement, sink);
            position = position.plus(taken);
            if taken < piece.len() {
                break;
            }
        }
        Some(position)
    }

    fn lose_string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let announcement = self.next.info.announcement();
        let old = part(self.scanner.pending_raw(), 0, 64).to_vec();
        let offset = self.place(cursor);
        let (replacement, entity, rule, blocks) = match self.applied(plan) {
            Some((action, rule, enforces)) => {
                let replacement = if enforces {
                    action.apply("FIELD", None)
                } else {
                    Replacement::Keep
                };
                (
                    replacement,
                    FIELD,
                    rule,
                    matches!(action, Action::Block) && enforces,
                )
            }
            None => {
                let entity = plan.whole_kind(&announcement, b"0").unwrap_or(FIELD);
                let (replacement, blocks) = plan.replacement(entity, None);
                let rule = plan.binding(entity).map_or(0, |binding| binding.rule);
                (replacement, entity, rule, blocks)
            }
        };
        tally.add(entity, rule, replacement != Replacement::Keep);
        tally.blocks |= blocks;
        if replacement == Replacement::Keep {
            // It only counts, so it goes on as any other string.
            self.next.applied = None;
            self.next.info = crate::names::KeyInfo::default();
            return;
        }
        let mut new = Vec::new();
        write_value(&replacement, &mut new);
        tally.explain(|| Finding {
            offset,
            length: 0,
            entity,
            rule,
            old,
            new: Some(new.clone()),
        });
        cursor.out().extend_from_slice(&new);
        self.scanner.forget();
        self.state = State::InLostString { escaped: false };
    }

    pub(super) fn in_lost_string(&mut self, byte: u8, escaped: bool, cursor: &mut Cursor<'_>) {
        cursor.advance();
        cursor.drop_read();
        self.state = match (byte, escaped) {
            (b'"', false) => State::AfterValue,
            (b'\\', false) => State::InLostString { escaped: true },
            _ => State::InLostString { escaped: false },
        };
    }

    /// The closing quote has been read.
    fn end_string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        self.state = State::AfterValue;
        self.has_value = true;
        let announcement = self.next.info.announcement();
        if self.scanner.has_started() {
            let mut sink = Sink {
                plan,
                out: cursor.out(),
                tally,
            };
            self.scanner.end(&announcement, &mut sink);
            cursor.out().push(b'"');
            return;
        }
        let mut sink = Sink {
            plan,
            out: cursor.out(),
            tally,
        };
        self.scanner.end_escape(&announcement, &mut sink);
        if let Some((action, rule, enforces)) = self.applied(plan) {
            let old = self.scanner.pending_raw().to_vec();
            let replacement = match enforces {
                true => action.apply(
                    "FIELD",
                    Some(&String::from_utf8_lossy(self.scanner.pending())),
                ),
                false => Replacement::Keep,
            };
            let mut new = Vec::new();
            match &replacement {
                Replacement::Keep => {
                    new.push(b'"');
                    new.extend_from_slice(&old);
                    new.push(b'"');
                }
                other => write_value(other, &mut new),
            }
            let changed = replacement != Replacement::Keep;
            tally.add(FIELD, rule, changed);
            tally.blocks |= enforces && matches!(action, Action::Block);
            let offset = self
                .place(cursor)
                .saturating_sub(u64::try_from(old.len().plus(1)).unwrap_or(0));
            tally.explain(|| Finding {
                offset,
                length: u64::try_from(old.len()).unwrap_or(0),
                entity: FIELD,
                rule,
                old,
                new: changed.then(|| new.clone()),
            });
            cursor.out().extend_from_slice(&new);
            self.scanner.forget();
            return;
        }
        // A match that is all of the string may take its quotes with it.
        let whole_null = {
            let length = self.scanner.pending().len();
            let spans = self.scanner.search_whole(&announcement, plan);
            match spans {
                [span] if span.start == 0 && span.end == length => {
                    let (replacement, _) = plan.replacement(span.entity, None);
                    replacement == Replacement::Null
                }
                _ => false,
            }
        };
        if whole_null {
            let mut dropped = Vec::new();
            let mut sink = Sink {
                plan,
                out: &mut dropped,
                tally,
            };
            self.scanner.end(&announcement, &mut sink);
            cursor.out().extend_from_slice(b"null");
            return;
        }
        cursor.out().push(b'"');
        let mut sink = Sink {
            plan,
            out: cursor.out(),
            tally,
        };
        self.scanner.end(&announcement, &mut sink);
        cursor.out().push(b'"');
    }

    /// The action that a rule about members applies to each string and number here.
    fn applied<'p>(&self, plan: &'p Plan) -> Option<(&'p Action, u8, bool)> {
        let rule = plan.fields.get(usize::from(self.next.applied?))?;
        match &rule.action {
            FieldAction::Value(action) => Some((action, rule.rule, rule.enforces)),
            _ => None,
        }
    }

    #[inline]
    fn start_token(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
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
            && !self.frames.is_empty()
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
        if end < cursor.chunk.len() && length <= MAX_TOKEN_BYTES && !self.frames.is_empty() {
            let token = part(cursor.chunk, cursor.at, end);
            if is_delimiter(next) && is_literal(token) {
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
        let top = self.frames.is_empty();
        // Numbers beside each other on a line are prose, and one number there may be in groups.
        let goes_on = is_token_byte(byte) || top && !is_long && matches!(byte, b' ' | b'\t');
        if top && !goes_on && !is_long && !matches!(byte, b'\n' | b'\r')
            || self.is_followed_by_more(byte)
        {
            return self.break_off(cursor, plan, tally);
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
            if top {
                return self.break_off(cursor, plan, tally);
            }
            // No card or other number is so long.
            let mut token = std::mem::take(&mut self.token);
            cursor.out().append(&mut token);
            self.state = State::InToken { is_long: true };
        }
    }

    /// Something other than a space behind a number with a space behind it, at the top.
    fn is_followed_by_more(&self, byte: u8) -> bool {
        self.frames.is_empty()
            && self
                .token
                .last()
                .is_some_and(|last| matches!(last, b' ' | b'\t'))
            && !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
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
        let delimited = next.is_none_or(is_delimiter);
        if !(delimited && is_literal(&self.token)) {
            return self.break_off(cursor, plan, tally);
        }
        let token = std::mem::take(&mut self.token);
        self.state = State::AfterValue;
        self.has_value = true;
        let number = token.trim_ascii_end();
        let back = u64::try_from(token.len()).unwrap_or(0);
        let place = self.place(cursor).saturating_sub(back);
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
        let (replacement, generalizes, entity, rule, blocks) =
            if let Some((action, rule, enforces)) = self.applied(plan) {
                let text = String::from_utf8_lossy(token);
                let replacement = if enforces {
                    action.apply("FIELD", Some(&text))
                } else {
                    Replacement::Keep
                };
                let generalizes = matches!(action, Action::Generalize(_));
                (
                    replacement,
                    generalizes,
                    FIELD,
                    rule,
                    enforces && matches!(action, Action::Block),
                )
            } else {
                let announcement = self.next.info.announcement();
                let mut spans = std::mem::take(&mut self.spans);
                // `-4111111111111111` and `4111111111111111.0` are that number too.
                let core = whole_number(token);
                spans.clear();
                if announced {
                    plan.search(token, 0, &announcement, true, &mut spans);
                }
                let mut found = only_one(&spans, token.len());
                let mut value = token;
                if let Some(core) = core.filter(|_| found.is_none()) {
                    plan.search(core, 0, &announcement, true, &mut spans);
                    found = only_one(&spans, core.len());
                    value = core;
                }
                self.spans = spans;
                let span = found?;
                let binding = plan.binding(span.entity)?;
                let (replacement, blocks) = plan.replacement(span.entity, Some(value));
                let generalizes = matches!(*binding.action, Action::Generalize(_));
                (replacement, generalizes, span.entity, binding.rule, blocks)
            };
        let mut new = Vec::new();
        let text = match &replacement {
            Replacement::Text(text) => Some(text),
            Replacement::Keep | Replacement::Null => None,
        };
        match (&replacement, plan.type_policy()) {
            (Replacement::Keep, _) | (_, TypePolicy::Keep) => {}
            // Less precise, and still a number.
            (Replacement::Text(text), _) if generalizes && is_json_number(text.as_bytes()) => {
                new.extend_from_slice(text.as_bytes());
            }
            (Replacement::Null, _) | (_, TypePolicy::Null) => new.extend_from_slice(b"null"),
            (_, TypePolicy::Zero) => new.push(b'0'),
            (_, TypePolicy::String) => {
                new.push(b'"');
                write_spelled(text.map_or("", String::as_str), Spelling::Json, &mut new);
                new.push(b'"');
            }
        }
        let new = Some(new).filter(|new| !new.is_empty());
        tally.add(entity, rule, new.is_some());
        tally.blocks |= blocks;
        tally.explain(|| Finding {
            offset: place,
            length: u64::try_from(token.len()).unwrap_or(0),
            entity,
            rule,
            old: token.to_vec(),
            new: new.clone(),
        });
        new
    }

    fn place(&self, cursor: &Cursor<'_>) -> u64 {
        self.offset
            .saturating_add(u64::try_from(cursor.at).unwrap_or(0))
    }
}

/// A string with matches, that is all here.
fn write_string(
    spelled: &Spelled<'_>,
    spans: &[crate::detect::Span],
    plan: &Plan,
    out: &mut Vec<u8>,
    tally: &mut Tally,
) {
    if let [span] = spans
        && span.start == 0
        && span.end == spelled.text.len()
        && plan.replacement(span.entity, None).0 == Replacement::Null
    {
        let mut sink = Sink { plan, out, tally };
        count(&mut sink, span.entity, true, false);
        let rule = plan.binding(span.entity).map_or(0, |binding| binding.rule);
        tally.explain(|| Finding {
            offset: spelled.offset,
            length: u64::try_from(spelled.raw.len()).unwrap_or(0),
            entity: span.entity,
            rule,
            old: spelled.raw.to_vec(),
            new: Some(b"null".to_vec()),
        });
        out.extend_from_slice(b"null");
        return;
    }
    out.push(b'"');
    spelled.write(spans, &mut Sink { plan, out, tally });
    out.push(b'"');
}

/// A whole value in the place of a string.
fn write_value(replacement: &Replacement, out: &mut Vec<u8>) {
    match replacement {
        Replacement::Keep => {}
        Replacement::Null => out.extend_from_slice(b"null"),
        Replacement::Text(text) => {
            out.push(b'"');
            write_spelled(text, Spelling::Json, out);
            out.push(b'"');
        }
    }
}

/// Whether a token is a literal or begins like a number: enough to tell JSON from prose.
fn is_literal(token: &[u8]) -> bool {
    let token = token.trim_ascii_end();
    matches!(token, b"true" | b"false" | b"null") || is_number(token)
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

/// The digits of a whole number, without its sign and without a fraction of zeros.
fn whole_number(token: &[u8]) -> Option<&[u8]> {
    let unsigned = token.strip_prefix(b"-").unwrap_or(token);
    let length = count_while(unsigned, 0, |byte| byte.is_ascii_digit());
    let fraction = rest(unsigned, length);
    let is_whole = match fraction.split_first() {
        None => true,
        Some((b'.', zeros)) => zeros.iter().all(|byte| *byte == b'0'),
        Some(_) => false,
    };
    is_whole.then(|| part(unsigned, 0, length))
}

/// The match that is all of a number.
fn only_one(spans: &[crate::detect::Span], length: usize) -> Option<crate::detect::Span> {
    let first = spans.first().copied();
    first.filter(|span| span.start == 0 && span.end == length)
}

/// RFC 8259 section 6, as far as replacements go: digits, a point, a sign.
fn is_json_number(text: &[u8]) -> bool {
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

/// The spelling of a value that is needed whole has fewer bytes than this; below the window, so that
/// none of it has left.
const LONGEST_WHOLE_BYTES: usize = WINDOW_BYTES - 8;
/// A number with fewer digits is personal data only if its name says so.
pub(super) const LEAST_DIGITS: usize = 7;
