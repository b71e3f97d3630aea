//! The usual members and items, one after the other, without a step for each part of them.
//!
//! Nearly all of a body is a name that has come before, and behind it a string of words, a short
//! number, a literal, or the beginning of the next object. As long as that goes on, and all of a
//! value is in the chunk, a loop takes one member at a time and leaves the state as the steps would
//! have left it. Whatever is not usual is left to them, so nothing here decides what JSON is.

use super::cursor::Cursor;
use super::values::LEAST_DIGITS;
use super::{Frame, JsonRewriter, MAX_DEPTH, Next, State, is_space};
use crate::bytes::{Position as _, at, count_while, find_quote, part, rest};
use crate::detect::is_impersonal;
use crate::names::{After, KeyInfo};
use crate::plan::Plan;
use crate::tally::Tally;
use crate::trigger::string_end;

impl JsonRewriter {
    /// Reads on behind a value, as far as members and items are the usual ones.
    pub(super) fn run(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let chunk = cursor.chunk;
        let mut names = plan.names();
        let mut position = cursor.at;
        // The member that was read last, by its mark.
        let mut last = self.next.info.mark;
        let mut is_first = false;
        loop {
            let depth = self.frames.len();
            let Some(frame) = self.frames.last_mut() else {
                break;
            };
            let mut here = past_space(chunk, position);
            match at(chunk, here) {
                b'}' if frame.is_object => {
                    last = frame.info.mark;
                    self.leave_frame();
                    (position, is_first) = (here.plus(1), false);
                    continue;
                }
                b']' if !frame.is_object => {
                    last = frame.info.mark;
                    self.leave_frame();
                    (position, is_first) = (here.plus(1), false);
                    continue;
                }
                _ if is_first => {}
                // A comma goes if nothing before it stayed.
                b',' if frame.written || !self.has_member_rules => {
                    here = past_space(chunk, here.plus(1));
                }
                _ => break,
            }
            if frame.applied.is_some() {
                break;
            }
            let is_object = frame.is_object;
            let name_at = here.plus(1);
            let mut name_length = 0;
            let info = if is_object {
                if at(chunk, here) != b'"' {
                    break;
                }
                let after = if is_first {
                    After::Opening(frame.info.mark)
                } else {
                    After::Member(last)
                };
                let parent = frame.info.id;
                let ahead = rest(chunk, name_at);
                let (info, length) = match names.guess(after, parent, ahead) {
                    Some(known) => known,
                    None => {
                        let Some(length) = plain_name(ahead) else {
                            break;
                        };
                        let name = part(ahead, 0, length);
                        let parents = rest(&self.names, frame.names_from);
                        let info = names.note(after, parent, name, || plan.learn(parents, name));
                        let Some(info) = info else { break };
                        (info, length.plus(NAME_END_BYTES))
                    }
                };
                if info.field.is_some() {
                    break;
                }
                frame.written = true;
                name_length = length.less(NAME_END_BYTES);
                last = info.mark;
                here = past_space(chunk, name_at.plus(length));
                info
            } else {
                frame.written = true;
                &frame.info
            };
            let is_quiet = info.kinds.is_none();
            match at(chunk, here) {
                b'"' if is_quiet && !plan.has_customs() => {
                    let ahead = rest(chunk, here.plus(1));
                    if let Some((length, is_plain)) = string_end(ahead)
                        && (is_plain || is_impersonal(part(ahead, 0, length)))
                    {
                        (position, is_first) = (here.plus(length).plus(2), false);
                        continue;
                    }
                }
                byte @ (b'{' | b'[') => {
                    if depth >= MAX_DEPTH {
                        break;
                    }
                    let info = KeyInfo {
                        field: None,
                        ..info.clone()
                    };
                    let name = is_object.then(|| part(chunk, name_at, name_at.plus(name_length)));
                    self.enter_frame(byte == b'{', info, name);
                    (position, is_first) = (here.plus(1), true);
                    continue;
                }
                _ if is_quiet => {
                    if let Some(length) = short_token(rest(chunk, here)) {
                        (position, is_first) = (here.plus(length), false);
                        continue;
                    }
                }
                _ => {}
            }
            // Not so usual: the value is read by the steps.
            let byte = at(chunk, here);
            if !super::members::starts_value(byte) {
                break;
            }
            self.next = Next {
                info: info.clone(),
                allowed: true,
                ..Next::default()
            };
            self.next.info.field = None;
            self.has_value = true;
            cursor.at = here;
            self.begin(byte, cursor, plan, tally);
            if self.state != State::AfterValue {
                return;
            }
            (position, is_first) = (cursor.at, false);
        }
        self.has_value = true;
        cursor.at = position;
        self.state = match self.frames.last() {
            Some(frame) if is_first && frame.is_object => State::Name { may_close: true },
            Some(_) if is_first => State::Value { may_close: true },
            _ => State::AfterValue,
        };
    }

    /// An object or array begins. Without a name it is an item, and has the name of its array.
    fn enter_frame(&mut self, is_object: bool, info: KeyInfo, name: Option<&[u8]>) {
        let names_from = match (name, self.frames.last()) {
            (None, Some(frame)) => frame.names_from,
            (name, _) => {
                let from = self.names.len();
                self.names.extend_from_slice(name.unwrap_or_default());
                from
            }
        };
        self.frames.push(Frame {
            is_object,
            written: false,
            allowed: true,
            applied: None,
            info,
            states_from: 0,
            states_to: 0,
            names_from,
            index: 0,
        });
    }
}

/// The length of a name without an escape, if all of it is here, and its colon right behind it.
fn plain_name(ahead: &[u8]) -> Option<usize> {
    let length = find_quote(ahead)?;
    (at(ahead, length) == b'"' && at(ahead, length.plus(1)) == b':').then_some(length)
}

#[inline(always)]
fn past_space(chunk: &[u8], position: usize) -> usize {
    if at(chunk, position) > b' ' {
        return position;
    }
    position.plus(count_while(chunk, position, is_space))
}

/// The length of a literal, or of a number that is too short for personal data that nothing
/// announces; with what ends it behind it.
#[inline(always)]
fn short_token(ahead: &[u8]) -> Option<usize> {
    let word = u64::from_le_bytes(*ahead.first_chunk::<8>()?);
    let length = match word & 0xffff_ffff {
        TRUE | NULL => 4,
        FALSE if at(ahead, 4) == b'e' => 5,
        _ => short_number(word)?,
    };
    matches!(at(ahead, length), b',' | b'}' | b']' | b'\n').then_some(length)
}

/// The length of the number that these bytes begin with, if it is digits alone or with a point
/// between them, and short.
#[inline(always)]
fn short_number(word: u64) -> Option<usize> {
    let others = not_digits(word);
    let digits = others.trailing_zeros() >> 3;
    if digits == 0 {
        return None;
    }
    let mut end = digits;
    if word.checked_shr(digits << 3)? & 0xff == u64::from(b'.') {
        end = (others & others.wrapping_sub(1)).trailing_zeros() >> 3;
        if end == digits.wrapping_add(1) {
            return None;
        }
    }
    usize::try_from(end).ok().filter(|end| *end < LEAST_DIGITS)
}

/// The highest bit of each byte that is no digit, up to the first of them at the least: what is
/// above it may be wrong.
#[inline(always)]
const fn not_digits(word: u64) -> u64 {
    let values = word ^ u64::from_le_bytes([b'0'; 8]);
    let beyond_nine = values.wrapping_add(u64::from_le_bytes([0x80 - 10; 8]));
    (beyond_nine | values) & u64::from_le_bytes([0x80; 8])
}

const TRUE: u64 = u32::from_le_bytes(*b"true") as u64;
const FALSE: u64 = u32::from_le_bytes(*b"fals") as u64;
const NULL: u64 = u32::from_le_bytes(*b"null") as u64;
/// A quote and a colon.
const NAME_END_BYTES: usize = 2;

#[cfg(test)]
mod tests;
