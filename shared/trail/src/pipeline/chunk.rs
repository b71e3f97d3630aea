//! What one thread finds in a chunk, by itself.

use std::borrow::Cow;

use audit::record::Fault;

use crate::envelope::{self, Claims, Contents, Fragment, Line, Origin, Part};
use crate::item::{ChainUid, Checked, Checker};
use crate::source::Chunk;

/// What is in a chunk, each record checked by itself.
pub(super) struct CheckedChunk<'c> {
    pub(super) records: Vec<Record<'c>>,
    /// What should be a record and is none, in lines of this chunk, from 0.
    pub(super) malformed: Vec<(u64, String)>,
    /// Lines that are no records, which is wrong if their file has nothing else.
    pub(super) others: Vec<u64>,
    /// Of those, the ones that have what only records have, and the chain that they name.
    pub(super) unread: Vec<(u64, ChainUid)>,
    /// How much else is in lines that hold records.
    pub(super) foreign: u64,
    pub(super) parts: Vec<(u64, Part)>,
    /// Pieces of lines, of which others may be in the chunks before and after.
    pub(super) fragments: Vec<(u64, Fragment<'c>)>,
    pub(super) lines: u64,
    /// Lines with bytes of zero in them: what stands before those may have been cut off.
    pub(super) torn: Vec<u64>,
    /// The last line has no end.
    pub(super) is_open: bool,
    /// The file may have lines that are no records.
    pub(super) is_mixed: bool,
    /// Streams of containers in which a line has ended since the chunk began.
    whole_streams: Vec<Cow<'c, str>>,
}

pub(super) struct Record<'c> {
    pub(super) line: u64,
    pub(super) origin: Origin,
    pub(super) result: Result<Checked<'c>, Fault>,
    /// What its envelope says of it that it does not say itself.
    pub(super) contradiction: Option<String>,
}

impl<'c> Record<'c> {
    pub(super) fn check(
        line: u64,
        text: Cow<'c, str>,
        origin: Origin,
        claims: Option<&Claims>,
        checker: &mut Checker<'_>,
    ) -> Self {
        let result = checker.check(text);
        let contradiction = match (&result, claims) {
            (Ok(checked), Some(claims)) => checked.contradiction(claims),
            _ => None,
        };
        Self {
            line,
            origin,
            result,
            contradiction,
        }
    }
}

impl<'c> CheckedChunk<'c> {
    pub(super) fn of<'k: 'c>(chunk: &'c Chunk, checker: &mut Checker<'k>) -> Self {
        let mut checked = Self {
            records: Vec::with_capacity(chunk.bytes.len() / 1024),
            malformed: Vec::new(),
            others: Vec::new(),
            unread: Vec::new(),
            foreign: 0,
            parts: Vec::new(),
            fragments: Vec::new(),
            lines: 0,
            torn: Vec::new(),
            is_open: chunk.bytes.last().is_some_and(|byte| *byte != b'\n'),
            is_mixed: false,
            whole_streams: Vec::new(),
        };
        let whole = std::str::from_utf8(&chunk.bytes).ok();
        let has_torn = memchr::memchr(0, &chunk.bytes).is_some();
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', &chunk.bytes);
        let open = checked.is_open.then_some(chunk.bytes.len());
        for end in ends.chain(open) {
            let bytes = chunk.bytes.get(start..end).unwrap_or_default();
            let is_first = start == 0 && chunk.is_first;
            if has_torn && bytes.contains(&0) {
                checked.torn.push(checked.lines);
                let mut is_first = is_first;
                for whole in bytes.split(|byte| *byte == 0).filter(|b| !b.is_empty()) {
                    let text = String::from_utf8_lossy(whole);
                    checked.text(text, whole, std::mem::take(&mut is_first), checker);
                }
            } else {
                let line = match whole {
                    Some(text) => Cow::Borrowed(text.get(start..end).unwrap_or_default()),
                    None => String::from_utf8_lossy(bytes),
                };
                checked.text(line, bytes, is_first, checker);
            }
            checked.lines += 1;
            start = end + 1;
        }
        checked
    }

    /// A line, or what stands in one between bytes of zero: those are in a file where a system or a disk failed
    /// while it was written, or where it was cut to nothing below a program that wrote on.
    fn text<'k: 'c>(
        &mut self,
        line: Cow<'c, str>,
        bytes: &[u8],
        is_first: bool,
        checker: &mut Checker<'k>,
    ) {
        if is_first {
            self.is_mixed = envelope::may_have_other_lines(&line);
        }
        match line {
            Cow::Borrowed(line) => self.line(line, checker),
            Cow::Owned(line) => self.lossy_line(&line, bytes, checker),
        }
    }

    fn line<'k: 'c>(&mut self, line: &'c str, checker: &mut Checker<'k>) {
        match envelope::read(line, checker.log_keys()) {
            Line::Record(text) => {
                let record = Record::check(self.lines, text.into(), Origin::Store, None, checker);
                let values = match &record.result {
                    Err(Fault::NotJson(_)) => envelope::read_values(text, checker.log_keys()),
                    _ => None,
                };
                match values {
                    Some(contents) => self.contents(self.lines, contents, checker),
                    None => self.records.push(record),
                }
            }
            held => self.held(held, line, checker),
        }
    }

    /// A line of which some bytes are no UTF-8, with U+FFFD in their place. A log has what clients have sent,
    /// and they may send any bytes: the line is one as others, and what emitters have written beside stays to
    /// be read. No record has such bytes.
    fn lossy_line<'k: 'c>(&mut self, line: &str, bytes: &[u8], checker: &mut Checker<'k>) {
        match envelope::read(line, checker.log_keys()) {
            Line::Record(_) => self.malformed.push((self.lines, "not UTF-8".to_owned())),
            Line::Holds(contents) => {
                self.held(Line::Holds(contents.into_owned()), line, checker);
            }
            Line::Fragment(fragment) => {
                self.held(Line::Fragment(fragment.cut_in(bytes)), line, checker);
            }
            Line::Other => self.held(Line::Other, line, checker),
        }
    }

    /// What a line holds that is no record by itself.
    fn held<'k: 'c>(&mut self, held: Line<'c>, line: &str, checker: &mut Checker<'k>) {
        let number = self.lines;
        match held {
            Line::Record(_) => {}
            Line::Holds(contents) => self.contents(number, contents, checker),
            Line::Fragment(fragment) => self.fragment(number, fragment, checker),
            Line::Other => {
                if !line.trim_ascii().is_empty() {
                    self.others.push(number);
                    self.unread
                        .extend(envelope::named_chain(line).map(|chain| (number, chain)));
                }
            }
        }
    }

    pub(super) fn contents<'k: 'c>(
        &mut self,
        line: u64,
        contents: Contents<'c>,
        checker: &mut Checker<'k>,
    ) {
        for found in contents.found {
            let claims = found.claims.as_deref();
            let record = Record::check(line, found.text, found.origin, claims, checker);
            self.records.push(record);
        }
        let parts = contents.parts.into_iter();
        self.parts.extend(parts.map(|part| (line, part)));
        let malformed = contents.malformed.into_iter();
        self.malformed.extend(malformed.map(|why| (line, why)));
        self.foreign += contents.foreign;
        let unread = contents.unread.into_iter();
        self.unread.extend(unread.map(|chain| (line, chain)));
    }

    /// A whole line in the line of a container is read here; the first of a stream may be the end of
    /// one that began in the chunk before, and pieces are for whoever has all chunks.
    fn fragment<'k: 'c>(&mut self, line: u64, fragment: Fragment<'c>, checker: &mut Checker<'k>) {
        let stream = self
            .whole_streams
            .iter()
            .position(|s| *s == fragment.stream);
        match (stream, fragment.is_last) {
            (Some(_), true) => {
                let is_cut = fragment.cut != Default::default();
                let text = match is_cut {
                    true => Cow::Owned(fragment.alone()),
                    false => fragment.text,
                };
                let contents = envelope::read_log(text, checker.log_keys());
                if contents.found.is_empty() && contents.parts.is_empty() {
                    self.foreign += 1;
                    let unread = contents.unread.into_iter();
                    self.unread.extend(unread.map(|chain| (line, chain)));
                } else {
                    self.contents(line, contents, checker);
                }
                return;
            }
            (Some(at), false) => {
                self.whole_streams.swap_remove(at);
            }
            (None, true) => self.whole_streams.push(fragment.stream.clone()),
            (None, false) => {}
        }
        self.fragments.push((line, fragment));
    }
}
