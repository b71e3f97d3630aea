//! Which days of a span of time have records that a key vouches for: what shows that a year of the
//! trail is there, and not only its first and its last record.

use std::collections::{BTreeMap, HashMap};

use audit::Range;
use serde::Serialize;

use crate::chains::Trail;
use crate::item::{ChainUid, Item};
use crate::pipeline::Observer;
use crate::scan::Fields;

/// The records of each chain by day. A chain has one retention class.
#[derive(Debug, Default)]
pub struct Days {
    chains: HashMap<ChainUid, ChainDays>,
}

#[derive(Debug, Default)]
struct ChainDays {
    class: Option<String>,
    days: BTreeMap<u64, Day>,
}

#[derive(Clone, Copy, Debug)]
struct Day {
    records: Range,
    requests: u64,
    /// Records about the chain itself: the emitter lived.
    signs: u64,
}

/// What the trail has of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// The number of requests.
    pub requests: u64,
    /// Records that say that an emitter lived.
    pub signs_of_life: u64,
}

/// How a span of time is covered.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// The first day, milliseconds since 1970.
    pub from_ms: u64,
    /// The day after the last.
    pub to_ms: u64,
    /// Only of this retention class.
    pub class: Option<String>,
    /// How many days there are.
    pub days: u64,
    /// The number of days with requests.
    pub with_requests: u64,
    /// Those on which an emitter lived and nothing was asked.
    pub with_signs_only: u64,
    /// Those with nothing, as first and last day of each row, milliseconds since 1970.
    pub without: Vec<(u64, u64)>,
    /// How many days that is.
    pub days_without: u64,
}

impl Observer for Days {
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        let chain = self.chains.entry(item.chain).or_default();
        if chain.class.is_none() {
            let of_control = item.control.as_ref().map(|control| control.class.as_str());
            let class = of_control.or_else(|| fields?.class.string(text));
            chain.class = class.map(str::to_owned);
        }
        let at = item.sequence;
        let day = chain.days.entry(item.time_ms / DAY_MS).or_insert(Day {
            records: Range(at, at),
            requests: 0,
            signs: 0,
        });
        day.records = Range(day.records.0.min(at), day.records.1.max(at));
        match item.control {
            None => day.requests += 1,
            Some(_) => day.signs += 1,
        }
    }
}

/// Puts together what several threads have seen. A day of a chain counts if a key vouches for its
/// first record there, and so for what is before the last signature.
#[must_use]
pub fn days(trail: &Trail, all: &[Days], class: Option<&str>) -> BTreeMap<u64, Covered> {
    let mut days: BTreeMap<u64, Covered> = BTreeMap::new();
    let chains = all.iter().flat_map(|days| &days.chains);
    for (uid, chain) in chains {
        let of_class = class.is_none_or(|class| chain.class.as_deref() == Some(class));
        if !of_class || trail.is_ledger(uid) {
            continue;
        }
        for (day, seen) in &chain.days {
            let Range(first, last) = seen.records;
            if trail.is_vouched(uid, first) || trail.is_vouched(uid, last) {
                let covered = days.entry(*day).or_default();
                covered.requests += seen.requests;
                covered.signs_of_life += seen.signs;
            }
        }
    }
    days
}

impl Coverage {
    /// Of the days from one time up to another.
    #[must_use]
    pub fn new(
        days: &BTreeMap<u64, Covered>,
        from_ms: u64,
        to_ms: u64,
        class: Option<String>,
    ) -> Self {
        let (first, end) = (from_ms / DAY_MS, to_ms.div_ceil(DAY_MS));
        let mut coverage = Self {
            from_ms: first * DAY_MS,
            to_ms: end * DAY_MS,
            class,
            days: end.saturating_sub(first),
            with_requests: 0,
            with_signs_only: 0,
            without: Vec::new(),
            days_without: 0,
        };
        for day in first..end {
            match days.get(&day) {
                Some(covered) if covered.requests > 0 => coverage.with_requests += 1,
                Some(_) => coverage.with_signs_only += 1,
                None => {
                    coverage.days_without += 1;
                    let at = day * DAY_MS;
                    match coverage.without.last_mut() {
                        Some((_, last)) if *last + DAY_MS == at => *last = at,
                        _ => coverage.without.push((at, at)),
                    }
                }
            }
        }
        coverage
    }
}

/// A day in milliseconds.
pub const DAY_MS: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_without_records_are_in_rows() {
        let mut days = BTreeMap::new();
        let covered = |requests, signs_of_life| Covered {
            requests,
            signs_of_life,
        };
        days.insert(10, covered(5, 1));
        days.insert(11, covered(0, 1));
        days.insert(14, covered(1, 0));
        let coverage = Coverage::new(&days, 9 * DAY_MS + 5, 16 * DAY_MS, None);
        assert_eq!(coverage.days, 7);
        assert_eq!((coverage.with_requests, coverage.with_signs_only), (2, 1));
        let rows: Vec<(u64, u64)> = coverage
            .without
            .iter()
            .map(|(a, b)| (a / DAY_MS, b / DAY_MS))
            .collect();
        assert_eq!(rows, [(9, 9), (12, 13), (15, 15)]);
        assert_eq!(coverage.days_without, 4);
    }
}
