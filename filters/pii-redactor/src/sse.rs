//! Rewriting server-sent events (the `text/event-stream` of HTML): JSON in the data of an event, and
//! text everywhere else.
//!
//! Lines end with CR, LF or both. Nothing is held behind a line that completes what it begins, so an
//! event leaves when it is there. Where only allowed members pass, data that is no document, comments
//! and unknown fields are emptied, for they have no members; `[DONE]`, which ends the streams of language
//! models, stays. Where objects must be the caller's, comments and unknown fields are emptied as well, and
//! data that is no document cannot be judged, nor the value of another field that could be one.

use std::rc::Rc;

use crate::bytes::{Position as _, at, part, rest};
use crate::json::{JsonRewriter, starts_value};
use crate::malformed::Malformed;
use crate::plan::Plan;
use crate::redaction::{Found, Redaction};
use crate::tally::Tally;
use crate::text::{TextForm, TextRewriter};

/// Rewrites a stream of events.
#[derive(Debug)]
pub struct SseRewriter {
    plan: Rc<Plan>,
    /// Objects must be the caller's.
    judges: bool,
    text: TextRewriter,
    /// The data of the event, if it is JSON.
    json: Option<Box<JsonRewriter>>,
    state: Line,
    /// The end of the line before, and the beginning of this one up to its field.
    lead: Vec<u8>,
    /// So many bytes of `lead` are the end of the line before.
    newline_bytes: usize,
    /// The line before has ended with CR, and LF may belong to it.
    after_cr: bool,
    /// A text that may not pass, up to what is needed to tell whether it is `[DONE]`.
    dropped: Vec<u8>,
    malformed: Option<Malformed>,
    offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// In the name of the field.
    Field,
    /// Behind `data:` and its space, before anything else.
    DataStart,
    /// Inside data that is JSON.
    Json,
    /// Inside data that is text.
    Text,
    /// In text that has no members and may not pass.
    Dropped,
    /// Behind the bracket that begins an array or `[DONE]`.
    Bracket,
}

impl SseRewriter {
    /// A rewriter with this plan.
    #[must_use]
    pub fn new(plan: Rc<Plan>) -> Self {
        Self {
            text: TextRewriter::new(Rc::clone(&plan), TextForm::Plain),
            judges: plan.judges_owners(),
            plan,
            json: None,
            state: Line::Field,
            lead: Vec::new(),
            newline_bytes: 0,
            after_cr: false,
            dropped: Vec::new(),
            malformed: None,
            offset: 0,
        }
    }

    /// Takes the next bytes, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let start = self.offset;
        let mut position = 0;
        while position < chunk.len() {
            self.offset = start.saturating_add(u64::try_from(position).unwrap_or(0));
            let byte = at(chunk, position);
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                position = position.plus(1);
                self.end_with_lf(out);
                continue;
            }
            match self.state {
                Line::Field => {
                    position = position.plus(1);
                    self.field(byte, out, tally);
                }
                Line::DataStart if byte == b' ' => {
                    self.lead.push(byte);
                    position = position.plus(1);
                    if self.lead.len() >= MAX_LEAD_BYTES {
                        self.release_lead(out, tally);
                    }
                }
                Line::DataStart => self.begin_data(byte, out, tally),
                Line::Bracket if !matches!(byte, b'\n' | b'\r') => {
                    position = position.plus(1);
                    self.dropped.push(byte);
                    if !DONE.starts_with(&self.dropped) {
                        self.begin_array(out, tally);
                    }
                }
                Line::Json | Line::Text | Line::Dropped | Line::Bracket => {
                    let ahead = rest(chunk, position);
                    let end = memchr::memchr2(b'\n', b'\r', ahead).unwrap_or(ahead.len());
                    let piece = part(ahead, 0, end);
                    match (&mut self.json, self.state) {
                        (Some(json), Line::Json) => json.write(piece, out, tally),
                        (_, Line::Dropped) => {
                            let room = DONE.len().plus(1).saturating_sub(self.dropped.len());
                            self.dropped.extend_from_slice(part(piece, 0, room));
                        }
                        _ => {
                            let is_structured = |byte: &u8| matches!(byte, b'{' | b'[' | b'"');
                            if self.judges && piece.iter().any(is_structured) {
                                tally.lose_watch(true);
                            }
                            self.text.write(piece, out, tally);
                        }
                    }
                    position = position.plus(end);
                    if position < chunk.len() {
                        self.end_line(at(chunk, position), out, tally);
                        position = position.plus(1);
                    }
                }
            }
        }
        self.offset = start.saturating_add(u64::try_from(chunk.len()).unwrap_or(0));
    }

    /// Ends the stream: what is held is written.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_event(out, tally);
        match self.state {
            Line::Field => {
                let lead = std::mem::take(&mut self.lead);
                let (newline, begun) = lead
                    .split_at_checked(self.newline_bytes)
                    .unwrap_or_default();
                out.extend_from_slice(newline);
                if !self.is_strict() {
                    self.text.write(begun, out, tally);
                }
            }
            Line::Dropped | Line::Bracket => self.end_dropped(out, tally),
            _ => out.append(&mut self.lead),
        }
        self.text.finish(out, tally);
    }

    /// Bytes that are held at the moment.
    #[must_use]
    pub fn held(&self) -> usize {
        let json = self.json.as_ref().map_or(0, |json| json.held());
        self.lead
            .len()
            .saturating_add(json)
            .saturating_add(self.text.held())
            .saturating_add(self.dropped.len())
    }

    /// Where the data of an event that was JSON stopped being JSON.
    #[must_use]
    pub fn malformed(&self) -> Option<Malformed> {
        // `[DONE]` and the like are words, not documents.
        let open = self.json.as_ref().filter(|json| json.has_value());
        let open = || open.and_then(|json| json.malformed());
        self.malformed.or_else(open)
    }

    /// Whether text without members may not pass.
    fn is_strict(&self) -> bool {
        let minimizes = |plan: &Plan| plan.minimizes.is_some_and(|rule| rule.enforces);
        minimizes(&self.plan) || self.judges
    }

    fn field(&mut self, byte: u8, out: &mut Vec<u8>, tally: &mut Tally) {
        self.lead.push(byte);
        let field = rest(&self.lead, self.newline_bytes);
        // A byte order mark may come first (WHATWG HTML section 9.2.5).
        if BYTE_ORDER_MARK.starts_with(field) && self.newline_bytes == 0 {
            if field == BYTE_ORDER_MARK {
                out.append(&mut self.lead);
            }
            return;
        }
        if matches!(byte, b'\n' | b'\r') {
            if field.len() == 1 {
                // An empty line ends the event.
                self.end_event(out, tally);
                out.append(&mut self.lead);
                self.newline_bytes = 0;
                self.after_cr = byte == b'\r';
            } else {
                // A field without a value, or the beginning of one.
                let name = part(field, 0, field.len().less(1));
                let is_known = FIELDS
                    .iter()
                    .any(|known| known.strip_suffix(b":") == Some(name));
                if is_known || !self.is_strict() {
                    self.begin_text(out, tally);
                } else {
                    self.lead.pop();
                    self.drop_line(out, tally);
                }
                self.end_line(byte, out, tally);
            }
            return;
        }
        if field == b"data:" {
            self.state = Line::DataStart;
        } else if field == b":" && self.is_strict() {
            self.end_event_before_lead(out, tally);
            out.append(&mut self.lead);
            self.state = Line::Dropped;
        } else if self.is_strict() && !FIELDS.contains(&field) {
            // Receivers overlook a field that they do not know, and people do not.
            if !FIELDS.iter().any(|known| known.starts_with(field)) {
                self.drop_line(out, tally);
            }
        } else if !b"data:".starts_with(field) {
            // Another field, or a comment.
            self.begin_text(out, tally);
        }
    }

    /// The line is text, from its beginning. Its end, if it has been read, is taken off.
    fn begin_text(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_event_before_lead(out, tally);
        let lead = std::mem::take(&mut self.lead);
        let line = lead
            .strip_suffix(b"\n")
            .or_else(|| lead.strip_suffix(b"\r"))
            .unwrap_or(&lead);
        self.text.write(line, out, tally);
        self.state = Line::Text;
    }

    /// The line does not leave, from its beginning.
    fn drop_line(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_event_before_lead(out, tally);
        self.dropped = std::mem::take(&mut self.lead);
        self.state = Line::Dropped;
    }

    /// Spaces without end before the data leave as they come; what they stand before does not change.
    fn release_lead(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        if self.goes_on() {
            self.begin_data(b' ', out, tally);
        } else {
            self.newline_bytes = 0;
            out.append(&mut self.lead);
        }
    }

    /// Whether the document of the line before is not complete.
    fn goes_on(&self) -> bool {
        self.json
            .as_ref()
            .is_some_and(|json| !json.is_between_documents())
    }

    /// The first byte of a line of data.
    fn begin_data(&mut self, byte: u8, out: &mut Vec<u8>, tally: &mut Tally) {
        let goes_on = self.goes_on();
        let lead = std::mem::take(&mut self.lead);
        self.newline_bytes = 0;
        if let Some(json) = self.json.as_mut().filter(|_| goes_on) {
            json.write_between(&lead, out, tally);
            self.state = Line::Json;
            return;
        }
        out.extend_from_slice(&lead);
        if byte == b'[' {
            self.state = Line::Bracket;
        } else if matches!(byte, b'{' | b'"') || self.judges && starts_value(byte) {
            self.begin_json(b"", out, tally);
        } else {
            if self.judges && !matches!(byte, b'\n' | b'\r') {
                tally.lose_watch(true);
            }
            self.state = match self.is_strict() {
                true => Line::Dropped,
                false => Line::Text,
            };
        }
    }

    /// The bracket began an array.
    fn begin_array(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let begun = std::mem::take(&mut self.dropped);
        self.begin_json(&begun, out, tally);
    }

    /// The data begins like JSON. It may be a text all the same: nothing says that events have documents.
    fn begin_json(&mut self, begun: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let mut json = Box::new(JsonRewriter::new(Rc::clone(&self.plan)));
        json.expect_text();
        json.write(begun, out, tally);
        self.json = Some(json);
        self.state = Line::Json;
    }

    /// A line is over; its end is held if the JSON in it goes on.
    fn end_line(&mut self, newline: u8, out: &mut Vec<u8>, tally: &mut Tally) {
        if self.state == Line::Bracket && self.dropped != DONE {
            self.begin_array(out, tally);
        }
        self.text.end_line(out, tally);
        let is_open =
            |json: &JsonRewriter| !json.is_between_documents() && json.malformed().is_none();
        let goes_on =
            self.state == Line::Json && self.json.as_ref().is_some_and(|json| is_open(json));
        match self.state {
            Line::Json if !goes_on => self.end_event(out, tally),
            Line::Dropped | Line::Bracket => self.end_dropped(out, tally),
            _ => {}
        }
        if goes_on {
            self.lead.push(newline);
            self.newline_bytes = 1;
        } else {
            out.push(newline);
        }
        self.after_cr = newline == b'\r';
        self.state = Line::Field;
    }

    /// The second byte of the end of a line.
    fn end_with_lf(&mut self, out: &mut Vec<u8>) {
        if self.newline_bytes > 0 {
            self.lead.push(b'\n');
            self.newline_bytes = self.newline_bytes.plus(1);
        } else {
            out.push(b'\n');
        }
    }

    /// A text without members is over, where only members pass.
    fn end_dropped(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let text = std::mem::take(&mut self.dropped);
        if text.trim_ascii_end() == DONE {
            out.extend_from_slice(&text);
        } else if let Some(minimization) = self.plan.minimizes
            && !text.trim_ascii().is_empty()
        {
            let found = Found {
                offset: self.offset,
                length: 0,
                old: &text,
                new: Some(b""),
            };
            Redaction::of_minimization(minimization).record(tally, found);
        }
    }

    fn end_event(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        if let Some(json) = &mut self.json {
            json.finish(out, tally);
            self.malformed = self.malformed();
            self.json = None;
        }
    }

    fn end_event_before_lead(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_event(out, tally);
        let newline = std::mem::take(&mut self.newline_bytes);
        out.extend(self.lead.drain(..newline.min(self.lead.len())));
    }
}

/// The fields that receivers know (WHATWG HTML section 9.2.6).
const FIELDS: [&[u8]; 4] = [b"data:", b"event:", b"id:", b"retry:"];
const MAX_LEAD_BYTES: usize = 64;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// What ends a stream of chat completions.
const DONE: &[u8] = b"[DONE]";
