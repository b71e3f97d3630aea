//! Rewriting plain text, line by line: XML, HTML, logs, and what is no JSON.

use std::rc::Rc;

use crate::bytes::{Position as _, at, part, rest};
use crate::lexicon::Announcement;
use crate::plan::Plan;
use crate::scan::TextScanner;
use crate::spelled::{Sink, Spelling};
use crate::tally::Tally;

/// Rewrites a text. A line is searched when it ends, a long one in windows.
#[derive(Debug)]
pub struct TextRewriter {
    plan: Rc<Plan>,
    scanner: TextScanner,
    form: TextForm,
    /// The beginning of a reference or of an escape.
    escape: Vec<u8>,
    announcement: Announcement,
    offset: u64,
}

/// How characters are spelled in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// Characters are spelled as they are.
    Plain,
    /// As they are, in lines of names and values.
    Lines,
    /// With the escapes of JSON: what was a document once.
    JsonEscapes,
    /// With the character references of XML and HTML.
    Markup,
    /// In quoted-printable (RFC 2045 section 6.7).
    QuotedPrintable,
}

impl TextRewriter {
    /// A rewriter with this plan.
    #[must_use]
    pub fn new(plan: Rc<Plan>, form: TextForm) -> Self {
        let spelling = match form {
            TextForm::Plain | TextForm::JsonEscapes => Spelling::Plain,
            TextForm::Lines => Spelling::Lines,
            TextForm::Markup => Spelling::Markup,
            TextForm::QuotedPrintable => Spelling::QuotedPrintable,
        };
        let mut scanner = TextScanner::new(spelling);
        if form == TextForm::Markup && plan.announces_by_name() {
            scanner.read_markup();
        }
        if form == TextForm::Lines {
            scanner.read_lines();
        }
        if form == TextForm::Plain && plan.announces_by_name() {
            scanner.read_segments();
        }
        Self {
            plan,
            scanner,
            form,
            escape: Vec::new(),
            announcement: Announcement::default(),
            offset: 0,
        }
    }

    /// The text begins at this place of the body.
    pub(crate) fn begin_at(&mut self, offset: u64) {
        self.offset = offset;
        self.scanner.begin(offset);
    }

    /// What the text is said to be.
    pub(crate) const fn announce(&mut self, announcement: Announcement) {
        self.announcement = announcement;
    }

    /// Takes the next bytes, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        let mut sink = Sink {
            plan: &plan,
            out,
            tally,
        };
        let mut position = 0;
        while position < chunk.len() {
            let ahead = rest(chunk, position);
            let taken = match self.form {
                TextForm::JsonEscapes => {
                    self.scanner
                        .push_json(ahead, b'\n', &self.announcement, &mut sink)
                }
                TextForm::Plain | TextForm::Lines => self.push_plain(ahead, None, &mut sink),
                TextForm::Markup => self.push_escaped(ahead, b'&', &mut sink),
                TextForm::QuotedPrintable => self.push_escaped(ahead, b'=', &mut sink),
            };
            position = position.plus(taken);
            if at(chunk, position) == b'\n' && position < chunk.len() && self.escape.is_empty() {
                self.scanner.end(&self.announcement, &mut sink);
                self.scanner.end_line(b"\n", sink.out);
                position = position.plus(1);
                let place = self
                    .offset
                    .saturating_add(u64::try_from(position).unwrap_or(0));
                self.scanner.begin(place);
            }
        }
        self.offset = self
            .offset
            .saturating_add(u64::try_from(chunk.len()).unwrap_or(0));
    }

    /// Takes bytes up to the end of the line, or up to what begins an escape.
    fn push_plain(&mut self, ahead: &[u8], escape: Option<u8>, sink: &mut Sink<'_>) -> usize {
        let end = match escape {
            Some(escape) => memchr::memchr2(b'\n', escape, ahead),
            None => memchr::memchr(b'\n', ahead),
        };
        let length = end.unwrap_or(ahead.len());
        self.scanner
            .push(part(ahead, 0, length), &self.announcement, sink);
        length
    }

    /// As [`Self::push_plain`], and escapes that begin with this byte.
    fn push_escaped(&mut self, ahead: &[u8], begin: u8, sink: &mut Sink<'_>) -> usize {
        if self.escape.is_empty() {
            let length = self.push_plain(ahead, Some(begin), sink);
            if at(ahead, length) != begin || length == ahead.len() {
                return length;
            }
            self.escape.push(begin);
            return length.plus(1);
        }
        let mut taken = 0_usize;
        while let Some(byte) = ahead.get(taken).copied() {
            let step = match self.form {
                TextForm::QuotedPrintable => soft(&self.escape, byte),
                _ => reference(&self.escape, byte),
            };
            if step != Step::Other {
                self.escape.push(byte);
                taken = taken.plus(1);
            }
            if step != Step::More {
                self.end_escape(sink);
                break;
            }
        }
        taken
    }

    /// The escape that has been read is complete, or none.
    fn end_escape(&mut self, sink: &mut Sink<'_>) {
        if self.escape.is_empty() {
            return;
        }
        let raw = std::mem::take(&mut self.escape);
        let mut buffer = [0; 4];
        let decoded: Option<&[u8]> = match self.form {
            TextForm::QuotedPrintable => quoted(&raw, &mut buffer),
            _ => referenced(&raw).map(|character| character.encode_utf8(&mut buffer).as_bytes()),
        };
        match decoded {
            Some(decoded) => self
                .scanner
                .push_spelled(decoded, &raw, &self.announcement, sink),
            None => self.scanner.push(&raw, &self.announcement, sink),
        }
    }

    /// The line ends here, whatever ends it.
    pub(crate) fn end_line(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        let mut sink = Sink {
            plan: &plan,
            out,
            tally,
        };
        self.end_escape(&mut sink);
        self.scanner.end(&self.announcement, &mut sink);
        self.scanner.begin(self.offset);
    }

    /// Ends the text: what is held is written.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_line(out, tally);
        self.scanner.leave_key(out);
    }

    /// Whether a key that began in a line before is being taken away.
    pub(crate) fn is_in_key(&self) -> bool {
        self.scanner.is_in_key()
    }

    /// Bytes that are held at the moment; 0 behind a line.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.scanner.held().saturating_add(self.escape.len())
    }
}

/// What a byte is to the escape before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The byte is part of the escape.
    More,
    /// The byte is the last one of the escape.
    Last,
    /// The byte is not part of the escape.
    Other,
}

/// `&amp;`, `&#64;`, `&#x40;`; HTML also reads numbers that nothing ends.
fn reference(begun: &[u8], byte: u8) -> Step {
    match byte {
        b';' => Step::Last,
        _ if begun.len() >= MAX_REFERENCE_BYTES => Step::Other,
        b'#' if begun.len() == 1 => Step::More,
        _ if byte.is_ascii_alphanumeric() => Step::More,
        _ => Step::Other,
    }
}

fn referenced(raw: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(raw).ok()?.strip_prefix('&')?;
    if let Some(number) = text.strip_prefix('#') {
        let number = number.strip_suffix(';').unwrap_or(number);
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    let name = text.strip_suffix(';')?;
    NAMED
        .iter()
        .find_map(|(known, character)| (*known == name).then_some(*character))
}

/// `=40`, and `=` at the end of a line that goes on.
fn soft(begun: &[u8], byte: u8) -> Step {
    match (begun, byte) {
        ([_], b'\r') => Step::More,
        ([_] | [_, b'\r'], b'\n') => Step::Last,
        ([_, b'\r'], _) => Step::Other,
        ([_], _) if byte.is_ascii_hexdigit() => Step::More,
        (_, _) if byte.is_ascii_hexdigit() => Step::Last,
        _ => Step::Other,
    }
}

fn quoted<'b>(raw: &[u8], buffer: &'b mut [u8; 4]) -> Option<&'b [u8]> {
    if raw.last() == Some(&b'\n') {
        return Some(&[]);
    }
    let digits = std::str::from_utf8(rest(raw, 1)).ok()?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    let first = buffer.first_mut().filter(|_| digits.len() == 2)?;
    *first = byte;
    Some(part(buffer, 0, 1))
}

/// The named references of characters that stand in what is looked for, and those of XML.
const NAMED: [(&str, char); 28] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("commat", '@'),
    ("period", '.'),
    ("comma", ','),
    ("colon", ':'),
    ("semi", ';'),
    ("sol", '/'),
    ("bsol", '\\'),
    ("num", '#'),
    ("lowbar", '_'),
    ("hyphen", '\u{2010}'),
    ("dash", '\u{2010}'),
    ("ndash", '\u{2013}'),
    ("mdash", '\u{2014}'),
    ("plus", '+'),
    ("equals", '='),
    ("percnt", '%'),
    ("quest", '?'),
    ("excl", '!'),
    ("lpar", '('),
    ("rpar", ')'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
];
const MAX_REFERENCE_BYTES: usize = 12;
