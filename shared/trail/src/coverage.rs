//! Which days of a span of time have records that a key vouches for: what shows that a year of the
//! trail is there, and not only its first and its last record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    /// Records of requests that an order took away, which stood between those of this day, or behind its last.
    pub removed: u64,
}

/// What the trail has of all days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Those of which it has anything.
    pub days: BTreeMap<u64, Covered>,
    /// The day up to which chains were purged by order: of those before it nobody can tell which had records.
    pub purged_before: Option<u64>,
    /// The retention classes in it.
    pub classes: BTreeSet<String>,
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
    /// Those of which all requests were taken away by order.
    pub with_removed_only: u64,
    /// Those with nothing, before what purges left.
    pub purged: u64,
    /// The day before which those are, milliseconds since 1970.
    pub purged_before_ms: Option<u64>,
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
pub fn days(trail: &Trail, all: &[Days], class: Option<&str>) -> Seen {
    let mut seen = Seen::default();
    let mut chains: HashMap<&ChainUid, BTreeMap<u64, Range>> = HashMap::new();
    for (uid, chain) in all.iter().flat_map(|days| &days.chains) {
        if trail.is_ledger(uid) {
            continue;
        }
        seen.classes.extend(chain.class.clone());
        if class.is_some_and(|class| chain.class.as_deref() != Some(class)) {
            continue;
        }
        for (day, records) in &chain.days {
            let Range(first, last) = records.records;
            if trail.is_vouched(uid, first) || trail.is_vouched(uid, last) {
                let covered = seen.days.entry(*day).or_default();
                covered.requests += records.requests;
                covered.signs_of_life += records.signs;
                let of_day = chains.entry(uid).or_default().entry(*day);
                let of_day = of_day.or_insert(Range(first, last));
                *of_day = Range(of_day.0.min(first), of_day.1.max(last));
            }
        }
    }
    for (uid, days) in chains {
        seen.add_removed(trail, uid, &days);
        let begins_purged = days.first_key_value().filter(|(_, Range(first, _))| {
            let chain = trail.chains.get(uid);
            let mut purges = chain.iter().flat_map(|chain| &chain.purges);
            purges.any(|purge| purge.checkpoint == *first)
        });
        seen.purged_before = seen.purged_before.max(begins_purged.map(|(day, _)| *day));
    }
    seen
}

impl Seen {
    /// The records of a chain that an order took away: each belongs to the day of the record before it, or to one of
    /// those up to the next record, if nothing else is of them.
    fn add_removed(&mut self, trail: &Trail, uid: &ChainUid, days: &BTreeMap<u64, Range>) {
        let removed = trail.chains.get(uid).map(|chain| &chain.removed);
        let by_number: BTreeMap<u64, u64> = days.iter().map(|(day, of)| (of.0, *day)).collect();
        let mut removed: Vec<u64> = removed.into_iter().flatten().copied().collect();
        removed.sort_unstable();
        for number in removed {
            let Some((_, day)) = by_number.range(..=number).next_back() else {
                continue;
            };
            self.days.entry(*day).or_default().removed += 1;
            let is_behind = days.get(day).is_some_and(|of| of.1 < number);
            let next = by_number.range(number..).next().map(|(_, day)| *day);
            for between in (day + 1..next.unwrap_or(*day)).filter(|_| is_behind) {
                self.days.entry(between).or_default().removed += 1;
            }
        }
    }
}

impl Coverage {
    /// Of the days from one time up to another.
    #[must_use]
    pub fn new(seen: &Seen, from_ms: u64, to_ms: u64, class: Option<String>) -> Self {
        let (first, end) = (from_ms / DAY_MS, to_ms.div_ceil(DAY_MS));
        let mut coverage = Self {
            from_ms: first * DAY_MS,
            to_ms: end * DAY_MS,
            class,
            days: end.saturating_sub(first),
            with_requests: 0,
            with_signs_only: 0,
            with_removed_only: 0,
            purged: 0,
            purged_before_ms: None,
            without: Vec::new(),
            days_without: 0,
        };
        for day in first..end {
            match seen.days.get(&day) {
                Some(covered) if covered.requests > 0 => coverage.with_requests += 1,
                Some(covered) if covered.removed > 0 => coverage.with_removed_only += 1,
                Some(_) => coverage.with_signs_only += 1,
                None if seen.purged_before.is_some_and(|before| day < before) => {
                    coverage.purged += 1;
                    coverage.purged_before_ms = seen.purged_before.map(|day| day * DAY_MS);
                }
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
        let mut seen = Seen::default();
        let covered = |requests, signs_of_life| Covered {
            requests,
            signs_of_life,
            removed: 0,
        };
        seen.days.insert(10, covered(5, 1));
        seen.days.insert(11, covered(0, 1));
        seen.days.insert(14, covered(1, 0));
        let coverage = Coverage::new(&seen, 9 * DAY_MS + 5, 16 * DAY_MS, None);
        assert_eq!(coverage.days, 7);
        assert_eq!((coverage.with_requests, coverage.with_signs_only), (2, 1));
        let rows: Vec<(u64, u64)> = coverage
            .without
            .iter()
            .map(|(a, b)| (a / DAY_MS, b / DAY_MS))
            .collect();
        assert_eq!(rows, [(9, 9), (12, 13), (15, 15)]);
        assert_eq!(coverage.days_without, 4);
        // What was there and is gone by order is not missing.
        seen.days.entry(11).or_default().removed = 3;
        seen.purged_before = Some(10);
        let coverage = Coverage::new(&seen, 5 * DAY_MS, 12 * DAY_MS, None);
        assert_eq!((coverage.with_requests, coverage.with_signs_only), (1, 0));
        assert_eq!((coverage.with_removed_only, coverage.purged), (1, 5));
        assert_eq!(
            (coverage.days_without, coverage.purged_before_ms),
            (0, Some(10 * DAY_MS))
        );
    }
}
