//! What operators did, and what they were allowed to do.

use std::collections::BTreeSet;

use audit::{Control, Range, Target};

use super::{Conclusion, Question, numbers};
use crate::chains::{Order, Trail};
use crate::hex::decode;
use crate::holds::Holds;
use crate::intervals::{Intervals, size};
use crate::issue::Kind;
use crate::time;

impl Conclusion {
    /// What operators did: nothing that was on hold, and nothing without an order.
    pub(super) fn check_orders(&mut self, trail: &mut Trail) {
        let orders = std::mem::take(&mut trail.orders);
        let mut holds = Holds::default();
        for (_, order) in Order::as_they_count(&orders) {
            let touched: Vec<(&str, Range)> = match &order.control {
                Control::Hold { .. } | Control::Release { .. } => {
                    holds.note(&order.control);
                    continue;
                }
                Control::Tombstone {
                    chain_uid,
                    sequence,
                    grounds,
                    ..
                } => {
                    if !grounds.contains_key("before_expiry") {
                        self.check_taken_early(trail, order, (chain_uid.as_str(), *sequence));
                    }
                    vec![(chain_uid, Range(*sequence, *sequence))]
                }
                Control::Purge {
                    chain_uid,
                    checkpoint,
                    ..
                } => vec![(chain_uid, Range(0, checkpoint.saturating_sub(1)))],
                Control::Erasure {
                    targets, grounds, ..
                } => {
                    let touched = touched(targets);
                    if !grounds.contains_key("before_expiry") {
                        check_required(trail, order, &touched);
                    }
                    touched
                }
                _ => continue,
            };
            let mut broken = BTreeSet::new();
            for &(chain, range) in &touched {
                let Some(chain) = decode::<16>(chain.as_bytes()) else {
                    continue;
                };
                let class = trail.chains.get(&chain);
                let class = class.and_then(|chain| chain.class.as_deref());
                let by_class = class.and_then(|class| holds.by_class(class));
                broken.extend(holds.over(&chain, range).chain(by_class));
            }
            for name in later_holds(trail, &orders, order, &touched) {
                trail.issues.add(
                    Kind::HoldUnproven,
                    || order.uid(),
                    || {
                        let kind = order.control.kind();
                        format!("{kind} of what the hold {name:?} keeps, which a second ledger of the same key has: that it came before the hold, only the clock of that key says")
                    },
                );
            }
            for name in holds.by_what_is_said() {
                trail.issues.add(
                    Kind::HoldUnknown,
                    || order.uid(),
                    || {
                        let kind = order.control.kind();
                        format!("{kind}, while the hold {name:?} was in force: whether it kept any of that by what it said cannot be told")
                    },
                );
            }
            for name in broken {
                trail.issues.add(
                    Kind::HoldBroken,
                    || order.uid(),
                    || format!("{} of what the hold {name:?} keeps", order.control.kind()),
                );
            }
        }
        trail.orders = orders;
        let erased = std::mem::take(&mut trail.erased);
        for (chain, range, groups) in erased {
            let without = match trail.erasures.get(&chain) {
                Some(orders) => orders.outside(range, groups),
                None => {
                    let mut all = Intervals::default();
                    all.add(range);
                    all
                }
            };
            for range in without.iter() {
                trail.issues.add_many(
                    Kind::ErasedWithoutOrder,
                    size(range),
                    || numbers(&chain, range),
                    || "parts of it are erased, and no operator says so".to_owned(),
                );
            }
        }
    }
}

impl Conclusion {
    /// Nobody takes a record away before its time is over without saying why. How old it was, those before it tell.
    fn check_taken_early(&self, trail: &mut Trail, order: &Order, (chain, sequence): (&str, u64)) {
        let chain = decode::<16>(chain.as_bytes());
        let Some(chain) = chain.and_then(|uid| trail.chains.get(&uid)) else {
            return;
        };
        // What was purged since is judged by the record that the purge left.
        let is_there = |number| chain.segments.holding(number).is_some();
        let mut purges = chain.purges.iter();
        if purges.any(|purge| sequence < purge.checkpoint && is_there(purge.checkpoint)) {
            return;
        }
        let keep_ms = chain.least_ms().or_else(|| self.keep_of_class(chain));
        let before_ms = chain.time_before_ms(sequence);
        let (kind, why) = match (keep_ms, before_ms) {
            (Some(keep_ms), Some(before_ms)) => {
                let over_ms = before_ms.saturating_add(keep_ms);
                if order.time_ms >= over_ms.saturating_sub(longest_request_ms(keep_ms)) {
                    return;
                }
                let (keep, before) = (time::duration(keep_ms), time::format(before_ms));
                let why = format!(
                    "a record is taken away that was written after {before}; such records are kept for {keep}, and it does not say why"
                );
                (Kind::PurgedEarly, why)
            }
            _ => {
                let why = "a record is taken away, and nothing that stays says how long it was kept, or how old it was";
                (Kind::KeepUnknown, why.to_owned())
            }
        };
        trail.issues.add(kind, || order.uid(), || why);
    }
}

/// The holds on what an order touches that another ledger of the same key has, for a later time.
fn later_holds(
    trail: &Trail,
    orders: &[Order],
    order: &Order,
    touched: &[(&str, Range)],
) -> BTreeSet<String> {
    let key = |order: &Order| trail.chains.get(&order.chain)?.key_id.as_deref();
    let is_such = |other: &&Order| {
        other.chain != order.chain && other.time_ms > order.time_ms && key(other) == key(order)
    };
    let mut names = BTreeSet::new();
    for other in orders.iter().filter(is_such) {
        let mut holds = Holds::default();
        holds.note(&other.control);
        for (chain, range) in touched {
            if let Some(uid) = decode::<16>(chain.as_bytes()) {
                let class = trail
                    .chains
                    .get(&uid)
                    .and_then(|chain| chain.class.as_deref());
                let by_class = class.and_then(|class| holds.by_class(class));
                names.extend(holds.over(&uid, *range).chain(by_class).map(str::to_owned));
            }
        }
    }
    names
}

/// Nobody changes what must stay as it is for longer without saying why.
fn check_required(trail: &mut Trail, order: &Order, touched: &[(&str, Range)]) {
    let mut early = 0;
    for (chain, range) in touched {
        let chain = decode::<16>(chain.as_bytes());
        let required = chain.and_then(|chain| trail.required.get(&chain));
        for (of, until_ms) in required.into_iter().flatten() {
            let both = Range(of.0.max(range.0), of.1.min(range.1));
            if both.0 <= both.1 && order.time_ms < *until_ms {
                early += size(both);
            }
        }
    }
    if early > 0 {
        trail.issues.add_many(
            Kind::ErasedEarly,
            early,
            || order.uid(),
            || format!("parts of {early} records that must stay as they are for longer, and it does not say why"),
        );
    }
}

/// No order has a time that has not come yet.
pub(super) fn check_times(trail: &mut Trail, question: &Question) {
    let Some(clock_ms) = question.clock_ms else {
        return;
    };
    let latest_ms = clock_ms.saturating_add(CLOCKS_DIFFER_MS);
    for order in trail
        .orders
        .iter()
        .filter(|order| order.time_ms > latest_ms)
    {
        trail.issues.add(
            Kind::OrderAhead,
            || order.uid(),
            || {
                let (time, clock) = (time::format(order.time_ms), time::format(clock_ms));
                let kind = order.control.kind();
                format!("{kind} of {time}, which has not come yet: it is {clock}")
            },
        );
    }
}

/// A record has the time at which its request came, and stands behind those that were written meanwhile.
pub(super) const fn longest_request_ms(keep_ms: u64) -> u64 {
    let tenth_ms = keep_ms / 10;
    if tenth_ms < DAY_MS { tenth_ms } else { DAY_MS }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How far the clocks of those who order and those who verify may differ.
pub(super) const CLOCKS_DIFFER_MS: u64 = 300_000;

fn touched<'t>(targets: &'t [Target]) -> Vec<(&'t str, Range)> {
    let of =
        |target: &'t Target| ranges(target).map(move |range| (target.chain_uid.as_str(), range));
    targets.iter().flat_map(of).collect()
}

fn ranges(target: &Target) -> impl Iterator<Item = Range> {
    let all = target.ranges.is_empty().then_some(Range(0, u64::MAX));
    target.ranges.iter().copied().chain(all)
}
