//! What `erase`, `purge` and `hold` have in common: an operator who signs, grounds, a ledger, and
//! dry runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use audit::keys::SigningKey;

use super::common::{Input, Result, read_text};
use super::format::thousands;
use super::keygen::random;
use crate::output::{is_same_file, say};
use trail::chains::Trail;
use trail::holds::Holds;
use trail::issue::{Kind, Severity};
use trail::item::{ChainUid, uid};
use trail::keyring::{Entry, Keyring, Role};
use trail::ledger::Ledger;
use trail::pipeline::Observer;
use trail::rewrite::{Beside, Fate, rewrite};
use trail::source::unwritable;
use trail::time;
use trail::verdict::{Question, conclude};

/// What files it is about, who orders it, and why.
#[derive(clap::Args)]
pub(super) struct Order {
    #[command(flatten)]
    pub(super) input: Input,

    /// The environment variable with the operator's secret key
    #[arg(long, value_name = "VARIABLE")]
    sign_key_env: Option<String>,

    /// A file with the operator's secret key, as `keygen --operator` writes it
    #[arg(long, value_name = "FILE", conflicts_with = "sign_key_env")]
    sign_key: Option<PathBuf>,

    /// The id of that key [default: as --keys has it, else from its public key]
    #[arg(long, value_name = "ID")]
    sign_key_id: Option<String>,

    /// Why
    #[arg(long, value_parser = ground)]
    pub(super) reason: Option<String>,

    /// By whom
    #[arg(long, value_parser = ground)]
    by: Option<String>,

    /// Under which ticket
    #[arg(long, value_parser = ground)]
    ticket: Option<String>,

    /// Begin the ledger: there is none yet, and so no hold
    #[arg(long)]
    new_ledger: bool,

    /// Do it. Without this nothing is changed
    #[arg(long)]
    pub(super) apply: bool,
}

impl Order {
    /// The keys, with the operator's among them, and the ledger, to which that key signs.
    pub(super) fn open(&self) -> Result<(Keyring, Ledger)> {
        let mut keyring = self.input.keyring()?;
        let key = self.key(&keyring)?;
        keyring.add(
            Some(key.id().to_owned()),
            Entry::always(key.public(), Role::Operator),
        );
        let path = self.input.ledger();
        let path = path.ok_or("--ledger is needed: it says what was done")?;
        let uid: ChainUid = random()?;
        if !(self.apply || self.new_ledger || path.exists()) {
            eprintln!(
                "{}: there is no ledger there, so no hold is known",
                path.display()
            );
        }
        let ledger = Ledger::open(path, key, &keyring, uid, self.new_ledger, !self.apply);
        Ok((keyring, ledger.map_err(|error| error.to_string())?))
    }

    /// What counts as now. What is done for good is done at no time to come: a record whose time is not
    /// over would pass for one whose time is.
    pub(super) fn now_ms(&self) -> Result<u64> {
        let now_ms = self.input.now_ms()?;
        if self.apply && now_ms > time::now_ms() {
            return Err(format!(
                "--at: {} has not come yet, so nothing can be done with --apply; without it, this says what would be done then",
                time::format(now_ms)
            ));
        }
        Ok(now_ms)
    }

    /// The operator's key, under the id by which the keys that were given know it: whoever verifies with them
    /// looks for that one.
    fn key(&self, keyring: &Keyring) -> Result<SigningKey> {
        let (text, whose) = match (&self.sign_key_env, &self.sign_key) {
            (Some(variable), _) => {
                let text = std::env::var(variable).unwrap_or_default();
                (text, format!("the environment variable {variable}"))
            }
            (None, Some(file)) => (read_text(file)?, file.display().to_string()),
            (None, None) => return Err("--sign-key or --sign-key-env is needed".to_owned()),
        };
        let read = |id: Option<&str>| {
            let key = SigningKey::from_text(id, &text);
            key.map_err(|error| format!("{whose}: {error}"))
        };
        let public = read(None)?.public();
        let known = keyring.ids_of(&public, Role::Operator);
        match (&self.sign_key_id, known.as_slice()) {
            (None, [known, ..]) => read(Some(known)),
            (Some(id), [first, ..]) if !known.contains(id) => Err(format!(
                "--sign-key-id {id:?}: the keys that were given call this key {first:?}, and would not find what it signs"
            )),
            (id, _) => read(id.as_deref()),
        }
    }

    /// The texts that the ledger keeps.
    pub(super) fn grounds(&self) -> BTreeMap<String, String> {
        let texts = [
            ("reason", &self.reason),
            ("by", &self.by),
            ("ticket", &self.ticket),
        ];
        texts
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), text.clone()?)))
            .collect()
    }

    /// Reads all files. A dry run makes no ledger, and misses none.
    pub(super) fn read<O: Observer>(
        &self,
        keyring: &Keyring,
        observer: impl Fn() -> O + Sync,
    ) -> Result<(Trail, Vec<O>)> {
        if self.input.ledger().is_some_and(|ledger| ledger.exists()) {
            self.input.read(keyring, observer)
        } else {
            let files = self.input.files()?;
            self.input.how.read_paths(&files, keyring, observer)
        }
    }

    /// Reads all files with the holds that are in force: those of the ledger, and of others among the files.
    pub(super) fn read_with_holds<O: Observer>(
        &self,
        keyring: &Keyring,
        ledger: &Ledger,
        observer: impl Fn(&Arc<Holds>) -> O + Sync,
    ) -> Result<(Trail, Vec<O>, Arc<Holds>)> {
        let now_ms = self.input.now_ms()?;
        let mut holds = Arc::new(Holds::active(&ledger.orders, now_ms));
        loop {
            let (trail, observers) = self.read(keyring, || observer(&holds))?;
            let all = Holds::active(trail.orders(), now_ms);
            if all == *holds {
                return Ok((trail, observers, holds));
            }
            holds = Arc::new(all);
        }
    }

    /// Records that are to go and cannot be written anew are refused before anything is ordered: `fate` is what
    /// becomes of each.
    pub(super) fn refuse_spread(
        spread: &[(ChainUid, u64)],
        mut fate: impl FnMut(&str, &str) -> Fate,
    ) -> Result<()> {
        let is_meant = |place: &&(ChainUid, u64)| fate(&uid(&place.0, place.1), "") != Fate::Keep;
        let meant = spread.iter().filter(is_meant).count();
        if meant == 0 {
            return Ok(());
        }
        Err(format!(
            "{meant} of the records stand in lines that begin in one file of a container's log and end in another, \
             so neither can be written anew; put the files together, in their order: `cat OLDER NEWER >BOTH`"
        ))
    }

    /// Writes all files anew, and tells what was done to each. What could not be done comes back.
    pub(super) fn rewrite_all(
        &self,
        beside: Beside,
        mut fate: impl FnMut(&str, &str) -> Fate,
    ) -> Result<()> {
        let (mut failures, mut left) = (Vec::new(), Vec::new());
        for file in &self.rewritten_files()? {
            match rewrite(file, beside, &mut fate) {
                Ok(done) => {
                    say!(
                        "{}: {} records taken away, {} changed",
                        file.display(),
                        thousands(done.dropped),
                        thousands(done.replaced)
                    );
                    if done.parts > 0 {
                        failures.push(format!(
                            "{}: {} parts of records are in lines of a log and were left; delete those lines",
                            file.display(),
                            done.parts
                        ));
                    }
                    if done.beside > 0 {
                        left.push(format!(
                            "{}: {} lines still say beside the record what was erased from it, the first of them line {}",
                            file.display(),
                            done.beside,
                            done.first_beside
                        ));
                    }
                }
                Err(error) => failures.push(error.to_string()),
            }
        }
        if !failures.is_empty() {
            left.extend(failures);
            left.push(
                "The ledger has the order already; run the command again when this is settled"
                    .to_owned(),
            );
        } else if !left.is_empty() {
            left.push(
                "The records are changed. What a store or a proxy has written beside them is theirs: take it away there, \
                 or delete those lines"
                    .to_owned(),
            );
        }
        match left.is_empty() {
            true => Ok(()),
            false => Err(left.join("\n")),
        }
    }

    /// The files that are to be written anew: all but the ledger.
    fn rewritten_files(&self) -> Result<Vec<PathBuf>> {
        let is_ledger = |file: &PathBuf| {
            let ledger = self.input.ledger();
            ledger.is_some_and(|ledger| is_same_file(file, ledger))
        };
        Ok(self
            .input
            .files()?
            .into_iter()
            .filter(|file| !is_ledger(file))
            .collect())
    }

    /// Files that cannot be written anew are refused before anything is ordered.
    pub(super) fn refuse_unwritable(&self) -> Result<()> {
        let mut problems = Vec::new();
        for file in self.rewritten_files()? {
            if file.as_os_str() == "-" {
                problems.push("standard input cannot be written anew; name files".to_owned());
            } else if let Ok(Some(why)) = unwritable(&file) {
                problems.push(format!("{}: {why}", file.display()));
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems.join("\n"))
        }
    }
}

/// What must be so before files are written anew.
#[derive(clap::Args)]
pub(super) struct Safeguards {
    /// The files are a part of what there is: chains and ends of chains that are not in them are not
    /// asked for
    #[arg(long)]
    excerpt: bool,

    /// Go on although something was changed, taken away or put in before
    #[arg(long)]
    despite_failures: bool,
}

impl Safeguards {
    /// Whether the files verify, so that nothing is hidden by writing them anew; says what does not.
    pub(super) fn allow(&self, trail: Trail, now_ms: u64, what: &str) -> bool {
        let question = Question {
            at_ms: now_ms,
            is_excerpt: self.excerpt,
            ..Question::default()
        };
        let verdict = conclude(trail, &question);
        let counts = verdict.issue_counts.iter();
        let failures: Vec<(Kind, u64)> = counts
            .filter(|(kind, _)| kind.severity() == Severity::Failure)
            .map(|(kind, count)| (*kind, *count))
            .collect();
        if failures.is_empty() || self.despite_failures {
            return true;
        }
        let named: Vec<String> = failures
            .iter()
            .map(|(kind, count)| format!("{} {}", kind.code(), thousands(*count)))
            .collect();
        say!(
            "The files do not verify ({}; meshward audit verify says more), and {what} would hide it.",
            named.join(", ")
        );
        let is_absence = |kind: Kind| {
            matches!(
                kind,
                Kind::ChainRemoved | Kind::EndRemoved | Kind::Missing | Kind::NoBeginning
            )
        };
        if failures.iter().all(|(kind, _)| is_absence(*kind)) {
            say!(
                "If the rest is elsewhere, give all files, of all retention classes; --excerpt goes on \
                 without it."
            );
        }
        false
    }
}

/// A text that says something: the ledger is to tell later why this was done.
fn ground(text: &str) -> std::result::Result<String, &'static str> {
    // Letters by their properties, and nothing on the screen.
    let is_filler = |c: char| matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    if text.chars().any(|c| c.is_alphanumeric() && !is_filler(c)) {
        Ok(text.to_owned())
    } else {
        Err("expected a text with letters or digits")
    }
}

pub(super) const DRY_RUN: &str = "Dry run: nothing was changed; --apply does it.";
