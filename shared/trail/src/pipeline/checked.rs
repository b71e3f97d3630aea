//! What one thread finds in a chunk, by itself.

use std::borrow::Cow;

use audit::record::Fault;

use crate::envelope::{self, Found, Line, Part};
use crate::item::{Checker, Item};
use crate::scan::{Fields, scan};
use crate::source::Chunk;

/// What is in a chunk, checked by itself.
pub(super) struct Checked<'c> {
    pub(super) records: Vec<(Record, Cow<'c, str>)>,
    /// In lines of this chunk, from 0.
    pub(super) malformed: Vec<(u64, String)>,
    /// Lines that are no records, with what is wrong if the file is no log.
    pub(super) others: Vec<u64>,
    pub(super) parts: Vec<(u64, Part)>,
    pub(super) lines: u64,
    /// The last line has no end.
    pub(super) is_open: bool,
    pub(super) starts_log: bool,
}

pub(super) struct Record {
    pub(super) line: u64,
    /// From a log, in which clients may have a say too.
    pub(super) is_logged: bool,
    pub(super) result: Result<(Item, Option<Fields>), Fault>,
}

impl<'c> Checked<'c> {
    pub(super) fn of(chunk: &'c Chunk, checker: &mut Checker<'_>) -> Self {
        let mut checked = Self {
            records: Vec::with_capacity(chunk.bytes.len() / 1024),
            malformed: Vec::new(),
            others: Vec::new(),
            parts: Vec::new(),
            lines: 0,
            is_open: chunk.bytes.last().is_some_and(|byte| *byte != b'\n'),
            starts_log: false,
        };
        let whole = std::str::from_utf8(&chunk.bytes).ok();
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', &chunk.bytes);
        let open = checked.is_open.then_some(chunk.bytes.len());
        for end in ends.chain(open) {
            let line = match whole {
                Some(text) => text.get(start..end),
                None => chunk
                    .bytes
                    .get(start..end)
                    .and_then(|line| std::str::from_utf8(line).ok()),
            };
            if start == 0 && chunk.is_first {
                checked.starts_log = line.is_some_and(envelope::is_log);
            }
            match line {
                Some(line) => checked.line(line, checker),
                None => {
                    let why = "not UTF-8".to_owned();
                    checked.malformed.push((checked.lines, why));
                }
            }
            checked.lines += 1;
            start = end + 1;
        }
        checked
    }

    fn line(&mut self, line: &'c str, checker: &mut Checker<'_>) {
        let number = self.lines;
        match envelope::read(line, false) {
            // What does not look like one may be another line of a log.
            Line::Record(text) if !text.starts_with('{') => self.others.push(number),
            Line::Record(text) => self.record(text.into(), false, checker),
            Line::Holds(all) => {
                for found in all {
                    match found {
                        Found::Text(text) => self.record(text, false, checker),
                        Found::Logged(text) => self.record(text.into(), true, checker),
                        Found::Json(json) => {
                            // In the canonical spelling it can be looked at like all others.
                            let text = audit::canonical::to_string(&json);
                            let result = checker.check_json(&json);
                            let result = result.map(|item| (item, scan(&text)));
                            let record = Record {
                                line: number,
                                is_logged: false,
                                result,
                            };
                            self.records.push((record, text.into()));
                        }
                        Found::Part(part) => self.parts.push((number, part)),
                    }
                }
            }
            Line::Other => {
                if !line.is_empty() {
                    self.others.push(number);
                }
            }
            Line::Malformed(why) => self.malformed.push((number, why)),
        }
    }

    fn record(&mut self, text: Cow<'c, str>, is_logged: bool, checker: &mut Checker<'_>) {
        let result = checker.check(&text);
        let record = Record {
            line: self.lines,
            is_logged,
            result,
        };
        self.records.push((record, text));
    }
}
