//! Rewriting a JSON body while it streams by.
//!
//! The body is read byte by byte, never as a tree and never whole. What no rule is about leaves as
//! it came: white space, the order of members, the spelling of numbers and escapes. What is held
//! between two bytes is bounded: the run that the [scanner](crate::scan) holds, a member with its
//! comma up to its value (512 bytes), a number (64 bytes), and the stack (512 levels). State depends
//! on the bytes alone, so the result is the same however a body is cut.
//!
//! Several documents one after the other (NDJSON) are read as such. Text that is no JSON is scanned
//! as text from the first wrong byte on: detectors go on, rules about members have nothing to hold
//! on to any more, and the caller is told.

use std::rc::Rc;

use policy::json::Json;

use crate::detect::{Context, Entity, announced_by, find};
use crate::fields::{Child, FieldAction, FieldRules, Progress, folded};
use crate::scan::{Counts, ScanRules, Scanner, write_text};
use crate::string::{Decoder, Piece};

/// Rewrites one body.
#[derive(Debug)]
pub struct JsonRewriter {
    fields: Rc<FieldRules>,
    scan_rules: Rc<ScanRules>,
    scanner: Scanner,
    decoder: Decoder,
    state: State,
    stack: Vec<Frame>,
    /// What is known about the value that comes next.
    next: Next,
    /// What leaves only if the member or item that it belongs to stays: comma, white space, name.
    held: Vec<u8>,
    /// The member's name is no longer in `held`, because it is too long to be in a rule.
    name_is_long: bool,
    /// The spelling of the member's name.
    name: Vec<u8>,
    /// A number or a literal.
    token: Vec<u8>,
    counts: Counts,
    malformed: bool,
}

#[derive(Debug, Default)]
struct Next {
    progress: Option<Progress>,
    announced: Option<Entity>,
    action: Option<FieldAction>,
}

#[derive(Debug)]
struct Frame {
    is_object: bool,
    progress: Progress,
    /// What its name said about the whole.
    announced: Option<Entity>,
    /// A child was written, so the next one needs its comma.
    written: bool,
    /// The place of the next item of an array.
    index: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a value; right after `[` it may be `]` instead.
    Value { may_close: bool },
    /// Before a name; right after `{` it may be `}` instead.
    Name { may_close: bool },
    /// In a name.
    InName { escaped: bool },
    /// After a name.
    Colon,
    /// In a string value.
    InString,
    /// In a number or a literal; a long one leaves as it comes.
    InToken { is_long: bool },
    /// After a value.
    AfterValue,
    /// In a value that does not leave.
    Skipping(Skip),
    /// Not JSON (any more).
    Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Skip {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl JsonRewriter {
    /// A rewriter with these rules.
    #[must_use]
    pub fn new(scan_rules: Rc<ScanRules>, fields: Rc<FieldRules>) -> Self {
        Self {
            scanner: Scanner::new(Rc::clone(&scan_rules), true),
            fields,
            scan_rules,
            decoder: Decoder::default(),
            state: State::Value { may_close: false },
            stack: Vec::new(),
            next: Next::default(),
            held: Vec::new(),
            name_is_long: false,
            name: Vec::new(),
            token: Vec::new(),
            counts: Counts::new(),
            malformed: false,
        }
    }

    /// Takes the next bytes of the body, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        for byte in chunk {
            self.byte(*byte, out);
        }
    }

    /// The body is complete: writes what is held.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match self.state {
            State::InToken { .. } => {
                self.end_token(None, out);
                self.end_text(out);
            }
            State::InString | State::Text => self.end_text(out),
            _ => {}
        }
        out.append(&mut self.held);
    }

    /// Bytes that are held at the moment; 0 at the end of a document that is an object or an array.
    #[must_use]
    pub const fn held(&self) -> usize {
        let parts = self.scanner.held().saturating_add(self.decoder.held());
        parts
            .saturating_add(self.held.len())
            .saturating_add(self.token.len())
    }

    /// What has been found so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether the body turned out not to be JSON.
    #[must_use]
    pub const fn is_malformed(&self) -> bool {
        self.malformed
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        let is_space = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        match self.state {
            State::InString => self.in_string(byte, out),
            State::InName { escaped } => self.in_name(byte, escaped, out),
            State::Skipping(skip) => self.skip(byte, skip, out),
            State::Text => self.character(byte, out),
            State::InToken { is_long } if is_token_byte(byte) => self.in_token(byte, is_long, out),
            // Numbers beside each other are prose, and one number there may be in groups.
            State::InToken { is_long: false } if self.stack.is_empty() && byte == b' ' => {
                self.in_token(byte, false, out);
            }
            State::InToken { .. } => {
                self.end_token(Some(byte), out);
                self.byte(byte, out);
            }
            _ if is_space => self.white_space(byte, out),
            State::Value { may_close } => self.value(byte, may_close, out),
            State::Name { may_close } => self.member(byte, may_close, out),
            State::Colon => self.colon(byte, out),
            State::AfterValue => self.after_value(byte, out),
        }
    }

    /// White space stays with what it stands before, if that may go.
    fn white_space(&mut self, byte: u8, out: &mut Vec<u8>) {
        let before_value = matches!(self.state, State::Value { .. });
        let in_array = self.stack.last().is_some_and(|frame| !frame.is_object);
        match self.state {
            // Between the name and the value of a member that goes.
            State::Value { .. } if self.next.action.is_some() => {}
            State::AfterValue => out.push(byte),
            _ if before_value && !in_array => out.push(byte),
            _ => self.hold(byte, out),
        }
    }

    /// Keeps a byte back. Where too much piles up (white space without end), it leaves, and what it
    /// belongs to can no longer go without a trace.
    fn hold(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.fields.is_empty() || self.held.len() >= MAX_HELD_BYTES {
            self.let_pass(out);
            out.push(byte);
        } else {
            self.held.push(byte);
        }
    }

    /// What is held leaves: the child that it belongs to stays. Its comma does not leave if nothing
    /// stands before it.
    fn let_pass(&mut self, out: &mut Vec<u8>) {
        if self.held.is_empty() {
            return;
        }
        let is_first = self.stack.last().is_some_and(|frame| !frame.written);
        let from = usize::from(is_first && self.held.first() == Some(&b','));
        out.extend_from_slice(self.held.get(from..).unwrap_or_default());
        self.held.clear();
    }

    /// A child is written into the innermost object or array.
    fn child_stays(&mut self, out: &mut Vec<u8>) {
        self.let_pass(out);
        if let Some(frame) = self.stack.last_mut() {
            frame.written = true;
        }
    }

    fn value(&mut self, byte: u8, may_close: bool, out: &mut Vec<u8>) {
        let item = self.stack.last_mut().filter(|frame| !frame.is_object);
        if let Some(frame) = item {
            if byte == b']' && may_close {
                return self.close(byte, out);
            }
            let index = frame.index;
            frame.index = index.saturating_add(1);
            let (action, progress) = self.fields.descend(&frame.progress, Child::Index(index));
            self.next = Next {
                progress: Some(progress),
                announced: frame.announced,
                action: action.cloned(),
            };
            if self.next.action.is_none() {
                self.child_stays(out);
            }
        }
        match self.next.action.take() {
            Some(action) if starts_value(byte) => self.act(&action, byte, out),
            _ => self.begin(byte, out),
        }
    }

    /// The first byte of a value that stays.
    fn begin(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'"' => {
                out.push(byte);
                self.scanner.announce(self.next.announced);
                self.state = State::InString;
            }
            b'{' | b'[' if self.stack.len() < MAX_DEPTH => {
                out.push(byte);
                let next = std::mem::take(&mut self.next);
                let is_object = byte == b'{';
                self.stack.push(Frame {
                    is_object,
                    progress: next.progress.unwrap_or_else(|| self.fields.root()),
                    announced: next.announced.filter(|_| !is_object),
                    written: false,
                    index: 0,
                });
                self.state = if is_object {
                    State::Name { may_close: true }
                } else {
                    State::Value { may_close: true }
                };
            }
            _ if is_token_byte(byte) => {
                self.state = State::InToken { is_long: false };
                self.in_token(byte, false, out);
            }
            // The byte order mark that RFC 8259 section 8.1 lets parsers ignore.
            0xef | 0xbb | 0xbf if self.stack.is_empty() => out.push(byte),
            _ => self.give_up(byte, out),
        }
    }

    /// The first byte of a value that does not leave.
    fn act(&mut self, action: &FieldAction, byte: u8, out: &mut Vec<u8>) {
        match action {
            FieldAction::Remove => self.held.clear(),
            FieldAction::Null => {
                self.child_stays(out);
                out.extend_from_slice(b"null");
            }
            FieldAction::Replace(text) => {
                self.child_stays(out);
                out.push(b'"');
                write_text(text, true, out);
                out.push(b'"');
            }
        }
        self.count(FIELD);
        self.skip(byte, Skip::default(), out);
    }

    fn skip(&mut self, byte: u8, mut skip: Skip, out: &mut Vec<u8>) {
        let mut over = false;
        if skip.in_string {
            match byte {
                _ if skip.escaped => skip.escaped = false,
                b'\\' => skip.escaped = true,
                b'"' => {
                    skip.in_string = false;
                    over = skip.depth == 0;
                }
                _ => {}
            }
        } else {
            match byte {
                b'"' => skip.in_string = true,
                b'{' | b'[' => skip.depth = skip.depth.saturating_add(1),
                b'}' | b']' if skip.depth > 0 => {
                    skip.depth = skip.depth.saturating_sub(1);
                    over = skip.depth == 0;
                }
                _ if skip.depth == 0 && !is_token_byte(byte) => {
                    // The number or literal is over, and this byte is not part of it.
                    self.state = State::AfterValue;
                    return self.byte(byte, out);
                }
                _ => {}
            }
        }
        self.state = if over {
            State::AfterValue
        } else {
            State::Skipping(skip)
        };
    }

    fn member(&mut self, byte: u8, may_close: bool, out: &mut Vec<u8>) {
        match byte {
            b'"' => {
                self.name.clear();
                self.name_is_long = false;
                self.hold(byte, out);
                self.state = State::InName { escaped: false };
            }
            b'}' if may_close => self.close(byte, out),
            _ => self.give_up(byte, out),
        }
    }

    fn in_name(&mut self, byte: u8, escaped: bool, out: &mut Vec<u8>) {
        self.hold(byte, out);
        if byte == b'"' && !escaped {
            self.state = State::Colon;
            return;
        }
        if self.name.len() < MAX_NAME_BYTES {
            self.name.push(byte);
        } else {
            // No rule has so long a name; the value is scanned like any other.
            self.name_is_long = true;
            self.let_pass(out);
        }
        self.state = State::InName {
            escaped: byte == b'\\' && !escaped,
        };
    }

    fn colon(&mut self, byte: u8, out: &mut Vec<u8>) {
        if byte != b':' {
            return self.give_up(byte, out);
        }
        self.hold(byte, out);
        let name = if self.name_is_long {
            String::new()
        } else {
            decoded_name(&self.name)
        };
        let parent = self.stack.last().map(|frame| &frame.progress);
        let (action, progress) = match parent {
            Some(parent) => self.fields.descend(parent, Child::Name(&name)),
            None => (None, Progress::new()),
        };
        let action = action.filter(|_| !self.name_is_long).cloned();
        self.next = Next {
            progress: Some(progress),
            announced: announced_by(&folded(&name)),
            action,
        };
        if self.next.action.is_none() {
            self.child_stays(out);
        }
        self.state = State::Value { may_close: false };
    }

    fn after_value(&mut self, byte: u8, out: &mut Vec<u8>) {
        let is_object = self.stack.last().map(|frame| frame.is_object);
        match (byte, is_object) {
            (b',', Some(is_object)) => {
                self.hold_comma(out);
                self.state = if is_object {
                    State::Name { may_close: false }
                } else {
                    State::Value { may_close: false }
                };
            }
            (b'}', Some(true)) | (b']', Some(false)) => self.close(byte, out),
            // The next document.
            (_, None) => {
                self.state = State::Value { may_close: false };
                self.next = Next::default();
                self.value(byte, false, out);
            }
            _ => self.give_up(byte, out),
        }
    }

    fn hold_comma(&mut self, out: &mut Vec<u8>) {
        if self.fields.is_empty() {
            out.push(b',');
        } else {
            self.held.push(b',');
        }
    }

    fn close(&mut self, byte: u8, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        out.push(byte);
        self.stack.pop();
        self.state = State::AfterValue;
    }

    fn in_token(&mut self, byte: u8, is_long: bool, out: &mut Vec<u8>) {
        if is_long {
            out.push(byte);
        } else if self.token.len() < MAX_TOKEN_BYTES {
            self.token.push(byte);
        } else if self.stack.is_empty() {
            self.token.push(byte);
            self.end_token(Some(b'x'), out);
        } else {
            // No card or other number is so long.
            out.append(&mut self.token);
            out.push(byte);
            self.state = State::InToken { is_long: true };
        }
    }

    /// A number that is a card or the like becomes a string: what replaces it is no number.
    fn end_token(&mut self, next: Option<u8>, out: &mut Vec<u8>) {
        let token = std::mem::take(&mut self.token);
        let delimited = next
            .is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}'));
        if !(token.is_empty() || delimited && is_literal(&token)) {
            // A word of some other text: it is part of what follows.
            self.start_text(out);
            for byte in token {
                self.character(byte, out);
            }
            return;
        }
        self.state = State::AfterValue;
        let number = token.trim_ascii_end();
        let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
        let context = Context {
            continued: false,
            announced: self.next.announced,
        };
        let finding = is_number
            .then(|| find(number, &self.scan_rules.wanted, context))
            .and_then(|findings| findings.into_iter().next());
        let Some(finding) = finding else {
            return out.extend_from_slice(&token);
        };
        let name = finding.entity.name();
        let value = String::from_utf8_lossy(number);
        let replacement = self
            .scan_rules
            .actions
            .of(finding.entity)
            .apply(name, &value);
        out.push(b'"');
        write_text(&replacement, true, out);
        out.push(b'"');
        out.extend_from_slice(token.get(number.len()..).unwrap_or_default());
        self.count(name);
    }

    fn in_string(&mut self, byte: u8, out: &mut Vec<u8>) {
        if byte == b'"' && !self.decoder.is_inside_escape() {
            self.scanner.end_run(out, &mut self.counts);
            out.push(byte);
            self.state = State::AfterValue;
            return;
        }
        if byte == b'"' && self.decoder.held() > 1 {
            // An escape that breaks off at the end of the string.
            let spelling = self.decoder.take();
            self.scanner.push(None, &spelling, out, &mut self.counts);
            return self.in_string(byte, out);
        }
        self.character(byte, out);
    }

    fn character(&mut self, byte: u8, out: &mut Vec<u8>) {
        match self.decoder.push(byte) {
            Piece::Incomplete => {}
            Piece::Character(decoded, spelling) => {
                self.scanner.push(decoded, &spelling, out, &mut self.counts);
            }
            Piece::Broken(spelling) => {
                self.scanner.push(None, &spelling, out, &mut self.counts);
                self.character(byte, out);
            }
        }
    }

    fn end_text(&mut self, out: &mut Vec<u8>) {
        self.scanner.end_run(out, &mut self.counts);
        out.append(&mut self.decoder.take());
    }

    fn give_up(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.start_text(out);
        self.character(byte, out);
    }

    fn start_text(&mut self, out: &mut Vec<u8>) {
        self.malformed = true;
        out.append(&mut self.held);
        self.stack = Vec::new();
        self.scanner.announce(None);
        self.state = State::Text;
    }

    fn count(&mut self, name: &str) {
        let count = self.counts.entry(name.to_owned()).or_default();
        *count = count.saturating_add(1);
    }
}

/// The name of a member; a spelling that is no string is compared as it stands.
fn decoded_name(spelling: &[u8]) -> String {
    let quoted = [b"\"", spelling, b"\""].concat();
    match Json::parse(&quoted) {
        Ok(Json::String(name)) => name,
        _ => String::from_utf8_lossy(spelling).into_owned(),
    }
}

/// Whether a token is a literal or begins like a number: enough to tell JSON from prose.
fn is_literal(token: &[u8]) -> bool {
    let token = token.trim_ascii_end();
    let number =
        |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    matches!(token, b"true" | b"false" | b"null")
        || (token.iter().all(number) && token.iter().any(u8::is_ascii_digit))
}

const fn starts_value(byte: u8) -> bool {
    is_token_byte(byte) || matches!(byte, b'"' | b'{' | b'[')
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// The name under which acts of field rules are counted.
const FIELD: &str = "FIELD";
const MAX_DEPTH: usize = 512;
const MAX_NAME_BYTES: usize = 256;
const MAX_HELD_BYTES: usize = 512;
const MAX_TOKEN_BYTES: usize = 64;

#[cfg(test)]
mod tests;
