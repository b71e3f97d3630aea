//! Rewriting multipart bodies (RFC 2046, RFC 7578): each part is read as its own media type says,
//! as a whole body is, and its name is that of a member. A message (RFC 5322, RFC 9112) is one such part
//! without delimiters.

mod base64_lines;
mod content;
mod head;
mod operation;
mod parameters;
mod part_headers;
mod quoted;

use std::rc::Rc;

use crate::bytes::{Position as _, at, before, part, rest};
use crate::malformed::{Fault, Malformed, Unsearched};
use crate::media::{Charset, Framing};
use crate::member_rules::{FieldStart, MemberDecision, begin_field};
use crate::names::KeyInfo;
use crate::plan::Plan;
use crate::redaction::{Found, Redaction};
use crate::rewriter::Rewriter;
use crate::spelled::Spelling;
use crate::tally::Tally;
use crate::value::ValueScanner;
use content::{Content, in_encoding};
use head::{is_unambiguous, searched_head};
use operation::{Document, Operation, cannot_be_read};
use part_headers::{PartHeaders, TransferEncoding};
use quoted::QuotedText;

/// Rewrites one multipart body as it streams.
#[derive(Debug)]
pub struct MultipartRewriter {
    plan: Rc<Plan>,
    /// `\n--` and the boundary; of a message what no line begins with.
    delimiter: Vec<u8>,
    /// There is one part, without a delimiter.
    is_message: bool,
    state: State,
    content: Content,
    /// The part is a GraphQL document, and there are limits for those.
    document: Option<Document>,
    /// What may be the beginning of a delimiter.
    tail: Vec<u8>,
    /// The delimiter and the headers of a part, until it is known whether it stays.
    head: Vec<u8>,
    at_start: bool,
    /// What came first has gone, and so has the line that a delimiter ends.
    first_has_gone: bool,
    /// Whether lines of delimiters end with CR and LF, once that is known.
    has_cr: Option<bool>,
    malformed: Option<Malformed>,
    unsearched: Unsearched,
    /// In so many multipart bodies is what is in its parts.
    depth: u8,
    /// So many bytes have been taken.
    offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a part, or before the first one.
    Content,
    /// In the rest of the line of a delimiter.
    Delimiter,
    /// In the headers of a part.
    Headers,
    /// Behind the last delimiter, or behind what is none.
    Rest,
}

impl MultipartRewriter {
    /// A rewriter with this plan, for a body with this boundary.
    #[must_use]
    pub fn new(plan: Rc<Plan>, boundary: &[u8]) -> Self {
        Self::at_depth(plan, boundary, 1)
    }

    /// As [`Self::new`], for a body in so many others.
    pub(crate) fn at_depth(plan: Rc<Plan>, boundary: &[u8], depth: u8) -> Self {
        Self {
            content: Content::text(&plan),
            document: None,
            plan,
            delimiter: [b"\n--", boundary].concat(),
            is_message: false,
            state: State::Content,
            tail: Vec::new(),
            head: Vec::new(),
            at_start: true,
            first_has_gone: false,
            has_cr: None,
            malformed: None,
            unsearched: Unsearched::default(),
            depth,
            offset: 0,
        }
    }

    /// A rewriter of a message, in so many multipart bodies.
    pub(crate) fn message(plan: Rc<Plan>, depth: u8) -> Self {
        Self {
            delimiter: b"\n\n".to_vec(),
            is_message: true,
            state: State::Headers,
            ..Self::at_depth(plan, b"", depth)
        }
    }

    /// Takes the next bytes, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let mut work = std::mem::take(&mut self.tail);
        work.extend_from_slice(chunk);
        self.offset = self
            .offset
            .saturating_add(u64::try_from(chunk.len()).unwrap_or(0));
        let mut position = 0;
        while position < work.len() {
            let ahead = rest(&work, position);
            match self.state {
                State::Content => {
                    let taken = self.content(ahead, out, tally);
                    if taken == 0 && self.state == State::Content {
                        self.tail = ahead.to_vec();
                        return;
                    }
                    position = position.plus(taken);
                }
                State::Delimiter | State::Headers => {
                    position = position.plus(1);
                    self.head_byte(at(ahead, 0), out, tally);
                }
                State::Rest => {
                    self.push(ahead, out, tally);
                    return;
                }
            }
        }
    }

    /// Ends the body: what is held is written.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let tail = std::mem::take(&mut self.tail);
        // A last delimiter without a line of its own ends the body; anything else breaks off.
        let closed = self.is_message
            || self.state == State::Rest
            || self.state == State::Delimiter && self.head.ends_with(b"--");
        if !closed {
            self.note(Fault::MissingDelimiter);
        }
        if !self.head.is_empty() {
            if closed && !self.is_message && self.plan.minimizes_bodies() {
                self.close_body(out);
            }
            let head = std::mem::take(&mut self.head);
            self.content = Content::text(&self.plan);
            self.push(&head, out, tally);
        }
        self.push(&tail, out, tally);
        self.end_content(out, tally);
    }

    /// Bytes that are held at the moment.
    #[must_use]
    pub fn held(&self) -> usize {
        self.tail
            .len()
            .saturating_add(self.head.len())
            .saturating_add(self.content.held())
            .saturating_add(self.document.as_ref().map_or(0, Document::held))
    }

    /// Where the body, or a part of it, is not what it says it is.
    #[must_use]
    pub fn malformed(&self) -> Option<Malformed> {
        self.malformed.or_else(|| self.content.malformed())
    }

    /// What in its parts was not searched.
    #[must_use]
    pub const fn unsearched(&self) -> Unsearched {
        self.unsearched
    }

    fn note(&mut self, what: Fault) {
        let offset = self.offset;
        self.merge(Malformed { offset, what });
    }

    /// The first fault counts, but none is as bad as an ambiguous one.
    fn merge(&mut self, new: Malformed) {
        let is_worse = |known: Malformed| new.what.is_ambiguous() && !known.what.is_ambiguous();
        if self.malformed.is_none_or(is_worse) {
            self.malformed = Some(new);
        }
    }

    /// Takes content up to a delimiter. Returns 0 if more is needed to tell.
    fn content(&mut self, ahead: &[u8], out: &mut Vec<u8>, tally: &mut Tally) -> usize {
        if self.is_message {
            self.push(ahead, out, tally);
            return ahead.len();
        }
        if self.at_start {
            // The first delimiter may have no line before it.
            let first = rest(&self.delimiter, 1);
            if ahead.len() < first.len() && first.starts_with(ahead) {
                return 0;
            }
            self.at_start = false;
            if ahead.starts_with(first) {
                let length = first.len();
                self.head.extend_from_slice(part(ahead, 0, length));
                self.state = State::Delimiter;
                return length;
            }
        }
        if let Some(place) = memchr::memmem::find(ahead, &self.delimiter) {
            let end = if before(ahead, place) == b'\r' {
                place.less(1)
            } else {
                place
            };
            self.push(part(ahead, 0, end), out, tally);
            self.end_content(out, tally);
            let next = place.plus(self.delimiter.len());
            self.head.extend_from_slice(part(ahead, end, next));
            self.state = State::Delimiter;
            return next;
        }
        // The end may be the beginning of a delimiter.
        let keep_from = (ahead.len().less(self.delimiter.len())..ahead.len())
            .find(|from| {
                self.delimiter.starts_with(rest(ahead, *from)) || rest(ahead, *from) == b"\r"
            })
            .map_or(ahead.len(), |from| {
                if before(ahead, from) == b'\r' {
                    from.less(1)
                } else {
                    from
                }
            });
        self.push(part(ahead, 0, keep_from), out, tally);
        keep_from
    }

    fn head_byte(&mut self, byte: u8, out: &mut Vec<u8>, tally: &mut Tally) {
        self.head.push(byte);
        if self.head.len() > MAX_HEAD_BYTES {
            // No headers end here: text to the end.
            self.note(Fault::EndlessPartHeaders);
            return self.begin_rest(out, tally);
        }
        match self.state {
            State::Delimiter if byte == b'\n' => {
                let line = self.head.trim_ascii_end();
                let last = line.ends_with(b"--") && !line.ends_with(rest(&self.delimiter, 1));
                if last {
                    if self.plan.minimizes_bodies() {
                        self.close_body(out);
                    }
                    self.begin_rest(out, tally);
                } else {
                    self.state = State::Headers;
                }
            }
            State::Headers if byte == b'\n' => {
                let ends = self.head.ends_with(b"\n\r\n")
                    || self.head.ends_with(b"\n\n")
                    // A message may have no headers.
                    || self.is_message && self.head.trim_ascii().is_empty();
                if ends {
                    self.begin_part(out, tally);
                }
            }
            _ => {}
        }
    }

    /// Writes the last delimiter, and nothing that may stand in its line.
    fn close_body(&mut self, out: &mut Vec<u8>) {
        let head = self.take_head();
        let delimiter = rest(&self.delimiter, 1);
        let place = memchr::memmem::find(&head, delimiter).unwrap_or(0);
        let line_end = rest(&head, head.trim_ascii_end().len());
        let begun = part(&head, 0, place.plus(delimiter.len()));
        out.extend([begun, b"--", line_end].concat());
    }

    fn begin_rest(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.state = State::Rest;
        self.content = Content::text(&self.plan);
        let head = self.take_head();
        self.push(&head, out, tally);
    }

    /// The delimiter and the headers; without the line before them where nothing is before it.
    fn take_head(&mut self) -> Vec<u8> {
        let head = std::mem::take(&mut self.head);
        if !self.first_has_gone {
            return head;
        }
        self.first_has_gone = false;
        let trimmed = head
            .strip_prefix(b"\r\n")
            .or_else(|| head.strip_prefix(b"\n"));
        trimmed.map_or_else(|| head.clone(), <[u8]>::to_vec)
    }

    /// The headers are complete, so the part is decided.
    fn begin_part(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.state = State::Content;
        let plan = Rc::clone(&self.plan);
        let head = self.take_head();
        let delimiter = rest(&self.delimiter, 1).to_vec();
        let headers = PartHeaders::read(&head, &delimiter);
        let has_cr = head.ends_with(b"\r\n");
        let is_like_others = *self.has_cr.get_or_insert(has_cr) == has_cr;
        let is_delimited = || self.is_message || is_unambiguous(&head, &delimiter);
        if headers.is_ambiguous || !is_like_others || !is_delimited() {
            self.note(Fault::AmbiguousPart);
        }
        let (info, decision) = match headers.names.as_slice() {
            // A part without a name is a document of its own, and what has no members may not pass
            // where only named ones do.
            [] if plan.minimizes.is_some() && !headers.has_members() => {
                (KeyInfo::default(), MemberDecision::NotAllowed)
            }
            [] => (KeyInfo::default(), MemberDecision::Stays),
            names => plan.decide_field_of_names(names),
        };
        let name = headers.names.first().map_or(&b""[..], |name| name);
        let place = (name, self.offset);
        let start = begin_field(&plan, decision, place, Spelling::Plain, tally);
        if start == FieldStart::Gone {
            self.first_has_gone |= head.starts_with(&delimiter);
            self.content = Content::Dropped;
            return;
        }
        let head = searched_head(&head, &delimiter, &plan, self.offset, tally);
        out.extend_from_slice(&head);
        let is_base64 = headers.encoding == TransferEncoding::Base64;
        let operation = Operation::of(&headers, &plan);
        if operation.is_some() {
            let is_read = matches!(start, FieldStart::Search(None) | FieldStart::Fixed(_))
                || operation == Some(Operation::Document);
            if !is_read || !Operation::is_readable(&headers) {
                cannot_be_read(&plan, tally);
            }
        }
        self.document = (operation == Some(Operation::Document)).then(Document::default);
        self.content = match start {
            FieldStart::Search(None) => {
                let framing = match operation {
                    Some(Operation::Json) => Some(Framing::Json),
                    Some(Operation::Document) => Some(Framing::Graphql),
                    None => headers.framing(),
                };
                self.content_of((&headers, framing), info, out, tally)
            }
            FieldStart::Search(applied) => {
                let mut value = ValueScanner::new(Spelling::Plain);
                value.begin(&info, applied, (Spelling::Plain, self.offset));
                let whole = Content::Whole(Box::new(value));
                if is_base64 { whole.in_base64() } else { whole }
            }
            FieldStart::Fixed(new) => {
                out.extend_from_slice(&in_encoding(&new, is_base64));
                Content::Dropped
            }
            FieldStart::Gone => Content::Dropped,
        };
    }

    fn content_of(
        &mut self,
        (headers, framing): (&PartHeaders, Option<Framing>),
        info: KeyInfo,
        out: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> Content {
        if headers.media.framing.is_none() {
            // A photograph in a field that is called so is all of its value.
            let kind = self.plan.whole_kind(&info.announcement(), b"0");
            if let Some(kind) = kind {
                let redaction = Redaction::of_kind(&self.plan, kind, None);
                let new = redaction.spelled(Spelling::Plain);
                let found = Found {
                    offset: self.offset,
                    length: 0,
                    old: headers.names.first().map_or(&b""[..], |name| name),
                    new: new.as_deref(),
                };
                redaction.record(tally, found);
                if let Some(new) = new {
                    let is_base64 = headers.encoding == TransferEncoding::Base64;
                    out.extend_from_slice(&in_encoding(&new, is_base64));
                    return Content::Dropped;
                }
            }
        }
        let Some(framing) = framing else {
            self.unsearched.files = self.unsearched.files.saturating_add(1);
            return Content::Raw;
        };
        let is_readable = headers.media.charset != Charset::Undecodable;
        match headers.encoding {
            TransferEncoding::Identity | TransferEncoding::Base64 if is_readable => {
                let plan = Rc::clone(&self.plan);
                let mut rewriter = Rewriter::new(plan, framing, headers.media.charset, self.depth);
                rewriter.announce(info);
                if headers.is_field {
                    rewriter.expect_field();
                }
                let typed = Content::Typed(Box::new(rewriter));
                return if headers.encoding == TransferEncoding::Base64 {
                    typed.in_base64()
                } else {
                    typed
                };
            }
            TransferEncoding::QuotedPrintable if is_readable && is_text(&framing) => {
                return Content::Quoted(Box::new(QuotedText::new(&self.plan, &info)));
            }
            _ => {}
        }
        self.unsearched.encoded_parts = self.unsearched.encoded_parts.saturating_add(1);
        Content::Raw
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        if let Some(document) = &mut self.document {
            document.take(bytes);
        }
        self.content.write(bytes, &self.plan, out, tally);
    }

    fn end_content(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        if let Some(document) = self.document.take() {
            document.measure(&self.plan, tally);
        }
        self.content.finish(&self.plan, out, tally);
        if let Some(malformed) = self.content.malformed() {
            self.merge(malformed);
        }
        self.unsearched.add_part(self.content.unsearched());
        self.content = Content::Raw;
    }
}

/// Whether nothing but the text itself is read.
const fn is_text(framing: &Framing) -> bool {
    matches!(
        framing,
        Framing::Text | Framing::Lines | Framing::Markup | Framing::Graphql | Framing::Unknown
    )
}

const MAX_HEAD_BYTES: usize = 8 * 1024;
