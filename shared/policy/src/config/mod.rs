//! From JSON text to a checked configuration, in one conversion.
//!
//! A converter walks the document with [`Node`] and [`Fields`] and builds its own type. It goes on
//! after a mistake, so the user sees all of them at once, each with the path, what was found, what
//! was expected and the nearest valid name:
//!
//! ```text
//! limits[2].rate: "100/fortnight": unknown unit "fortnight"; use s, min, h or day
//! limits[2].burts: unknown key; did you mean "burst"?
//! ```
//!
//! Every list and every object has a maximum, which is checked before any item is looked at, and so
//! has the number of problems that are reported: the cost of refusing a document is linear in its
//! size.
//!
//! Nothing is defaulted in silence: a key that is there with a wrong value is an error, and so is
//! a key that nobody asked for. What is valid and probably not meant is a [`Warning`]: it has a
//! stable code, `meshward check` prints it, and the filter logs it when it is configured.

pub mod describe;
mod fields;
pub mod names;
mod node;
mod problem;
mod values;

pub use fields::Fields;
pub use node::{MAX_ITEMS, Node, join};
pub use problem::{Problem, Problems, Warning};

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use crate::json::Json;

/// Reads `text` with `convert`.
///
/// # Errors
/// All problems of the document; one if it is not JSON at all.
pub fn read<T>(text: &str, convert: impl FnOnce(Node<'_>) -> Option<T>) -> Result<T, Problems> {
    check(text, convert).result
}

/// What reading a document came to.
#[derive(Debug)]
pub struct Checked<T> {
    /// What it says, or all that is wrong with it.
    pub result: Result<T, Problems>,
    /// What is accepted and probably not meant.
    pub warnings: Vec<Warning>,
    /// The keys that the converter asked for, as `limits[].rate`: what the reference of a filter
    /// must describe.
    pub keys: BTreeSet<String>,
}

impl Checked<()> {
    /// What was found of something that has no value of its own.
    #[must_use]
    pub fn found(problems: Vec<Problem>, warnings: Vec<Warning>, keys: BTreeSet<String>) -> Self {
        let result = match problems.is_empty() {
            true => Ok(()),
            false => Err(Problems::from_list(problems)),
        };
        Self {
            result,
            warnings,
            keys,
        }
    }
}

impl<T> Checked<T> {
    /// The same with another result.
    #[must_use]
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Checked<U> {
        Checked {
            result: self.result.map(convert),
            warnings: self.warnings,
            keys: self.keys,
        }
    }
}

/// As [`read`], and what else there is to say about the document.
pub fn check<T>(text: &str, convert: impl FnOnce(Node<'_>) -> Option<T>) -> Checked<T> {
    let document = match Json::parse(text.as_bytes()) {
        Ok(document) => document,
        Err(error) => {
            return Checked {
                result: Err(Problems::from(Problem::document(&error))),
                warnings: Vec::new(),
                keys: BTreeSet::new(),
            };
        }
    };
    let sink = Sink::default();
    let converted = convert(Node::root(&document, &sink));
    sink.into_checked(converted)
}

/// The configuration of a filter: the members of one JSON object.
pub trait Configuration: Sized {
    /// Builds it from the members; `None` where one of them cannot be used, which has been reported
    /// by then.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;

    /// Reads the text of a plugin configuration, with the warnings about what is accepted.
    #[must_use]
    fn check(text: &str) -> Checked<Self> {
        check(text, |node| node.object(Self::read))
    }

    /// Reads the text of a plugin configuration.
    ///
    /// # Errors
    /// All that is wrong with it.
    fn parse(text: &str) -> Result<Self, Problems> {
        Self::check(text).result
    }
}

/// As [`read`], and the keys that the converter asked for.
pub fn read_with_keys<T>(
    text: &str,
    convert: impl FnOnce(Node<'_>) -> Option<T>,
) -> (Result<T, Problems>, BTreeSet<String>) {
    let checked = check(text, convert);
    (checked.result, checked.keys)
}

/// Where the nodes of one document leave what they find.
#[derive(Default)]
pub(crate) struct Sink {
    problems: RefCell<Vec<Problem>>,
    /// How many problems there are beyond [`MAX_PROBLEMS`], which are counted only.
    unlisted: Cell<usize>,
    warnings: RefCell<Vec<Warning>>,
    keys: RefCell<BTreeSet<String>>,
    #[cfg(feature = "describe")]
    asks: RefCell<Vec<describe::Ask>>,
}

impl Sink {
    fn into_checked<T>(self, converted: Option<T>) -> Checked<T> {
        let mut problems = self.problems.into_inner();
        let unlisted = self.unlisted.get();
        if unlisted > 0 {
            problems.push(Problem::new("", format!("and {unlisted} more problems")));
        }
        let result = match converted {
            Some(value) if problems.is_empty() => Ok(value),
            _ => {
                if problems.is_empty() {
                    problems.push(Problem::new("", "the configuration is not usable"));
                }
                Err(Problems::from_list(problems))
            }
        };
        Checked {
            result,
            warnings: self.warnings.into_inner(),
            keys: self.keys.into_inner(),
        }
    }

    fn report(&self, problem: Problem) {
        if self.is_full() {
            self.unlisted.set(self.unlisted.get().saturating_add(1));
        } else {
            self.problems.borrow_mut().push(problem);
        }
    }

    /// Whether the value at this path, or something in it, was refused.
    fn has_refused(&self, path: &str) -> bool {
        let is_within = |problem: &Problem| {
            let rest = problem.path().strip_prefix(path);
            rest.is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'.' | b'[')))
        };
        self.problems.borrow().iter().any(is_within)
    }

    /// Nobody reads more problems than there are by now.
    fn is_full(&self) -> bool {
        self.problems.borrow().len() >= MAX_PROBLEMS
    }

    fn warn(&self, warning: Warning) {
        self.warnings.borrow_mut().push(warning);
    }

    fn asked_for(&self, key: String) {
        self.keys.borrow_mut().insert(key);
    }
}

const MAX_PROBLEMS: usize = 200;

#[cfg(test)]
mod tests;
