//! Which records of a period show that a measure was taken. Only records count for which a known key
//! vouches: without keys, none does.

use std::collections::BTreeMap;
use std::net::IpAddr;

use audit::{Control, Hash};
use serde::Serialize;
use serde_json::{Value, json};

use crate::control::Measure;
use crate::predicate::Predicate;
use trail::chains::Trail;
use trail::item::{ChainUid, Item, uid};
use trail::pipeline::{HeldBack, Observer};
use trail::scan::Fields;
use trail::subject::is_pseudonym;

/// The records that show a measure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The number of records.
    pub records: u64,
    /// When the first was, milliseconds since 1970.
    pub first_ms: Option<u64>,
    /// When the last of them was made, in milliseconds since 1970.
    pub last_ms: Option<u64>,
    /// The ids of a few of the records.
    pub examples: Vec<String>,
    /// How many show the opposite.
    pub contradicting: u64,
    /// The id of one of those.
    pub contradicting_example: Option<String>,
}

impl Evidence {
    fn add(&mut self, place: &Place) {
        self.records += 1;
        self.first_ms = Some(
            self.first_ms
                .map_or(place.time_ms, |ms| ms.min(place.time_ms)),
        );
        self.last_ms = self.last_ms.max(Some(place.time_ms));
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(uid(&place.chain, place.sequence));
        }
    }

    fn contradict(&mut self, place: &Place) {
        self.contradicting += 1;
        self.contradicting_example
            .get_or_insert_with(|| uid(&place.chain, place.sequence));
    }

    /// Only what shows the opposite.
    fn of_contradictions(self) -> Self {
        Self {
            contradicting: self.contradicting,
            contradicting_example: self.contradicting_example,
            ..Self::default()
        }
    }

    fn merge(&mut self, other: Self) {
        self.contradicting += other.contradicting;
        self.contradicting_example =
            (self.contradicting_example.take()).or(other.contradicting_example);
        self.records += other.records;
        self.first_ms = match (self.first_ms, other.first_ms) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.last_ms = self.last_ms.max(other.last_ms);
        self.examples.extend(other.examples);
        self.examples.sort();
        self.examples.truncate(MAX_EXAMPLES);
    }
}

/// A period of time.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Period {
    /// From this time on, milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// Only before this time, in milliseconds since 1970.
    pub to_ms: Option<u64>,
}

impl Period {
    pub(crate) fn has(self, time_ms: u64) -> bool {
        self.from_ms.is_none_or(|from_ms| time_ms >= from_ms)
            && self.to_ms.is_none_or(|to_ms| time_ms < to_ms)
    }
}

/// Looks at each record of a trail.
#[derive(Debug)]
pub struct Search<'m> {
    measures: &'m [&'m Measure],
    period: Period,
    has_keys: bool,
    /// What was found in each chain.
    chains: BTreeMap<ChainUid, InChain>,
    /// Records that count when a signature vouches for them.
    held: HeldBack<Place>,
    not_counted: u64,
}

/// What was found in a chain, all of whose records were made under one configuration.
#[derive(Debug, Default)]
struct InChain {
    config_sha256: Option<Hash>,
    /// Records of the period that count.
    counted: Evidence,
    /// Those that show a measure, for each measure.
    found: Vec<Evidence>,
}

#[derive(Debug)]
struct Place {
    chain: ChainUid,
    sequence: u64,
    time_ms: u64,
    /// The measures that it shows, a bit each.
    shows: u128,
    /// Those of which it shows the opposite.
    denies: u128,
}

/// What was found in a trail.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The evidence for each measure, in the order of the catalogue.
    pub by_measure: Vec<Evidence>,
    /// All records of the period for which a key vouches.
    pub counted: Evidence,
    /// Records of the period for which none does.
    pub not_counted: u64,
    /// Records for which one does, made under other configurations than those in question: they show nothing of
    /// these. By the `config_sha256` that the trail has.
    pub of_others: BTreeMap<String, Evidence>,
    /// Records that count, of chains whose beginning is not there: nobody can say under which configuration they
    /// were made.
    pub unknown: u64,
    /// Of so many last days of the period, how many have no record for which a key vouches.
    pub days_without: BTreeMap<u64, u64>,
}

impl<'m> Search<'m> {
    /// For these measures, 128 at most.
    #[must_use]
    pub fn new(measures: &'m [&'m Measure], period: Period, has_keys: bool) -> Self {
        Self {
            measures,
            period,
            has_keys,
            chains: BTreeMap::new(),
            held: HeldBack::default(),
            not_counted: 0,
        }
    }

    /// Puts together what several threads have found. `in_force` are the configurations that it is about: what
    /// chains under another one show is not theirs. None at all: whatever the trail says.
    #[must_use]
    pub fn found(all: Vec<Self>, in_force: &[Hash]) -> Found {
        let mut found = Found::default();
        let mut chains: BTreeMap<ChainUid, InChain> = BTreeMap::new();
        for search in all {
            let count = search.measures.len();
            found.by_measure.resize(count, Evidence::default());
            found.not_counted += search.not_counted + search.held.len() as u64;
            for (uid, one) in search.chains {
                let chain = chains.entry(uid).or_default();
                chain.config_sha256 = chain.config_sha256.or(one.config_sha256);
                chain.counted.merge(one.counted);
                chain.found.resize(count, Evidence::default());
                let all = chain.found.iter_mut().zip(one.found);
                all.for_each(|(known, more)| known.merge(more));
            }
        }
        for chain in chains.into_values().filter(|one| one.counted.records > 0) {
            let is_in_force = |hash: &Hash| in_force.is_empty() || in_force.contains(hash);
            let of_other = chain.config_sha256.filter(|hash| !is_in_force(hash));
            if chain.config_sha256.is_none() && !in_force.is_empty() {
                found.unknown += chain.counted.records;
            }
            for (known, more) in found.by_measure.iter_mut().zip(chain.found) {
                match of_other {
                    None => known.merge(more),
                    // It passed here in the period, whatever the configuration says now.
                    Some(_) => known.merge(more.of_contradictions()),
                }
            }
            match of_other {
                None => found.counted.merge(chain.counted),
                Some(hash) => found
                    .of_others
                    .entry(hash.to_hex())
                    .or_default()
                    .merge(chain.counted),
            }
        }
        found
    }

    fn place(&self, item: &Item, text: &str) -> Option<Place> {
        if !self.period.has(item.time_ms) {
            return None;
        }
        let mut record: Value = serde_json::from_str(text).ok()?;
        let effective = effective(item, &record);
        if let Some(members) = record.as_object_mut() {
            members.insert("effective".to_owned(), effective);
        }
        let of = |predicate: fn(&Measure) -> &Option<Predicate>| {
            let measures = self.measures.iter().enumerate();
            let holding = measures.filter(|(_, measure)| {
                let predicate = predicate(measure).as_ref();
                predicate.is_some_and(|predicate| predicate.holds_for_record(&record))
            });
            holding.fold(0_u128, |set, (number, _)| {
                set | u32::try_from(number).map_or(0, |n| 1_u128.checked_shl(n).unwrap_or(0))
            })
        };
        Some(Place {
            chain: item.chain,
            sequence: item.sequence,
            time_ms: item.time_ms,
            shows: of(|measure| &measure.records),
            denies: of(|measure| &measure.contradicts),
        })
    }

    /// What the first record of a chain says.
    fn note_configuration(&mut self, item: &Item) {
        let control = item.control.as_ref().map(|one| &one.control);
        if let Some(Control::Open { config_sha256, .. }) = control {
            self.chains.entry(item.chain).or_default().config_sha256 = Some(*config_sha256);
        }
    }

    fn count(&mut self, place: &Place) {
        let chain = self.chains.entry(place.chain).or_default();
        chain.counted.add(place);
        chain.found.resize(self.measures.len(), Evidence::default());
        for (number, evidence) in chain.found.iter_mut().enumerate() {
            if place.shows >> number & 1 == 1 {
                evidence.add(place);
            }
            if place.denies >> number & 1 == 1 {
                evidence.contradict(place);
            }
        }
    }
}

impl Observer for Search<'_> {
    const WANTS_VOUCHED: bool = true;

    fn observe(&mut self, item: &Item, text: &str, _: Option<&Fields>) {
        self.note_configuration(item);
        match self.place(item, text) {
            Some(place) if self.has_keys => self.held.add(item, place),
            Some(_) => self.not_counted += 1,
            None => {}
        }
    }

    fn observe_vouched(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        if !self.has_keys {
            self.observe(item, text, fields);
        } else {
            self.note_configuration(item);
            if let Some(place) = self.place(item, text) {
                self.count(&place);
            }
        }
    }

    fn held_back(&self) -> usize {
        self.held.len()
    }

    fn settle(&mut self, trail: &Trail) {
        let vouched = self.held.take_vouched(trail);
        vouched.iter().for_each(|place| self.count(place));
    }
}

/// What comes of what a record of a request says.
fn effective(item: &Item, record: &Value) -> Value {
    if item.control.is_some() {
        return Value::Null;
    }
    let until_ms = item.required_ms.or(item.expires_ms);
    let kept_ms = until_ms.map(|ms| ms.saturating_sub(item.time_ms));
    let caller = record.pointer("/actor/user/uid").and_then(Value::as_str);
    let address = record.pointer("/src_endpoint/ip").and_then(Value::as_str);
    let address = address.and_then(|text| text.parse::<IpAddr>().ok());
    json!({
        "kept": kept_ms.map(|ms| format!("{}s", ms / 1000)),
        "caller": caller.map(|name| if is_pseudonym(name) { "pseudonym" } else { "name" }),
        "has_address": address.is_some_and(is_in_full),
    })
}

/// Whether more of an address is there than its network.
fn is_in_full(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets().last() != Some(&0),
        IpAddr::V6(address) => address.segments().iter().skip(4).any(|part| *part != 0),
    }
}

/// As many measures as there can be.
pub const MAX_MEASURES: usize = 128;
const MAX_EXAMPLES: usize = 3;
