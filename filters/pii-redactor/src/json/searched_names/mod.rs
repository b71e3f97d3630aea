//! Names of members in which something may be found: `{"jane@example.com":{"visits":3}}`.
//!
//! What is found in a name is replaced in its place, as in a string; a member cannot lose its name,
//! so what would leave nothing behind leaves a label. Rules about members go by the name that came.
//! What the name announces is what is left of it without what was found, so that a second time
//! announces nothing else.
//!
//! Whether there is anything in a name is remembered with the name. One that is not all in the
//! chunk, or has an escape, or is long, goes through a scanner of its own.

use super::cursor::Cursor;
use super::{JsonRewriter, MAX_HELD_BYTES, MAX_NAME_BYTES, State};
use crate::bytes::{Position as _, part, rest};
use crate::lexicon::Announcement;
use crate::plan::Plan;
use crate::spelled::{Sink, Spelled, Spelling};
use crate::tally::Tally;

impl JsonRewriter {
    /// A name with something in it has just been read; all of it is in the chunk, and spelled as it is.
    #[inline(never)]
    pub(super) fn replace_in_name(
        &mut self,
        (start, length): (usize, usize),
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        let text = part(cursor.chunk, start, start.plus(length));
        let mut spans = std::mem::take(&mut self.spans);
        let announcement = self.announcement_of_names(plan);
        plan.search(text, 0, &announcement, true, &mut spans);
        let offset = self
            .offset
            .saturating_add(u64::try_from(start).unwrap_or(0));
        let mut out = Vec::with_capacity(length);
        let mut sink = Sink {
            plan,
            out: &mut out,
            tally,
        };
        Spelled::whole(text, offset, Spelling::Name).write(&spans, &mut sink);
        cursor.at = start;
        cursor.park();
        cursor.at = start.plus(length);
        cursor.insert(&out);
        // Its closing quote stays where it is.
        cursor.advance();
        self.spans = spans;
        self.member_name.text = plan.without_matches(text, &announcement);
        self.member_name.place = None;
    }

    /// A name begins that is not a usual one.
    pub(super) fn begin_searched_name(&mut self, cursor: &mut Cursor<'_>) {
        cursor.advance();
        cursor.park();
        self.member_name.begin();
        self.member_name.scanner.begin(self.place(cursor));
        self.state = State::InSearchedName;
    }

    pub(super) fn in_searched_name(
        &mut self,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        let announcement = self.announcement_of_names(plan);
        let ahead = rest(cursor.chunk, cursor.at);
        let mut out = Vec::new();
        let mut sink = Sink {
            plan,
            out: &mut out,
            tally,
        };
        let taken = self
            .member_name
            .scanner
            .push_json(ahead, self.quote, &announcement, &mut sink);
        let is_complete = taken < ahead.len();
        if is_complete {
            self.member_name.scanner.end(&announcement, &mut sink);
            out.push(self.quote);
        }
        self.keep_name(part(ahead, 0, taken), cursor);
        cursor.at = cursor.at.plus(taken).plus(usize::from(is_complete));
        cursor.insert(&out);
        if !is_complete {
            return;
        }
        let name = self.member_name.take();
        self.named(&name, plan);
        self.member_name.text = if self.next.info.finds {
            plan.without_matches(&name, &announcement)
        } else {
            name
        };
        self.state = State::Colon;
    }

    /// Keeps the spelling of a name as far as rules need it. A member with a longer one cannot go
    /// without a trace.
    fn keep_name(&mut self, spelled: &[u8], cursor: &mut Cursor<'_>) {
        let room = MAX_NAME_BYTES
            .saturating_mul(6)
            .less(self.member_name.text.len());
        self.member_name
            .text
            .extend_from_slice(part(spelled, 0, room));
        self.member_name.is_long |= spelled.len() > room;
        let held = cursor.tentative_bytes().plus(self.member_name.text.len());
        if cursor.is_tentative() && held > MAX_HELD_BYTES.plus(MAX_NAME_BYTES) {
            self.member_name.is_long = true;
            self.committed = true;
            self.keep(cursor);
        }
    }

    /// The document breaks off in a name.
    pub(super) fn release_name(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        cursor.flush();
        let announcement = self.announcement_of_names(plan);
        let out = cursor.out();
        self.member_name
            .scanner
            .end(&announcement, &mut Sink { plan, out, tally });
    }

    /// What the member around announces, its names are.
    fn announcement_of_names(&self, plan: &Plan) -> Announcement {
        let frame = self.stack.frames.last();
        frame.map_or_else(Announcement::default, |frame| {
            plan.announcement_of_names(&frame.info)
        })
    }
}

#[cfg(test)]
mod tests;
