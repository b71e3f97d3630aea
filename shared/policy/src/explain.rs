//! What a decision came from, step by step, for `meshward explain`.
//!
//! The code that decides says here which rule it looks at and which condition fails, so that an
//! explanation cannot differ from the decision. Without the feature `explain`, which no filter's module
//! has, all of this is empty and nothing is written down.

use crate::decision::Decision;

/// A step of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A filter begins to choose among its rules.
    Choosing {
        /// The name of the filter.
        filter: &'static str,
        /// What it chooses for: `request`, `response.body`.
        about: &'static str,
    },
    /// A rule is looked at: by its name, or by its place among those to choose from.
    Rule(RuleName),
    /// The condition that keeps the rule at hand from applying.
    Fails(Condition),
    /// A condition that holds under some readings of the request only.
    Unclear(Condition),
    /// The rule at hand applies and does not act, because of who the caller is.
    Exempts(Condition),
    /// What the rule that applies asks for, and the request or its caller lacks.
    Lacks(Condition),
    /// Buckets that a limit counts the request in.
    Counts {
        /// The name of the limit.
        limit: String,
        /// The parts of the key with their values.
        key: String,
        /// How much the request costs.
        cost: u64,
    },
    /// Where the caller stands in a limit now.
    Stands {
        /// The limit, and its window where it has several.
        limit: String,
        /// How many requests are left afterwards.
        remaining: u64,
        /// How many there are in a full bucket.
        quota: u64,
    },
    /// A service was asked about the caller.
    Heard {
        /// The kind of service: `introspection`, `consent`, ...
        service: &'static str,
        /// Whom it was asked about.
        about: String,
        /// The service's response, in words.
        said: String,
    },
    /// A filter has decided. Hosts without properties keep no decisions.
    Decides(Decision),
    /// The caller is verified: the identity as JSON.
    Identifies(String),
    /// A budget counts what a caller gets.
    Opens {
        /// The name of the budget.
        budget: String,
        /// The parts of the key with their values.
        key: String,
    },
    /// A budget is charged for a piece of a response.
    Charges {
        /// The name of the budget.
        budget: String,
        /// What it counts: `values`, `people`.
        unit: &'static str,
        /// How many there are in the piece, or in the response so far where they count once.
        number: u64,
        /// How many are left then.
        remaining: u64,
        /// How many values or people the budget allows in a window.
        quota: u64,
    },
}

/// How a rule is told from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleName {
    /// By its name in logs and records.
    Name(String),
    /// By its place in the list.
    Place(usize),
}

/// A condition with what it wants and what it has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The key in the configuration.
    pub key: &'static str,
    /// What the rule asks for.
    pub expected: String,
    /// What the request has.
    pub found: String,
}

impl Condition {
    /// Of values that are shown as they are in a configuration.
    pub fn new(
        key: &'static str,
        expected: impl std::fmt::Debug,
        found: impl std::fmt::Display,
    ) -> Self {
        Self {
            key,
            expected: format!("{expected:?}"),
            found: found.to_string(),
        }
    }
}

#[cfg(feature = "explain")]
thread_local! {
    static STEPS: std::cell::RefCell<Option<Vec<Step>>> = const { std::cell::RefCell::new(None) };
}

/// Writes a step down, if somebody listens.
#[inline(always)]
pub fn note(step: impl FnOnce() -> Step) {
    #[cfg(feature = "explain")]
    STEPS.with_borrow_mut(|steps| {
        if let Some(steps) = steps {
            steps.push(step());
        }
    });
    #[cfg(not(feature = "explain"))]
    let _ = step;
}

/// Writes several steps down, if somebody listens.
#[inline(always)]
pub fn note_all<S: IntoIterator<Item = Step>>(several: impl FnOnce() -> S) {
    #[cfg(feature = "explain")]
    STEPS.with_borrow_mut(|steps| {
        if let Some(steps) = steps {
            steps.extend(several());
        }
    });
    #[cfg(not(feature = "explain"))]
    let _ = several;
}

/// Runs `decide` without writing anything down: what it looks at was looked at before.
#[inline(always)]
pub fn unheard<T>(decide: impl FnOnce() -> T) -> T {
    #[cfg(feature = "explain")]
    let heard = STEPS.with_borrow_mut(Option::take);
    let decided = decide();
    #[cfg(feature = "explain")]
    STEPS.with_borrow_mut(|steps| *steps = heard);
    decided
}

/// Runs `decide`, and what it has come from.
#[cfg(feature = "explain")]
pub fn listen<T>(decide: impl FnOnce() -> T) -> (T, Vec<Step>) {
    STEPS.with_borrow_mut(|steps| *steps = Some(Vec::new()));
    let decided = decide();
    let steps = STEPS.with_borrow_mut(Option::take);
    (decided, steps.unwrap_or_default())
}
