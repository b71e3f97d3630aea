//! What was not read of the files, and so is not in what was made of them.

use super::format::{printable, thousands};
use crate::exit;
use trail::chains::Trail;
use trail::issue::Kind;
use trail::pseudonym_keys::Unidentified;

/// Says on standard error what was not read. Returns `status`, or that not all was done where all would
/// be well otherwise.
pub(crate) fn tell_unread(trail: &Trail, status: u8) -> u8 {
    tell(trail, UNREAD, "Not all was read", status)
}

/// The same, with lines that may be records and that are left as they are: whom they name is not erased.
pub(super) fn tell_left(trail: &Trail, status: u8) -> u8 {
    let status = tell_unread(trail, status);
    tell(
        trail,
        LEFT,
        "Lines of logs that no key vouches for are left as they are, whomever they name",
        status,
    )
}

fn tell(trail: &Trail, kinds: &[Kind], what: &str, status: u8) -> u8 {
    let issues = trail.issues();
    let count: u64 = kinds.iter().map(|kind| issues.count(*kind)).sum();
    if count == 0 {
        return status;
    }
    eprintln!("{what}:");
    let examples = issues.examples();
    let examples = examples.iter().filter(|one| kinds.contains(&one.kind));
    let mut shown = 0_u64;
    for issue in examples.take(SHOWN) {
        eprintln!(
            "  {}",
            printable(&format!("{}: {}", issue.place, issue.message))
        );
        shown = shown.saturating_add(1);
    }
    if count > shown {
        let more = thousands(count.saturating_sub(shown));
        eprintln!("  and {more} more; meshward audit verify says how many of each kind");
    }
    or_not_done(status)
}

/// Says on standard error why whoever is looked for may be in records that were not found.
pub(super) fn tell_unidentified(unidentified: &Unidentified, status: u8) -> u8 {
    let Unidentified {
        missing,
        other_keys,
        unproven,
    } = unidentified;
    if !missing.is_empty() {
        eprintln!(
            "Records name people by pseudonyms of epochs whose keys were not given (--pseudonym-key-env EPOCH=VARIABLE); \
             whoever is looked for may be among them:"
        );
    }
    for (epoch, count) in missing {
        eprintln!("  {}: {} records", printable(epoch), thousands(*count));
    }
    for epoch in other_keys {
        eprintln!("{}", other_key(epoch));
    }
    for epoch in unproven {
        eprintln!(
            "Nobody was found by the key given for the pseudonyms of epoch {:?}, and no record says whether it is the right one",
            printable(epoch)
        );
    }
    if missing.is_empty() && other_keys.is_empty() {
        return status;
    }
    or_not_done(status)
}

/// What is wrong with the key that was given for an epoch.
pub(super) fn other_key(epoch: &str) -> String {
    format!(
        "Not all: chains of this trail say that they were written with another key for the pseudonyms of epoch {:?} than the one given; whoever is looked for is not found in them",
        printable(epoch)
    )
}

pub(super) const fn or_not_done(status: u8) -> u8 {
    if status == exit::RIGHT {
        exit::NOT_DONE
    } else {
        status
    }
}

const UNREAD: &[Kind] = &[
    Kind::Unreadable,
    Kind::CutOff,
    Kind::TooLong,
    Kind::NewerVersion,
    Kind::TooManyUnproven,
];
const LEFT: &[Kind] = &[Kind::Unproven, Kind::LogLine];
const SHOWN: usize = 20;
