//! What operators ordered, and in which order it counts.

use std::cmp::Reverse;

use audit::Control;

use crate::item::{ChainUid, uid};

/// An order of an operator: a hold, a release, an erasure or a purge.
#[derive(Clone, Debug)]
pub struct Order {
    /// When the order was given, milliseconds since 1970, by the clock of whoever gave it.
    pub time_ms: u64,
    /// The ledger that says so.
    pub chain: ChainUid,
    /// The number of the record in the ledger.
    pub sequence: u64,
    /// The control record that has the order.
    pub control: Control,
}

impl Order {
    /// The id of the record that says so.
    #[must_use]
    pub fn uid(&self) -> String {
        uid(&self.chain, self.sequence)
    }

    /// Orders as they count: those of one ledger as they stand in it, whatever times they have. Between
    /// ledgers there is only the time, and no order is later than the one that stands behind it.
    /// Each with the time from which it counts.
    pub(crate) fn as_they_count(orders: &[Self]) -> Vec<(u64, &Self)> {
        let mut sorted: Vec<&Self> = orders.iter().collect();
        sorted.sort_by_key(|order| (order.chain, Reverse(order.sequence)));
        let mut behind: Option<(ChainUid, u64)> = None;
        let mut timed = Vec::with_capacity(sorted.len());
        for order in sorted {
            let time_ms = match behind {
                Some((chain, time_ms)) if chain == order.chain => time_ms.min(order.time_ms),
                _ => order.time_ms,
            };
            behind = Some((order.chain, time_ms));
            timed.push((time_ms, order));
        }
        timed.sort_by_key(|(time_ms, order)| (*time_ms, order.chain, order.sequence));
        timed
    }
}
