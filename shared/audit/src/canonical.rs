//! One spelling for each JSON document (RFC 8785, JSON Canonicalization Scheme): the bytes that are
//! kept, sent and hashed.
//!
//! Records hold strings, booleans, arrays, objects, and integers of at most 2^53 - 1, so the rules
//! of the standard for other numbers do not come up.

use std::ops::Range;

use policy::json::Json;

/// The largest integer that every JSON parser reads as it is written (RFC 8259 section 6).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Canonical text: members sorted by name, no white space.
#[must_use]
pub fn to_string(json: &Json) -> String {
    sorted(json).to_string()
}

fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(items) => Json::Array(items.iter().map(sorted).collect()),
        Json::Object(members) => {
            let mut members: Vec<(String, Json)> = members
                .iter()
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect();
            // By UTF-16 code units (section 3.2.3).
            policy::sort::by(&mut members, |(left, _), (right, _)| {
                left.encode_utf16().cmp(right.encode_utf16())
            });
            Json::Object(members)
        }
        scalar => scalar.clone(),
    }
}

/// Writes canonical text from front to back, for those who know the order of the names, and notes
/// which parts of it can be erased: the core is the same text without those.
///
/// Building a tree, sorting it and cutting it afterwards gives the same two texts, in several times
/// the time; a test of every caller says that it does.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
    /// Something stands before the next member or item.
    separate: bool,
    /// The same in the core.
    separate_in_core: bool,
    /// Greater than 0 inside of a member that the core lacks.
    cut: u32,
    /// What the core lacks, in order.
    cuts: Vec<Range<usize>>,
    fingerprint_at: Option<usize>,
    signature_at: Option<usize>,
}

impl Writer {
    /// A writer with room for this much text.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            cuts: Vec::with_capacity(TYPICAL_CUTS),
            ..Self::default()
        }
    }

    /// A writer for a part of a record, whose core nobody asks for.
    #[must_use]
    pub fn of_part(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            cut: 1,
            ..Self::default()
        }
    }

    /// Writes an object, `{...}`, whose members `members` writes in order of their names.
    pub fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.open('{');
        members(self);
        self.close('}');
    }

    /// Writes an array, `[...]`, whose items `items` writes.
    pub fn array(&mut self, items: impl FnOnce(&mut Self)) {
        self.open('[');
        items(self);
        self.close(']');
    }

    /// An item of an array.
    pub fn item(&mut self, value: impl FnOnce(&mut Self)) {
        let is_in_core = self.cut == 0;
        if self.separate {
            let at = self.text.len();
            self.text.push(',');
            // All before it is cut: it is the first in the core.
            if is_in_core && !self.separate_in_core {
                self.cuts.push(at..at.saturating_add(1));
            }
        }
        self.set_separate(false);
        value(self);
        self.set_separate(true);
    }

    /// A member of an object. Names are the writer's own, plain ASCII, and come in order.
    pub fn member(&mut self, name: &str, value: impl FnOnce(&mut Self)) {
        self.item(|writer| {
            writer.text.push('"');
            writer.text.push_str(name);
            writer.text.push_str("\":");
            value(writer);
        });
    }

    /// A member that can be erased, so one that the core lacks.
    pub fn cut_member(&mut self, name: &str, value: impl FnOnce(&mut Self)) {
        let start = self.text.len();
        self.cut = self.cut.saturating_add(1);
        self.member(name, value);
        self.cut = self.cut.saturating_sub(1);
        if self.cut == 0 {
            self.cuts.push(start..self.text.len());
        }
    }

    /// A member with a string.
    pub fn text_member(&mut self, name: &str, value: &str) {
        self.member(name, |writer| writer.string(value));
    }

    /// A member with an integer.
    pub fn number_member(&mut self, name: &str, value: u64) {
        self.member(name, |writer| writer.number(value));
    }

    /// Writes a JSON string with the escapes of RFC 8785, section 3.2.2.2.
    pub fn string(&mut self, value: &str) {
        push_string(&mut self.text, value);
    }

    /// An integer; one that JSON cannot hold is written as the largest that it can.
    pub fn number(&mut self, value: u64) {
        push_number(&mut self.text, value.min(MAX_INTEGER));
    }

    /// Writes `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        self.fragment(if value { "true" } else { "false" });
    }

    /// A value that is canonical text already.
    pub fn fragment(&mut self, value: &str) {
        self.text.push_str(value);
    }

    /// A member that is filled in when the hash of all the others is known.
    pub(crate) fn fingerprint_member(&mut self) {
        self.cut_member("fingerprint", |writer| {
            writer.fragment("\"");
            writer.fingerprint_at = Some(writer.text.len());
            writer.fragment("\"");
        });
    }

    /// A member that is filled in with the signature of the fingerprint.
    pub(crate) fn signature_member(&mut self) {
        self.cut_member("signature", |writer| {
            writer.fragment("\"");
            writer.signature_at = Some(writer.text.len());
            writer.fragment("\"");
        });
    }

    /// The text without what can be erased, in pieces.
    pub fn core(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.cuts.iter().map(|cut| cut.end));
        let ends = self.cuts.iter().map(|cut| cut.start);
        let pieces = starts.zip(ends.chain([self.text.len()]));
        pieces.filter_map(|(start, end)| self.text.get(start..end))
    }

    /// Whether there is a place for a signature.
    pub(crate) const fn wants_signature(&self) -> bool {
        self.signature_at.is_some()
    }

    /// Bytes that the text will have when it is sealed.
    #[must_use]
    pub fn sealed_bytes(&self) -> usize {
        let fingerprint = self.fingerprint_at.map_or(0, |_| 64);
        let signature = self.signature_at.map_or(0, |_| 128);
        self.text
            .len()
            .saturating_add(fingerprint)
            .saturating_add(signature)
    }

    /// Whether the sealed text has at most so many bytes inside of a JSON string, whoever writes that.
    #[must_use]
    pub fn fits_escaped(&self, max_bytes: usize) -> bool {
        let sealed = self.sealed_bytes();
        // Nearly all records are so short that nothing needs to be counted.
        if sealed.saturating_mul(MAX_ESCAPED_BYTES) <= max_bytes {
            return true;
        }
        let filled_in = sealed.saturating_sub(self.text.len());
        escaped_bytes(&self.text).saturating_add(filled_in) <= max_bytes
    }

    /// The text as it is.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// The text with fingerprint and signature filled in.
    pub(crate) fn finish(self, fingerprint: &str, signature: &str) -> String {
        let text = &self.text;
        let mut finished = String::with_capacity(
            text.len()
                .saturating_add(fingerprint.len())
                .saturating_add(signature.len()),
        );
        // The fingerprint comes first: f, then s.
        let first = self.fingerprint_at.unwrap_or(text.len());
        let second = self.signature_at.unwrap_or(text.len());
        finished.push_str(text.get(..first).unwrap_or(text));
        finished.push_str(fingerprint);
        finished.push_str(text.get(first..second).unwrap_or_default());
        finished.push_str(signature);
        finished.push_str(text.get(second..).unwrap_or_default());
        finished
    }

    fn open(&mut self, bracket: char) {
        self.text.push(bracket);
        self.set_separate(false);
    }

    fn close(&mut self, bracket: char) {
        self.text.push(bracket);
        self.set_separate(true);
    }

    const fn set_separate(&mut self, separate: bool) {
        self.separate = separate;
        if self.cut == 0 {
            self.separate_in_core = separate;
        }
    }
}

/// Adds the decimal digits of a number.
fn push_number(text: &mut String, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut count = 0_usize;
    for digit in digits.iter_mut().rev() {
        // Below ten.
        *digit = b'0' | u8::try_from(rest % 10).unwrap_or_default();
        count = count.saturating_add(1);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let start = digits.len().saturating_sub(count);
    for digit in digits.get(start..).unwrap_or_default() {
        text.push(char::from(*digit));
    }
}

/// Adds a string as RFC 8785 section 3.2.2.2 writes it, with its quotation marks.
pub fn push_string(text: &mut String, value: &str) {
    text.push('"');
    let mut rest = value;
    while let Some(at) = first_to_escape(rest.as_bytes()) {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        text.push_str(plain);
        let mut characters = tail.chars();
        let Some(character) = characters.next() else {
            break;
        };
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            other => {
                text.push_str("\\u00");
                let code = u8::try_from(u32::from(other)).unwrap_or_default();
                text.push_str(&policy::hex::encode(&[code]));
            }
        }
        rest = characters.as_str();
    }
    text.push_str(rest);
    text.push('"');
}

/// Where the first byte is that does not stand for itself, sixteen bytes at a time.
fn first_to_escape(bytes: &[u8]) -> Option<usize> {
    let escapes = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    let (blocks, _) = bytes.as_chunks::<16>();
    let plain = |block: &&[u8; 16]| !block.iter().fold(false, |any, byte| any | escapes(byte));
    let skipped = blocks.iter().take_while(plain).count().saturating_mul(16);
    let at = bytes.get(skipped..)?.iter().position(escapes)?;
    skipped.checked_add(at)
}

/// The most bytes that a text takes inside of a JSON string, whoever writes it: quotation marks,
/// slashes and control characters escaped, and all but ASCII and what HTML gives a meaning as
/// `\\u` sequences.
#[must_use]
pub fn escaped_bytes(text: &str) -> usize {
    let cost = |byte: u8| ESCAPED_BYTES.get(usize::from(byte)).copied().unwrap_or(0);
    let bytes = text.bytes().map(|byte| usize::from(cost(byte)));
    bytes.fold(0, usize::saturating_add)
}

const fn escaped_bytes_of(byte: u8) -> u8 {
    match byte {
        b'"' | b'\\' | b'/' => 2,
        b'<' | b'>' | b'&' | b'\'' | 0..=31 | 127 => 6,
        // What comes after the first byte of a character.
        0x80..=0xbf => 0,
        0xc0..=0xef => 6,
        // Two surrogates.
        0xf0.. => 12,
        _ => 1,
    }
}

/// By the byte: a look-up is several times faster than asking what it is.
static ESCAPED_BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        #[expect(clippy::indexing_slicing, reason = "the compiler runs this")]
        {
            table[byte as usize] = escaped_bytes_of(byte);
        }
        if byte == u8::MAX {
            break table;
        }
        byte = byte.saturating_add(1);
    }
};

/// The most that one byte becomes: four make two `\\u` sequences, and one of ASCII makes one.
const MAX_ESCAPED_BYTES: usize = 6;
/// As many as a record of a request has.
const TYPICAL_CUTS: usize = 16;

#[cfg(test)]
mod tests;
