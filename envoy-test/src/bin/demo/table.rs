//! A table of what was expected and what was seen.

use std::fmt;

/// A table of what was expected and what happened.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    what: String,
    expected: String,
    actual: String,
}

impl Table {
    /// Adds a row.
    pub(crate) fn row(
        &mut self,
        what: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) {
        let (what, expected, actual) = (what.into(), expected.into(), actual.into());
        self.0.push(Row {
            what,
            expected,
            actual,
        });
    }

    /// Whether every line is as expected.
    pub(crate) fn as_expected(&self) -> bool {
        self.0.iter().all(Row::as_expected)
    }
}

impl Row {
    fn as_expected(&self) -> bool {
        self.expected == self.actual
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |cell: fn(&Row) -> &str| {
            self.0
                .iter()
                .map(|row| cell(row).chars().count())
                .max()
                .unwrap_or(0)
        };
        let (what, expected) = (width(|row| &row.what), width(|row| &row.expected));
        writeln!(
            out,
            "   {:what$}  {:expected$}  actual",
            "request", "expected"
        )?;
        for row in &self.0 {
            let mark = if row.as_expected() { "ok" } else { "!!" };
            let Row {
                what: left,
                expected: middle,
                actual: right,
            } = row;
            writeln!(out, "{mark} {left:what$}  {middle:expected$}  {right}")?;
        }
        let wrong = self.0.iter().filter(|row| !row.as_expected()).count();
        match wrong {
            0 => writeln!(out, "\nAll {} as expected.", self.0.len()),
            _ => writeln!(out, "\n{wrong} of {} differ (!!).", self.0.len()),
        }
    }
}
