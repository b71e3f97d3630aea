//! Secrets: what opens doors.

pub(crate) mod api_key;
pub(crate) mod aws_key;
pub(crate) mod basic;
pub(crate) mod gcp_key;
pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod jwt;
mod prefixes;
pub(crate) mod private_key;
mod runs;
pub(crate) mod slack;
pub(crate) mod stripe;
pub(crate) mod url_password;

use prefixes::PREFIXES;
pub(crate) use runs::{Class, Runs};

use crate::bytes::{Position as _, at, before, count_while, count_while_back, part};
use crate::detect::boundary::is_word;
use crate::detect::kind;
use crate::entity::EntitySet;
use crate::steps::step;

/// What stands behind a prefix.
#[derive(Clone, Copy)]
enum End {
    /// So many letters of a class or more, a digit and a letter among them.
    Token(Class, u8),
    /// So many letters of a class or more.
    Letters(Class, u8),
    /// Exactly so many letters of a class.
    Exactly(Class, u8),
    /// What the kind has a function for.
    Own(fn(&mut Runs<'_>, usize, &'static [u8]) -> Option<usize>),
}

impl End {
    /// The end of a secret whose prefix begins at a place.
    fn of(self, runs: &mut Runs<'_>, start: usize, prefix: &'static [u8]) -> Option<usize> {
        let begin = start.plus(prefix.len());
        let (class, count, is_exact) = match self {
            Self::Own(end) => return end(runs, start, prefix),
            Self::Token(class, count) | Self::Letters(class, count) => (class, count, false),
            Self::Exactly(class, count) => (class, count, true),
        };
        let run = runs.at(class, begin);
        let length = run.length_from(begin);
        let count = usize::from(count);
        let is_token = if is_exact {
            length == count && !is_word(at(runs.text(), run.end))
        } else {
            length >= count
        };
        let needs_both = matches!(self, Self::Token(..));
        (is_token && (!needs_both || run.is_mixed_from(begin))).then_some(run.end)
    }
}

/// By the first byte of a prefix: where in the table it is, and how many there are.
const RANGES: [(u8, u8); 128] = ranges();

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "runs while compiling"
)]
const fn ranges() -> [(u8, u8); 128] {
    let mut ranges = [(0, 0); 128];
    let mut place = 0;
    while place < PREFIXES.len() {
        let first = PREFIXES[place].0[0] as usize;
        if ranges[first].1 == 0 {
            ranges[first].0 = place as u8;
        }
        assert!(
            ranges[first].0 as usize + ranges[first].1 as usize == place,
            "prefixes with the same first byte stand together"
        );
        ranges[first].1 += 1;
        place += 1;
    }
    ranges
}

/// Whether a text may have a token whose prefix is none of those that the first look sees: `hvs.`, `dapi`. These have
/// a digit, and with their prefix at least so many letters of tokens in a row.
#[inline]
pub(crate) fn may_have_long_token(text: &[u8]) -> bool {
    let is_of_token = |byte: u8| Class::Dotted.has(byte);
    let mut place = LEAST_TOKEN_BYTES.less(1);
    while place < text.len() {
        step(1);
        // Every run that is long enough is at one of these places, and none is read more than once.
        if is_of_token(at(text, place)) {
            let head = part(text, place.less(LEAST_TOKEN_BYTES), place);
            let before = count_while_back(head, head.len(), is_of_token);
            let tail = part(text, place, place.plus(LEAST_TOKEN_BYTES));
            let behind = count_while(tail, 0, is_of_token);
            step(before.plus(behind) / 4);
            if before.plus(behind) >= LEAST_TOKEN_BYTES {
                return true;
            }
        }
        place = place.plus(LEAST_TOKEN_BYTES);
    }
    false
}

/// The fewest letters of tokens with a prefix that the first look does not see, the prefix included.
const LEAST_TOKEN_BYTES: usize = 24;

/// The kinds that begin with a prefix.
pub(crate) fn kinds() -> EntitySet {
    let mut kinds = EntitySet::EMPTY;
    kinds.insert(kind::PRIVATE_KEY);
    for (_, entity, _) in PREFIXES {
        kinds.insert(*entity);
    }
    kinds
}

/// The secrets of the wanted kinds that begin with a prefix, from `from` on. Returns how many prefixes
/// stood there.
pub(crate) fn find(
    text: &[u8],
    from: usize,
    wanted: &EntitySet,
    mut found: impl FnMut(u8, usize, usize),
) -> usize {
    let mut prefixes = 0_usize;
    let mut runs = Runs::new(text);
    let mut position = from;
    while position < text.len() {
        let byte = at(text, position);
        if byte == b'-'
            && part(text, position, position.plus(11)) == b"-----BEGIN "
            && wanted.has(kind::PRIVATE_KEY)
            && let Some(end) = private_key::end(text, position)
        {
            prefixes = prefixes.plus(1);
            found(kind::PRIVATE_KEY, position, end);
            position = end;
            continue;
        }
        let (first, count) = RANGES.get(usize::from(byte)).copied().unwrap_or((0, 0));
        if count > 0
            && !is_word(before(text, position))
            && let Some((entity, end)) =
                prefixed(&mut runs, position, (first, count), wanted, &mut prefixes)
        {
            found(entity, position, end);
            position = end;
            continue;
        }
        position = position.plus(1);
    }
    prefixes
}

/// The secret whose prefix stands at a place.
fn prefixed(
    runs: &mut Runs<'_>,
    position: usize,
    (first, count): (u8, u8),
    wanted: &EntitySet,
    prefixes: &mut usize,
) -> Option<(u8, usize)> {
    let second = at(runs.text(), position.plus(1));
    let candidates = PREFIXES
        .iter()
        .skip(usize::from(first))
        .take(usize::from(count));
    for (prefix, entity, end) in candidates {
        step(1);
        if at(prefix, 1) == second
            && part(runs.text(), position, position.plus(prefix.len())) == *prefix
        {
            step(prefix.len());
            // The longest prefix comes first, and is the only one that counts.
            if !wanted.has(*entity) {
                return None;
            }
            *prefixes = prefixes.plus(1);
            return end.of(runs, position, prefix).map(|end| (*entity, end));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::Triggers;

    #[test]
    fn every_prefix_is_seen_at_the_first_look() {
        for (prefix, _, end) in PREFIXES {
            // Those that it does not see are long, and have a digit.
            let length = match end {
                End::Token(_, count) | End::Exactly(_, count) => prefix.len() + usize::from(*count),
                End::Letters(_, count) if prefix.iter().any(u8::is_ascii_digit) => {
                    prefix.len() + usize::from(*count)
                }
                // The line in base64 that a key begins with.
                End::Own(_) if prefix.starts_with(b"LS0t") => LEAST_TOKEN_BYTES,
                End::Letters(..) | End::Own(_) => 0,
            };
            assert!(
                Triggers::of(prefix).has(Triggers::LITERAL) || length >= LEAST_TOKEN_BYTES,
                "{}",
                String::from_utf8_lossy(prefix)
            );
        }
        assert!(Triggers::of(b"-----BEGIN ").has(Triggers::LITERAL));
    }

    #[test]
    fn of_two_prefixes_the_longer_one_comes_first() {
        for (place, (prefix, ..)) in PREFIXES.iter().enumerate() {
            for (later, ..) in &PREFIXES[place + 1..] {
                assert!(!later.starts_with(prefix), "{later:?} behind {prefix:?}");
            }
        }
    }

    #[test]
    fn a_run_of_letters_is_seen_wherever_it_stands() {
        for before in 0..60 {
            for length in [1, 23, 24, 25, 48] {
                let text = format!("{}{} x", " ".repeat(before), "a".repeat(length));
                assert_eq!(
                    may_have_long_token(text.as_bytes()),
                    length >= LEAST_TOKEN_BYTES,
                    "{text:?}"
                );
            }
        }
    }
}
