//! How much personal data pii-redactor lets each caller have in clear.

use std::time::Duration;

use host::key::OnMissingKey;
use pii_redactor::config::{FailurePolicy, Then};
use policy::finding::Direction;
use serde_json::{Map, Value, json};

use super::reach::{is_bounded, is_of_all, items, tells_callers_apart};
use super::redact::{Reach, Rules};

/// Each budget: whether it stops what is beyond a number, by whom, and whether it counts all that is
/// found everywhere.
pub(super) fn rows(all: &Rules<'_>, written: &Map<String, Value>) -> Vec<Value> {
    let names_people = all.rules.iter().any(|rule| {
        let mut people = rule.read.data_subject.iter();
        rule.is_counted_everywhere(false)
            && people.any(|person| person.direction == Direction::Response)
    });
    let addresses = all.config.sources.client_address.prefixes;
    let budgets = all.config.data_budgets.iter().zip(items(written, "budget"));
    let rows = budgets.map(|(budget, own)| {
        let bounded = |key: &str| {
            let rate = own.get(key);
            rate.is_some_and(|rate| is_bounded(rate, None, (MOST_A_DAY, DAY), MOST_A_DAY))
        };
        let of_class = (0..=u8::MAX).filter(|kind| budget.class.has(*kind));
        let found = of_class.map(|kind| all.finds(kind)).min().flatten();
        json!({
            "stops": matches!(budget.then, Then::Block | Then::Mask),
            "is_by_caller": tells_callers_apart(&budget.key, &budget.on_missing_key, addresses),
            "is_found": found.is_some(),
            "limits_values": bounded("values"),
            "limits_people": bounded("people"),
            "everywhere": is_of_all(&budget.matches)
                && budget.on_missing_key != OnMissingKey::Skip
                && budget.on_error == FailurePolicy::Block
                && found == Some(Reach::Everywhere),
            "names_people": names_people,
        })
    });
    rows.collect()
}

const DAY: Duration = Duration::from_secs(86_400);
/// The highest number of people of 28 CFR 202.205.
const MOST_A_DAY: u64 = 100_000;
