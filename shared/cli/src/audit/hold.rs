//! `meshward audit hold`.

use std::collections::{BTreeMap, BTreeSet};

use audit::canonical::MAX_INTEGER;
use audit::{Control, Range, Selector, Target};
use policy::path::{PathPattern, PathRouting};

use super::common::Result;
use super::format::{printable, thousands};
use super::keygen::random;
use super::orders::{DRY_RUN, Order};
use super::subject_args::Whose;
use super::unread::{tell_unidentified, tell_unread};
use super::words;
use crate::exit;
use crate::output::say;
use trail::hex::decode;
use trail::holds::{BY_CLASS, BY_PATH, Holds, of_subject};
use trail::intervals::Intervals;
use trail::item::{ChainUid, Item};
use trail::keyring::Keyring;
use trail::ledger::targets;
use trail::pipeline::Observer;
use trail::pseudonym_keys::PseudonymKeys;
use trail::scan::Fields;
use trail::subject::Subject;
use trail::verdict::{ChainVerdict, Question, conclude};

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP, group(clap::ArgGroup::new("whose").args(["subject", "data_subject", "app"]).multiple(true)),
    group(clap::ArgGroup::new("one").args(["subject", "data_subject"])))]
pub(super) struct Arguments {
    #[command(flatten)]
    order: Order,

    /// The name of the hold
    #[arg(long, required = true)]
    name: String,

    #[command(flatten)]
    whose: Whose,

    /// Hold what the subject does, or what is about the person, from now on, too
    #[arg(long, requires = "whose")]
    standing: bool,

    /// Hold the records of requests for such paths (`/patients/7/**`), the later ones too
    #[arg(long = "path", value_name = "PATTERN", conflicts_with = "release")]
    paths: Vec<String>,

    /// Hold the records of a retention class, the later ones too
    #[arg(long = "class", value_name = "NAME", conflicts_with = "release")]
    classes: Vec<String>,

    /// Hold a chain, or some of its records
    #[arg(
        long = "chain",
        value_name = "UID[:FIRST[-LAST]]",
        conflicts_with = "release"
    )]
    chains: Vec<String>,

    /// Add to a hold that is there already, such as the subject's later records
    #[arg(long, conflicts_with = "release")]
    extend: bool,

    /// End the hold
    #[arg(long, conflicts_with_all = ["subject", "data_subject", "app"])]
    release: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let order = &arguments.order;
    let now_ms = order.now_ms()?;
    let mut done = exit::RIGHT;
    let (keyring, mut ledger) = order.open()?;
    let name = &arguments.name;
    let holds = Holds::active(&ledger.orders, u64::MAX);
    let grounds = order.grounds();
    let entries = if arguments.release {
        if !holds.contains(name) {
            return Err(format!("there is no hold {name:?} in the ledger"));
        }
        say!("The hold {name:?} ends.");
        vec![Control::Release {
            hold: name.clone(),
            grounds,
        }]
    } else {
        match (holds.contains(name), arguments.extend) {
            (true, false) => {
                return Err(format!(
                    "the ledger has a hold {name:?} already; --extend adds to it, --release ends it"
                ));
            }
            (false, true) => {
                return Err(format!("there is no hold {name:?} in the ledger to extend"));
            }
            _ => {}
        }
        let mut all: Vec<Target> = Vec::new();
        let mut standing = arguments.selectors()?;
        for text in &arguments.chains {
            all.push(target(text)?);
        }
        let filter = arguments.whose.filter()?;
        let whose = filter.subject.as_ref().or(filter.data_subject.as_ref());
        arguments.warn_of_unknown_names(&keyring)?;
        if let Some(subject) = whose {
            let (trail, observers) = order.read(&keyring, || {
                let found = Found {
                    subject,
                    records: BTreeMap::new(),
                };
                (found, PseudonymKeys::new(&filter))
            })?;
            let (found, keys): (Vec<Found<'_>>, Vec<_>) = observers.into_iter().unzip();
            done = tell_unread(&trail, done);
            done = tell_unidentified(&PseudonymKeys::merged(keys), done);
            let mut records: BTreeMap<ChainUid, Intervals> = BTreeMap::new();
            for (chain, numbers) in found.into_iter().flat_map(|found| found.records) {
                let known = records.entry(chain).or_default();
                numbers.iter().for_each(|range| known.add(range));
            }
            let count: u64 = records.values().map(Intervals::count).sum();
            match arguments.whose.is_data_subject() {
                true => say!(
                    "{} records that are about the person, or do not name everybody whom they are about",
                    thousands(count)
                ),
                false => say!("{} records of the subject", thousands(count)),
            }
            if arguments.standing {
                standing.push(of_subject(subject, &random()?));
            } else if count == 0 {
                return Err(
                    "nothing is there to be held; a hold without records would keep everything"
                        .to_owned(),
                );
            }
            all.extend(targets(&records).into_iter().flatten());
        }
        match (all.len(), standing.len()) {
            (0, 0) => say!("The hold {name:?} keeps everything."),
            (_, 0) => say!(
                "The hold {name:?} keeps what it names. Records that come later are not part of it: \
                 run this again with --extend, or hold a chain, a path, a class or everything, or a \
                 subject with --standing."
            ),
            _ => say!(
                "The hold {name:?} keeps what it names, and what comes later of what it describes."
            ),
        }
        let hold = Control::Hold {
            hold: name.clone(),
            targets: all,
            standing,
            grounds,
        };
        arguments.tell_what_paths_hold(&keyring, &hold)?;
        vec![hold]
    };
    if !order.apply {
        say!("{DRY_RUN}");
        return Ok(done);
    }
    ledger
        .add(&entries, now_ms)
        .map_err(|error| error.to_string())?;
    Ok(done)
}

impl Arguments {
    /// Says which classes and chains are not in the files: a name that is spelled otherwise holds nothing.
    fn warn_of_unknown_names(&self, keyring: &Keyring) -> Result<()> {
        if self.classes.is_empty() && self.chains.is_empty() {
            return Ok(());
        }
        let (trail, _) = self.order.read(keyring, || ())?;
        let known = conclude(trail, &Question::default()).chains;
        let known: Vec<&ChainVerdict> = known.iter().filter(|one| one.end != "ledger").collect();
        // Where only the ledger was named, nobody knows what else there is.
        if known.is_empty() {
            return Ok(());
        }
        let classes = || known.iter().filter_map(|chain| chain.class.as_deref());
        for name in &self.classes {
            if !classes().any(|class| class == name) {
                tell_unknown("--class", name, "retention class", classes());
            }
        }
        let chains = || known.iter().map(|chain| chain.chain_uid.as_str());
        for text in &self.chains {
            let chain = text
                .split_once(':')
                .map_or(text.as_str(), |(chain, _)| chain);
            if !chains().any(|uid| uid == chain) {
                tell_unknown("--chain", chain, "chain", chains());
            }
        }
        Ok(())
    }

    /// Says how many records in the files the paths hold: one that is spelled otherwise holds none.
    fn tell_what_paths_hold(&self, keyring: &Keyring, hold: &Control) -> Result<()> {
        if self.paths.is_empty() {
            return Ok(());
        }
        let mut hold = hold.clone();
        if let Control::Hold { standing, .. } = &mut hold {
            standing.retain(|selector| selector.by == BY_PATH);
        }
        let order = trail::chains::Order {
            time_ms: 0,
            chain: ChainUid::default(),
            sequence: 0,
            control: hold,
        };
        let holds = Holds::active(&[order], 0);
        let (_, observers) = self.order.read(keyring, || ByContent {
            holds: &holds,
            held: 0,
            requests: 0,
        })?;
        let held: u64 = observers.iter().map(|found| found.held).sum();
        let requests: u64 = observers.iter().map(|found| found.requests).sum();
        // Where only the ledger was named, nobody knows what else there is.
        if requests > 0 {
            say!(
                "{} of {} records of requests in the files are, or may be, for these paths",
                thousands(held),
                thousands(requests)
            );
        }
        if requests > 0 && held == 0 {
            eprintln!(
                "--path: no record in the files is for such a path; is it spelled as requests have it?"
            );
        }
        Ok(())
    }

    /// The paths and the classes.
    fn selectors(&self) -> Result<Vec<Selector>> {
        for pattern in &self.paths {
            PathPattern::parse(pattern, PathRouting::default())
                .map_err(|error| format!("--path {pattern:?}: {error}"))?;
        }
        let by = [(BY_PATH, &self.paths), (BY_CLASS, &self.classes)];
        let by = by.into_iter().filter(|(_, values)| !values.is_empty());
        Ok(by
            .map(|(by, values)| Selector {
                by: by.to_owned(),
                salt: String::new(),
                values: values.clone(),
            })
            .collect())
    }
}

fn tell_unknown<'k>(option: &str, name: &str, what: &str, known: impl Iterator<Item = &'k str>) {
    let known: BTreeSet<String> = known.map(str::to_owned).collect();
    let hint = match words::nearest(name, &known) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("there are {}", Vec::from_iter(known).join(", ")),
    };
    eprintln!(
        "{}",
        printable(&format!(
            "{option} {name:?}: no such {what} is in the files; the hold keeps what may come of it. In them {hint}"
        ))
    );
}

struct Found<'s> {
    subject: &'s Subject,
    records: BTreeMap<ChainUid, Intervals>,
}

impl Observer for Found<'_> {
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        let is_held = |fields: &Fields| {
            let subject = self.subject;
            subject.is_in(text, fields) || subject.may_be_left_out_of(text, fields)
        };
        if fields.is_some_and(is_held) {
            let range = Range(item.sequence, item.sequence);
            self.records.entry(item.chain).or_default().add(range);
        }
    }

    /// The first copy may be one of which parts were erased.
    fn observe_again(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        self.observe(item, text, fields);
    }
}

/// Counts records that are held by what they say.
struct ByContent<'h> {
    holds: &'h Holds,
    held: u64,
    requests: u64,
}

impl Observer for ByContent<'_> {
    fn observe(&mut self, _: &Item, text: &str, fields: Option<&Fields>) {
        let Some(fields) = fields else { return };
        self.requests = self.requests.saturating_add(1);
        if self.holds.by_content(text, fields).is_some() {
            self.held = self.held.saturating_add(1);
        }
    }
}

fn target(text: &str) -> Result<Target> {
    let wrong = || {
        format!(
            "--chain {text:?}: expected the id of a chain, `ID:7` or `ID:7-9`, with numbers up to {MAX_INTEGER}"
        )
    };
    let (chain, numbers) = match text.split_once(':') {
        Some((chain, numbers)) => (chain, Some(numbers)),
        None => (text, None),
    };
    decode::<16>(chain.as_bytes()).ok_or_else(wrong)?;
    let ranges = match numbers {
        None => Vec::new(),
        Some(numbers) => {
            let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
            let first: u64 = first.parse().map_err(|_| wrong())?;
            let last: u64 = last.parse().map_err(|_| wrong())?;
            if first > last || last > MAX_INTEGER {
                return Err(wrong());
            }
            vec![Range(first, last)]
        }
    };
    Ok(Target {
        chain_uid: chain.to_owned(),
        ranges,
    })
}

const AFTER_HELP: &str = "\
Examples:
  meshward audit hold --keys emitter.json --keys operator.json --ledger ledger.ndjson --sign-key dpo.secret --sign-key-id dpo --name case-7 --subject jane trail.ndjson
Without --subject, --data-subject, --app, --chain, --path and --class everything is held, also what comes later; --chain UID
holds a chain and what comes later in it; --path and --class hold what is there and what comes later.
--subject and --data-subject hold the records that are in the files now, and with --standing those that
come later: the ledger then has salted hashes of the names, those of the epochs whose keys are given; of those
that come later --issuer and --app keep none from being held. `erase` and `purge` leave alone what is on hold,
and `verify` reports what was erased or purged in spite of it. Files are read for these; name
the ledger itself where nothing is to be read. Exit status: 0 done, or would be, 2 not possible, or not in all files, 64 wrong usage.";
