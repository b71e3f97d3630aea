//! Where a client stands, in the headers that tell it.
//!
//! A request is counted by all limits that match it, by the rate limit service, and perhaps by the
//! upstream. Each header says what all of them say: the limits of all, and what is left in the
//! strictest.

use std::fmt::Write as _;
use std::time::Duration;

/// How a client stands in one window of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitState {
    /// The name of the limit.
    pub name: String,
    /// The most units at once.
    pub quota: u64,
    /// The time in which so many come, where it is known.
    pub window: Option<Duration>,
    /// Units that the client may still use in this window.
    pub remaining: u64,
    /// How long until all units are back.
    pub until_full: Duration,
    /// How long until there are more units; for a refused request, until it would pass.
    pub until_more: Duration,
    /// This window refuses the request.
    pub refuses: bool,
}

/// The headers of a style, by name.
pub type HeaderFields = Vec<(&'static str, String)>;

/// `x-ratelimit-*` (draft-polli-ratelimit-headers-03) in Envoy's spelling: the limit that has least
/// left, and all limits with window and name; what is left; the seconds until the bucket is full.
#[must_use]
pub fn x_ratelimit(states: &[LimitState]) -> HeaderFields {
    let Some(strictest) = strictest(states) else {
        return Vec::new();
    };
    let length = states.iter().fold(24, |sum: usize, state| {
        sum.saturating_add(state.name.len()).saturating_add(56)
    });
    let mut limit = String::with_capacity(length);
    push_number(&mut limit, strictest.quota);
    for state in states {
        let Some(window) = state.window else {
            continue;
        };
        // In pieces: nearly every response comes through here, and formatting executes more code.
        limit.push_str(", ");
        push_number(&mut limit, state.quota);
        limit.push_str(";w=");
        push_number(&mut limit, window_seconds(window));
        if !state.name.is_empty() {
            limit.push_str(";name=\"");
            push_quotable(&mut limit, &state.name);
            limit.push('"');
        }
    }
    vec![
        (X_LIMIT, limit),
        (X_REMAINING, number(strictest.remaining)),
        (X_RESET, number(seconds_up(strictest.until_full))),
    ]
}

/// `ratelimit-policy` and `ratelimit` (draft-ietf-httpapi-ratelimit-headers-10): every limit, and
/// what is left of each.
#[must_use]
pub fn ietf_10(states: &[LimitState]) -> HeaderFields {
    if states.is_empty() {
        return Vec::new();
    }
    let (mut policies, mut limits) = (String::new(), String::new());
    for state in states {
        for text in [&mut policies, &mut limits] {
            text.push_str(if text.is_empty() { "\"" } else { ", \"" });
            push_quotable(text, &state.name);
        }
        let _ = write!(policies, "\";q={}", state.quota);
        if let Some(window) = state.window {
            let _ = write!(policies, ";w={}", window_seconds(window));
        }
        let (remaining, more) = (state.remaining, seconds_up(state.until_more));
        let _ = write!(limits, "\";r={remaining};t={more}");
    }
    vec![(IETF_POLICY, policies), (IETF_LIMIT, limits)]
}

/// The value of `Retry-After` (RFC 9110 section 10.2.3): whole seconds, rounded up, so that who
/// waits so long is not refused again, and at least 1.
#[must_use]
pub fn retry_after(wait: Duration) -> String {
    seconds_up(wait).max(1).to_string()
}

/// What to send where the upstream sends headers of this kind too: the stricter wins, and what is
/// stricter is never overwritten. `theirs` gives the headers that are there.
#[must_use]
pub fn merged(ours: HeaderFields, theirs: impl Fn(&'static str) -> Option<String>) -> HeaderFields {
    let of_ours = |name: &str| {
        let found = ours.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    };
    if let Some(our_remaining) = of_ours(X_REMAINING) {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let Some(their_remaining) = theirs(X_REMAINING).as_deref().and_then(number) else {
            return ours;
        };
        let our_reset = of_ours(X_RESET).and_then(number);
        let rank = |remaining, reset: Option<u64>| (remaining, std::cmp::Reverse(reset));
        let stricter = number(our_remaining).is_none_or(|our_remaining| {
            let their_reset = theirs(X_RESET).as_deref().and_then(number);
            rank(their_remaining, their_reset) <= rank(our_remaining, our_reset)
        });
        return if stricter { Vec::new() } else { ours };
    }
    // Lists of named policies stand side by side; of two with one name the stricter stays.
    let (Some(our_left), Some(our_policy)) = (of_ours(IETF_LIMIT), of_ours(IETF_POLICY)) else {
        return ours;
    };
    let Some(their_left) = theirs(IETF_LIMIT).as_deref().and_then(list_items) else {
        return ours;
    };
    let their_policy = theirs(IETF_POLICY)
        .as_deref()
        .and_then(list_items)
        .unwrap_or_default();
    let our_left = list_items(our_left).unwrap_or_default();
    let our_policy = list_items(our_policy).unwrap_or_default();
    let same = |items: &[Item], name: &str| items.iter().find(|item| item.name == name).cloned();
    let loses = |item: &Item, other: &[Item], on_a_tie: bool| {
        same(other, &item.name).is_some_and(|rival| match rival.left.cmp(&item.left) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => on_a_tie,
            std::cmp::Ordering::Greater => false,
        })
    };
    let our_lost = |item: &Item| loses(item, &their_left, true);
    let their_lost = |item: &Item| loses(item, &our_left, false);
    let joined = |theirs: &[Item], ours: &[Item]| {
        let keep_theirs =
            |item: &&Item| !same(&their_left, &item.name).is_some_and(|i| their_lost(&i));
        let keep_ours = |item: &&Item| !same(&our_left, &item.name).is_some_and(|i| our_lost(&i));
        let theirs = theirs.iter().filter(keep_theirs);
        let all = theirs.chain(ours.iter().filter(keep_ours));
        let texts: Vec<&str> = all.map(|item| item.text.as_str()).collect();
        texts.join(", ")
    };
    let lists = [
        (IETF_POLICY, joined(&their_policy, &our_policy)),
        (IETF_LIMIT, joined(&their_left, &our_left)),
    ];
    // An upstream that names no policy for a limit leaves a list that may be empty.
    lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .collect()
}

/// An item of a list of strings with parameters (RFC 9651), as far as is needed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    text: String,
    name: String,
    /// The parameter `r`; a huge one where it has none.
    left: u64,
}

/// Splits a list at its commas. `None` for what is no list of strings: clients ignore that, so it
/// says nothing that ours could be looser than.
fn list_items(value: &str) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    let parts = value.split(|character| {
        if quoted {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = false,
                _ => {}
            }
            return false;
        }
        quoted = character == '"';
        character == ','
    });
    for part in parts {
        let text = part.trim();
        let name_and_rest = text.strip_prefix('"')?;
        let (name, parameters) = name_and_rest.split_once('"')?;
        let left = parameters.split(';').find_map(|parameter| {
            let number = parameter.trim().strip_prefix("r=")?;
            number.parse::<u64>().ok()
        });
        items.push(Item {
            text: text.to_owned(),
            name: name.to_owned(),
            left: left.unwrap_or(u64::MAX),
        });
        if items.len() > MAX_ITEMS {
            return None;
        }
    }
    (!quoted).then_some(items)
}

/// The one that refuses longest, else the one with least left; of several with as much, the one
/// that takes longest to fill.
fn strictest(states: &[LimitState]) -> Option<&LimitState> {
    use std::cmp::Reverse;

    states.iter().min_by_key(|state| {
        let refused_for = state.refuses.then_some(state.until_more);
        (
            Reverse(refused_for),
            state.remaining,
            Reverse(state.until_full),
        )
    })
}

fn number(number: u64) -> String {
    let mut text = String::with_capacity(20);
    push_number(&mut text, number);
    text
}

/// Writes a number without the standard library's formatting, which executes several times as much.
fn push_number(text: &mut String, number: u64) {
    let (rest, last) = (number / 10, number % 10);
    if rest > 0 {
        push_number(text, rest);
    }
    text.push(char::from(
        b'0'.saturating_add(u8::try_from(last).unwrap_or(0)),
    ));
}

/// The name of a limit of a service may have anything in it.
fn push_quotable(text: &mut String, name: &str) {
    // That of a limit of our own has nothing to replace.
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if name.len() <= MAX_NAME_CHARACTERS && name.bytes().all(is_plain) {
        text.push_str(name);
        return;
    }
    let plain = |character: char| match character {
        '"' | '\\' => '\'',
        ' '..='~' => character,
        _ => '?',
    };
    text.extend(name.chars().take(MAX_NAME_CHARACTERS).map(plain));
}

fn window_seconds(window: Duration) -> u64 {
    seconds_up(window).max(1)
}

fn seconds_up(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0))
}

const X_LIMIT: &str = "x-ratelimit-limit";
const X_REMAINING: &str = "x-ratelimit-remaining";
const X_RESET: &str = "x-ratelimit-reset";
const IETF_POLICY: &str = "ratelimit-policy";
const IETF_LIMIT: &str = "ratelimit";
const MAX_ITEMS: usize = 64;
const MAX_NAME_CHARACTERS: usize = 128;

#[cfg(test)]
mod tests;
