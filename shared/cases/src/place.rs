//! Where the parts of a case file stand.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The lines of steps and of what they expect.
#[derive(Debug, Default)]
pub(crate) struct Places(Vec<Vec<StepPlace>>);

#[derive(Debug)]
struct StepPlace {
    line: usize,
    expectations: Vec<(String, usize)>,
}

impl Places {
    /// Of a text that has been read; of one that cannot be, there are none.
    pub(crate) fn of(text: &str) -> Self {
        let Ok(document) = DeTable::parse(text) else {
            return Self::default();
        };
        let line = |at: usize| {
            let before = text.get(..at).unwrap_or(text);
            before.bytes().filter(|byte| *byte == b'\n').count() + 1
        };
        let steps = |case: &Spanned<DeValue<'_>>| {
            let steps = list(member(case.get_ref(), "step"));
            let place = |step: &Spanned<DeValue<'_>>| {
                let expect = member(step.get_ref(), "expect").map(|expect| expect.get_ref());
                let members = expect.and_then(DeValue::as_table).into_iter().flatten();
                StepPlace {
                    line: line(step.span().start),
                    expectations: members
                        .map(|(name, _)| (name.get_ref().to_string(), line(name.span().start)))
                        .collect(),
                }
            };
            steps.iter().map(place).collect()
        };
        let cases = list(document.get_ref().get("case"));
        Self(cases.iter().map(steps).collect())
    }

    /// The line of a key of what is expected, else that of the step.
    pub(crate) fn line_of(&self, case: usize, step: usize, key: &str) -> usize {
        let Some(place) = self.0.get(case).and_then(|steps| steps.get(step)) else {
            return 1;
        };
        let found = place.expectations.iter().find(|(name, _)| name == key);
        found.map_or(place.line, |(_, line)| *line)
    }
}

fn member<'v, 'i>(value: &'v DeValue<'i>, name: &str) -> Option<&'v Spanned<DeValue<'i>>> {
    value.as_table()?.get(name)
}

fn list<'v, 'i>(value: Option<&'v Spanned<DeValue<'i>>>) -> &'v [Spanned<DeValue<'i>>] {
    value
        .and_then(|value| value.get_ref().as_array())
        .map_or(&[], |array| array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_steps_and_of_their_expectations() {
        let text = "configuration = '{}'\n\n[[case]]\nname = 'a'\n\n[[case.step]]\n\
                    request = { path = '/' }\nexpect = { status = 200 }\n\n[[case.step]]\n\
                    request = { path = '/' }\n[case.step.expect]\nstatus = 1\nbody = ''\n";
        let places = Places::of(text);
        assert_eq!(places.line_of(0, 0, "status"), 8);
        assert_eq!(places.line_of(0, 0, "body"), 6);
        assert_eq!(places.line_of(0, 1, "status"), 13);
        assert_eq!(places.line_of(0, 1, "body"), 14);
        assert_eq!(places.line_of(7, 1, "body"), 1);
    }
}
