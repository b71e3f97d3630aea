//! The ledger: the chain in which an operator says what was erased, purged and held.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use audit::keys::SigningKey;
use audit::record::Record;
use audit::{Chain, Control, Event, Range, Target};

use crate::chains::{Limits, Order, Trail};
use crate::hex::{decode, encode};
use crate::intervals::Intervals;
use crate::item::{ChainUid, Item};
use crate::keyring::Keyring;
use crate::pipeline::Reading;
use crate::source::Source;
use crate::time;
use crate::verdict::{Question, conclude};

/// A ledger to which entries can be added. Nobody else can while this one is open.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: Option<File>,
    chain: Chain,
    key: SigningKey,
    /// When its last entry was written, milliseconds since 1970.
    last_ms: u64,
    /// What it says so far.
    pub orders: Vec<Order>,
}

/// Why a ledger is not written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// Another command is writing the ledger.
    #[error("{0}: another command is writing it")]
    Busy(PathBuf),
    /// The ledger was changed by something else.
    #[error("{0}: nothing is added to a ledger that does not verify: {1}")]
    Broken(PathBuf, String),
    /// An earlier write was interrupted.
    #[error(
        "{}: its last line is cut off: a write was interrupted, and what it was to order has not been done. Take the \
         line away (`truncate -s {length} {}`), and order it again",
        .path.display(),
        .path.display()
    )]
    CutOff {
        /// The path of the ledger.
        path: PathBuf,
        /// How many bytes of whole lines there are.
        length: usize,
    },
    /// There is none, and none is to be begun.
    #[error(
        "{0}: there is no ledger there, and without it no hold is known. If this is the first order of all, begin it with \
         --new-ledger"
    )]
    Missing(PathBuf),
    /// A new one was to be begun.
    #[error("{0}: the ledger is there already; without --new-ledger, orders are added to it")]
    NotNew(PathBuf),
    /// It could not be written, and has a part of what was to be added.
    #[error("{}: {error}; what was written before that could not be taken away ({undone}): take away all behind byte {length}", .path.display())]
    HalfWritten {
        /// The path of the ledger.
        path: PathBuf,
        /// Why it could not be written.
        error: io::Error,
        /// Why what was written stays.
        undone: io::Error,
        /// The length of the ledger in bytes when it was opened.
        length: u64,
    },
    /// The clock is behind the last entry.
    #[error(
        "{}: its last entry is of {}, and one of {} would be older than what stands before it: nothing was added. Set the \
         clock right, or order it for a time that is not before the last entry",
        .path.display(),
        time::format(*.last_ms),
        time::format(*.now_ms)
    )]
    Older {
        /// The path of the ledger.
        path: PathBuf,
        /// When its last entry was written.
        last_ms: u64,
        /// The time of what was to be added.
        now_ms: u64,
    },
}

impl Ledger {
    /// Opens a ledger, or makes a new one where there is none yet and one is wanted. Its first entry begins a chain of
    /// this id. A dry run makes none.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub fn open(
        path: &Path,
        key: SigningKey,
        keyring: &Keyring,
        new_uid: ChainUid,
        is_new: bool,
        dry_run: bool,
    ) -> Result<Self, LedgerError> {
        let io = |error| LedgerError::Io(path.to_owned(), error);
        let file = if dry_run {
            match File::open(path) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(io(error)),
            }
        } else {
            let mut options = OpenOptions::new();
            let file = options
                .read(true)
                .append(true)
                .create(is_new)
                .open(path)
                .map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => LedgerError::Missing(path.to_owned()),
                    _ => io(error),
                })?;
            file.try_lock()
                .map_err(|_| LedgerError::Busy(path.to_owned()))?;
            Some(file)
        };
        let mut text = String::new();
        if let Some(mut file) = file.as_ref() {
            file.read_to_string(&mut text).map_err(io)?;
        }
        if is_new && !text.is_empty() {
            return Err(LedgerError::NotNew(path.to_owned()));
        }
        if !text.is_empty() && !text.ends_with('\n') {
            let length = text.rfind('\n').map_or(0, |end| end.saturating_add(1));
            let path = path.to_owned();
            return Err(LedgerError::CutOff { path, length });
        }
        let orders = check(path, &text, keyring)?;
        let broken = |what: &str| LedgerError::Broken(path.to_owned(), what.to_owned());
        let (chain, last_ms) = match text.lines().last() {
            None => (Chain::new(new_uid), 0),
            Some(line) => {
                let record =
                    Record::check_text(line).map_err(|fault| broken(&fault.to_string()))?;
                let uid = decode::<16>(record.chain_uid.as_bytes());
                let uid = uid.ok_or_else(|| broken("its chain has no id"))?;
                let next = record.sequence.saturating_add(1);
                let chain = Chain::after(uid, next, record.fingerprint);
                (chain, record.time_ms)
            }
        };
        Ok(Self {
            path: path.to_owned(),
            file: (!dry_run).then_some(file).flatten(),
            chain,
            key,
            last_ms,
            orders,
        })
    }

    /// Adds entries, and returns when they are on the disk. None is older than the last one: what an
    /// entry says holds from its place on, and its time must not say otherwise.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub fn add(&mut self, entries: &[Control], now_ms: u64) -> Result<(), LedgerError> {
        if now_ms < self.last_ms {
            return Err(LedgerError::Older {
                path: self.path.clone(),
                last_ms: self.last_ms,
                now_ms,
            });
        }
        self.last_ms = now_ms;
        let open = Control::open_ledger();
        let first = (self.chain.next_sequence() == 0).then_some(&open);
        let mut text = String::new();
        for control in first.into_iter().chain(entries) {
            let event = Event {
                control,
                time_ms: now_ms,
                class: "ledger",
                product: "meshward",
                product_version: env!("CARGO_PKG_VERSION"),
            };
            text.push_str(&self.chain.add_event(&event, Some(&self.key)).text);
            text.push('\n');
        }
        let Some(file) = self.file.as_mut() else {
            return Ok(());
        };
        let path = self.path.clone();
        let length = match file.metadata() {
            Ok(known) => known.len(),
            Err(error) => return Err(LedgerError::Io(path, error)),
        };
        let written = file.write_all(text.as_bytes());
        let Err(error) = written.and_then(|()| file.sync_all()) else {
            return Ok(());
        };
        // Half a line would make the ledger one that nothing can be added to.
        match file.set_len(length).and_then(|()| file.sync_all()) {
            Ok(()) => Err(LedgerError::Io(path, error)),
            Err(undone) => Err(LedgerError::HalfWritten {
                path,
                error,
                undone,
                length,
            }),
        }
    }
}

fn check(path: &Path, text: &str, keyring: &Keyring) -> Result<Vec<Order>, LedgerError> {
    let reading = Reading {
        keyring,
        now_ms: 0,
        threads: 1,
        limits: Limits::default(),
    };
    let source = Source::reading(Box::new(io::Cursor::new(text.as_bytes().to_vec())));
    let names = [path.display().to_string()];
    let (trail, _) = reading.read_source(
        Trail::new(Limits::default()),
        source,
        &names,
        || (),
        &|_| (),
    );
    let orders = trail.orders().to_vec();
    let verdict = conclude(trail, &Question::default());
    // What it orders about other chains is not judged here: they are not there.
    let own = verdict.issues.iter().find(|issue| {
        issue.severity == crate::issue::Severity::Failure
            && (issue
                .place
                .starts_with(names.first().map_or("", String::as_str))
                || verdict.chains.iter().any(|chain| {
                    chain.end == "ledger" && issue.place.starts_with(&chain.chain_uid)
                }))
            && issue.kind != crate::issue::Kind::HoldBroken
    });
    match own {
        Some(issue) => Err(LedgerError::Broken(
            path.to_owned(),
            format!("{}: {}", issue.place, issue.message),
        )),
        None => Ok(orders),
    }
}

/// What takes the place of a record that goes, in the ledger. `None`: it is no record.
#[must_use]
pub fn tombstone(item: &Item, text: &str, grounds: &BTreeMap<String, String>) -> Option<Control> {
    let record = Record::check_text(text).ok()?;
    Some(Control::Tombstone {
        chain_uid: encode(&item.chain),
        sequence: item.sequence,
        previous: record.previous,
        core: record.core,
        grounds: grounds.clone(),
    })
}

/// Records as targets of an order, in pieces that make lines of bounded length.
#[must_use]
pub fn targets(records: &BTreeMap<ChainUid, Intervals>) -> Vec<Vec<Target>> {
    let mut pieces = Vec::new();
    let mut piece: Vec<Target> = Vec::new();
    let mut size = 0;
    for (chain, numbers) in records {
        let ranges: Vec<Range> = numbers.iter().collect();
        for ranges in ranges.chunks(RANGES_IN_ENTRY) {
            if size > 0 && size + ranges.len() > RANGES_IN_ENTRY {
                pieces.push(std::mem::take(&mut piece));
                size = 0;
            }
            size += ranges.len();
            piece.push(Target {
                chain_uid: encode(chain),
                ranges: ranges.to_vec(),
            });
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

const RANGES_IN_ENTRY: usize = 1000;
