//! Whether a condition holds, where servers may read what it is about in more than one way.

use crate::facts::Facts;
use crate::method;
use crate::values::MAX_VALUES;

/// Whether a condition holds for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The rule fits under no reading of the request.
    No,
    /// The rule fits under some readings and not under others.
    Maybe(Ambiguity),
    /// The rule fits under every reading.
    Yes,
}

/// What servers may read in more than one way, so that rules disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ambiguity {
    /// The path: its spelling, the case of its letters, or one that overrides it.
    Path,
    /// The method: its case, `HEAD`, or one that overrides it.
    Method,
    /// A header that is there more than once, or has several values; the content type is one.
    Header,
    /// The host: `:authority`, `Host`, or one that overrides it.
    Host,
    /// A query parameter that is there more than once.
    Query,
}

impl Fit {
    /// The fit of two conditions that must both hold.
    pub(crate) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Maybe(_) => match other() {
                Self::No => Self::No,
                _ => self,
            },
        }
    }

    /// A condition over several readings.
    pub(crate) fn over(readings: impl Iterator<Item = bool>, ambiguity: Ambiguity) -> Self {
        let (mut some, mut all) = (false, true);
        for holds in readings {
            some |= holds;
            all &= holds;
        }
        Self::of((some, all), ambiguity)
    }

    /// A condition that holds under some reading, and under all.
    pub(crate) const fn of((some, all): (bool, bool), ambiguity: Ambiguity) -> Self {
        match (some, all) {
            (false, _) => Self::No,
            (true, true) => Self::Yes,
            (true, false) => Self::Maybe(ambiguity),
        }
    }
}

impl From<bool> for Fit {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// Whether the method is one of `allowed`.
pub(super) fn method(allowed: &[String], facts: &dyn Facts) -> Fit {
    if allowed.is_empty() {
        return Fit::Yes;
    }
    let overrides = facts.method_overrides();
    if overrides.len() > MAX_VALUES || !facts.has_all_headers() {
        return Fit::Maybe(Ambiguity::Method);
    }
    let readings = method::readings(facts.method(), overrides);
    Fit::over(
        readings.map(|method| allowed.iter().any(|item| *item == *method)),
        Ambiguity::Method,
    )
}
