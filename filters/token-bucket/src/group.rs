//! Several limits on one request, all or nothing.

use crate::storage::{Storage, StorageError};
use crate::table::{BucketDecision, HashedKey, Loaded, Receipt, Table};

/// A limit that counts the request.
#[derive(Clone, Copy, Debug)]
pub struct Charge<'t> {
    /// The buckets of the limit.
    pub table: &'t Table,
    /// The key whose bucket is charged.
    pub key: HashedKey,
    /// How many units to charge.
    pub cost: u64,
    /// The request does not pass when this limit cannot be decided.
    pub deny_on_error: bool,
}

/// A charge that was made, of a limit by its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charged {
    /// The place of the limit in the group.
    pub limit: usize,
    /// The receipt by which the charge is given back.
    pub receipt: Receipt,
}

/// What all limits together say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDecision {
    /// Whether the request passes, and why not.
    pub outcome: Outcome,
    /// What each bucket says, in the order of the charges.
    pub buckets: Vec<Result<BucketDecision, StorageError>>,
}

/// Whether a request passes a group of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every limit that could be decided was charged.
    Passed,
    /// At least one limit refuses; none is charged.
    Refused,
    /// A limit that must be decided cannot be; none is charged.
    Undecided,
}

/// Charges every limit, or none: looks at all of them, then takes from each in one atomic step. If
/// another worker has used one up meanwhile, what was taken from those before it is given back, by
/// the clock as it is then.
#[must_use]
pub fn take_all(
    storage: &dyn Storage,
    charges: &[Charge<'_>],
    now_ns: u64,
    clock_ns: &dyn Fn() -> u64,
) -> GroupDecision {
    if let [charge] = charges {
        let Charge {
            table, key, cost, ..
        } = *charge;
        let decision = table.take(storage, None, key, now_ns, cost);
        return GroupDecision {
            outcome: outcome(charges, &[decision]),
            buckets: vec![decision],
        };
    }
    let load = |charge: &Charge<'_>| charge.table.load(storage, charge.key, now_ns);
    let loaded: Vec<Result<Loaded, StorageError>> = charges.iter().map(load).collect();
    let look = |(charge, loaded): (&Charge<'_>, &Result<Loaded, StorageError>)| match loaded {
        Ok(loaded) => Ok(charge.table.decide(loaded, charge.key, now_ns, charge.cost)),
        Err(error) => Err(*error),
    };
    let mut buckets: Vec<_> = charges.iter().zip(&loaded).map(look).collect();
    let mut outcome = outcome(charges, &buckets);
    if outcome != Outcome::Passed {
        return GroupDecision { outcome, buckets };
    }
    let mut taken: Vec<(&Table, Receipt)> = Vec::with_capacity(charges.len());
    for ((charge, loaded), decision) in charges.iter().zip(loaded).zip(&mut buckets) {
        let Ok(loaded) = loaded else { continue };
        let Charge {
            table, key, cost, ..
        } = *charge;
        *decision = table.take(storage, Some(loaded), key, now_ns, cost);
        outcome = self::outcome(&[*charge], &[*decision]);
        if outcome != Outcome::Passed {
            break;
        }
        let receipt = decision.as_ref().ok().and_then(|decision| decision.receipt);
        taken.extend(receipt.map(|receipt| (table, receipt)));
    }
    if outcome != Outcome::Passed {
        for (table, receipt) in taken.iter().rev() {
            table.give_back(storage, receipt, clock_ns);
        }
    }
    GroupDecision { outcome, buckets }
}

fn outcome(charges: &[Charge<'_>], buckets: &[Result<BucketDecision, StorageError>]) -> Outcome {
    let undecided = |(charge, bucket): (&Charge<'_>, &Result<BucketDecision, StorageError>)| {
        charge.deny_on_error && bucket.is_err()
    };
    if buckets.iter().flatten().any(|bucket| !bucket.admitted) {
        Outcome::Refused
    } else if charges.iter().zip(buckets).any(undecided) {
        Outcome::Undecided
    } else {
        Outcome::Passed
    }
}

#[cfg(test)]
mod tests;
