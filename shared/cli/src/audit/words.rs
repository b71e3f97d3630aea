//! Words that people ask for and that are in no record: what is nearest to them.

use std::collections::BTreeSet;

use trail::report::{Unknown, Words};

use super::format::printable;
use super::unread::or_not_done;

/// Says on standard error what was asked for and no record has: that nothing was found is no answer then.
pub(super) fn tell_unknown(words: &Words<'_>, status: u8) -> u8 {
    let mut status = status;
    for unknown in words.unknown() {
        tell(&unknown);
        status = or_not_done(status);
    }
    status
}

/// The same of one word.
pub(super) fn tell_unless_known(
    option: &'static str,
    word: &str,
    what: &'static str,
    known: &BTreeSet<String>,
) {
    if !known.contains(word) {
        tell(&Unknown {
            option,
            word,
            what,
            known,
        });
    }
}

fn tell(unknown: &Unknown<'_>) {
    let Unknown {
        option,
        word,
        what,
        known,
    } = unknown;
    let hint = match (nearest(word, known), known.len()) {
        (Some(near), _) => format!("; did you mean {near:?}?"),
        (None, 0) => String::new(),
        (None, count) => {
            let some: Vec<&str> = known.iter().take(SHOWN).map(String::as_str).collect();
            let more = if count > SHOWN { ", …" } else { "" };
            format!("; in them there are {}{more}", some.join(", "))
        }
    };
    eprintln!(
        "{}",
        printable(&format!(
            "{option} {word:?}: no record of these files has this {what}{hint}"
        ))
    );
}

/// The word that may be meant: the same in other letters, one that contains it, or one that is spelled much like it.
pub(super) fn nearest<'k>(word: &str, known: &'k BTreeSet<String>) -> Option<&'k str> {
    let lower = word.trim_end_matches('*').to_lowercase();
    let is_same = |one: &&String| one.to_lowercase() == lower;
    let has = |one: &&String| !lower.is_empty() && one.to_lowercase().contains(&lower);
    let found = known
        .iter()
        .find(is_same)
        .or_else(|| known.iter().find(has));
    let words = || known.iter().map(String::as_str);
    found
        .map(String::as_str)
        .or_else(|| policy::nearest(word, words()))
}

const SHOWN: usize = 12;
