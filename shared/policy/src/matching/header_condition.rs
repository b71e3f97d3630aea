//! Conditions on headers in a rule.

use super::fit::{Ambiguity, Fit};
use crate::config::Node;
use crate::facts::Facts;
use crate::header_values::HeaderValues;

/// `{ "name": "x-beta", "equals": "1" }`, `prefix`, `exists` or `absent` in place of `equals`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeaderCondition {
    pub(super) name: String,
    test: HeaderTest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HeaderTest {
    Equals(String),
    Prefix(String),
    Exists,
    Absent,
}

impl std::fmt::Display for HeaderCondition {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = &self.name;
        match &self.test {
            HeaderTest::Equals(value) => write!(out, "{name} equals {value:?}"),
            HeaderTest::Prefix(value) => write!(out, "{name} begins with {value:?}"),
            HeaderTest::Exists => write!(out, "{name} exists"),
            HeaderTest::Absent => write!(out, "{name} is absent"),
        }
    }
}

impl HeaderCondition {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let name = fields
                .required("name", "the name of a header")
                .and_then(|n| n.field_name());
            let mut tests = Vec::new();
            tests.extend(
                fields
                    .optional("equals")
                    .map(|n| untrimmed(&n).map(HeaderTest::Equals)),
            );
            tests.extend(
                fields
                    .optional("prefix")
                    .map(|n| n.name(1024).map(str::to_owned).map(HeaderTest::Prefix)),
            );
            for (key, holds_when) in [("exists", true), ("absent", false)] {
                let test = |exists: bool| {
                    if exists {
                        HeaderTest::Exists
                    } else {
                        HeaderTest::Absent
                    }
                };
                tests.extend(
                    fields
                        .optional(key)
                        .map(|n| n.boolean().map(|said| test(said == holds_when))),
                );
            }
            if tests.len() != 1 {
                fields
                    .node()
                    .reject(r#"expected exactly one of "equals", "prefix", "exists" or "absent""#);
                return None;
            }
            Some(Self {
                name: name?,
                test: tests.into_iter().next()??,
            })
        })
    }

    /// Whether this asks for no header of a name that `other` asks for.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        let (own, other_test) = (&self.test, &other.test);
        self.name == other.name && *own == HeaderTest::Absent && *other_test != HeaderTest::Absent
    }

    /// Whether this holds wherever `other` holds.
    pub(super) fn covers(&self, other: &Self) -> bool {
        use HeaderTest::{Absent, Equals, Exists, Prefix};
        let same_or_wider = match (&self.test, &other.test) {
            (Exists, test) => *test != Absent,
            (Prefix(own), Prefix(other) | Equals(other)) => other.starts_with(own.as_str()),
            (own, other) => own == other,
        };
        self.name == other.name && same_or_wider
    }

    pub(super) fn fits(&self, facts: &dyn Facts) -> Fit {
        if !facts.has_all_headers() {
            return Fit::Maybe(Ambiguity::Header);
        }
        let readings = facts.header_readings(&self.name);
        let mut fits = readings.iter().map(|values| self.fits_values(values));
        let fit = fits.next().unwrap_or(Fit::No);
        // Some servers take the other spelling for the name, and some do not.
        match fits.all(|with_folded| with_folded == fit) {
            true => fit,
            false => Fit::Maybe(Ambiguity::Header),
        }
    }

    fn fits_values(&self, values: &HeaderValues) -> Fit {
        match &self.test {
            HeaderTest::Equals(expected) => Fit::of(values.are(expected), Ambiguity::Header),
            HeaderTest::Prefix(prefix) => {
                let test = |value: &str| value.starts_with(prefix.as_str());
                Fit::over(values.iter().map(test), Ambiguity::Header)
            }
            HeaderTest::Exists => (!values.is_missing()).into(),
            HeaderTest::Absent => values.is_missing().into(),
        }
    }
}

/// A value of a header: no request has one with spaces around it (RFC 9110 section 5.5).
fn untrimmed(node: &Node<'_>) -> Option<String> {
    let text = node.string()?;
    if text.trim() != text {
        node.reject("a value with spaces around it, which no header has");
        return None;
    }
    Some(text.to_owned())
}
