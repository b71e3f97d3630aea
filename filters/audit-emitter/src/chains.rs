//! The chains of one filter instance: one for each retention class, opened by its first record.
//!
//! A host configures more VMs than ever see traffic, so a chain that were opened with the
//! configuration would be one that is never closed.

mod gaps;

use std::time::Duration;

use audit::canonical::Writer;
use audit::keys::SigningKey;
use audit::{Chain, Control, Event, Hash, Head, Peers, Sealed, Statement};
use host::Moment;
use policy::ordered_map::OrderedMap;

use crate::config::Retention;
use crate::queue::{Kind, QueuedRecord};
use crate::record::Disclosed;
use crate::trail::milliseconds;
use gaps::{Gap, told_gap};

/// What every chain of this instance says at its beginning.
#[derive(Debug)]
pub struct Origin {
    /// The random id of the instance.
    pub emitter: String,
    /// The id of the proxy.
    pub node: Option<String>,
    /// SHA-256 of the configuration that the chains' first records name.
    pub config_sha256: Hash,
    /// SHA-256 of the configuration before, where this one replaces another.
    pub previous_config_sha256: Option<Hash>,
    /// The longest time between two records of the chain.
    pub heartbeat_ms: u64,
    /// The check value of the key of pseudonyms; empty where people have their own names.
    pub pseudonym_key: String,
    /// The key, if records are signed.
    pub key: Option<SigningKey>,
}

/// The chains of one filter instance.
#[derive(Debug)]
pub struct Chains {
    origin: Origin,
    open: OrderedMap<String, Entry>,
    /// Where chains of the instance before this one ended, by class.
    inherited: OrderedMap<String, Head>,
    /// Requests left out by sampling before there was a chain to say so, by class.
    sampled_before: OrderedMap<String, u64>,
    /// Other emitters that record requests in this proxy.
    other_emitters: Vec<String>,
}

/// Time, twice: to say when something was, and how long ago.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Wall-clock time, milliseconds since 1970.
    pub wall_ms: u64,
    /// The monotonic clock, in nanoseconds.
    pub monotonic_ns: u64,
}

impl From<&Moment<'_>> for Now {
    fn from(moment: &Moment<'_>) -> Self {
        Self {
            wall_ms: moment.wall_ms(),
            monotonic_ns: moment.monotonic_ns(),
        }
    }
}

#[derive(Debug)]
struct Entry {
    chain: Chain,
    statement: Statement,
    /// Records since the last checkpoint.
    uncovered: u64,
    checkpoint_ns: u64,
    gaps: Vec<Gap>,
    /// The last record that went to the proxy's log.
    last_kept: Option<u64>,
}

impl Chains {
    /// An instance whose chains are still to be opened.
    #[must_use]
    pub const fn new(origin: Origin) -> Self {
        Self {
            origin,
            open: OrderedMap::new(),
            inherited: OrderedMap::new(),
            sampled_before: OrderedMap::new(),
            other_emitters: Vec::new(),
        }
    }

    /// Says who else records requests in this proxy.
    pub fn set_other_emitters(&mut self, mut emitters: Vec<String>) {
        policy::sort::by(&mut emitters, Ord::cmp);
        // Of many, each names those behind itself.
        let behind = emitters.partition_point(|other| *other < self.origin.emitter);
        emitters.rotate_left(behind);
        emitters.truncate(MAX_EMITTERS);
        self.other_emitters = emitters;
    }

    /// The collector takes records: what it has rejected can be told again.
    pub fn note_delivered(&mut self) {
        for entry in self.open.values_mut() {
            for gap in &mut entry.gaps {
                gap.is_restated = false;
            }
        }
    }

    /// The random id of the instance.
    #[must_use]
    pub fn emitter(&self) -> &str {
        &self.origin.emitter
    }

    /// Says which configuration was in force before the one of this instance.
    pub const fn follow(&mut self, config_sha256: Option<Hash>) {
        self.origin.previous_config_sha256 = config_sha256;
    }

    /// Whether records are signed.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.origin.key.is_some()
    }

    /// The chain of this class, if it is open.
    #[must_use]
    pub fn chain(&self, class: &str) -> Option<&Chain> {
        self.open.get(class).map(|entry| &entry.chain)
    }

    /// Opens a chain for this class, and returns its first records.
    pub fn open(&mut self, retention: &Retention, uid: [u8; 16], now: Now) -> Vec<QueuedRecord> {
        let Retention { class, keep } = retention;
        let in_ms = |time: Option<Duration>| time.map_or(0, milliseconds);
        let entry = Entry {
            chain: Chain::new(uid),
            statement: Statement {
                emitter: self.origin.emitter.clone(),
                heartbeat_ms: self.origin.heartbeat_ms,
                keep_ms: in_ms(keep.at_most),
                keep_at_least_ms: in_ms(keep.at_least),
                sampled_out: self.sampled_before.remove(class).unwrap_or(0),
                pseudonym_key: self.origin.pseudonym_key.clone(),
                ..Statement::default()
            },
            uncovered: 0,
            checkpoint_ns: now.monotonic_ns,
            gaps: Vec::new(),
            last_kept: None,
        };
        let open = Control::Open {
            emitter: self.origin.emitter.clone(),
            node: self.origin.node.clone(),
            config_sha256: self.origin.config_sha256,
            heartbeat_ms: self.origin.heartbeat_ms,
            predecessor: self.inherited.remove(class),
            pseudonym_key: self.origin.pseudonym_key.clone(),
            peers: self.peers(class),
        };
        self.open.insert(class.clone(), entry);
        let mut records = Vec::new();
        records.extend(self.add(class, &open, true, now));
        let changed = self
            .origin
            .previous_config_sha256
            .filter(|previous| *previous != self.origin.config_sha256);
        if let Some(from) = changed {
            let change = Control::ConfigChange {
                from,
                to: self.origin.config_sha256,
            };
            records.extend(self.add(class, &change, false, now));
        }
        records
    }

    /// Closes the next record of a class, the record of a request.
    pub fn seal(&mut self, class: &str, writer: Writer) -> Option<Sealed> {
        let entry = self.open.get_mut(class)?;
        entry.uncovered = entry.uncovered.saturating_add(1);
        entry.statement.records = entry.statement.records.saturating_add(1);
        Some(entry.chain.seal(writer, None))
    }

    /// The caller of the request whose record was the last of its class got so many values of a class of data in clear,
    /// of so many people.
    pub fn note_disclosed(&mut self, class: &str, disclosed: &[Disclosed<'_>]) {
        if let Some(entry) = self.open.get_mut(class) {
            for one in disclosed {
                entry
                    .statement
                    .add_disclosed(one.class, one.values, one.people);
            }
        }
    }

    /// A request was left out by sampling.
    pub fn note_sampled_out(&mut self, class: &str) {
        let count = |total: &mut u64| *total = total.saturating_add(1);
        match self.open.get_mut(class) {
            Some(entry) => count(&mut entry.statement.sampled_out),
            None => self.sampled_before.change(class.to_owned(), || 0, count),
        }
    }

    /// A request was lost before it had a place in a chain.
    pub fn note_lost(&mut self, class: &str, reason: &str, now: Now) {
        let Some(entry) = self.open.get_mut(class) else {
            return;
        };
        let total = entry.statement.lost.entry(reason.to_owned()).or_default();
        *total = total.saturating_add(1);
        entry.note(reason, None, None, now);
    }

    /// A record went to the proxy's log and not to the collector. The open chain of its class says
    /// so, also where the record is of a chain that was taken over from another instance. What a
    /// record about a gap said has to be said again. Returns whether there is such a chain.
    pub fn note_kept(&mut self, record: &QueuedRecord, reason: &str, now: Now) -> bool {
        let Some(entry) = self.open.get_mut(&record.class) else {
            return false;
        };
        entry.note(reason, Some(record), Some("host_log"), now);
        let is_own = entry.chain.uid() == record.chain_uid;
        if is_own {
            entry.last_kept = Some(record.sequence);
        }
        if let Some(mut lost) = told_gap(record) {
            if !is_own && !lost.ranges.is_empty() && lost.chain_uid.is_none() {
                lost.chain_uid = Some(record.chain_uid.clone());
            }
            if lost.chain_uid.as_deref() == Some(entry.chain.uid()) {
                lost.chain_uid = None;
            }
            entry.restate(lost);
        }
        true
    }

    /// What the chains have to say now: gaps, checkpoints where records wait for one for at least
    /// so long, heartbeats. `limit` says whether there is room for one more record.
    pub fn due(
        &mut self,
        every_ns: u64,
        now: Now,
        mut admit: impl FnMut(usize) -> bool,
    ) -> Vec<QueuedRecord> {
        let heartbeat_ns = self.origin.heartbeat_ms.saturating_mul(1_000_000);
        let classes: Vec<String> = self.open.keys().cloned().collect();
        let mut records = Vec::new();
        for class in classes {
            let Some(entry) = self.open.get(&class) else {
                continue;
            };
            let silent_ns = now.monotonic_ns.saturating_sub(entry.checkpoint_ns);
            let idle = silent_ns >= heartbeat_ns;
            // A gap that holds nothing but control records can wait: else a collector that
            // rejects everything would be told of each rejection, for ever.
            let tell_gaps = idle || entry.gaps.iter().any(Gap::is_news);
            let uncovered = entry.uncovered > 0 || tell_gaps && !entry.gaps.is_empty();
            let checkpoint = uncovered && silent_ns >= every_ns;
            if !(checkpoint || idle) {
                continue;
            }
            if tell_gaps {
                let entry = self.open.get_mut(&class);
                let gaps = entry.map(|entry| std::mem::take(&mut entry.gaps));
                let mut later = Vec::new();
                for gap in gaps.unwrap_or_default() {
                    let ranges = gap.lost.ranges.len();
                    if admit(CONTROL_BYTES.saturating_add(ranges.saturating_mul(32))) {
                        records.extend(self.add(&class, &Control::Gap(gap.lost), false, now));
                    } else {
                        later.push(gap);
                    }
                }
                if let Some(entry) = self.open.get_mut(&class) {
                    entry.gaps = later;
                }
            }
            if admit(self.signed_bytes(&class)) {
                records.extend(self.checkpoint(&class, uncovered, now));
            }
        }
        records
    }

    /// The next record of this class will not be where the ones before it are: signs those, for
    /// which no later signature can vouch once it is missing. Not more often than a checkpoint is
    /// worth.
    pub fn sign_before_gap(&mut self, class: &str, now: Now) -> Option<QueuedRecord> {
        let entry = self.open.get(class)?;
        let since_ns = now.monotonic_ns.saturating_sub(entry.checkpoint_ns);
        let follows_gap = entry.last_kept.is_some()
            && entry.last_kept == entry.chain.next_sequence().checked_sub(1);
        if entry.uncovered == 0 || follows_gap || since_ns < BEFORE_GAP_NS {
            return None;
        }
        self.checkpoint(class, true, now)
    }

    /// Ends all chains. What they still have to say comes first.
    pub fn close(&mut self, reason: &str, now: Now) -> Vec<QueuedRecord> {
        let classes: Vec<String> = self.open.keys().cloned().collect();
        let mut records = Vec::new();
        for class in classes {
            let Some(entry) = self.open.get_mut(&class) else {
                continue;
            };
            for gap in std::mem::take(&mut entry.gaps) {
                records.extend(self.add(&class, &Control::Gap(gap.lost), false, now));
            }
            let Some(statement) = self.statement(&class) else {
                continue;
            };
            let close = Control::Close {
                statement,
                reason: reason.to_owned(),
            };
            records.extend(self.add(&class, &close, true, now));
        }
        records
    }

    /// Where the chains are now, by class: for the instance after this one.
    #[must_use]
    pub fn heads(&self) -> Vec<(String, Head)> {
        let head = |(class, entry): (&String, &Entry)| Some((class.clone(), entry.chain.head()?));
        self.open.iter().filter_map(head).collect()
    }

    /// Where a chain of the instance before this one ended.
    pub fn inherit(&mut self, class: String, head: Head) {
        if !self.open.contains_key(&class) {
            self.inherited.insert(class, head);
        }
    }

    fn checkpoint(&mut self, class: &str, covers: bool, now: Now) -> Option<QueuedRecord> {
        let statement = self.statement(class)?;
        let control = if covers {
            Control::Checkpoint(statement)
        } else {
            Control::Heartbeat(statement)
        };
        self.add(class, &control, true, now)
    }

    /// What a chain states about itself and those beside it.
    fn statement(&self, class: &str) -> Option<Statement> {
        Some(Statement {
            peers: self.peers(class),
            ..self.open.get(class)?.statement.clone()
        })
    }

    fn peers(&self, class: &str) -> Peers {
        // Those behind its own first: of many, each is named by as many others.
        let behind = self.open.iter().filter(|(known, _)| known.as_str() > class);
        let before = self.open.iter().filter(|(known, _)| known.as_str() < class);
        let heads = behind
            .chain(before)
            .filter_map(|(_, entry)| entry.chain.head());
        Peers {
            siblings: heads.take(MAX_SIBLINGS).collect(),
            emitters: self.other_emitters.clone(),
        }
    }

    /// More than a signed record of a class takes.
    fn signed_bytes(&self, class: &str) -> usize {
        let statement = self.open.get(class).map(|entry| &entry.statement);
        let totals = statement.map_or(0, |statement| {
            let classes = statement
                .disclosed
                .keys()
                .chain(statement.disclosed_people.keys());
            classes.fold(0_usize, |sum, class| {
                sum.saturating_add(class.len()).saturating_add(24)
            })
        });
        let siblings = self.open.len().min(MAX_SIBLINGS).saturating_mul(160);
        let emitters = self.other_emitters.len().saturating_mul(32);
        CONTROL_BYTES
            .saturating_add(siblings)
            .saturating_add(emitters)
            .saturating_add(totals)
    }

    fn add(
        &mut self,
        class: &str,
        control: &Control,
        sign: bool,
        now: Now,
    ) -> Option<QueuedRecord> {
        let entry = self.open.get_mut(class)?;
        let event = Event {
            control,
            time_ms: now.wall_ms,
            class,
            product: "audit-emitter",
            product_version: env!("CARGO_PKG_VERSION"),
        };
        let key = self.origin.key.as_ref().filter(|_| sign);
        let sealed = entry.chain.add_event(&event, key);
        if sign {
            entry.uncovered = 0;
            entry.checkpoint_ns = now.monotonic_ns;
            entry.statement.previous_checkpoint = sealed.sequence;
        }
        Some(QueuedRecord {
            json: sealed.text,
            chain_uid: entry.chain.uid().to_owned(),
            sequence: sealed.sequence,
            class: class.to_owned(),
            kind: Kind::Control,
            queued_ns: now.monotonic_ns,
            time_ns: now.wall_ms.saturating_mul(1_000_000),
            ..QueuedRecord::default()
        })
    }
}

/// More than a control record takes.
const CONTROL_BYTES: usize = 2048;
/// Chains of one emitter that the others speak of, and other emitters.
const MAX_SIBLINGS: usize = 32;
const MAX_EMITTERS: usize = 64;
const BEFORE_GAP_NS: u64 = 100_000_000;
