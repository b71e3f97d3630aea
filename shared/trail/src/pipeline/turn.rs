//! What is done with chunks one after the other, in the order of the files.

use audit::record::Fault;

use super::Reading;
use super::checked::Checked;
use crate::chains::{Absorbed, Trail};
use crate::envelope::Parts;
use crate::issue::Kind;
use crate::item::{Checker, Item};
use crate::scan::Fields;
use crate::source::{Chunk, ReadFault};

/// What only one thread at a time has: the one whose chunk is the next.
pub(super) struct Turn {
    pub(super) next: u64,
    pub(super) trail: Trail,
    pub(super) parts: Parts,
    /// Lines of the file before this chunk.
    lines: u64,
    /// The file is a log, which may say other things too.
    in_log: bool,
    overwhelmed: bool,
}

/// Records for observers.
#[derive(Default)]
pub(super) struct Fresh {
    /// Which, and whether they are there for the first time.
    pub(super) indexes: Vec<(usize, bool)>,
    pub(super) assembled: Vec<(Item, String, Option<Fields>)>,
}

impl Turn {
    pub(super) fn new(trail: Trail) -> Self {
        Self {
            next: 0,
            trail,
            parts: Parts::default(),
            lines: 0,
            in_log: false,
            overwhelmed: false,
        }
    }

    pub(super) fn absorb(
        &mut self,
        reading: &Reading<'_>,
        chunk: &Chunk,
        checked: &Checked<'_>,
        file: &str,
    ) -> Fresh {
        if chunk.is_first {
            self.lines = 0;
            self.in_log = checked.starts_log;
        }
        let first = self.lines;
        let place = |line: u64| format!("{file}:{}", first + line + 1);
        // The last line of a file, if it has no end, may have been cut off.
        let cut_off = checked.is_open.then(|| checked.lines.saturating_sub(1));
        if let Some(fault) = &chunk.fault {
            let kind = match fault {
                ReadFault::TooLong => Kind::TooLong,
                _ => Kind::Unreadable,
            };
            let issues = self.trail.issues_mut();
            issues.add(kind, || file.to_owned(), || fault.to_string());
        }
        let mut fresh = Fresh::default();
        if !self.overwhelmed {
            fresh.indexes = self.absorb_records(reading, checked, &place, cut_off);
        }
        for (line, why) in &checked.malformed {
            self.trail.counts.read += 1;
            self.add_malformed(cut_off == Some(*line), || place(*line), why);
        }
        for line in &checked.others {
            if self.in_log {
                self.trail.counts.other_lines += 1;
            } else {
                self.trail.counts.read += 1;
                self.add_malformed(
                    cut_off == Some(*line),
                    || place(*line),
                    "not an audit record",
                );
            }
        }
        for (line, part) in &checked.parts {
            let Some(text) = self.parts.add(part.clone()) else {
                continue;
            };
            self.trail.counts.read += 1;
            match Checker::new(reading.keyring).check(&text) {
                Ok((item, fields)) => {
                    let absorbed = self.trail.absorb(&item, reading.now_ms, &|| place(*line));
                    if absorbed == Absorbed::New {
                        fresh.assembled.push((item, text, fields));
                    }
                }
                Err(fault) => self.add_fault(&fault, false, || place(*line)),
            }
        }
        self.lines += checked.lines;
        fresh
    }

    fn absorb_records(
        &mut self,
        reading: &Reading<'_>,
        checked: &Checked<'_>,
        place: &impl Fn(u64) -> String,
        cut_off: Option<u64>,
    ) -> Vec<(usize, bool)> {
        let mut fresh = Vec::with_capacity(checked.records.len());
        for (index, (record, _)) in checked.records.iter().enumerate() {
            self.trail.counts.read += 1;
            match &record.result {
                Ok((item, _)) => {
                    let here = || place(record.line);
                    match self.trail.absorb(item, reading.now_ms, &here) {
                        Absorbed::New => fresh.push((index, true)),
                        Absorbed::Duplicate => fresh.push((index, false)),
                        Absorbed::Fork => {}
                    }
                }
                Err(fault) if record.is_logged && !matches!(fault, Fault::NewerVersion(_)) => {
                    self.trail.counts.read -= 1;
                    self.trail.counts.other_lines += 1;
                    let issues = self.trail.issues_mut();
                    issues.add(Kind::LogLine, || place(record.line), || fault.to_string());
                }
                Err(fault) => {
                    let is_cut_off = cut_off == Some(record.line);
                    self.add_fault(fault, is_cut_off, || place(record.line));
                }
            }
        }
        if self.trail.is_overwhelmed() {
            self.overwhelmed = true;
            self.trail.issues_mut().add(
                Kind::TooManyHoles,
                || place(checked.lines),
                || {
                    "there are too many holes to go on from here: sort the records by chain and \
                    number, or give --memory"
                        .to_owned()
                },
            );
        }
        fresh
    }

    fn add_fault(&mut self, fault: &Fault, is_cut_off: bool, place: impl FnOnce() -> String) {
        let kind = match fault {
            Fault::NotJson(_) if is_cut_off => Kind::CutOff,
            Fault::NotJson(_) | Fault::NotARecord(_) => Kind::NotARecord,
            Fault::NewerVersion(_) => Kind::NewerVersion,
            Fault::NoSignature => Kind::WrongSignature,
            _ => Kind::Changed,
        };
        let issues = self.trail.issues_mut();
        issues.add(kind, place, || match kind {
            Kind::CutOff => "the last line of the file is cut off".to_owned(),
            _ => fault.to_string(),
        });
    }

    fn add_malformed(&mut self, is_cut_off: bool, place: impl FnOnce() -> String, why: &str) {
        let (kind, why) = if is_cut_off {
            (Kind::CutOff, "the last line of the file is cut off")
        } else {
            (Kind::NotARecord, why)
        };
        self.trail.issues_mut().add(kind, place, || why.to_owned());
    }
}
