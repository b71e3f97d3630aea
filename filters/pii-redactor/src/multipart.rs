//! Rewriting multipart bodies (RFC 2046, RFC 7578): JSON and text in their parts, files as they are.

use std::rc::Rc;

use crate::action::Replacement;
use crate::bytes::{Position as _, at, before, part, rest};
use crate::json::JsonRewriter;
use crate::paths::Child;
use crate::plan::{ALLOWED_TARGET, FieldAction, Plan};
use crate::tally::{FIELD, MINIMIZED, Tally};
use crate::text::TextRewriter;

/// Rewrites one body.
#[derive(Debug)]
pub struct MultipartRewriter {
    plan: Rc<Plan>,
    /// `\n--` and the boundary.
    delimiter: Vec<u8>,
    state: State,
    content: Content,
    /// What may be the beginning of a delimiter.
    tail: Vec<u8>,
    /// The delimiter and the headers of a part, until it is known whether it stays.
    head: Vec<u8>,
    at_start: bool,
    /// What came first has gone, and so has the line that a delimiter ends.
    first_has_gone: bool,
    malformed: bool,
    skipped_files: u64,
    unread_parts: u64,
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

#[derive(Debug)]
enum Content {
    Json(Box<JsonRewriter>),
    Text(TextRewriter),
    /// A text that an action is applied to as a whole.
    Whole(Vec<u8>, u16),
    /// A file, or what cannot be read: as it is.
    Raw,
    Dropped,
}

impl MultipartRewriter {
    /// A rewriter with this plan, for a body with this boundary.
    #[must_use]
    pub fn new(plan: Rc<Plan>, boundary: &[u8]) -> Self {
        Self {
            content: Content::Text(TextRewriter::new(Rc::clone(&plan), false)),
            plan,
            delimiter: [b"\n--", boundary].concat(),
            state: State::Content,
            tail: Vec::new(),
            head: Vec::new(),
            at_start: true,
            first_has_gone: false,
            malformed: false,
            skipped_files: 0,
            unread_parts: 0,
        }
    }

    /// Takes the next bytes, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let mut work = std::mem::take(&mut self.tail);
        work.extend_from_slice(chunk);
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

    /// The body is complete.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let tail = std::mem::take(&mut self.tail);
        // A last delimiter without a line of its own ends the body; anything else breaks off.
        let closed = self.state == State::Rest
            || self.state == State::Delimiter && self.head.ends_with(b"--");
        self.malformed |= !closed;
        if !self.head.is_empty() {
            let head = std::mem::take(&mut self.head);
            if self.state == State::Headers {
                self.content = Content::Text(TextRewriter::new(Rc::clone(&self.plan), false));
                self.push(&head, out, tally);
            } else {
                out.extend_from_slice(&head);
            }
        }
        self.push(&tail, out, tally);
        self.end_content(out, tally);
    }

    /// Bytes that are held at the moment.
    #[must_use]
    pub fn held(&self) -> usize {
        let content = match &self.content {
            Content::Json(json) => json.held(),
            Content::Text(text) => text.held(),
            Content::Whole(value, _) => value.len(),
            Content::Raw | Content::Dropped => 0,
        };
        self.tail
            .len()
            .saturating_add(self.head.len())
            .saturating_add(content)
    }

    /// Whether the body is not what it says it is.
    #[must_use]
    pub const fn is_malformed(&self) -> bool {
        self.malformed
    }

    /// Parts that are files, and were not searched.
    #[must_use]
    pub const fn skipped_files(&self) -> u64 {
        self.skipped_files
    }

    /// Parts that should have been searched and could not be read.
    #[must_use]
    pub const fn unread_parts(&self) -> u64 {
        self.unread_parts
    }

    /// Takes content up to a delimiter. Answers 0 if more is needed to tell.
    fn content(&mut self, ahead: &[u8], out: &mut Vec<u8>, tally: &mut Tally) -> usize {
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
            self.malformed = true;
            return self.begin_rest(out, tally);
        }
        match self.state {
            State::Delimiter if byte == b'\n' => {
                let line = self.head.trim_ascii_end();
                let last = line.ends_with(b"--") && !line.ends_with(rest(&self.delimiter, 1));
                if last {
                    self.begin_rest(out, tally);
                } else {
                    self.state = State::Headers;
                }
            }
            State::Headers if byte == b'\n' => {
                let ends = self.head.ends_with(b"\n\r\n") || self.head.ends_with(b"\n\n");
                if ends {
                    self.begin_part(out, tally);
                }
            }
            _ => {}
        }
    }

    fn begin_rest(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.state = State::Rest;
        self.content = Content::Text(TextRewriter::new(Rc::clone(&self.plan), false));
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

    /// The headers are complete: what becomes of the part is known.
    fn begin_part(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.state = State::Content;
        let plan = Rc::clone(&self.plan);
        let head = self.take_head();
        let headers = PartHeaders::read(&head);
        let info = plan.field_info(&headers.name);
        let mut field = info.field;
        let mut allowed = plan.minimizes.is_none();
        let mut states = plan.paths.root().to_vec();
        let end = states.len();
        let name = String::from_utf8_lossy(&headers.name);
        plan.paths
            .descend(&mut states, 0, end, Child::Name(&name), |target| {
                if target == ALLOWED_TARGET {
                    allowed = true;
                } else {
                    field = Some(field.map_or(target, |known| known.min(target)));
                }
            });
        if !allowed && let Some(minimization) = plan.minimizes {
            tally.add(MINIMIZED, minimization.rule, minimization.enforces);
            if minimization.enforces {
                self.first_has_gone |= head.starts_with(rest(&self.delimiter, 1));
                self.content = Content::Dropped;
                return;
            }
        }
        self.content = self.content_of(&headers);
        if let Some(index) = field
            && let Some(rule) = plan.fields.get(usize::from(index))
        {
            match &rule.action {
                FieldAction::Value(_) => self.content = Content::Whole(Vec::new(), index),
                action => {
                    tally.add(FIELD, rule.rule, rule.enforces);
                    if rule.enforces {
                        self.content = Content::Dropped;
                        match action {
                            FieldAction::Remove => {
                                self.first_has_gone |= head.starts_with(rest(&self.delimiter, 1));
                                return;
                            }
                            FieldAction::Replace(text) => {
                                out.extend_from_slice(&head);
                                out.extend_from_slice(text.as_bytes());
                                return;
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        out.extend_from_slice(&head);
        if let Content::Text(text) = &mut self.content {
            text.announce(info.announcement());
        }
    }

    fn content_of(&mut self, headers: &PartHeaders) -> Content {
        let kind = headers.media_type.as_str();
        let is_text = kind.is_empty() && !headers.is_file
            || kind.starts_with("text/")
            || kind.ends_with("+xml")
            || kind == "application/xml"
            || kind == "application/x-www-form-urlencoded"
            || kind.starts_with("multipart/");
        let is_json =
            kind == "application/json" || kind.ends_with("+json") || kind == "application/x-ndjson";
        if !is_text && !is_json {
            self.skipped_files = self.skipped_files.saturating_add(1);
            return Content::Raw;
        }
        if headers.is_encoded {
            self.unread_parts = self.unread_parts.saturating_add(1);
            return Content::Raw;
        }
        if is_json {
            Content::Json(Box::new(JsonRewriter::new(Rc::clone(&self.plan))))
        } else {
            Content::Text(TextRewriter::new(Rc::clone(&self.plan), false))
        }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        match &mut self.content {
            Content::Json(json) => json.write(bytes, out, tally),
            Content::Text(text) => text.write(bytes, out, tally),
            Content::Raw => out.extend_from_slice(bytes),
            Content::Dropped => {}
            Content::Whole(value, index) => {
                value.extend_from_slice(bytes);
                if value.len() > MAX_WHOLE_BYTES {
                    let index = *index;
                    self.content = Content::Dropped;
                    apply(&self.plan, index, None, out, tally);
                }
            }
        }
    }

    fn end_content(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        match &mut self.content {
            Content::Json(json) => {
                json.finish(out, tally);
                self.malformed |= json.is_malformed();
            }
            Content::Text(text) => text.finish(out, tally),
            Content::Whole(value, index) => {
                let (value, index) = (std::mem::take(value), *index);
                apply(&self.plan, index, Some(&value), out, tally);
            }
            Content::Raw | Content::Dropped => {}
        }
        self.content = Content::Raw;
    }
}

/// Applies a rule about members to a whole part.
fn apply(plan: &Plan, index: u16, value: Option<&[u8]>, out: &mut Vec<u8>, tally: &mut Tally) {
    let Some(rule) = plan.fields.get(usize::from(index)) else {
        return out.extend_from_slice(value.unwrap_or_default());
    };
    let FieldAction::Value(action) = &rule.action else {
        return;
    };
    let text = value.map(String::from_utf8_lossy);
    let replacement = if rule.enforces {
        action.apply("FIELD", text.as_deref())
    } else {
        Replacement::Keep
    };
    tally.add(FIELD, rule.rule, replacement != Replacement::Keep);
    tally.blocks |= rule.enforces && matches!(**action, crate::action::Action::Block);
    match replacement {
        Replacement::Keep => out.extend_from_slice(value.unwrap_or_default()),
        Replacement::Text(text) => out.extend_from_slice(text.as_bytes()),
        Replacement::Null => {}
    }
}

/// What the headers of a part say.
#[derive(Debug, Default)]
struct PartHeaders {
    name: Vec<u8>,
    is_file: bool,
    media_type: String,
    /// Base64 or quoted-printable.
    is_encoded: bool,
}

impl PartHeaders {
    fn read(head: &[u8]) -> Self {
        let mut headers = Self::default();
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            let text = String::from_utf8_lossy(line);
            let Some((name, value)) = text.split_once(':') else {
                continue;
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "content-disposition" => {
                    headers.name = parameter(value, "name").unwrap_or_default().into_bytes();
                    headers.is_file = parameter(value, "filename").is_some()
                        || parameter(value, "filename*").is_some();
                }
                "content-type" => headers.media_type = policy::http::media_type(value),
                "content-transfer-encoding" => {
                    let encoding = value.trim().to_ascii_lowercase();
                    headers.is_encoded = matches!(encoding.as_str(), "base64" | "quoted-printable");
                }
                _ => {}
            }
        }
        headers
    }
}

/// A parameter of a header value, quoted or not (RFC 9110 section 5.6.6).
#[must_use]
pub fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value;
    loop {
        rest = rest.split_once(';')?.1.trim_start();
        let (found, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (text, tail) = match after.strip_prefix('"') {
            Some(quoted) => {
                let mut text = String::new();
                let mut characters = quoted.chars();
                while let Some(character) = characters.next() {
                    match character {
                        '"' => break,
                        '\\' => text.extend(characters.next()),
                        other => text.push(other),
                    }
                }
                (text, characters.as_str())
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (text, tail) = after.split_at_checked(end)?;
                (text.trim().to_owned(), tail)
            }
        };
        if found.trim().eq_ignore_ascii_case(name) {
            return Some(text);
        }
        rest = tail;
    }
}

const MAX_HEAD_BYTES: usize = 8 * 1024;
const MAX_WHOLE_BYTES: usize = 4096;
