//! Budgets: how much personal data each caller may get in clear.

use std::time::Duration;

use host::key::{KeyPart, OnMissingKey};
use policy::config::{Fields, Node};
use policy::finding::{Category, Place};
use policy::gcra::Gcra;
use policy::matching::Match;
use policy::units::Rate;

use super::actions::NO_EFFECT;
use super::detectors::Kinds;
use super::rule::Rule;
use super::{FailurePolicy, presets};
use crate::detect::{DETECTORS, PRESET_WORDS};
use crate::entity::EntitySet;

/// How much personal data each caller may get in clear.
#[derive(Clone, Debug)]
pub struct DataBudget {
    /// Where the configuration has it.
    path: String,
    /// Its name, in refusals, metrics and decisions.
    pub name: String,
    /// The requests that it counts.
    pub matches: Match,
    /// The parts of the key that tells callers apart.
    pub key: Vec<KeyPart>,
    /// What happens to a request that lacks a part of the key.
    pub on_missing_key: OnMissingKey,
    /// The kinds of data that the budget counts.
    pub class: EntitySet,
    /// As the configuration names them.
    pub class_words: Vec<String>,
    /// How many values of the class may leave in clear, and how fast that number is refilled; no limit if there is none.
    pub values: Option<Gcra>,
    /// Of how many distinct people they may be, in what time; no limit if there is none.
    pub people: Option<PeopleLimit>,
    /// What happens when it is spent.
    pub then: Then,
    /// What happens when nobody can say whether it is.
    pub on_error: FailurePolicy,
}

/// A limit on the distinct people whose data a caller gets in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeopleLimit {
    /// The most people in a window.
    pub limit: u64,
    /// In any time of this length.
    pub window: Duration,
}

/// What happens when a budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Requests are refused, and a response that goes beyond it ends.
    Block,
    /// Each value beyond the budget is masked, whatever the rules say.
    Mask,
    /// It is counted and recorded.
    Report,
}

impl DataBudget {
    pub(super) fn read_all(node: Node<'_>, kinds: &Kinds<'_>) -> Option<Vec<Self>> {
        let node = node.at_most(MAX_BUDGETS);
        let budgets =
            node.non_empty_list(|budget| budget.object(|fields| Self::read(fields, kinds)))?;
        for (place, budget) in budgets.iter().enumerate() {
            let mut earlier = budgets.iter().take(place);
            if earlier.any(|other| other.name == budget.name) {
                node.reject_unseen(format_args!(
                    "there are two budgets with the name {:?}: give each a \"name\" of its own",
                    budget.name
                ));
            }
        }
        Some(budgets)
    }

    fn read(fields: &mut Fields<'_>, kinds: &Kinds<'_>) -> Option<Self> {
        let name = fields.or("name", fields.node().path().to_owned(), |n| {
            n.name(64).map(str::to_owned)
        });
        let matches = fields.or("match", Match::default(), |n| Match::read(&n));
        let key = fields
            .required("key", r#"an array such as ["claim:client_id"]"#)
            .and_then(KeyPart::read_all);
        let on_missing_key = fields.or("on_missing_key", OnMissingKey::Shared, |n| {
            OnMissingKey::read(&n)
        });
        let class = fields
            .required("class", r#"a kind of data such as "US_SSN", or a list"#)
            .and_then(|n| read_class(&n, kinds));
        let values = fields.optional("values");
        let people = fields.optional("people");
        if values.is_none() && people.is_none() {
            fields.node().reject_unseen(
                r#"expected "values" such as "1000/day", "people" such as "200/day", or both"#,
            );
        }
        let values = values.map(|n| {
            let rate = n.rate()?;
            let gcra = Gcra::in_nanoseconds(rate, rate.count);
            if gcra.is_none() {
                n.reject("more than can be counted: one in a nanosecond at most");
            }
            gcra
        });
        let people = people.map(|n| {
            let Rate { count, period } = n.rate()?;
            if count > MAX_PEOPLE {
                n.reject(format_args!("expected at most {MAX_PEOPLE} people"));
                return None;
            }
            if period < SHORTEST_WINDOW {
                n.reject("expected people per minute, hour or day: \"min\", \"h\" or \"day\"");
                return None;
            }
            Some(PeopleLimit {
                limit: count,
                window: period,
            })
        });
        let then = fields
            .required("then", r#"one of "block", "mask" and "report""#)
            .and_then(|n| {
                n.one_of(&[
                    ("block", Then::Block),
                    ("mask", Then::Mask),
                    ("report", Then::Report),
                ])
            });
        let on_error = fields.or("on_error", FailurePolicy::Block, |n| {
            n.one_of(&[
                ("block", FailurePolicy::Block),
                ("pass", FailurePolicy::Pass),
            ])
        });
        let (class, class_words) = class?;
        Some(Self {
            path: fields.node().path().to_owned(),
            name,
            matches,
            key: key?,
            on_missing_key,
            class,
            class_words,
            values: values.flatten(),
            people: people.flatten(),
            then: then?,
            on_error,
        })
    }
}

/// Looks whether budgets count what rules find.
pub(super) fn check(node: &Node<'_>, budgets: &[DataBudget], rules: &[Rule]) {
    let in_responses = [
        Place::ResponseBody,
        Place::ResponseHeaders,
        Place::ResponseTrailers,
    ];
    let searches = |rule: &&Rule| in_responses.iter().any(|place| rule.places.has(*place));
    let finds_people = |rule: &Rule| {
        let mut paths = rule.data_subject.iter();
        paths.any(|path| path.direction == policy::finding::Direction::Response)
    };
    for budget in budgets {
        let mut searching = rules.iter().filter(searches);
        let path = &budget.path;
        if !searching.any(|rule| rule.detects(&budget.class)) {
            let words = budget.class_words.join(", ");
            node.warn_at(
                &policy::config::join(path, "class"),
                "class_undetected",
                format_args!(
                    "no rule detects {words} in responses, so nothing is counted: add it to \"detect\" (with the action \"detect\" it stays as it is)"
                ),
            );
        }
        let mut detecting = rules
            .iter()
            .filter(searches)
            .filter(|rule| rule.detects(&budget.class))
            .peekable();
        if budget.people.is_none()
            && detecting.peek().is_some()
            && detecting.all(|rule| !rule.may_show(&budget.class))
        {
            node.warn_at(
                &policy::config::join(path, "class"),
                NO_EFFECT,
                r#"the rules let nothing of it through to anybody, so nothing is counted: say "unless", or the action "detect""#,
            );
        }
        if budget.people.is_some() && !rules.iter().any(finds_people) {
            node.reject_at(
                &policy::config::join(path, "people"),
                r#"no rule says where responses name people: add "data_subject": [{ "response": "$.patient.id" }] to a rule"#,
            );
        }
    }
}

/// A kind, a preset or a category, or a list of them.
fn read_class(node: &Node<'_>, kinds: &Kinds<'_>) -> Option<(EntitySet, Vec<String>)> {
    let mut class = EntitySet::EMPTY;
    let mut add = |word: &Node<'_>| {
        let name = word.string()?;
        let found = kinds_of(name, kinds);
        if found.is_empty() {
            word.reject(kinds.unknown(name));
            return None;
        }
        class = class.or(&found);
        Some(name.to_owned())
    };
    let words = match node.json() {
        policy::json::Json::Array(_) => node.non_empty_list(|word| add(&word))?,
        _ => vec![add(node)?],
    };
    Some((class, words))
}

fn kinds_of(name: &str, kinds: &Kinds<'_>) -> EntitySet {
    let mut found = EntitySet::EMPTY;
    if let Some(entity) = kinds.number(name) {
        found.insert(entity);
    }
    let preset = PRESET_WORDS.iter().find(|(word, _)| *word == name);
    for entity in preset.into_iter().flat_map(|(_, bit)| presets::kinds(*bit)) {
        found.insert(entity);
    }
    let categories = Category::ALL
        .iter()
        .filter(|category| category.as_str() == name);
    for category in categories {
        let all = (0_u8..).zip(DETECTORS.iter());
        for (entity, _) in all.filter(|(_, detector)| detector.category == *category) {
            found.insert(entity);
        }
    }
    found
}

const MAX_BUDGETS: usize = 16;
const MAX_PEOPLE: u64 = 100_000_000;
const SHORTEST_WINDOW: Duration = Duration::from_secs(60);
