//! Arguments that several subcommands have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use audit::Hash;
use audit::keys::{LogKey, PublicKey};

use crate::output::is_same_file;
use crate::progress::Progress;
use trail::chains::{Limits, Trail};
use trail::issue::Kind;
use trail::item::{ChainUid, Item};
use trail::keyring::{Entry, Keyring, Role, Vouched};
use trail::pipeline::{Observer, Reading};
use trail::scan::Fields;
use trail::source::files_of;
use trail::time;
use trail::verdict::Question;

/// What went wrong, for people.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// Which records, and who may sign them.
#[derive(clap::Args)]
pub(super) struct Input {
    /// Files with records, or directories of them: NDJSON, OTLP in JSON or protobuf, CloudEvents, exports of stores, logs; also gzip and zstd; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) how: How,
}

/// Who may sign records, and how they are read.
#[derive(clap::Args)]
pub(crate) struct How {
    /// A file that lists public keys: {"keys": [{"public_key": "..."}]}, see `keygen`
    #[arg(long = "keys", value_name = "FILE")]
    keys: Vec<PathBuf>,

    /// A public key of an emitter
    #[arg(long = "key", value_name = "[ID=]HEX")]
    emitter_keys: Vec<String>,

    /// A public key of an operator, who may erase, purge and hold
    #[arg(long = "operator-key", value_name = "[ID=]HEX")]
    operator_keys: Vec<String>,

    /// The environment variable with a key that tags lines of logs; keygen prints it with --log-key
    #[arg(long = "log-key-env", value_name = "VARIABLE")]
    log_keys: Vec<String>,

    /// The ledger of an operator, which is read first
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,

    /// What counts as now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,

    /// How many MiB of memory to remember records with, to tell repetitions from forgeries
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    memory: u64,

    /// How many threads to use [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

impl Input {
    /// The keys to check with.
    pub(super) fn keyring(&self) -> Result<Keyring> {
        self.how.keyring()
    }

    /// What counts as now.
    pub(super) fn now_ms(&self) -> Result<u64> {
        self.how.now_ms()
    }

    /// The ledger of an operator.
    pub(super) const fn ledger(&self) -> Option<&PathBuf> {
        self.how.ledger.as_ref()
    }

    /// The files that are meant, those of directories too.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>> {
        let files = files_of(&self.files)?;
        let standard_input = files.iter().filter(|file| file.as_os_str() == "-");
        if standard_input.count() > 1 {
            return Err("standard input can be read only once".to_owned());
        }
        Ok(files)
    }

    /// All that is read: the files and the directories that they are in, the ledger and the keys.
    pub(super) fn all_paths(&self) -> Result<Vec<PathBuf>> {
        let files = self.files()?.into_iter().chain(self.files.iter().cloned());
        Ok(files.chain(self.how.paths_beside().cloned()).collect())
    }

    /// Reads all files.
    pub(super) fn read<O: Observer>(
        &self,
        keyring: &Keyring,
        observer: impl Fn() -> O + Sync,
    ) -> Result<(Trail, Vec<O>)> {
        self.how.read(self.files()?, keyring, observer)
    }
}

impl How {
    /// The keys to check with.
    pub(crate) fn keyring(&self) -> Result<Keyring> {
        let mut keyring = Keyring::default();
        for file in &self.keys {
            let text = read_text(file)?;
            let added = keyring.add_file(&text);
            added.map_err(|problems| format!("{}: {problems}", file.display()))?;
        }
        let emitters = self.emitter_keys.iter().map(|text| (text, Role::Emitter));
        let operators = self.operator_keys.iter().map(|text| (text, Role::Operator));
        for (text, role) in emitters.chain(operators) {
            let (id, digits) = match text.split_once('=') {
                Some((id, digits)) => (Some(id.to_owned()), digits),
                None => (None, text.as_str()),
            };
            let key = PublicKey::from_hex(digits)
                .map_err(|_| format!("the key {text:?} is none: expected 64 hexadecimal digits"))?;
            keyring.add(id, Entry::always(key, role));
        }
        for variable in &self.log_keys {
            let text = std::env::var(variable).unwrap_or_default();
            let key = LogKey::from_text(&text)
                .map_err(|error| format!("the environment variable {variable}: {error}"))?;
            keyring.add_log_key(key);
        }
        Ok(keyring)
    }

    /// What counts as now.
    pub(crate) fn now_ms(&self) -> Result<u64> {
        match &self.at {
            Some(text) => parse_time("--at", text),
            None => Ok(time::now_ms()),
        }
    }

    /// What is read beside the files themselves: the ledger and the keys.
    pub(crate) fn paths_beside(&self) -> impl Iterator<Item = &PathBuf> {
        self.ledger.iter().chain(&self.keys)
    }

    /// Files, the ledger first.
    fn paths(&self, files: &[PathBuf]) -> Vec<PathBuf> {
        let is_among = |ledger: &&PathBuf| files.iter().any(|file| is_same_file(file, ledger));
        let ledger = self.ledger.iter().filter(|ledger| !is_among(ledger));
        ledger.chain(files).cloned().collect()
    }

    /// Reads files, the ledger first.
    pub(crate) fn read<O: Observer>(
        &self,
        files: Vec<PathBuf>,
        keyring: &Keyring,
        observer: impl Fn() -> O + Sync,
    ) -> Result<(Trail, Vec<O>)> {
        self.read_paths(&self.paths(&files), keyring, observer)
    }

    /// Reads files and nothing else.
    pub(super) fn read_paths<O: Observer>(
        &self,
        paths: &[PathBuf],
        keyring: &Keyring,
        observer: impl Fn() -> O + Sync,
    ) -> Result<(Trail, Vec<O>)> {
        let limits = self.limits();
        let reading = Reading {
            keyring,
            now_ms: self.now_ms()?,
            threads: self.threads(),
            limits,
        };
        let progress = Progress::of(paths.iter().map(PathBuf::as_path));
        let read = reading.read(Trail::new(limits), paths, observer, &|bytes| {
            progress.at(bytes);
        });
        progress.end();
        Ok(read)
    }

    fn threads(&self) -> usize {
        let available = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.map_or_else(available, usize::from)
    }

    fn limits(&self) -> Limits {
        let bytes = usize::try_from(self.memory.saturating_mul(1 << 20)).unwrap_or(usize::MAX);
        // Eight bytes for each record; a hole takes some two hundred.
        Limits {
            seen: bytes / 8,
            segments: bytes / 256,
            loose_bytes: bytes / 4,
        }
    }
}

/// Signed records that somebody else has kept, in whatever form `verify` reads: a file of the witness,
/// or the log of a proxy whose configuration says `witness: host_log`.
pub(super) fn read_witness(
    files: &[PathBuf],
    keyring: &Keyring,
) -> Result<BTreeMap<(ChainUid, u64), Hash>> {
    let mut witness = BTreeMap::new();
    if files.is_empty() {
        return Ok(witness);
    }
    if keyring.is_empty() {
        return Err("--witness needs a key to check what it says (--key, --keys)".to_owned());
    }
    for file in files_of(files)? {
        let limits = Limits::default();
        let reading = Reading {
            keyring,
            now_ms: 0,
            threads: 1,
            limits,
        };
        let paths = [file.clone()];
        let (trail, signed) = reading.read(Trail::new(limits), &paths, Signed::default, &|_| ());
        let unreadable = trail.issues().examples().into_iter();
        let mut unreadable = unreadable.filter(|issue| issue.kind == Kind::Unreadable);
        if let Some(issue) = unreadable.next() {
            return Err(format!("{}: {}", file.display(), issue.message));
        }
        let before = witness.len();
        witness.extend(signed.into_iter().flat_map(|signed| signed.0));
        if witness.len() == before {
            return Err(format!(
                "{}: no known key has signed any record in it, so it is no witness's",
                file.display()
            ));
        }
    }
    Ok(witness)
}

/// The records that a known key has signed.
#[derive(Default)]
struct Signed(Vec<((ChainUid, u64), Hash)>);

impl Observer for Signed {
    const WANTS_TEXT: bool = false;

    fn observe(&mut self, item: &Item, _: &str, _: Option<&Fields>) {
        let vouched = item.control.as_ref().map(|control| control.vouched);
        if matches!(vouched, Some(Vouched::By(_))) {
            self.0.push(((item.chain, item.sequence), item.fingerprint));
        }
    }
}

pub(super) fn read_text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// A part of the time.
#[derive(clap::Args)]
pub(crate) struct TimeRange {
    /// Only what was recorded from this time on
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,

    /// Only what was recorded before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}

impl TimeRange {
    /// From when, and before when, where that is said.
    pub(crate) fn span(&self) -> Result<(Option<u64>, Option<u64>)> {
        let time = |option: &str, text: &Option<String>| {
            text.as_deref()
                .map(|text| parse_time(option, text))
                .transpose()
        };
        let (from_ms, to_ms) = (time("--from", &self.from)?, time("--to", &self.to)?);
        if from_ms
            .zip(to_ms)
            .is_some_and(|(from_ms, to_ms)| from_ms >= to_ms)
        {
            return Err("--from is not before --to: nothing is between them".to_owned());
        }
        Ok((from_ms, to_ms))
    }
}

/// How much must be there, and who must vouch for it.
#[derive(clap::Args)]
pub(super) struct Demands {
    /// The files are a part of what there is: what is before and after them is not missing
    #[arg(long)]
    excerpt: bool,

    /// Fail unless a known key vouches for everything: unsigned chains, other keys, and records after the last signature
    #[arg(long)]
    require_signed: bool,
}

impl Demands {
    /// What a verdict is asked for, at a time.
    pub(super) fn question(&self, at_ms: u64) -> Question {
        Question {
            at_ms,
            clock_ms: Some(time::now_ms()),
            is_excerpt: self.excerpt,
            require_signed: self.require_signed,
            ..Question::default()
        }
    }
}

fn parse_time(option: &str, text: &str) -> Result<u64> {
    time::parse(text).map_err(|error| {
        format!("{option} {text:?}: {error}; a day is a time too, its beginning in UTC: 2026-11-24")
    })
}
