//! Which records of a period show that a measure was taken. Only records count for which a known key
//! vouches: without keys, none does.

use serde::Serialize;
use serde_json::Value;

use crate::control::Measure;
use trail::chains::Trail;
use trail::item::{ChainUid, Item, uid};
use trail::pipeline::{HeldBack, Observer};
use trail::scan::Fields;

/// The records that show a measure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// How many.
    pub records: u64,
    /// When the first was, milliseconds since 1970.
    pub first_ms: Option<u64>,
    /// When the last was.
    pub last_ms: Option<u64>,
    /// The ids of some.
    pub examples: Vec<String>,
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

    fn merge(&mut self, other: Self) {
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

/// From when to when.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Period {
    /// From this time on, milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// Before this time.
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
    /// What was found, for each measure.
    found: Vec<Evidence>,
    /// Records of the period that count.
    counted: Evidence,
    /// Those that count when a signature vouches for them.
    held: HeldBack<Place>,
    not_counted: u64,
}

#[derive(Debug)]
struct Place {
    chain: ChainUid,
    sequence: u64,
    time_ms: u64,
    /// The measures that it shows, a bit each.
    shows: u128,
}

/// What was found in a trail.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// For each measure.
    pub by_measure: Vec<Evidence>,
    /// All records of the period for which a key vouches.
    pub counted: Evidence,
    /// Records of the period for which none does.
    pub not_counted: u64,
}

impl<'m> Search<'m> {
    /// For these measures, 128 at most.
    #[must_use]
    pub fn new(measures: &'m [&'m Measure], period: Period, has_keys: bool) -> Self {
        Self {
            measures,
            period,
            has_keys,
            found: vec![Evidence::default(); measures.len()],
            counted: Evidence::default(),
            held: HeldBack::default(),
            not_counted: 0,
        }
    }

    /// Puts together what several threads have found.
    #[must_use]
    pub fn found(all: Vec<Self>) -> Found {
        let mut found = Found::default();
        for search in all {
            found
                .by_measure
                .resize(search.found.len(), Evidence::default());
            for (one, other) in found.by_measure.iter_mut().zip(search.found) {
                one.merge(other);
            }
            found.counted.merge(search.counted);
            found.not_counted += search.not_counted + search.held.len() as u64;
        }
        found
    }

    fn place(&self, item: &Item, text: &str) -> Option<Place> {
        if !self.period.has(item.time_ms) {
            return None;
        }
        let record: Value = serde_json::from_str(text).ok()?;
        let mut shows = 0_u128;
        for (number, measure) in self.measures.iter().enumerate() {
            let records = measure.records.as_ref();
            if records.is_some_and(|records| records.holds_for_record(&record)) {
                shows |= u32::try_from(number).map_or(0, |n| 1_u128.checked_shl(n).unwrap_or(0));
            }
        }
        Some(Place {
            chain: item.chain,
            sequence: item.sequence,
            time_ms: item.time_ms,
            shows,
        })
    }

    fn count(&mut self, place: &Place) {
        self.counted.add(place);
        for (number, evidence) in self.found.iter_mut().enumerate() {
            if place.shows >> number & 1 == 1 {
                evidence.add(place);
            }
        }
    }
}

impl Observer for Search<'_> {
    const WANTS_VOUCHED: bool = true;

    fn observe(&mut self, item: &Item, text: &str, _: Option<&Fields>) {
        match self.place(item, text) {
            Some(place) if self.has_keys => self.held.add(item, place),
            Some(_) => self.not_counted += 1,
            None => {}
        }
    }

    fn observe_vouched(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        if !self.has_keys {
            self.observe(item, text, fields);
        } else if let Some(place) = self.place(item, text) {
            self.count(&place);
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

/// As many measures as there can be.
pub const MAX_MEASURES: usize = 128;
const MAX_EXAMPLES: usize = 3;
