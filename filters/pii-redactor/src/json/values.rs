//! Values that stay: what becomes of strings.

use super::cursor::Cursor;
use super::members::is_token_byte;
use super::{JsonRewriter, State};
use crate::action::{Action, Replacement};
use crate::bytes::{Position as _, at, find_quote, part, rest};
use crate::plan::{FieldAction, Plan};
use crate::scan::WINDOW_BYTES;
use crate::spelled::{Sink, Spelled, Spelling, count, write_spelled};
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

    #[inline]
    fn string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        if self.may_nest(cursor.chunk.get(cursor.at.plus(1)).copied()) {
            self.begin_nested(cursor, plan, tally);
        } else {
            self.plain_string(cursor, plan, tally);
        }
    }

    /// A string. The usual one is all here, has no escape and is short: it is looked at where it is.
    #[inline]
    pub(super) fn plain_string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
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
    pub(super) fn applied<'p>(&self, plan: &'p Plan) -> Option<(&'p Action, u8, bool)> {
        let rule = plan.fields.get(usize::from(self.next.applied?))?;
        match &rule.action {
            FieldAction::Value(action) => Some((action, rule.rule, rule.enforces)),
            _ => None,
        }
    }

    pub(super) fn place(&self, cursor: &Cursor<'_>) -> u64 {
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

/// The spelling of a value that is needed whole has fewer bytes than this; below the window, so that
/// none of it has left.
const LONGEST_WHOLE_BYTES: usize = WINDOW_BYTES - 8;
