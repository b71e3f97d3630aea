//! Members of JSON documents by name and by path.

/// A rule about a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// Which members.
    pub selector: Selector,
    /// What becomes of their values.
    pub action: FieldAction,
}

/// Which members a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Those with any of these names, folded, wherever they are.
    Names(Vec<String>),
    /// Those at a path.
    Path(FieldPath),
}

/// What becomes of a whole value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldAction {
    /// The member goes, and one comma with it.
    Remove,
    /// `null`.
    Null,
    /// A fixed text, as a string.
    Replace(String),
}

/// A subset of JSONPath (RFC 9535): `$.patients[*].notes`, `$..ssn`, `$.list[0]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// `..`: at any depth.
    descends: bool,
    test: StepTest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum StepTest {
    Name(String),
    Index(u64),
    Any,
}

/// Where a value hangs in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child<'n> {
    /// Under this name in an object.
    Name(&'n str),
    /// At this place in an array.
    Index(u64),
}

/// How far a value has come along the paths of a rule set: pairs of path and step.
pub type Progress = Vec<(usize, usize)>;

impl FieldPath {
    /// Reads a path.
    ///
    /// # Errors
    /// What is outside the subset.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut rest = text.strip_prefix('$').ok_or(EXPECTED)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (descends, after) = match (rest.strip_prefix(".."), rest.strip_prefix('.')) {
                (Some(after), _) => (true, after),
                (None, Some(after)) if !after.starts_with('[') => (false, after),
                (None, None) if rest.starts_with('[') => (false, rest),
                _ => return Err(EXPECTED),
            };
            let (test, after) = match after.strip_prefix('[') {
                Some(inner) => {
                    let (inner, after) = inner.split_once(']').ok_or(EXPECTED)?;
                    (bracketed(inner)?, after)
                }
                None => {
                    let end = after.find(['.', '[']).unwrap_or(after.len());
                    let (name, after) = after.split_at_checked(end).ok_or(EXPECTED)?;
                    (named(name)?, after)
                }
            };
            steps.push(Step { descends, test });
            rest = after;
        }
        if steps.is_empty() {
            Err(EXPECTED)
        } else {
            Ok(Self { steps })
        }
    }
}

fn bracketed(inner: &str) -> Result<StepTest, &'static str> {
    if inner == "*" {
        return Ok(StepTest::Any);
    }
    let quoted = |quote: char| {
        inner
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    };
    match quoted('\'').or_else(|| quoted('"')) {
        Some(name) if !name.contains(['\'', '"', '\\']) => Ok(StepTest::Name(name.to_owned())),
        Some(_) => Err(EXPECTED),
        None => inner.parse().map(StepTest::Index).map_err(|_| EXPECTED),
    }
}

fn named(name: &str) -> Result<StepTest, &'static str> {
    match name {
        "*" => Ok(StepTest::Any),
        _ if name.is_empty() || name.contains(['*', '?', '@', '(', ' ', ']']) => Err(EXPECTED),
        _ => Ok(StepTest::Name(name.to_owned())),
    }
}

/// The field rules of a body.
#[derive(Clone, Debug, Default)]
pub struct FieldRules {
    rules: Vec<FieldRule>,
}

impl FieldRules {
    /// In the order of the configuration: the first that fits acts.
    #[must_use]
    pub const fn new(rules: Vec<FieldRule>) -> Self {
        Self { rules }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Where a document starts.
    #[must_use]
    pub fn root(&self) -> Progress {
        (0..self.rules.len()).map(|rule| (rule, 0)).collect()
    }

    /// Whether a rule acts on a child of a value, and how far the child has come.
    #[must_use]
    pub fn descend(&self, parent: &Progress, child: Child<'_>) -> (Option<&FieldAction>, Progress) {
        let mut progress = Progress::new();
        let mut acting: Option<usize> = None;
        let mut acts = |rule: usize| acting = Some(acting.map_or(rule, |other| other.min(rule)));
        for (index, at) in parent {
            let Some(rule) = self.rules.get(*index) else {
                continue;
            };
            match &rule.selector {
                Selector::Names(names) => {
                    progress.push((*index, 0));
                    if let Child::Name(name) = child
                        && names.contains(&folded(name))
                    {
                        acts(*index);
                    }
                }
                Selector::Path(path) => {
                    let Some(step) = path.steps.get(*at) else {
                        continue;
                    };
                    if step.descends {
                        push_new(&mut progress, (*index, *at));
                    }
                    if step.test.fits(child) {
                        let next = at.saturating_add(1);
                        if next == path.steps.len() {
                            acts(*index);
                        } else {
                            push_new(&mut progress, (*index, next));
                        }
                    }
                }
            }
        }
        let action = acting
            .and_then(|index| self.rules.get(index))
            .map(|rule| &rule.action);
        (action, progress)
    }
}

impl StepTest {
    fn fits(&self, child: Child<'_>) -> bool {
        match (self, child) {
            (Self::Any, _) => true,
            (Self::Name(name), Child::Name(found)) => name == found,
            (Self::Index(index), Child::Index(found)) => *index == found,
            _ => false,
        }
    }
}

fn push_new(progress: &mut Progress, state: (usize, usize)) {
    if !progress.contains(&state) {
        progress.push(state);
    }
}

/// A name as rules compare it: letters and digits in lower case, so that `birth_date`, `birthDate`
/// and `Birth-Date` are one.
#[must_use]
pub fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

const EXPECTED: &str = "expected a path such as \"$.patients[*].notes\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for text in [
            "$.a", "$.a.b", "$.a[*].b", "$..ssn", "$['a b']", "$.a[0]", "$.*", "$[*]", "$..*",
        ] {
            assert!(FieldPath::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "a",
            "$",
            "$.",
            "$a",
            "$.a[",
            "$.a[x]",
            "$.a[-1]",
            "$.a[?@.b]",
            "$.[a]",
            "$.a.",
            "$...a",
        ] {
            assert!(FieldPath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_fold() {
        for name in ["birth_date", "birthDate", "BIRTH-DATE", "birth date"] {
            assert_eq!(folded(name), "birthdate");
        }
    }
}
