//! What is not among the records, so that nobody takes a list of them for all that there was.

use trail::issue::Kind;
use trail::verdict::{Records, Verdict};

use super::format::thousands;

/// Of how many requests no record was kept on purpose.
pub(super) fn sampled_out(records: &Records) -> Option<String> {
    (records.sampled_out > 0).then(|| {
        format!(
            "Sampling: of {} further requests no record was kept, as configured",
            thousands(records.sampled_out)
        )
    })
}

/// How many records are gone by order, where some may be of the time from `from_ms` on.
pub(super) fn taken_away(verdict: &Verdict, from_ms: Option<u64>) -> Option<String> {
    // What a purge took away is older than the record that it left.
    let mut purged = verdict.chains.iter().filter(|chain| chain.first > 0);
    let are_all_known = verdict.chain_count == verdict.chains.len() as u64;
    let is_before = are_all_known
        && from_ms.is_some_and(|from_ms| {
            purged.clone().next().is_some() && purged.all(|chain| chain.from_ms <= from_ms)
        });
    let expired = if is_before {
        0
    } else {
        verdict.records.expired
    };
    let gone = expired.saturating_add(verdict.records.seen.removed);
    (gone > 0).then(|| {
        format!(
            "Gone by order: {} records were purged or removed; what they said cannot be told",
            thousands(gone)
        )
    })
}

/// That records are missing, though nobody ordered it.
pub(super) fn missing(verdict: &Verdict) -> Option<String> {
    let kinds = [Kind::Missing, Kind::Undelivered, Kind::DeclaredGap];
    let is_told = |kind: &Kind| verdict.issue_counts.contains_key(kind);
    kinds.iter().any(is_told).then(|| {
        "Not all is here: records are missing, or were lost; meshward audit verify says how many"
            .to_owned()
    })
}

/// All of that.
pub(super) fn notes(verdict: &Verdict, from_ms: Option<u64>) -> Vec<String> {
    let all = [
        sampled_out(&verdict.records),
        taken_away(verdict, from_ms),
        missing(verdict),
    ];
    all.into_iter().flatten().collect()
}
