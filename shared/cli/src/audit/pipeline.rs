//! Reads files with all processors: each takes chunks of lines and checks the records in them by
//! themselves, then hands what it found to the trail, in the order of the files.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use audit::record::Fault;

use super::envelope::{self, Found, Line, Part, Parts};
use super::issue::Kind;
use super::item::{Checker, Item};
use super::keyring::Keyring;
use super::scan::Fields;
use super::source::{Chunk, ReadFault, Source};
use super::trail::{Absorbed, Limits, Trail};

/// What else looks at the records that are there for the first time.
pub trait Observer: Send {
    /// A record. `fields` says where things are in its text, for the record of a request.
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>);

    /// A record that was there before.
    fn observe_again(&mut self, _item: &Item, _text: &str, _fields: Option<&Fields>) {}
}

/// Nothing else looks at them.
impl Observer for () {
    fn observe(&mut self, _: &Item, _: &str, _: Option<&Fields>) {}
}

/// What is read, and how.
#[derive(Debug)]
pub struct Reading<'r> {
    /// Who may sign.
    pub keyring: &'r Keyring,
    /// The time, milliseconds since 1970.
    pub now_ms: u64,
    /// How many threads.
    pub threads: usize,
    /// How much is kept in mind.
    pub limits: Limits,
}

/// Told how many bytes were read so far.
pub type Progress<'p> = &'p (dyn Fn(u64) + Sync);

impl Reading<'_> {
    /// Reads files into a trail. Each thread has an observer of its own, which comes back.
    pub fn read<O: Observer>(
        &self,
        trail: Trail,
        paths: &[PathBuf],
        observer: impl Fn() -> O + Sync,
        progress: Progress<'_>,
    ) -> (Trail, Vec<O>) {
        let names: Vec<String> = paths.iter().map(|path| name(path)).collect();
        self.read_source(
            trail,
            Source::new(paths.to_vec()),
            &names,
            observer,
            progress,
        )
    }

    /// As [`Reading::read`], from what is open.
    pub fn read_source<O: Observer>(
        &self,
        trail: Trail,
        source: Source,
        names: &[String],
        observer: impl Fn() -> O + Sync,
        progress: Progress<'_>,
    ) -> (Trail, Vec<O>) {
        let shared = Shared {
            source: Mutex::new(source),
            turn: Mutex::new(Turn {
                next: 0,
                trail,
                parts: Parts::default(),
                lines: 0,
                in_log: false,
                overwhelmed: false,
            }),
            passed: Condvar::new(),
        };
        let work = || {
            let mut observer = observer();
            self.work(&shared, names, &mut observer, progress);
            observer
        };
        let observers = if self.threads <= 1 {
            vec![work()]
        } else {
            std::thread::scope(|scope| {
                #[expect(
                    clippy::needless_collect,
                    reason = "all begin before one is waited for"
                )]
                let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(work)).collect();
                let joined = threads.into_iter().filter_map(|thread| thread.join().ok());
                joined.collect()
            })
        };
        let failed = self.threads.max(1) - observers.len();
        let mut turn = shared
            .turn
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if failed > 0 {
            turn.trail.issues_mut().add(
                Kind::Unreadable,
                || "-".to_owned(),
                || {
                    "this program failed on a part of the files, which is a mistake in it"
                        .to_owned()
                },
            );
        }
        for uid in turn.parts.incomplete() {
            turn.trail.issues_mut().add(
                Kind::CutOff,
                || uid.to_owned(),
                || "parts of this record are missing in the log".to_owned(),
            );
        }
        (turn.trail, observers)
    }

    fn work<O: Observer>(
        &self,
        shared: &Shared,
        names: &[String],
        observer: &mut O,
        progress: Progress<'_>,
    ) {
        let mut buffer = Vec::new();
        let mut checker = Checker::new(self.keyring);
        loop {
            let chunk = lock(&shared.source).next_chunk(std::mem::take(&mut buffer));
            let Some(chunk) = chunk else { return };
            // The others wait for this one's turn, so it must come whatever happens.
            let checked = catch(|| Checked::of(&chunk, &mut checker));
            let file = names.get(chunk.file).map_or("-", String::as_str);
            let mut turn = lock(&shared.turn);
            while turn.next != chunk.number {
                turn = shared
                    .passed
                    .wait(turn)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let fresh = match &checked {
                Some(checked) => catch(|| turn.absorb(self, &chunk, checked, file)),
                None => None,
            };
            if fresh.is_none() {
                turn.trail.issues_mut().add(
                    Kind::Unreadable,
                    || file.to_owned(),
                    || "this program failed on a part of it, which is a mistake in it".to_owned(),
                );
            }
            turn.next += 1;
            drop(turn);
            shared.passed.notify_all();
            progress(chunk.read_bytes);
            let fresh = fresh.unwrap_or_default();
            for (index, is_new) in fresh.indexes {
                let records = checked.as_ref().map(|checked| &checked.records);
                if let Some((found, text)) = records.and_then(|records| records.get(index))
                    && let Ok((item, fields)) = &found.result
                {
                    if is_new {
                        observer.observe(item, text, fields.as_ref());
                    } else {
                        observer.observe_again(item, text, fields.as_ref());
                    }
                }
            }
            for (item, text, fields) in &fresh.assembled {
                observer.observe(item, text, fields.as_ref());
            }
            drop(checked);
            buffer = chunk.bytes;
        }
    }
}

struct Shared {
    source: Mutex<Source>,
    turn: Mutex<Turn>,
    passed: Condvar,
}

/// What only one thread at a time has: the one whose chunk is the next.
struct Turn {
    next: u64,
    trail: Trail,
    parts: Parts,
    /// Lines of the file before this chunk.
    lines: u64,
    /// The file is a log, which may say other things too.
    in_log: bool,
    overwhelmed: bool,
}

/// Records for observers.
#[derive(Default)]
struct Fresh {
    /// Which, and whether they are there for the first time.
    indexes: Vec<(usize, bool)>,
    assembled: Vec<(Item, String, Option<Fields>)>,
}

/// What is in a chunk, checked by itself.
struct Checked<'c> {
    records: Vec<(Record, Cow<'c, str>)>,
    /// In lines of this chunk, from 0.
    malformed: Vec<(u64, String)>,
    /// Lines that are no records, with what is wrong if the file is no log.
    others: Vec<u64>,
    parts: Vec<(u64, Part)>,
    lines: u64,
    /// The last line has no end.
    is_open: bool,
    starts_log: bool,
}

struct Record {
    line: u64,
    /// From a log, in which clients may have a say too.
    is_logged: bool,
    result: Result<(Item, Option<Fields>), Fault>,
}

impl<'c> Checked<'c> {
    fn of(chunk: &'c Chunk, checker: &mut Checker<'_>) -> Self {
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
                            let result = result.map(|item| (item, super::scan::scan(&text)));
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

impl Turn {
    fn absorb(
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

fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a file is called in messages.
fn name(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}
