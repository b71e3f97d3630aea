//! Reads files with all processors: each takes chunks of lines and checks the records in them by
//! themselves, then hands what it found to the trail, in the order of the files.

mod checked;
mod turn;

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::chains::{Limits, Trail};
use crate::issue::Kind;
use crate::item::{Checker, Item};
use crate::keyring::Keyring;
use crate::scan::Fields;
use crate::source::Source;
use checked::Checked;
use turn::Turn;

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
            turn: Mutex::new(Turn::new(trail)),
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
