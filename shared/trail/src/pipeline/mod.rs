//! Reads files with all processors: each takes chunks of lines and checks the records in them by
//! themselves, then hands what it found to the trail, in the order of the files.

mod chunk;
mod held_back;
mod sequencer;

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::chains::{Limits, Trail};
use crate::issue::Kind;
use crate::item::{Checker, Item};
use crate::keyring::Keyring;
use crate::scan::Fields;
use crate::source::Source;
use chunk::CheckedChunk;
pub use held_back::HeldBack;
use sequencer::{Fate, Sequencer};

/// What else looks at the records that are there for the first time.
pub trait Observer: Send {
    /// It looks at texts too.
    const WANTS_TEXT: bool = true;

    /// A record. `fields` says where things are in its text, for the record of a request.
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>);

    /// Asks whether a key vouches for a record before it is given to it: see
    /// [`Observer::observe_vouched`].
    const WANTS_VOUCHED: bool = false;

    /// As [`Observer::observe`], of a record for which a key vouches already.
    fn observe_vouched(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        self.observe(item, text, fields);
    }

    /// A record that was there before.
    fn observe_again(&mut self, _item: &Item, _text: &str, _fields: Option<&Fields>) {}

    /// How many records it keeps in mind until it is known whether a key vouches for them.
    fn held_back(&self) -> usize {
        0
    }

    /// Asks the trail about those.
    fn settle(&mut self, _trail: &Trail) {}
}

/// Nothing else looks at them.
impl Observer for () {
    const WANTS_TEXT: bool = false;

    fn observe(&mut self, _: &Item, _: &str, _: Option<&Fields>) {}
}

/// Shows everything to both observers, the first one first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    const WANTS_TEXT: bool = A::WANTS_TEXT || B::WANTS_TEXT;
    const WANTS_VOUCHED: bool = A::WANTS_VOUCHED || B::WANTS_VOUCHED;

    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        self.0.observe(item, text, fields);
        self.1.observe(item, text, fields);
    }

    fn observe_vouched(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        self.0.observe_vouched(item, text, fields);
        self.1.observe_vouched(item, text, fields);
    }

    fn observe_again(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        self.0.observe_again(item, text, fields);
        self.1.observe_again(item, text, fields);
    }

    fn held_back(&self) -> usize {
        self.0.held_back().max(self.1.held_back())
    }

    fn settle(&mut self, trail: &Trail) {
        self.0.settle(trail);
        self.1.settle(trail);
    }
}

/// One looks at them, or nobody does.
impl<O: Observer> Observer for Option<O> {
    const WANTS_TEXT: bool = O::WANTS_TEXT;
    const WANTS_VOUCHED: bool = O::WANTS_VOUCHED;

    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        if let Some(observer) = self {
            observer.observe(item, text, fields);
        }
    }

    fn observe_vouched(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        if let Some(observer) = self {
            observer.observe_vouched(item, text, fields);
        }
    }

    fn observe_again(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        if let Some(observer) = self {
            observer.observe_again(item, text, fields);
        }
    }

    fn held_back(&self) -> usize {
        self.as_ref().map_or(0, O::held_back)
    }

    fn settle(&mut self, trail: &Trail) {
        if let Some(observer) = self {
            observer.settle(trail);
        }
    }
}

/// What is read, and how.
#[derive(Debug)]
pub struct Reading<'r> {
    /// The keys that may sign, and what each may say.
    pub keyring: &'r Keyring,
    /// The time, milliseconds since 1970.
    pub now_ms: u64,
    /// How many threads read and verify.
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
            sequencer: Mutex::new(Sequencer::new(
                trail.with_keys(self.keyring),
                O::WANTS_TEXT,
                O::WANTS_VOUCHED,
            )),
            passed: Condvar::new(),
        };
        let work = || {
            let mut observer = observer();
            self.work(&shared, names, &mut observer, progress);
            observer
        };
        let mut observers = if self.threads <= 1 {
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
        let mut sequencer = shared
            .sequencer
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if failed > 0 {
            sequencer.trail.issues_mut().add(
                Kind::Unreadable,
                || "-".to_owned(),
                || {
                    "this program failed on a part of the files, which is a mistake in it"
                        .to_owned()
                },
            );
        }
        let proved = sequencer.end(self);
        if let Some(observer) = observers.first_mut() {
            for record in &proved {
                observer.observe(&record.item, &record.text, record.fields.as_ref());
            }
        }
        for observer in &mut observers {
            observer.settle(&sequencer.trail);
        }
        (sequencer.trail, observers)
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
        let mut settle_at = SETTLE_AT;
        loop {
            let chunk = lock(&shared.source).next_chunk(std::mem::take(&mut buffer));
            let Some(chunk) = chunk else { return };
            // The others wait for this one's turn, so it must come whatever happens.
            let checked = catch(|| CheckedChunk::of(&chunk, &mut checker));
            let file = names.get(chunk.file).map_or("-", String::as_str);
            let mut sequencer = lock(&shared.sequencer);
            while sequencer.next != chunk.number {
                sequencer = shared
                    .passed
                    .wait(sequencer)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let fresh = match &checked {
                Some(checked) => catch(|| sequencer.absorb(self, &chunk, checked, file)),
                None => None,
            };
            if fresh.is_none() {
                sequencer.trail.issues_mut().add(
                    Kind::Unreadable,
                    || file.to_owned(),
                    || "this program failed on a part of it, which is a mistake in it".to_owned(),
                );
            }
            sequencer.next += 1;
            drop(sequencer);
            shared.passed.notify_all();
            progress(chunk.read_bytes);
            let fresh = fresh.unwrap_or_default();
            for (index, fate) in fresh.indexes {
                let records = checked.as_ref().map(|checked| &checked.records);
                if let Some(record) = records.and_then(|records| records.get(index))
                    && let Ok(checked) = &record.result
                {
                    let (item, text) = (&checked.item, checked.text.as_ref());
                    let fields = checked.fields.as_ref();
                    match fate {
                        Fate::New => observer.observe(item, text, fields),
                        Fate::Vouched => observer.observe_vouched(item, text, fields),
                        Fate::Again => observer.observe_again(item, text, fields),
                    }
                }
            }
            for record in &fresh.proved {
                observer.observe(&record.item, &record.text, record.fields.as_ref());
            }
            if observer.held_back() > settle_at {
                observer.settle(&lock(&shared.sequencer).trail);
                settle_at = observer.held_back().saturating_mul(2).max(SETTLE_AT);
            }
            drop(checked);
            buffer = chunk.bytes;
        }
    }
}

/// Observers are asked when they hold back so many records.
const SETTLE_AT: usize = 16_384;

struct Shared {
    source: Mutex<Source>,
    sequencer: Mutex<Sequencer>,
    passed: Condvar,
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
