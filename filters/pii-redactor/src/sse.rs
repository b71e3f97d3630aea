//! Rewriting server-sent events (the `text/event-stream` of HTML): JSON in the data of an event, and
//! text everywhere else.
//!
//! Nothing is held behind a line that completes what it begins, so an event leaves when it is there.

use std::rc::Rc;

use crate::bytes::{Position as _, at, part, rest};
use crate::json::JsonRewriter;
use crate::plan::Plan;
use crate::tally::Tally;
use crate::text::TextRewriter;

/// Rewrites a stream of events.
#[derive(Debug)]
pub struct SseRewriter {
    plan: Rc<Plan>,
    text: TextRewriter,
    /// The data of the event, if it is JSON.
    json: Option<Box<JsonRewriter>>,
    state: Line,
    /// The end of the line before, and the beginning of this one up to its field.
    lead: Vec<u8>,
    /// `lead` begins with the end of the line before.
    holds_newline: bool,
    malformed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// In the name of the field.
    Field,
    /// Behind `data:` and its space, before anything else.
    DataStart,
    /// In JSON.
    Json,
    /// In text.
    Text,
}

impl SseRewriter {
    /// A rewriter with this plan.
    #[must_use]
    pub fn new(plan: Rc<Plan>) -> Self {
        Self {
            text: TextRewriter::new(Rc::clone(&plan), false),
            plan,
            json: None,
            state: Line::Field,
            lead: Vec::new(),
            holds_newline: false,
            malformed: false,
        }
    }

    /// Takes the next bytes, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let mut position = 0;
        while position < chunk.len() {
            let byte = at(chunk, position);
            match self.state {
                Line::Field => {
                    position = position.plus(1);
                    self.field(byte, out, tally);
                }
                Line::DataStart => {
                    if byte == b' ' {
                        self.lead.push(byte);
                        position = position.plus(1);
                        if self.lead.len() >= MAX_LEAD_BYTES {
                            self.release_lead(out, tally);
                        }
                        continue;
                    }
                    self.begin_data(byte, out, tally);
                }
                Line::Json | Line::Text => {
                    let ahead = rest(chunk, position);
                    let end = memchr::memchr(b'\n', ahead).unwrap_or(ahead.len());
                    let piece = part(ahead, 0, end);
                    match (&mut self.json, self.state) {
                        (Some(json), Line::Json) => json.write(piece, out, tally),
                        _ => self.text.write(piece, out, tally),
                    }
                    position = position.plus(end);
                    if position < chunk.len() {
                        position = position.plus(1);
                        self.end_line(out, tally);
                    }
                }
            }
        }
    }

    /// The stream is complete.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_event(out, tally);
        if self.state == Line::Field {
            let lead = std::mem::take(&mut self.lead);
            self.text.write(&lead, out, tally);
        } else {
            out.append(&mut self.lead);
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
    }

    /// Whether the data of an event was JSON that broke off.
    #[must_use]
    pub const fn is_malformed(&self) -> bool {
        self.malformed
    }

    fn field(&mut self, byte: u8, out: &mut Vec<u8>, tally: &mut Tally) {
        self.lead.push(byte);
        let field_from = usize::from(self.holds_newline);
        let field = rest(&self.lead, field_from);
        if byte == b'\n' && (field == b"\n" || field == b"\r\n") {
            // An empty line ends the event.
            self.end_event(out, tally);
            out.append(&mut self.lead);
            self.holds_newline = false;
            return;
        }
        if field == b"data:" {
            self.state = Line::DataStart;
            return;
        }
        if !b"data:".starts_with(field) && field != b"\r" {
            // Another field, or a comment.
            self.end_event_before_lead(out, tally);
            let lead = std::mem::take(&mut self.lead);
            self.state = Line::Text;
            let line = lead.strip_suffix(b"\n").filter(|_| lead.len() > 1);
            match line {
                Some(line) => {
                    self.text.write(line, out, tally);
                    self.end_line(out, tally);
                }
                None => self.text.write(&lead, out, tally),
            }
        }
    }

    /// Spaces without end before the data leave as they come; what they stand before does not change.
    fn release_lead(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let goes_on = self
            .json
            .as_ref()
            .is_some_and(|json| !json.is_between_documents());
        if goes_on {
            self.begin_data(b' ', out, tally);
        } else {
            self.holds_newline = false;
            out.append(&mut self.lead);
        }
    }

    /// The first byte of a line of data.
    fn begin_data(&mut self, byte: u8, out: &mut Vec<u8>, tally: &mut Tally) {
        let goes_on = self
            .json
            .as_ref()
            .is_some_and(|json| !json.is_between_documents());
        let lead = std::mem::take(&mut self.lead);
        self.holds_newline = false;
        if let Some(json) = self.json.as_mut().filter(|_| goes_on) {
            json.write_between(&lead, out, tally);
            self.state = Line::Json;
            return;
        }
        out.extend_from_slice(&lead);
        if matches!(byte, b'{' | b'[' | b'"') {
            self.json = Some(Box::new(JsonRewriter::new(Rc::clone(&self.plan))));
            self.state = Line::Json;
        } else {
            self.state = Line::Text;
        }
    }

    /// A line is over; its end is held if the JSON in it goes on.
    fn end_line(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.text.end_line(out, tally);
        let goes_on = self.state == Line::Json
            && self
                .json
                .as_ref()
                .is_some_and(|json| !json.is_between_documents() && !json.is_malformed());
        if goes_on {
            self.lead.push(b'\n');
            self.holds_newline = true;
        } else {
            if self.state == Line::Json {
                self.end_event(out, tally);
            }
            out.push(b'\n');
        }
        self.state = Line::Field;
    }

    fn end_event(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        if let Some(mut json) = self.json.take() {
            json.finish(out, tally);
            // `[DONE]` and the like are words, not documents.
            self.malformed |= json.is_malformed() && json.has_value();
        }
    }

    fn end_event_before_lead(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_event(out, tally);
        if std::mem::take(&mut self.holds_newline) {
            out.push(b'\n');
            self.lead.remove(0);
        }
    }
}

const MAX_LEAD_BYTES: usize = 64;
