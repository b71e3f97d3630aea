//! What callers got in clear, by class of data: added up from the records, and as signed records state it.

use std::collections::{BTreeMap, BTreeSet};

use audit::{Group, Statement};
use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::item::Groups;
use crate::report::{found, seen};
use crate::scan::Fields;

/// How many values of each class some records disclose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disclosed {
    /// Values and people, by class.
    classes: BTreeMap<String, Amount>,
    /// Some records do not say all that was found.
    values_are_fewer: bool,
    /// The same, or it was erased whom they were about.
    people_are_fewer: bool,
}

/// So many values, of so many people; whoever is in two requests counts twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Amount {
    values: u64,
    people: u64,
}

/// Whom a request was about.
#[derive(Deserialize)]
struct People {
    uids: Vec<IgnoredAny>,
    #[serde(default)]
    omitted: u64,
}

impl Disclosed {
    /// What the record of a request says. `None`: nothing was found.
    #[must_use]
    pub fn of(text: &str, fields: &Fields, erased: Groups) -> Option<Box<Self>> {
        let findings = fields.findings.of(text)?;
        let is_cut = [r#""findings_omitted":"#, r#""truncated":true"#]
            .iter()
            .any(|mark| memmem::find(text.as_bytes(), mark.as_bytes()).is_some());
        if is_cut {
            return Some(Box::new(Self::unknown()));
        }
        let people = fields.data_subject.of(text);
        let people = people.and_then(|people| serde_json::from_str::<People>(people).ok());
        let people = people.map_or(0, |people| {
            people.omitted.saturating_add(people.uids.len() as u64)
        });
        let found = found(findings);
        let amount = |(class, values): (&str, u64)| (class.to_owned(), Amount { values, people });
        Some(Box::new(Self {
            classes: seen(&found).into_iter().map(amount).collect(),
            values_are_fewer: false,
            people_are_fewer: erased.has(Group::DataSubject),
        }))
    }

    /// What a signed record states; empty where it states nothing.
    #[must_use]
    pub fn stated(statement: &Statement) -> Self {
        let mut stated = Self::default();
        for (class, values) in &statement.disclosed {
            stated.classes.entry(class.clone()).or_default().values = *values;
        }
        for (class, people) in &statement.disclosed_people {
            stated.classes.entry(class.clone()).or_default().people = *people;
        }
        stated
    }

    /// Of a record that does not say all that was found, or of which only its place in the chain is left.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            classes: BTreeMap::new(),
            values_are_fewer: true,
            people_are_fewer: true,
        }
    }

    /// Adds the totals of `other`.
    pub fn add(&mut self, other: &Self) {
        for (class, more) in &other.classes {
            let amount = self.classes.entry(class.clone()).or_default();
            amount.values = amount.values.saturating_add(more.values);
            amount.people = amount.people.saturating_add(more.people);
        }
        self.values_are_fewer |= other.values_are_fewer;
        self.people_are_fewer |= other.people_are_fewer;
    }

    /// Whether there are no totals.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.classes.is_empty()
    }

    /// What is not so if a signed record states `self`, one before it stated `before`, and `there` is what the records
    /// between them say.
    #[must_use]
    pub fn contradiction(&self, before: &Self, there: &Self) -> Option<String> {
        // Emitters of earlier versions state nothing.
        if self.is_silent() && before.is_silent() {
            return None;
        }
        let of =
            |totals: &Self, class: &str| totals.classes.get(class).copied().unwrap_or_default();
        let names: BTreeSet<&String> = [self, before, there]
            .into_iter()
            .flat_map(|totals| totals.classes.keys())
            .collect();
        names.into_iter().find_map(|class| {
            let (stated, before, known) = (of(self, class), of(before, class), of(there, class));
            let parts = [
                ("values", stated.values, before.values, known.values, there.values_are_fewer),
                ("people", stated.people, before.people, known.people, there.people_are_fewer),
            ];
            parts.into_iter().find_map(|(unit, stated, before, known, are_fewer)| {
                let more = stated.checked_sub(before);
                let fits = more.is_some_and(|more| more == known || are_fewer && more > known);
                (!fits).then(|| {
                    format!(
                        "it says that callers got {stated} {unit} of {class} since the chain began and the statement before it \
                         {before}, and the records between them say {known}"
                    )
                })
            })
        })
    }
}
