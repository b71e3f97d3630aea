//! `meshward audit erase`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit::record::Record;
use audit::{Control, Group, Range, canonical};

use super::common::Result;
use super::format::{printable, thousands};
use super::orders::{DRY_RUN, Order, Safeguards};
use super::subject_args::Whose;
use super::unread::{or_not_done, tell_left, tell_unidentified};
use crate::exit;
use crate::output::say;
use trail::holds::Holds;
use trail::intervals::Intervals;
use trail::item::{ChainUid, Groups, Item, parse, place_of, uid};
use trail::ledger::{targets, tombstone};
use trail::pipeline::Observer;
use trail::pseudonym_keys::PseudonymKeys;
use trail::report::Filter;
use trail::rewrite::{Beside, Fate};
use trail::scan::Fields;
use trail::subject::{Subject, issuer_of};
use trail::time;

#[derive(clap::Args)]
#[command(
    after_help = AFTER_HELP,
    group(clap::ArgGroup::new("one").args(["subject", "data_subject"])),
    group(clap::ArgGroup::new("what").args(["subject", "data_subject", "app", "records"]).required(true).multiple(true))
)]
pub(super) struct Arguments {
    #[command(flatten)]
    order: Order,

    #[command(flatten)]
    whose: Whose,

    /// Take away this record
    #[arg(long = "record", value_name = "UID")]
    records: Vec<String>,

    /// Erase these parts and leave the rest: consent, data_subject, source, subject, url
    #[arg(long, value_delimiter = ',', value_name = "GROUP")]
    groups: Vec<String>,

    /// Take whole records of the subject away, not only the personal parts
    #[arg(long, conflicts_with = "groups")]
    whole: bool,

    /// Erase although the records are to be kept longer; --reason must say why, and the ledger does
    #[arg(long, requires = "reason")]
    before_expiry: bool,

    /// Erase although the records are about other people too, who are no longer found in them then; --reason must say
    /// why, and the ledger does
    #[arg(long, requires = "reason")]
    others: bool,

    #[command(flatten)]
    safeguards: Safeguards,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let order = &arguments.order;
    let now_ms = order.now_ms()?;
    order.refuse_unwritable()?;
    let (keyring, mut ledger) = order.open()?;
    let wanted = Wanted::of(arguments)?;
    let (trail, observers, holds) = order.read_with_holds(&keyring, &ledger, |holds| {
        let found = Found::new(&wanted, Arc::clone(holds), now_ms);
        (found, PseudonymKeys::new(&wanted.filter))
    })?;
    let (found, keys): (Vec<Found<'_>>, Vec<_>) = observers.into_iter().unzip();
    let spread = trail.spread().to_vec();
    let done = tell_left(&trail, exit::RIGHT);
    let done = tell_unidentified(&PseudonymKeys::merged(keys), done);
    if !arguments.safeguards.allow(trail, now_ms, "erasing") {
        return Ok(exit::FOUND);
    }
    let none = Found::new(&wanted, Arc::clone(&holds), now_ms);
    let mut found = found.into_iter().fold(none, Found::with);
    let is_held = |chain: &ChainUid, sequence| {
        let mut over = holds.over(chain, Range(sequence, sequence));
        over.next().is_some()
    };
    let held = found.take_held(is_held).saturating_add(found.held.count());
    let absent: Vec<&String> = wanted
        .records
        .iter()
        .filter(|uid| !found.has(uid))
        .collect();
    say!(
        "{} records to erase parts of",
        thousands(count(&found.parts))
    );
    say!(
        "{} records to take away",
        thousands(found.whole.len() as u64)
    );
    if found.issuers.len() > 1 {
        let issuers: Vec<String> = found.issuers.iter().map(|one| printable(one)).collect();
        say!(
            "{} issuers name somebody so, who may be different people: {}. --issuer takes the records of one",
            found.issuers.len(),
            issuers.join(", ")
        );
    }
    if held > 0 {
        say!(
            "{} records are on hold and stay as they are",
            thousands(held)
        );
    }
    if found.controls > 0 {
        say!(
            "{} records are about the chain itself, name nobody, and stay",
            thousands(found.controls)
        );
    }
    for uid in absent {
        say!("{uid}: not there, on hold, or without those parts");
    }
    // Whoever has asked for it is still there.
    let is_nothing = found.whole.is_empty() && found.parts.is_empty();
    let done = match held {
        0 => done,
        _ if is_nothing => exit::FOUND,
        _ => or_not_done(done),
    };
    let mut grounds = order.grounds();
    if !arguments.may_erase(&found, now_ms, &mut grounds) {
        return Ok(exit::FOUND);
    }
    if !order.apply {
        say!("{DRY_RUN}");
        return Ok(done);
    }
    if is_nothing {
        return Ok(done);
    }
    let fate = |uid: &str, text: &str| match place_of(uid) {
        Some(place) if found.whole.contains_key(&place) => Fate::Drop,
        Some((chain, sequence)) if found.has_parts_of(&chain, sequence) => {
            without(text, wanted.groups)
        }
        _ => Fate::Keep,
    };
    Order::refuse_spread(&spread, fate)?;
    let entries = found.entries(&wanted, &grounds);
    let added = ledger.add(&entries, now_ms);
    added.map_err(|error| error.to_string())?;
    order.rewrite_all(Beside::Told, fate)?;
    Ok(done)
}

impl Arguments {
    /// Whether nothing has to be kept, for longer or for others, or somebody says why it goes all the same.
    fn may_erase(
        &self,
        found: &Found<'_>,
        now_ms: u64,
        grounds: &mut BTreeMap<String, String>,
    ) -> bool {
        let is_over = self.may_erase_now(found, now_ms, grounds);
        let others = found.others.count();
        if others > 0 {
            say!(
                "{} of the records are about other people too, and nobody would find them in those again: the accounting of \
                 their disclosures would lack them",
                thousands(others)
            );
            if !self.others {
                say!(
                    "Nothing is erased: --others with a --reason erases all the same, and the ledger says so."
                );
                return false;
            }
            grounds.insert("others".to_owned(), format!("{others} records"));
        }
        is_over
    }

    /// Whether nothing has to be kept longer, or somebody says why it goes all the same.
    fn may_erase_now(
        &self,
        found: &Found<'_>,
        now_ms: u64,
        grounds: &mut BTreeMap<String, String>,
    ) -> bool {
        let whole = found.to_be_kept(now_ms);
        let parts = found.required.count();
        if whole.is_none() && parts == 0 {
            return true;
        }
        let mut texts = Vec::new();
        if let Some((count, until)) = whole {
            say!(
                "{} of the records to take away are to be kept {until}",
                thousands(count)
            );
            texts.push(format!("{count} records"));
        }
        if parts > 0 {
            let until = time::format(found.required_until_ms);
            say!(
                "{} of the records to erase parts of must stay as they are for their least time, until {until} at the latest",
                thousands(parts)
            );
            texts.push(format!("parts of {parts} records"));
        }
        if !self.before_expiry {
            say!(
                "Nothing is erased: --before-expiry with a --reason erases all the same, and the ledger says so."
            );
            if found.required.count() == 0 && self.whole {
                say!("Without --whole only the personal parts go, and the records stay.");
            }
            return false;
        }
        grounds.insert("before_expiry".to_owned(), texts.join(", "));
        true
    }
}

/// What is to be erased.
struct Wanted {
    /// Whose records are meant, if somebody's are.
    filter: Filter,
    records: BTreeSet<String>,
    groups: Groups,
    /// Records named by id are taken away whole.
    records_whole: bool,
    subject_whole: bool,
}

impl Wanted {
    const fn whose(&self) -> Option<&Subject> {
        match &self.filter.subject {
            Some(subject) => Some(subject),
            None => self.filter.data_subject.as_ref(),
        }
    }

    /// Whether a record is about others than the person who is to be erased.
    fn are_others_in(&self, text: &str, fields: &Fields) -> bool {
        let person = self.filter.data_subject.as_ref();
        Subject::is_about_others(person, text, fields)
    }

    fn of(arguments: &Arguments) -> Result<Self> {
        let groups = if arguments.groups.is_empty() && arguments.whose.is_data_subject() {
            Groups::of([Group::DataSubject, Group::Url])
        } else if arguments.groups.is_empty() {
            // Whom the data was about is not the caller's to take away.
            Groups::ALL.without(Groups::of([Group::DataSubject]))
        } else {
            Groups::named(arguments.groups.iter().map(String::as_str)).ok_or_else(|| {
                let names = Group::ALL.map(Group::name).join(", ");
                format!("--groups: there are {names}")
            })?
        };
        for uid in &arguments.records {
            if place_of(uid).is_none() {
                return Err(format!(
                    "--record {uid:?}: expected the metadata.uid of a record"
                ));
            }
        }
        let filter = arguments.whose.filter()?;
        Ok(Self {
            filter,
            records: arguments.records.iter().cloned().collect(),
            groups,
            records_whole: arguments.groups.is_empty(),
            subject_whole: arguments.whole,
        })
    }
}

/// Records that were found.
struct Found<'w> {
    wanted: &'w Wanted,
    /// Those to take away, with what their tombstones say.
    whole: BTreeMap<(ChainUid, u64), Control>,
    /// Until when those are to be kept; `None` is for ever.
    expires: BTreeMap<(ChainUid, u64), Option<u64>>,
    /// Those to erase parts of.
    parts: BTreeMap<ChainUid, Intervals>,
    /// Those of them that must stay as they are for longer.
    required: Numbers,
    /// Until when the last of those must.
    required_until_ms: u64,
    /// Those that are about other people too.
    others: Numbers,
    /// Those that a hold keeps by what they say.
    held: Numbers,
    controls: u64,
    /// Who has issued the tokens with which the subject came.
    issuers: BTreeSet<String>,
    holds: Arc<Holds>,
    now_ms: u64,
}

/// Records, each once however often it was seen.
#[derive(Default)]
struct Numbers(BTreeMap<ChainUid, Intervals>);

impl Numbers {
    fn add(&mut self, item: &Item) {
        let range = Range(item.sequence, item.sequence);
        self.0.entry(item.chain).or_default().add(range);
    }

    fn extend(&mut self, other: &Self) {
        for (chain, numbers) in &other.0 {
            self.0.entry(*chain).or_default().extend(numbers);
        }
    }

    fn count(&self) -> u64 {
        count(&self.0)
    }
}

impl<'w> Found<'w> {
    fn new(wanted: &'w Wanted, holds: Arc<Holds>, now_ms: u64) -> Self {
        Self {
            wanted,
            whole: BTreeMap::new(),
            expires: BTreeMap::new(),
            parts: BTreeMap::new(),
            required: Numbers::default(),
            required_until_ms: 0,
            others: Numbers::default(),
            held: Numbers::default(),
            controls: 0,
            issuers: BTreeSet::new(),
            holds,
            now_ms,
        }
    }

    fn with(mut self, other: Self) -> Self {
        self.whole.extend(other.whole);
        self.expires.extend(other.expires);
        self.controls += other.controls;
        self.issuers.extend(other.issuers);
        self.required.extend(&other.required);
        self.required_until_ms = self.required_until_ms.max(other.required_until_ms);
        self.held.extend(&other.held);
        self.others.extend(&other.others);
        for (chain, numbers) in other.parts {
            self.parts.entry(chain).or_default().extend(&numbers);
        }
        self
    }

    fn has(&self, uid: &str) -> bool {
        place_of(uid).is_some_and(|(chain, sequence)| {
            self.whole.contains_key(&(chain, sequence)) || self.has_parts_of(&chain, sequence)
        })
    }

    fn has_parts_of(&self, chain: &ChainUid, sequence: u64) -> bool {
        let numbers = self.parts.get(chain);
        numbers.is_some_and(|numbers| numbers.contains(sequence))
    }

    /// Leaves out what is on hold, and returns how much that is.
    fn take_held(&mut self, is_held: impl Fn(&ChainUid, u64) -> bool) -> u64 {
        let before = self.whole.len();
        self.whole
            .retain(|(chain, sequence), _| !is_held(chain, *sequence));
        let mut held = (before - self.whole.len()) as u64;
        for (chain, numbers) in &mut self.parts {
            let mut left = Intervals::default();
            for Range(first, last) in numbers.iter() {
                for sequence in first..=last {
                    if is_held(chain, sequence) {
                        held += 1;
                    } else {
                        left.add(Range(sequence, sequence));
                    }
                }
            }
            *numbers = left;
        }
        self.parts.retain(|_, numbers| numbers.count() > 0);
        held
    }

    /// How many of the records to take away are to be kept still, and until when the last of them.
    fn to_be_kept(&self, now_ms: u64) -> Option<(u64, String)> {
        let kept = self.whole.keys().filter_map(|place| {
            let expires_ms = self
                .expires
                .get(place)
                .copied()
                .flatten()
                .unwrap_or(u64::MAX);
            (expires_ms > now_ms).then_some(expires_ms)
        });
        let kept: Vec<u64> = kept.collect();
        let until = match kept.iter().max()? {
            &u64::MAX => "for ever".to_owned(),
            until => format!("until {} at the latest", time::format(*until)),
        };
        Some((kept.len() as u64, until))
    }

    fn entries(&self, wanted: &Wanted, grounds: &BTreeMap<String, String>) -> Vec<Control> {
        let groups: Vec<String> = wanted.groups.iter().map(|g| g.name().to_owned()).collect();
        let erasures = targets(&self.parts)
            .into_iter()
            .map(|targets| Control::Erasure {
                targets,
                groups: groups.clone(),
                grounds: grounds.clone(),
            });
        let tombstones = self.whole.values().cloned().map(|mut tombstone| {
            if let Control::Tombstone { grounds: texts, .. } = &mut tombstone {
                texts.clone_from(grounds);
            }
            tombstone
        });
        erasures.chain(tombstones).collect()
    }

    fn look(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        let named = self
            .wanted
            .records
            .contains(&uid(&item.chain, item.sequence));
        let of_subject = self
            .wanted
            .whose()
            .is_some_and(|subject| fields.is_some_and(|fields| subject.is_in(text, fields)));
        if !(named || of_subject) {
            return;
        }
        if item.control.is_some() {
            self.controls += 1;
            return;
        }
        if fields.is_some_and(|fields| self.holds.by_content(text, fields).is_some()) {
            self.held.add(item);
            return;
        }
        if of_subject {
            self.issuers
                .extend(fields.and_then(|fields| issuer_of(text, fields)));
        }
        let whole = named && self.wanted.records_whole || of_subject && self.wanted.subject_whole;
        let takes_people = whole || self.wanted.groups.has(Group::DataSubject);
        if takes_people
            && item
                .expires_ms
                .is_none_or(|until_ms| until_ms > self.now_ms)
            && fields.is_some_and(|fields| self.wanted.are_others_in(text, fields))
        {
            self.others.add(item);
        }
        if whole {
            if let Some(tombstone) = tombstone(item, text, &BTreeMap::new()) {
                self.whole.insert((item.chain, item.sequence), tombstone);
                let least = item.required_ms.or(item.expires_ms);
                self.expires.insert((item.chain, item.sequence), least);
            }
        } else if !item.present.and(self.wanted.groups).is_empty() {
            let range = Range(item.sequence, item.sequence);
            self.parts.entry(item.chain).or_default().add(range);
            if let Some(until_ms) = item.required_ms.filter(|until_ms| *until_ms > self.now_ms) {
                self.required.add(item);
                self.required_until_ms = self.required_until_ms.max(until_ms);
            }
        }
    }
}

impl Observer for Found<'_> {
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        self.look(item, text, fields);
    }

    fn observe_again(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        self.look(item, text, fields);
    }
}

/// A record without these parts.
fn without(text: &str, groups: Groups) -> Fate {
    // A part of a record, or one in a place that is not written anew.
    if text.is_empty() {
        return Fate::Drop;
    }
    let Ok(mut json) = parse(text) else {
        return Fate::Keep;
    };
    for group in groups.iter() {
        group.erase(&mut json);
    }
    let erased = canonical::to_string(&json);
    // What did not verify before is left for whoever finds out why.
    if erased == text || Record::check_text(&erased).is_err() {
        Fate::Keep
    } else {
        Fate::Replace(erased)
    }
}

fn count(parts: &BTreeMap<ChainUid, Intervals>) -> u64 {
    parts.values().map(Intervals::count).sum()
}

const AFTER_HELP: &str = "\
Examples:
  meshward audit erase --keys emitter.json --keys operator.json --ledger ledger.ndjson --sign-key dpo.secret --sign-key-id dpo --subject jane trail.ndjson
Of a subject the personal parts go, but for the pseudonyms of those whom the data is about; of a person whom data is
about the pseudonym and the URL, unless --groups says otherwise. What is about other people too stays without --others.
Records are taken away whole before their time is over, and changed before their least time is, only
with --before-expiry and a --reason.
The order is signed and written to the ledger first, then the files are written anew; the trail
verifies as before, with the ledger. Exit status: 0 done, or would be, 1 refused, or all of it is on hold, 2 not possible, or not in all
files, or some of it is on hold, 64 wrong usage.";
