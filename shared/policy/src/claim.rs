//! Conditions on verified claims.

mod read;
mod whole_text;

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Number;

use crate::config::Node;
use crate::explain::Condition;
use crate::facts::Facts;
use crate::identity::Identity;
use crate::json::Json;
use crate::matching::{Fit, Match};
use crate::request_value::RequestValue;
use read::tests;
use whole_text::WholeText;

/// A condition on one claim of the verified identity:
/// `{ "claim": "realm_access.roles", "contains": "admin" }`.
///
/// In the place of a constant, `equals` and `contains` take a value that the request names:
/// `{ "claim": "sub", "equals": { "path": "/users/{id}/**" } }` holds for callers who ask for their
/// own object. It must hold under every reading of the request.
///
/// The claim is a dotted path. Of a value that is an array, every test but `contains`, `all`, `exists`
/// and `absent` looks at every item and holds when one fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimCondition {
    claim: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Equals(String),
    In(Vec<String>),
    Contains(String),
    All(Vec<String>),
    Prefix(String),
    Regex(WholeText),
    Compare(Comparison, Number),
    Exists,
    Absent,
    /// One of its items is what the request names.
    EqualsRequest(RequestValue),
    /// One of its words is.
    ContainsRequest(RequestValue),
}

/// How a number is compared with the one of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    LessThan,
    AtMost,
    GreaterThan,
    AtLeast,
}

impl ClaimCondition {
    /// Reads one condition on a claim from the configuration.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let claim = fields
                .required("claim", "the path of a claim")
                .and_then(|n| n.claim_path());
            let tests = tests(fields);
            if tests.len() != 1 {
                fields.node().reject(
                    r#"expected exactly one of "equals", "in", "contains", "all", "prefix", "regex", "less_than", "at_most", "greater_than", "at_least", "exists" or "absent""#,
                );
                return None;
            }
            // A test that could not be read has been reported.
            let test = tests.into_iter().next()??;
            Some(Self { claim: claim?, test })
        })
    }

    /// Whether the condition compares the caller with what the request names: whose object it is.
    #[must_use]
    pub const fn is_about_object(&self) -> bool {
        matches!(self.test, Test::EqualsRequest(_) | Test::ContainsRequest(_))
    }

    /// As [`ClaimCondition::read`], for the requests of a rule: a segment that none of its paths
    /// has is a mistake.
    #[must_use]
    pub fn read_within(node: &Node<'_>, matches: &Match) -> Option<Self> {
        let mut condition = Self::read(node)?;
        if let Test::EqualsRequest(place) | Test::ContainsRequest(place) = &mut condition.test {
            place.check_within(node, matches);
        }
        Some(condition)
    }

    /// Whether the identity fulfils the condition under every reading of the request. Without an
    /// identity only `absent` holds.
    #[must_use]
    pub fn holds(&self, identity: Option<&Identity>, facts: &dyn Facts) -> bool {
        self.fit(identity, facts) == Fit::Yes
    }

    /// As [`ClaimCondition::holds`], with the readings told apart.
    #[must_use]
    pub fn fit(&self, identity: Option<&Identity>, facts: &dyn Facts) -> Fit {
        let (place, words) = match &self.test {
            Test::EqualsRequest(place) => (place, false),
            Test::ContainsRequest(place) => (place, true),
            _ => return self.holds_for(identity).into(),
        };
        let Some(value) = self.value(identity) else {
            return Fit::No;
        };
        let claimed: Vec<String> = if words {
            value.words()
        } else {
            items(&value).collect()
        };
        if claimed.is_empty() {
            return Fit::No;
        }
        let readings = place.readings(facts);
        readings.fit(|named| claimed.iter().any(|item| item == named))
    }

    fn value(&self, identity: Option<&Identity>) -> Option<Json> {
        let value = identity.and_then(|identity| {
            let claims = &identity.claims.0;
            let found = claims.gathered(&self.claim).map(Cow::into_owned);
            // Items of which none has the member are as good as none.
            let is_empty = |value: &Json| value.as_array().is_some_and(<[Json]>::is_empty);
            found
                .filter(|value| !self.claim.contains("[]") || !is_empty(value))
                .or_else(|| identity.claim_text(&self.claim).map(Json::String))
        });
        value.filter(|value| *value != Json::Null)
    }

    fn holds_for(&self, identity: Option<&Identity>) -> bool {
        let Some(value) = self.value(identity) else {
            return self.test == Test::Absent;
        };
        match &self.test {
            Test::Exists => true,
            Test::Absent => false,
            Test::Equals(expected) => items(&value).any(|item| item == *expected),
            Test::In(expected) => items(&value).any(|item| expected.contains(&item)),
            Test::Prefix(prefix) => items(&value).any(|item| item.starts_with(prefix.as_str())),
            Test::Regex(pattern) => items(&value).any(|item| pattern.fits(&item)),
            Test::Compare(comparison, bound) => {
                numbers(&value).any(|number| comparison.holds(number, bound))
            }
            Test::Contains(expected) => value.words().contains(expected),
            Test::All(expected) => {
                let words = value.words();
                expected.iter().all(|word| words.contains(word))
            }
            // These depend on the request.
            Test::EqualsRequest(_) | Test::ContainsRequest(_) => false,
        }
    }
}

impl ClaimCondition {
    /// The condition, and what the claims say to it.
    #[must_use]
    pub fn told(
        &self,
        key: &'static str,
        identity: Option<&Identity>,
        facts: &dyn Facts,
    ) -> Condition {
        let claim = &self.claim;
        let expected = match &self.test {
            Test::Equals(text) => format!("{claim} equals {text:?}"),
            Test::In(list) => format!("{claim} in {list:?}"),
            Test::Contains(text) => format!("{claim} contains {text:?}"),
            Test::All(list) => format!("{claim} all {list:?}"),
            Test::Prefix(text) => format!("{claim} begins with {text:?}"),
            Test::Regex(pattern) => format!("{claim} fits {:?}", pattern.source),
            Test::Compare(comparison, bound) => {
                let word = Comparison::ALL
                    .iter()
                    .find(|(_, known)| known == comparison);
                format!("{claim} {} {bound}", word.map_or("", |(word, _)| word))
            }
            Test::EqualsRequest(place) => format!("{claim} equals {}", place.told(facts)),
            Test::ContainsRequest(place) => format!("{claim} contains {}", place.told(facts)),
            Test::Exists => format!("{claim} exists"),
            Test::Absent => format!("{claim} is absent"),
        };
        let found = match identity {
            None => "no verified caller".to_owned(),
            Some(identity) => match identity.claim(claim) {
                Some(value) => value.to_string(),
                None => identity
                    .claim_text(claim)
                    .unwrap_or_else(|| "no such claim".to_owned()),
            },
        };
        Condition {
            key,
            expected,
            found,
        }
    }
}

impl Comparison {
    const ALL: [(&str, Self); 4] = [
        ("less_than", Self::LessThan),
        ("at_most", Self::AtMost),
        ("greater_than", Self::GreaterThan),
        ("at_least", Self::AtLeast),
    ];

    fn holds(self, number: &Number, bound: &Number) -> bool {
        let order = compare(number, bound);
        match self {
            Self::LessThan => order == Some(Ordering::Less),
            Self::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::GreaterThan => order == Some(Ordering::Greater),
            Self::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// Integers exactly, others as floating-point numbers.
fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// The scalars of an array, or the scalar itself: a string is one item here, spaces and all.
fn items(value: &Json) -> impl Iterator<Item = String> {
    let items = match value {
        Json::Array(items) => items.iter().filter_map(Json::scalar_text).collect(),
        other => other.scalar_text().into_iter().collect::<Vec<_>>(),
    };
    items.into_iter()
}

/// The numbers of an array, or the number itself. A text that looks like a number is none.
fn numbers(value: &Json) -> impl Iterator<Item = &Number> {
    let items = match value {
        Json::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    items.iter().filter_map(|item| match item {
        Json::Number(number) => Some(number),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
