//! What is done with chunks one after the other, in the order of the files.

use audit::record::Fault;

use super::Reading;
use super::chunk::{CheckedChunk, Record};
use crate::chains::{Absorbed, Proved, Trail, Vouching};
use crate::envelope::{self, Fragments, OpenLine, Origin, Part, Parts};
use crate::hex::encode;
use crate::issue::Kind;
use crate::item::{ChainUid, Checker, Item, place_of};
use crate::source::{Chunk, ReadFault};

/// What only one thread at a time has: the one whose chunk is the next.
pub(super) struct Sequencer {
    pub(super) next: u64,
    pub(super) trail: Trail,
    parts: Parts,
    fragments: Fragments,
    /// Lines of the file before this chunk.
    lines: u64,
    /// The file may have lines that are no records.
    is_mixed: bool,
    is_overwhelmed: bool,
    /// What of records from logs is proved is also wanted as text.
    wants_text: bool,
    /// Whether a key vouches for a record is wanted at once.
    wants_vouched: bool,
    /// Lines with what only records have, from which none was read, and the chains that they name.
    unread: Vec<(String, ChainUid)>,
}

/// What adding a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is there for the first time.
    New,
    /// The same, and a key vouches for it.
    Vouched,
    /// The same record was there before.
    Again,
}

/// A verified record that observers have not seen yet.
#[derive(Default)]
pub(super) struct Fresh {
    /// The records, and what adding them did.
    pub(super) indexes: Vec<(usize, Fate)>,
    /// Records that are not in the chunk, or not for the first time.
    pub(super) proved: Vec<Proved>,
}

impl Sequencer {
    pub(super) fn new(trail: Trail, wants_text: bool, wants_vouched: bool) -> Self {
        Self {
            next: 0,
            trail,
            parts: Parts::default(),
            fragments: Fragments::default(),
            lines: 0,
            is_mixed: false,
            is_overwhelmed: false,
            wants_text,
            wants_vouched,
            unread: Vec::new(),
        }
    }

    pub(super) fn absorb(
        &mut self,
        reading: &Reading<'_>,
        chunk: &Chunk,
        checked: &CheckedChunk<'_>,
        file: &str,
    ) -> Fresh {
        let mut fresh = Fresh::default();
        if chunk.is_first {
            self.fragments.end_file();
            self.lines = 0;
            self.is_mixed = checked.is_mixed;
        }
        let first = self.lines;
        let place = |line: u64| format!("{file}:{}", first + line + 1);
        // The last line of a file, if it has no end, may have been cut off.
        let open = checked.is_open.then(|| checked.lines.saturating_sub(1));
        let cut_off = |line: u64| {
            if open == Some(line) {
                Some("the last line of the file is cut off")
            } else if checked.torn.contains(&line) {
                Some("a line is cut off by bytes of zero: what was to be written there was lost")
            } else {
                None
            }
        };
        if let Some(fault) = &chunk.fault {
            let kind = match fault {
                ReadFault::TooLong => Kind::TooLong,
                _ => Kind::Unreadable,
            };
            let issues = self.trail.issues_mut();
            issues.add(kind, || file.to_owned(), || fault.to_string());
        }
        if !self.is_overwhelmed {
            for (index, record) in checked.records.iter().enumerate() {
                let (why, here) = (cut_off(record.line), || place(record.line));
                match self.absorb_record(reading, record, why, &here, &mut fresh) {
                    Some(Absorbed::New) => fresh.indexes.push((index, Fate::New)),
                    Some(Absorbed::Duplicate) => fresh.indexes.push((index, Fate::Again)),
                    Some(Absorbed::Fork) | None => {}
                }
            }
            self.stop_if_overwhelmed(|| place(checked.lines));
        }
        if self.wants_vouched {
            self.note_vouched(checked, &mut fresh);
        }
        for (line, why) in &checked.malformed {
            self.trail.counts.read += 1;
            self.add_malformed(cut_off(*line), || place(*line), why);
        }
        self.trail.counts.other_lines += checked.foreign;
        for (line, chain) in &checked.unread {
            let is_told = !self.is_mixed && checked.others.binary_search(line).is_ok();
            if !is_told && self.unread.len() < MOST_UNREAD {
                self.unread.push((place(*line), *chain));
            }
        }
        for line in &checked.others {
            if self.is_mixed {
                self.trail.counts.other_lines += 1;
            } else {
                self.trail.counts.read += 1;
                let why = "not an audit record";
                self.add_malformed(cut_off(*line), || place(*line), why);
            }
        }
        for (line, part) in &checked.parts {
            self.add_part(reading, part, &|| place(*line), &mut fresh);
        }
        for (line, fragment) in &checked.fragments {
            if let Some(text) = self.fragments.add(fragment) {
                self.absorb_line(reading, text, &|| place(*line), &mut fresh);
            }
        }
        self.lines += checked.lines;
        fresh
    }

    /// Marks the records for which a key vouches by now, which are most of a chunk: records come in
    /// batches, and each ends with a signature.
    fn note_vouched(&self, checked: &CheckedChunk<'_>, fresh: &mut Fresh) {
        let mut known: Option<(ChainUid, Vouching)> = None;
        for (index, fate) in &mut fresh.indexes {
            let record = checked.records.get(*index);
            let Some(Ok(record)) = record.map(|record| &record.result) else {
                continue;
            };
            let Item {
                chain, sequence, ..
            } = record.item;
            let vouching = match &known {
                Some((of, vouching)) if *of == chain && vouching.is_about(sequence) => *vouching,
                _ => self.trail.vouching(&chain, sequence),
            };
            known = Some((chain, vouching));
            if vouching.is_vouched && *fate == Fate::New {
                *fate = Fate::Vouched;
            }
        }
    }

    /// Ends the input: what is still held back is decided.
    pub(super) fn end(&mut self, reading: &Reading<'_>) -> Vec<Proved> {
        let mut fresh = Fresh::default();
        self.fragments.end_file();
        let is_line =
            |head: String| records_in(&head, &mut Checker::new(reading.keyring)).is_some();
        for line in self.fragments.end(is_line) {
            self.absorb_open_line(reading, &line, &mut fresh);
        }
        // A client can write parts too; of a record that counts, the hole shows.
        let (kind, why) = if self.trail.has_keys() {
            (
                Kind::Unproven,
                "parts of what may be this record are missing in the log",
            )
        } else {
            (Kind::CutOff, "parts of this record are missing in the log")
        };
        for uid in self.parts.incomplete() {
            let issues = self.trail.issues_mut();
            issues.add(kind, || uid.to_owned(), || why.to_owned());
        }
        fresh.proved.extend(self.trail.end_logs(reading.now_ms));
        // Nobody but who has records knows the id of a chain: no client can write such a line.
        let nothing_is_here = self.trail.chains.is_empty();
        for (place, chain) in std::mem::take(&mut self.unread) {
            if nothing_is_here || self.trail.chains.contains_key(&chain) {
                let why = match nothing_is_here {
                    true => {
                        "it has the words of a record, in a form that is not read: give each record a line of its own"
                    }
                    false => "a record of a chain that is here, in a form that is not read",
                };
                let issues = self.trail.issues_mut();
                issues.add(Kind::Unreadable, || place.clone(), || why.to_owned());
            }
        }
        fresh.proved
    }

    /// A line that has no end in its file is one with what another file begins with, if there is a record in
    /// them then, and else read as it is.
    fn absorb_open_line(&mut self, reading: &Reading<'_>, line: &OpenLine, fresh: &mut Fresh) {
        let place = || "the end of a log".to_owned();
        let alone = line.alone();
        let mut checker = Checker::new(reading.keyring);
        if records_in(&alone, &mut checker).is_some() {
            self.absorb_line(reading, alone, &place, fresh);
            return;
        }
        let place = || "the end of a log and the beginning of another".to_owned();
        for joined in line.joined() {
            if let Some(records) = records_in(&joined, &mut checker) {
                self.trail.spread.extend(records);
                self.forget_unread(&joined);
                self.absorb_line(reading, joined, &place, fresh);
                return;
            }
        }
        // Pieces from the middle of a line have the words of a record, and are none.
        if line.is_middle() {
            self.trail.counts.other_lines += 1;
            return;
        }
        self.absorb_line(reading, alone, &place, fresh);
    }

    /// What a file begins with was read by itself before it was known to be the end of this line.
    fn forget_unread(&mut self, line: &str) {
        let is_of_line = |(_, chain): &(String, ChainUid)| line.contains(&encode(chain));
        if let Some(at) = self.unread.iter().position(is_of_line) {
            self.unread.remove(at);
        }
    }

    /// A line of a container's log that was put together from pieces.
    fn absorb_line(
        &mut self,
        reading: &Reading<'_>,
        text: String,
        place: &dyn Fn() -> String,
        fresh: &mut Fresh,
    ) {
        let contents = envelope::read_log(text.into(), reading.keyring.log_keys());
        if contents.found.is_empty() && contents.parts.is_empty() {
            self.trail.counts.other_lines += 1;
            let room = MOST_UNREAD.saturating_sub(self.unread.len());
            let unread = contents.unread.into_iter().take(room);
            self.unread.extend(unread.map(|chain| (place(), chain)));
            return;
        }
        let mut checker = Checker::new(reading.keyring);
        for found in contents.found {
            let text = found.text.into_owned().into();
            let record =
                Record::check(0, text, found.origin, found.claims.as_deref(), &mut checker);
            self.absorb_assembled(reading, record, place, fresh);
        }
        for part in contents.parts {
            self.add_part(reading, &part, place, fresh);
        }
    }

    fn add_part(
        &mut self,
        reading: &Reading<'_>,
        part: &Part,
        place: &dyn Fn() -> String,
        fresh: &mut Fresh,
    ) {
        let mut faulty = None;
        let origin = if part.is_tagged {
            Origin::TaggedLog
        } else {
            Origin::Log
        };
        for text in self.parts.add(part.clone()) {
            let mut checker = Checker::new(reading.keyring);
            let record = Record::check(0, text.into(), origin, None, &mut checker);
            if record.result.is_ok() {
                self.parts.finish(part);
                self.absorb_assembled(reading, record, place, fresh);
                return;
            }
            faulty = Some(record);
        }
        if let Some(record) = faulty {
            self.absorb_assembled(reading, record, place, fresh);
        }
    }

    /// A record that is in no one line.
    fn absorb_assembled(
        &mut self,
        reading: &Reading<'_>,
        record: Record<'_>,
        place: &dyn Fn() -> String,
        fresh: &mut Fresh,
    ) {
        let absorbed = self.absorb_record(reading, &record, None, place, fresh);
        if let (Some(Absorbed::New), Ok(checked)) = (absorbed, record.result) {
            fresh.proved.push(Proved {
                item: checked.item,
                text: checked.text.into_owned(),
                fields: checked.fields,
            });
        }
    }

    /// `None`: it is no record, or it is not known yet whether it is one.
    fn absorb_record(
        &mut self,
        reading: &Reading<'_>,
        record: &Record<'_>,
        cut_off: Option<&str>,
        place: &dyn Fn() -> String,
        fresh: &mut Fresh,
    ) -> Option<Absorbed> {
        self.trail.counts.read += 1;
        let checked = match &record.result {
            Ok(checked) => checked,
            Err(fault) if record.origin == Origin::Log && self.is_deniable(fault) => {
                self.trail.counts.read -= 1;
                self.trail.counts.other_lines += 1;
                let issues = self.trail.issues_mut();
                issues.add(Kind::LogLine, place, || fault.to_string());
                return None;
            }
            Err(fault) => {
                self.add_fault(fault, cut_off, place);
                return None;
            }
        };
        if checked.is_reserialised {
            self.trail.counts.reserialised += 1;
        }
        if let Some(why) = &record.contradiction {
            let issues = self.trail.issues_mut();
            issues.add(Kind::EnvelopeDiffers, place, || why.clone());
        }
        let now_ms = reading.now_ms;
        let absorbed = match record.origin {
            Origin::Store => Some(self.trail.absorb(&checked.item, now_ms, place)),
            Origin::TaggedLog => Some(self.trail.absorb_tagged(&checked.item, now_ms, place)),
            Origin::Log => {
                let text = || {
                    let text = self.wants_text.then(|| checked.text.clone().into_owned())?;
                    Some((text, checked.fields.clone()))
                };
                self.trail.absorb_logged(&checked.item, text, now_ms, place)
            }
        };
        if self.trail.may_prove(&checked.item) {
            let proved = self.trail.prove(&checked.item.chain, now_ms);
            fresh.proved.extend(proved);
        }
        absorbed
    }

    /// Whether a line of a log with this fault may be somebody else's.
    const fn is_deniable(&self, fault: &Fault) -> bool {
        self.trail.has_keys() || !matches!(fault, Fault::NewerVersion(_))
    }

    fn stop_if_overwhelmed(&mut self, place: impl FnOnce() -> String) {
        if self.trail.is_overwhelmed() {
            self.is_overwhelmed = true;
            self.trail.issues_mut().add(Kind::TooManyHoles, place, || {
                "there are too many holes to go on from here: sort the records by chain and \
                 number, or give --memory"
                    .to_owned()
            });
        }
    }

    fn add_fault(&mut self, fault: &Fault, cut_off: Option<&str>, place: impl FnOnce() -> String) {
        let kind = match fault {
            Fault::NotJson(_) if cut_off.is_some() => Kind::CutOff,
            Fault::NotJson(_) | Fault::NotARecord(_) => Kind::NotARecord,
            Fault::NewerVersion(_) => Kind::NewerVersion,
            Fault::NoSignature => Kind::WrongSignature,
            _ => Kind::Changed,
        };
        let issues = self.trail.issues_mut();
        issues.add(kind, place, || match (kind, cut_off) {
            (Kind::CutOff, Some(why)) => why.to_owned(),
            _ => fault.to_string(),
        });
    }

    fn add_malformed(&mut self, cut_off: Option<&str>, place: impl FnOnce() -> String, why: &str) {
        let (kind, why) = match cut_off {
            Some(why) => (Kind::CutOff, why),
            None => (Kind::NotARecord, why),
        };
        self.trail.issues_mut().add(kind, place, || why.to_owned());
    }
}

/// The records in a line of a log, if there is one that is whole, or a part of one. Where the line is not whole, what
/// looks like a part may be the words of a client in a record.
fn records_in(line: &str, checker: &mut Checker<'_>) -> Option<Vec<(ChainUid, u64)>> {
    let contents = envelope::read_log(line.into(), checker.log_keys());
    let mut records = Vec::new();
    if contents.found.is_empty() {
        let parts = contents.parts.iter().take_while(|part| part.text.is_some());
        records.extend(parts.filter_map(|part| place_of(&part.uid)));
    }
    for found in contents.found {
        if let Ok(checked) = checker.check(found.text) {
            records.push((checked.item.chain, checked.item.sequence));
        }
    }
    (!records.is_empty()).then_some(records)
}

/// As many lines are kept in mind that were not read: the first ones say enough.
const MOST_UNREAD: usize = 10_000;
