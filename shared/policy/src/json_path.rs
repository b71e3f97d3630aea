//! Paths into JSON documents: a subset of RFC 9535 that a stream can follow.
//!
//! Names, wildcards, indices from the beginning, slices forwards, lists of these, and descendants.
//! Indices and slices from the end need the length of an array that has not come yet, and filters
//! need members that have not: both are refused, with the reason.

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// `..`: at any depth.
    descends: bool,
    /// One of these is enough.
    tests: Vec<Test>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Name(String),
    Index(u64),
    Slice { start: u64, end: u64, step: u64 },
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

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it, or cannot be followed in a stream.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.strip_prefix('$').ok_or(EXPECTED)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (descends, after) = match (rest.strip_prefix(".."), rest.strip_prefix('.')) {
                (Some(after), _) => (true, after),
                (None, Some(after)) if !after.starts_with('[') => (false, after),
                (None, None) if rest.starts_with('[') => (false, rest),
                _ => return Err(EXPECTED.to_owned()),
            };
            let (tests, after) = match after.strip_prefix('[') {
                Some(inner) => bracketed(inner)?,
                None => {
                    let end = after.find(['.', '[']).unwrap_or(after.len());
                    let (name, after) = after.split_at_checked(end).ok_or(EXPECTED)?;
                    (vec![shorthand(name)?], after)
                }
            };
            steps.push(Step { descends, tests });
            rest = after;
        }
        if steps.is_empty() {
            return Err(
                r#"the whole document; name a part of it, such as "$.patients""#.to_owned(),
            );
        }
        if steps.len() > MAX_STEPS {
            return Err(format!("expected at most {MAX_STEPS} steps"));
        }
        Ok(Self { steps })
    }

    /// How many steps it has.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.steps.len()
    }

    /// Whether the last so many steps each lead to one member by its name, and to no other place.
    #[must_use]
    pub fn ends_with_names(&self, count: usize) -> bool {
        let last = self.steps.iter().rev().take(count).enumerate();
        let mut last = last.map(|(from_end, step)| {
            // The step to the object itself may descend.
            let descends = step.descends && from_end.saturating_add(1) < count;
            !descends && matches!(step.tests.as_slice(), [Test::Name(_)])
        });
        count <= self.steps.len() && last.all(|is_name| is_name)
    }

    /// Whether it goes on where another ends.
    #[must_use]
    pub fn continues(&self, other: &Self) -> bool {
        self.steps.len() > other.steps.len() && self.steps.starts_with(&other.steps)
    }

    /// Whether the first of the last so many steps can begin at any depth.
    #[must_use]
    pub fn descends_before(&self, count: usize) -> bool {
        let first = self.steps.len().checked_sub(count);
        first
            .and_then(|first| self.steps.get(first))
            .is_some_and(|step| step.descends)
    }
}

/// The selectors between brackets, and what follows them.
fn bracketed(inner: &str) -> Result<(Vec<Test>, &str), String> {
    let mut tests = Vec::new();
    let mut rest = inner;
    loop {
        let (test, after) = selector(rest.trim_start())?;
        tests.push(test);
        let after = after.trim_start();
        if let Some(after) = after.strip_prefix(']') {
            return Ok((tests, after));
        }
        rest = after.strip_prefix(',').ok_or(EXPECTED)?;
    }
}

fn selector(text: &str) -> Result<(Test, &str), String> {
    if let Some(after) = text.strip_prefix('*') {
        return Ok((Test::Any, after));
    }
    if text.starts_with('?') {
        return Err("filters need members that have not come yet; not supported".to_owned());
    }
    for quote in ['\'', '"'] {
        if let Some(inner) = text.strip_prefix(quote) {
            return quoted(inner, quote);
        }
    }
    let end = text.find([',', ']']).ok_or(EXPECTED)?;
    let (word, after) = text.split_at_checked(end).ok_or(EXPECTED)?;
    let word = word.trim();
    if word.contains('-') {
        return Err(
            "the end of an array is not known while it streams by; count from the beginning"
                .to_owned(),
        );
    }
    let number = |part: &str, default: u64| {
        let part = part.trim();
        if part.is_empty() {
            Ok(default)
        } else {
            part.parse().map_err(|_| EXPECTED.to_owned())
        }
    };
    let parts: Vec<&str> = word.split(':').collect();
    let test = match parts.as_slice() {
        [index] => Test::Index(index.parse().map_err(|_| EXPECTED)?),
        [start, end] => Test::Slice {
            start: number(start, 0)?,
            end: number(end, u64::MAX)?,
            step: 1,
        },
        [start, end, step] => Test::Slice {
            start: number(start, 0)?,
            end: number(end, u64::MAX)?,
            step: number(step, 1)?,
        },
        _ => return Err(EXPECTED.to_owned()),
    };
    Ok((test, after))
}

/// A quoted name with the escapes of RFC 9535 section 2.3.1.
fn quoted(inner: &str, quote: char) -> Result<(Test, &str), String> {
    let mut name = String::new();
    let mut characters = inner.char_indices();
    while let Some((place, character)) = characters.next() {
        if character == quote {
            let after = inner.get(place.saturating_add(1)..).ok_or(EXPECTED)?;
            return Ok((Test::Name(name), after));
        }
        if character != '\\' {
            name.push(character);
            continue;
        }
        match characters.next().map(|(_, escaped)| escaped) {
            Some('n') => name.push('\n'),
            Some('t') => name.push('\t'),
            Some('r') => name.push('\r'),
            Some(escaped @ ('\\' | '/' | '\'' | '"')) => name.push(escaped),
            _ => return Err(EXPECTED.to_owned()),
        }
    }
    Err(EXPECTED.to_owned())
}

fn shorthand(name: &str) -> Result<Test, String> {
    match name {
        "*" => Ok(Test::Any),
        _ if name.is_empty()
            || name.contains(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')) =>
        {
            Err(EXPECTED.to_owned())
        }
        _ => Ok(Test::Name(name.to_owned())),
    }
}

/// Several paths followed at once. What has been reached is a list of *states*: places in the paths.
#[derive(Clone, Debug, Default)]
pub struct PathSet {
    steps: Vec<SetStep>,
    starts: Vec<u16>,
}

#[derive(Clone, Debug)]
struct SetStep {
    step: Step,
    /// What a value at the end of the path is for.
    reaches: Option<u16>,
}

impl PathSet {
    /// These paths, each with a number for what it is for.
    #[must_use]
    pub fn new<'p>(paths: impl Iterator<Item = (&'p Path, u16)>) -> Self {
        let mut set = Self::default();
        for (path, target) in paths {
            let Ok(start) = u16::try_from(set.steps.len()) else {
                break;
            };
            set.starts.push(start);
            let last = path.steps.len().saturating_sub(1);
            set.steps
                .extend(path.steps.iter().enumerate().map(|(place, step)| SetStep {
                    step: step.clone(),
                    reaches: (place == last).then_some(target),
                }));
        }
        set
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The states at the root of a document.
    #[must_use]
    pub fn root(&self) -> &[u16] {
        &self.starts
    }

    /// Follows a child: the states of its parent are `states[from..to]`, its own are added at the
    /// end. `reach` is told what it is for.
    pub fn descend(
        &self,
        states: &mut Vec<u16>,
        from: usize,
        to: usize,
        child: Child<'_>,
        mut reach: impl FnMut(u16),
    ) {
        let own = states.len();
        for index in from..to {
            let Some(state) = states.get(index).copied() else {
                return;
            };
            let Some(at) = self.steps.get(usize::from(state)) else {
                continue;
            };
            if at.step.descends {
                push_new(states, own, state);
            }
            if at.step.tests.iter().any(|test| test.fits(child)) {
                match at.reaches {
                    Some(target) => reach(target),
                    None => push_new(states, own, state.saturating_add(1)),
                }
            }
        }
    }
}

impl Test {
    fn fits(&self, child: Child<'_>) -> bool {
        match (self, child) {
            (Self::Any, _) => true,
            (Self::Name(name), Child::Name(found)) => name == found,
            (Self::Index(index), Child::Index(found)) => *index == found,
            (Self::Slice { start, end, step }, Child::Index(found)) => {
                let distance = found.checked_sub(*start);
                let on_step = distance.and_then(|distance| distance.checked_rem(*step)) == Some(0);
                on_step && found < *end
            }
            _ => false,
        }
    }
}

fn push_new(states: &mut Vec<u16>, own: usize, state: u16) {
    if !states.get(own..).unwrap_or_default().contains(&state) {
        states.push(state);
    }
}

const MAX_STEPS: usize = 32;
const EXPECTED: &str = "expected a path such as \"$.patients[*].notes\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subset() {
        for text in [
            "$.a",
            "$.a.b",
            "$.a[*].b",
            "$..ssn",
            "$['a b']",
            "$.a[0]",
            "$.*",
            "$[*]",
            "$..*",
            "$.a[1:3]",
            "$[:2]",
            "$[1:]",
            "$[::2]",
            "$['a','b']",
            "$[0, 2]",
            "$..['a']",
            "$..[0]",
            r#"$["it's"]"#,
            r"$['it\'s']",
        ] {
            assert!(Path::parse(text).is_ok(), "{text}");
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
            "$[1:-1]",
            "$.a[?@.b]",
            "$.[a]",
            "$.a.",
            "$...a",
            "$['a]",
            "$[1:2:3:4]",
            "$.a b",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert!(Path::parse("$[-1]").unwrap_err().contains("not known"));
        assert!(Path::parse("$[?@.a]").unwrap_err().contains("filters"));
    }

    /// Which of the children along `way` the path reaches.
    fn reaches(path: &str, way: &[Child<'_>]) -> bool {
        let path = Path::parse(path).unwrap();
        let set = PathSet::new(std::iter::once((&path, 7)));
        let mut states = set.root().to_vec();
        let mut from = 0;
        let mut reached = false;
        for child in way {
            reached = false;
            let to = states.len();
            set.descend(&mut states, from, to, *child, |_| reached = true);
            from = to;
        }
        reached
    }

    #[test]
    fn paths_reach() {
        use Child::{Index, Name};
        for (path, way, expected) in [
            ("$.a", vec![Name("a")], true),
            ("$.a", vec![Name("b")], false),
            ("$.a", vec![Name("a"), Name("a")], false),
            ("$..a", vec![Name("x"), Index(3), Name("a")], true),
            ("$..a.b", vec![Name("a"), Name("a"), Name("b")], true),
            ("$.l[1:4:2]", vec![Name("l"), Index(3)], true),
            ("$.l[1:4:2]", vec![Name("l"), Index(2)], false),
            ("$.l[1:4]", vec![Name("l"), Index(4)], false),
            ("$.l[::0]", vec![Name("l"), Index(0)], false),
            ("$['a','b'][0]", vec![Name("b"), Index(0)], true),
            ("$..*", vec![Name("b"), Index(0)], true),
        ] {
            assert_eq!(reaches(path, &way), expected, "{path} {way:?}");
        }
    }
}
