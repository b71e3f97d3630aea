//! The language in which a requirement asks about a configuration, and about a record.
//!
//! ```text
//! auth.rules.require.tls.min_version in ["1.2", "1.3"]
//! redact.presets == "pci" or redact.rules.detect == "CREDIT_CARD"
//! audit.**.keep.at_least >= 6y
//! unmapped.findings[kind == "EMAIL" and outcome == "seen"]
//! ```
//!
//! A path alone asks whether there is something there that is neither `null`, `false` nor an empty
//! text. A list stands for each of its elements, `*` for every member of an object, and `**` for any
//! number of names, none included. A condition in brackets keeps those values for which it holds; its
//! paths begin at the value. A comparison holds if it holds for any value that the path leads to, and
//! `!=` if none of them is equal, and `only` if there is one and all of them are in the list. `and` binds more tightly than `or`; `not` and parentheses are as
//! usual. Numbers are compared with numbers, and spans of time (`6y`, `250ms`) with texts that are such.

mod parse;

use std::cmp::Ordering;
use std::time::Duration;

use serde_json::Value;

pub use parse::SyntaxError;

/// A question about a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate(Node);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Test(Path, Option<(Operator, Vec<Literal>)>),
}

#[derive(Clone, Debug, PartialEq)]
struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Name(String),
    AnyName,
    AnyDepth,
    Where(Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    Only,
    Begins,
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Text(String),
    Number(f64),
    Boolean(bool),
    Span(Duration),
}

/// Whether what a filter only reports counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportMode {
    /// What a rule or a filter in report mode would do is not done.
    IsNothing,
    /// It counts as if it were done.
    Counts,
}

impl Predicate {
    /// Reads a predicate.
    ///
    /// # Errors
    /// Where it cannot be read, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        parse::parse(text).map(Self)
    }

    /// Whether it holds for a document.
    #[must_use]
    pub fn holds(&self, document: &Value, reported: ReportMode) -> bool {
        let place = Place {
            value: document,
            is_reported: false,
        };
        self.0.holds(place, reported)
    }

    /// Whether it holds for a record, which has no modes.
    #[must_use]
    pub fn holds_for_record(&self, record: &Value) -> bool {
        self.holds(record, ReportMode::Counts)
    }

    /// All paths that it asks about, names and `*` and `**`, each from the beginning.
    #[must_use]
    pub fn paths(&self) -> Vec<Vec<&str>> {
        let mut paths = Vec::new();
        self.0.paths(&[], &mut paths);
        paths
    }
}

/// A value, and whether it stands in a filter or a rule that only reports.
#[derive(Clone, Copy)]
struct Place<'v> {
    value: &'v Value,
    is_reported: bool,
}

impl<'v> Place<'v> {
    fn child(self, value: &'v Value) -> Self {
        Self {
            value,
            is_reported: self.is_reported,
        }
    }

    /// What is in an object with a mode of its own has that mode.
    fn entered(self) -> Self {
        match self.value.get("mode").and_then(Value::as_str) {
            Some(mode) => Self {
                value: self.value,
                is_reported: mode == "report",
            },
            None => self,
        }
    }
}

impl Node {
    fn holds(&self, place: Place<'_>, reported: ReportMode) -> bool {
        match self {
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(place, reported)),
            Self::All(nodes) => nodes.iter().all(|node| node.holds(place, reported)),
            Self::Not(node) => !node.holds(place, reported),
            Self::Test(path, test) => {
                // What is only reported would be done too, so it must not be the wrong thing.
                let reported = match test {
                    Some((Operator::NotEqual, _)) => ReportMode::Counts,
                    _ => reported,
                };
                let mut found = Vec::new();
                select(place, &path.0, reported, &mut found);
                match test {
                    None => found.iter().any(|place| is_set(place.value)),
                    Some((Operator::NotEqual, literals)) => !found
                        .iter()
                        .any(|place| literals.iter().any(|literal| literal.equals(place.value))),
                    Some((Operator::Only, literals)) => {
                        let is_listed = |place: &Place<'_>| {
                            literals.iter().any(|literal| literal.equals(place.value))
                        };
                        !found.is_empty() && found.iter().all(is_listed)
                    }
                    Some((operator, literals)) => found
                        .iter()
                        .any(|place| compares(place.value, *operator, literals)),
                }
            }
        }
    }

    fn paths<'n>(&'n self, before: &[&'n str], paths: &mut Vec<Vec<&'n str>>) {
        match self {
            Self::Any(nodes) | Self::All(nodes) => {
                nodes.iter().for_each(|node| node.paths(before, paths));
            }
            Self::Not(node) => node.paths(before, paths),
            Self::Test(path, _) => {
                let mut names = before.to_vec();
                for step in &path.0 {
                    match step {
                        Step::Name(name) => names.push(name),
                        Step::AnyName => names.push("*"),
                        Step::AnyDepth => names.push("**"),
                        Step::Where(node) => node.paths(&names, paths),
                    }
                }
                paths.push(names);
            }
        }
    }
}

/// Everything that a path leads to.
fn select<'v>(place: Place<'v>, steps: &[Step], reported: ReportMode, found: &mut Vec<Place<'v>>) {
    if let Value::Array(items) = place.value {
        for item in items {
            select(place.child(item), steps, reported, found);
        }
        return;
    }
    let place = place.entered();
    let Some((step, rest)) = steps.split_first() else {
        if reported == ReportMode::Counts || !place.is_reported {
            found.push(place);
        }
        return;
    };
    match (step, place.value) {
        (Step::Where(node), _) if node.holds(place, ReportMode::Counts) => {
            select(place, rest, reported, found);
        }
        (Step::Name(name), Value::Object(members)) => {
            if let Some(member) = members.get(name) {
                select(place.child(member), rest, reported, found);
            }
        }
        (Step::AnyName, Value::Object(members)) => {
            for member in members.values() {
                select(place.child(member), rest, reported, found);
            }
        }
        (Step::AnyDepth, Value::Object(members)) => {
            select(place, rest, reported, found);
            for member in members.values() {
                select(place.child(member), steps, reported, found);
            }
        }
        (Step::AnyDepth, _) => select(place, rest, reported, found),
        _ => {}
    }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

fn compares(value: &Value, operator: Operator, literals: &[Literal]) -> bool {
    literals.iter().any(|literal| {
        let order = || literal.order(value);
        match operator {
            Operator::Equal | Operator::In | Operator::Only => literal.equals(value),
            Operator::NotEqual => !literal.equals(value),
            Operator::Less => order() == Some(Ordering::Less),
            Operator::Greater => order() == Some(Ordering::Greater),
            Operator::AtMost => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
            Operator::AtLeast => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
            Operator::Begins => match (literal, value) {
                (Literal::Text(beginning), Value::String(text)) => text.starts_with(beginning),
                _ => false,
            },
        }
    })
}

impl Literal {
    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(own), Value::String(text)) => own == text,
            (Self::Boolean(own), Value::Bool(other)) => own == other,
            _ => self.order(value) == Some(Ordering::Equal),
        }
    }

    /// How a value compares with this.
    fn order(&self, value: &Value) -> Option<Ordering> {
        match (self, value) {
            (Self::Number(own), Value::Number(number)) => number.as_f64()?.partial_cmp(own),
            (Self::Span(own), Value::String(text)) => {
                let span = policy::units::parse_duration(text).ok()?;
                Some(span.cmp(own))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
