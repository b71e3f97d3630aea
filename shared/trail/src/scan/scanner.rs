//! One pass over the text of a record.

use std::ops::Range;

use super::member::{Field, Name, Node, is_constant, prefix};
use super::text::{is_long_escape, is_plain, leading_integer, plain_length};
use super::{Fields, span};

pub(super) struct Scanner<'t> {
    pub(super) bytes: &'t [u8],
    pub(super) at: usize,
    pub(super) fields: Fields,
    /// The number that was read last.
    number: u64,
    /// Where the values are that are not looked into by name, for who wants to know; `None` also
    /// when the record has none of the usual forms.
    pub(super) values: Option<Vec<Value>>,
}

/// A value that is not looked into by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) field: Field,
    pub(super) depth: u8,
    /// It is the same in all records of an emitter.
    pub(super) is_constant: bool,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
            fields: Fields::default(),
            number: 0,
            values: None,
        }
    }

    /// Reads a whole document.
    pub(super) fn document(mut self) -> Option<(Fields, Option<Vec<Value>>)> {
        if self.peek()? != b'{' {
            return None;
        }
        self.object(Node::Root, 0)?;
        (self.at == self.bytes.len()).then_some((self.fields, self.values))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn object(&mut self, node: Node, depth: usize) -> Option<()> {
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        let mut last = Name::default();
        let mut kept = false;
        loop {
            let start = self.at;
            let name = self.name()?;
            // An empty name, which is no name of ours, does not pass either.
            if name.prefix < last.prefix || name.prefix == last.prefix && name.text <= last.text {
                return None;
            }
            last = name;
            self.expect(b':')?;
            let value = self.at;
            let (child, field, cut) = node.member(name)?;
            self.value(child, depth)?;
            let end = self.at;
            if field != Field::None {
                self.note(field, value, end)?;
            }
            if node != Node::Other {
                self.record(
                    child,
                    field,
                    value..end,
                    depth,
                    is_constant(node, name.text),
                );
            }
            let more = match self.peek()? {
                b',' => true,
                b'}' => false,
                _ => return None,
            };
            self.at += 1;
            if !cut {
                kept = true;
            } else if kept {
                self.fields.cut(start - 1, end)?;
            } else {
                self.fields.cut(start, if more { end + 1 } else { end })?;
            }
            if !more {
                return Some(());
            }
        }
    }

    /// Remembers where a value is, if somebody wants to know.
    fn record(
        &mut self,
        child: Node,
        field: Field,
        place: Range<usize>,
        depth: usize,
        is_constant: bool,
    ) {
        let Some(values) = &mut self.values else {
            return;
        };
        if child == Node::Other {
            values.push(Value {
                start: place.start,
                end: place.end,
                field,
                depth: u8::try_from(depth).unwrap_or(u8::MAX),
                is_constant,
            });
        } else if self.bytes.get(place.start) != Some(&b'{') {
            // Where an object is usual, which would be looked into.
            self.values = None;
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.value(Node::Other, depth)?;
            let next = self.peek()?;
            self.at += 1;
            match next {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    pub(super) fn value(&mut self, node: Node, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' if depth < MAX_DEPTH => self.object(node, depth + 1),
            b'[' if depth < MAX_DEPTH => self.array(depth + 1),
            b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        rest.starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let (number, length) = leading_integer(rest)?;
        if number > audit::canonical::MAX_INTEGER {
            return None;
        }
        self.number = number;
        self.at += length;
        Some(())
    }

    /// The name of a member: plain ASCII, as all names of the format are.
    fn name(&mut self) -> Option<Name<'t>> {
        self.expect(b'"')?;
        let bytes: &'t [u8] = self.bytes;
        let rest = bytes.get(self.at..)?;
        let length = plain_length(rest);
        let text = rest.get(..length)?;
        if rest.get(length) != Some(&b'"') || !text.is_ascii() {
            return None;
        }
        self.at += length + 1;
        let prefix = match rest.first_chunk::<8>() {
            Some(word) if length >= 8 => u64::from_be_bytes(*word),
            // The bytes after the name are shifted out, and zeros in.
            Some(word) if length > 0 => {
                let unused = 64 - 8 * u32::try_from(length).ok()?;
                u64::from_be_bytes(*word) >> unused << unused
            }
            _ => prefix(text),
        };
        Some(Name { text, prefix })
    }

    /// A string as the canonical form spells it.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += plain_length(rest);
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r' => self.at += 1,
                        b'u' => {
                            let code = self.bytes.get(self.at + 1..self.at + 5)?;
                            if !is_long_escape(code) {
                                return None;
                            }
                            self.at += 5;
                        }
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
    }

    /// A value that is likely to be one of the hashes and ids, which have a length of their own; any
    /// other is read as any other.
    #[inline]
    pub(super) fn value_of(&mut self, field: Field, depth: usize) -> Option<()> {
        let digits = match self.bytes.get(self.at..)?.split_first() {
            Some((b'"', digits)) => digits,
            _ => &[],
        };
        let length = match field {
            Field::Commitment(_) | Field::Fingerprint | Field::Previous
                if is_plain::<64>(digits) =>
            {
                64
            }
            Field::ChainUid | Field::Salt(_) if is_plain::<32>(digits) => 32,
            _ => return self.value(Node::Other, depth),
        };
        self.at += length + 2;
        Some(())
    }

    pub(super) fn note(&mut self, field: Field, start: usize, end: usize) -> Option<()> {
        let here = span(start, end)?;
        let first = self.bytes.get(start);
        // A value that begins so is a number, and the last that was read.
        let number = first?.is_ascii_digit().then_some(self.number);
        let fields = &mut self.fields;
        let slot = match field {
            Field::None => return Some(()),
            // What `Record::check` reads must have the form that it wants; the others are optional
            // there too, and none if they are of another form.
            Field::Time => {
                fields.time = number?;
                fields.has_time = true;
                return Some(());
            }
            Field::Sequence => {
                fields.sequence = number?;
                return Some(());
            }
            Field::Version => {
                fields.version = number?;
                return Some(());
            }
            Field::Expires => {
                fields.expires = number;
                return Some(());
            }
            Field::RequiredUntil => {
                fields.required_until = number;
                return Some(());
            }
            Field::ActionId => {
                fields.action_id = number.unwrap_or(0);
                return Some(());
            }
            Field::Code => {
                fields.code = number.unwrap_or(0);
                return Some(());
            }
            Field::StatusId => {
                fields.status_id = number.unwrap_or(0);
                return Some(());
            }
            Field::Groups => return (first == Some(&b'{')).then_some(()),
            Field::Actor => &mut fields.actor,
            Field::AppUid => &mut fields.app_uid,
            Field::UserUid => &mut fields.user_uid,
            Field::UserGroups => &mut fields.user_groups,
            Field::UserName => &mut fields.user_name,
            Field::Operation => &mut fields.operation,
            Field::Authorizations => &mut fields.authorizations,
            Field::HttpHeaders => &mut fields.http_headers,
            Field::Path => &mut fields.path,
            Field::Query => &mut fields.query,
            Field::UrlString => &mut fields.url_string,
            Field::UserAgent => &mut fields.user_agent,
            Field::Findings => &mut fields.findings,
            Field::SrcEndpoint => &mut fields.src_endpoint,
            Field::SrcIp => &mut fields.src_ip,
            Field::SrcName => &mut fields.src_name,
            Field::Uid => &mut fields.uid,
            Field::Consent => &mut fields.consent,
            Field::DataSubject => &mut fields.data_subject,
            Field::Class => &mut fields.class,
            Field::Stage => &mut fields.stage,
            Field::ChainUid => &mut fields.chain_uid,
            Field::Fingerprint => &mut fields.fingerprint,
            Field::Previous => &mut fields.previous,
            Field::Commitment(group) => fields.commitments.get_mut(usize::from(group))?,
            Field::Salt(group) => fields.salts.get_mut(usize::from(group))?,
        };
        *slot = here;
        Some(())
    }
}

/// The deepest nesting that is read; records have four levels.
const MAX_DEPTH: usize = 24;
