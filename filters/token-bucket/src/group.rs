//! Several limits on one request, all or nothing.

use crate::storage::{Storage, StorageError};
use crate::table::{Answer, HashedKey, Loaded, Table};

/// A limit that counts the request.
#[derive(Clone, Copy, Debug)]
pub struct Charge<'t> {
    /// Its buckets.
    pub table: &'t Table,
    /// Whose bucket.
    pub key: HashedKey,
    /// How many units.
    pub cost: u64,
    /// The request does not pass when this limit cannot be decided.
    pub deny_on_error: bool,
}

/// What all limits together say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the request passes, and why not.
    pub outcome: Outcome,
    /// What each limit says, in the order of the charges.
    pub answers: Vec<Result<Answer, StorageError>>,
}

/// Whether a request passes.
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
/// another worker has used one up meanwhile, what was taken from those before it is given back.
#[must_use]
pub fn take_all(storage: &dyn Storage, charges: &[Charge<'_>], now_ns: u64) -> Verdict {
    if let [charge] = charges {
        let Charge {
            table, key, cost, ..
        } = *charge;
        let loaded = table.load(storage, key, now_ns);
        let answer = loaded.and_then(|loaded| table.take(storage, loaded, key, now_ns, cost));
        return Verdict {
            outcome: outcome(charges, &[answer]),
            answers: vec![answer],
        };
    }
    let load = |charge: &Charge<'_>| charge.table.load(storage, charge.key, now_ns);
    let loaded: Vec<Result<Loaded, StorageError>> = charges.iter().map(load).collect();
    let look = |(charge, loaded): (&Charge<'_>, &Result<Loaded, StorageError>)| match loaded {
        Ok(loaded) => Ok(charge.table.decide(loaded, charge.key, now_ns, charge.cost)),
        Err(error) => Err(*error),
    };
    let mut answers: Vec<_> = charges.iter().zip(&loaded).map(look).collect();
    let mut outcome = outcome(charges, &answers);
    if outcome != Outcome::Passed {
        return Verdict { outcome, answers };
    }
    let mut taken = Vec::with_capacity(charges.len());
    for ((charge, loaded), answer) in charges.iter().zip(loaded).zip(&mut answers) {
        let Ok(loaded) = loaded else { continue };
        let Charge {
            table, key, cost, ..
        } = *charge;
        *answer = table.take(storage, loaded, key, now_ns, cost);
        outcome = self::outcome(&[*charge], &[*answer]);
        if outcome != Outcome::Passed {
            break;
        }
        taken.extend(
            answer
                .iter()
                .filter_map(|answer| answer.receipt)
                .map(|receipt| (table, receipt)),
        );
    }
    if outcome != Outcome::Passed {
        for (table, receipt) in taken.iter().rev() {
            table.give_back(storage, receipt);
        }
    }
    Verdict { outcome, answers }
}

fn outcome(charges: &[Charge<'_>], answers: &[Result<Answer, StorageError>]) -> Outcome {
    let undecided = |(charge, answer): (&Charge<'_>, &Result<Answer, StorageError>)| {
        charge.deny_on_error && answer.is_err()
    };
    if answers.iter().flatten().any(|answer| !answer.admitted) {
        Outcome::Refused
    } else if charges.iter().zip(answers).any(undecided) {
        Outcome::Undecided
    } else {
        Outcome::Passed
    }
}

#[cfg(test)]
mod tests;
