//! Which data the messages of a request held.

use std::borrow::Cow;

use serde::Deserialize;

/// Values of one kind, at one place of a request or its response.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Found<'t> {
    #[serde(borrow)]
    kind: Cow<'t, str>,
    #[serde(borrow)]
    outcome: Cow<'t, str>,
    #[serde(default, borrow)]
    direction: Cow<'t, str>,
    #[serde(default)]
    pub(super) count: u64,
}

impl Found<'_> {
    pub(super) fn name(&self) -> &str {
        &self.kind
    }

    /// Which way the message went.
    pub(super) fn direction(&self) -> &str {
        &self.direction
    }

    /// How the values were handled.
    pub(super) fn outcome(&self) -> &str {
        &self.outcome
    }

    /// Whether the two differ in the place and in the count alone.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        (&self.kind, &self.direction, &self.outcome)
            == (&other.kind, &other.direction, &other.outcome)
    }

    /// Whether the caller got the values as they were.
    fn was_seen(&self) -> bool {
        self.outcome == "seen"
    }
}

/// What `unmapped.findings` of a record says.
pub(crate) fn found(text: &str) -> Vec<Found<'_>> {
    if text.is_empty() {
        return Vec::new();
    }
    serde_json::from_str(text).unwrap_or_default()
}

/// The kinds of data that the caller has seen, each once, with how many values.
pub(crate) fn seen<'f>(found: &'f [Found<'_>]) -> Vec<(&'f str, u64)> {
    let mut kinds: Vec<(&str, u64)> = Vec::new();
    for one in found.iter().filter(|one| one.was_seen()) {
        match kinds.iter_mut().find(|(kind, _)| *kind == one.name()) {
            Some((_, count)) => *count = count.saturating_add(one.count),
            None => kinds.push((one.name(), one.count)),
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reached_the_caller_was_seen() {
        let finding = |kind: &str, outcome: &str, count: u64| {
            format!(
                r#"{{"category":"personal","count":{count},"direction":"response","kind":"{kind}","outcome":"{outcome}","place":"response.body"}}"#
            )
        };
        let text = [
            finding("EMAIL", "seen", 2),
            finding("EMAIL", "masked", 5),
            finding("EMAIL", "seen", 1),
            finding("US_SSN", "blocked", 1),
            finding("PHONE", "sent", 1),
            finding("CREDIT_CARD", "removed", 1),
        ];
        let text = format!("[{}]", text.join(","));
        let found = found(&text);
        assert_eq!(found.len(), 6);
        assert_eq!(seen(&found), [("EMAIL", 3)]);
    }
}
