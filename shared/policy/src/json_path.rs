//! Paths into JSON documents: a subset of RFC 9535 that a stream can follow.
//!
//! Names, wildcards, indices from the beginning, slices forwards, lists of these, and descendants.
//! Indices and slices from the end need the length of an array that has not come yet, and filters
//! need members that have not: both are refused, with the reason.

use std::borrow::Cow;

/// A path into a JSON document, such as `$.patients[*].name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// Whether the step may be at any depth below (`..`).
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

    /// Whether what it leads to is known by the name of some member on the way, and not at any depth.
    #[must_use]
    pub fn goes_by_names(&self) -> bool {
        let is_named = |step: &Step| step.tests.iter().all(|test| matches!(test, Test::Name(_)));
        self.steps.iter().any(is_named) && !self.steps.iter().any(|step| step.descends)
    }

    /// Whether what is so many steps above its end can be an item of a list, which the path names.
    #[must_use]
    pub fn leads_to_items(&self, count: usize) -> bool {
        let above = self.steps.len().checked_sub(count.saturating_add(1));
        let step = above.and_then(|above| self.steps.get(above));
        let is_name = |test| matches!(test, &Test::Name(_));
        step.is_some_and(|step| !step.descends && !step.tests.iter().any(is_name))
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

/// Several paths followed at once: a tree in which equal first steps are one, so that a child costs a look for its
/// name, however many paths there are. What has been reached is a list of *states*: places in the tree.
#[derive(Clone, Debug, Default)]
pub struct PathSet {
    /// The first one is the root.
    nodes: Vec<Node>,
    root: Vec<u16>,
}

/// Where the first steps of some paths lead.
#[derive(Clone, Debug, Default)]
struct Node {
    /// What the paths that end here are for.
    reaches: Vec<u16>,
    steps: Vec<(Step, u16)>,
    /// Edges to the direct children of this node.
    here: Edges,
    /// To what is at any depth.
    below: Edges,
}

/// The next steps of some paths.
#[derive(Clone, Debug, Default)]
struct Edges {
    /// In order of the names without their case, each with the name as it is.
    named: Vec<(Box<str>, Box<str>, u16)>,
    others: Vec<(Test, u16)>,
}

impl PathSet {
    /// These paths, each with a number for what it is for.
    #[must_use]
    pub fn new<'p>(paths: impl Iterator<Item = (&'p Path, u16)>) -> Self {
        let mut set = Self::default();
        for (path, target) in paths {
            set.add(path, target);
        }
        set
    }

    /// Adds a path, with a number for what it is for. Returns the state behind each of its steps.
    pub fn add(&mut self, path: &Path, target: u16) -> Vec<u16> {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
            self.root.push(0);
        }
        let mut way = Vec::new();
        let mut node = 0;
        for step in &path.steps {
            let Some(next) = self.next(node, step) else {
                return way;
            };
            way.push(next);
            node = next;
        }
        if let Some(node) = self.nodes.get_mut(usize::from(node)) {
            node.reaches.push(target);
        }
        way
    }

    /// The node behind a step, which is added where it is not there yet.
    fn next(&mut self, node: u16, step: &Step) -> Option<u16> {
        let next = u16::try_from(self.nodes.len()).ok()?;
        let node = self.nodes.get_mut(usize::from(node))?;
        if let Some((_, known)) = node.steps.iter().find(|(known, _)| known == step) {
            return Some(*known);
        }
        if next >= FOLDED {
            return None;
        }
        node.steps.push((step.clone(), next));
        let edges = if step.descends {
            &mut node.below
        } else {
            &mut node.here
        };
        for test in &step.tests {
            if let Test::Name(name) = test {
                let folded = without_case(name);
                let named = &mut edges.named;
                let place = named.partition_point(|(known, ..)| **known <= *folded);
                named.insert(place, (folded.into(), name.as_str().into(), next));
            } else {
                edges.others.push((test.clone(), next));
            }
        }
        self.nodes.push(Node::default());
        Some(next)
    }

    /// Whether the set has no path.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// Whether a path goes through members of this name, in whatever case.
    #[must_use]
    pub fn has_name(&self, name: &str) -> bool {
        let folded = without_case(name);
        let has = |edges: &Edges| edges.named.iter().any(|(known, ..)| **known == *folded);
        self.nodes
            .iter()
            .any(|node| has(&node.here) || has(&node.below))
    }

    /// The states at the root of a document.
    #[must_use]
    pub fn root(&self) -> &[u16] {
        &self.root
    }

    /// Follows a child: the states of its parent are `states[from..to]`, its own are added at the
    /// end. `reach` is told what it is for, and whether all names on the way are as the path has them, also in
    /// their case: readers that ignore case take `Role` for `role`.
    pub fn descend(
        &self,
        states: &mut Vec<u16>,
        from: usize,
        to: usize,
        child: Child<'_>,
        mut reach: impl FnMut(u16, bool),
    ) {
        let own = states.len();
        let folded = match child {
            Child::Name(name) => without_case(name),
            Child::Index(_) => Cow::Borrowed(""),
        };
        let child = (child, &*folded);
        for index in from..to {
            let Some(state) = states.get(index).copied() else {
                return;
            };
            let place = state & !(BELOW | FOLDED);
            let fold = state & FOLDED;
            let Some(node) = self.nodes.get(usize::from(place)) else {
                continue;
            };
            if !node.below.is_empty() {
                push_new(states, own, place | BELOW | fold);
                node.below.follow(child, |next, more| {
                    self.enter(next, fold | more, (states, own), &mut reach);
                });
            }
            if state & BELOW == 0 {
                node.here.follow(child, |next, more| {
                    self.enter(next, fold | more, (states, own), &mut reach);
                });
            }
        }
    }

    fn enter(
        &self,
        next: u16,
        fold: u16,
        (states, own): (&mut Vec<u16>, usize),
        reach: &mut impl FnMut(u16, bool),
    ) {
        let Some(node) = self.nodes.get(usize::from(next)) else {
            return;
        };
        for target in &node.reaches {
            reach(*target, fold == 0);
        }
        if !node.steps.is_empty() {
            push_new(states, own, next | fold);
        }
    }
}

impl Edges {
    const fn is_empty(&self) -> bool {
        self.named.is_empty() && self.others.is_empty()
    }

    /// The child with its name without case.
    fn follow(&self, (child, folded): (Child<'_>, &str), mut enter: impl FnMut(u16, u16)) {
        if let Child::Name(name) = child {
            let first = self.named.partition_point(|(known, ..)| **known < *folded);
            let named = self.named.iter().skip(first);
            for (_, exact, next) in named.take_while(|(known, ..)| **known == *folded) {
                enter(*next, if **exact == *name { 0 } else { FOLDED });
            }
        }
        let fitting = self.others.iter().filter(|(test, _)| test.fits(child));
        fitting.for_each(|(_, next)| enter(*next, 0));
    }
}

impl Test {
    fn fits(&self, child: Child<'_>) -> bool {
        match (self, child) {
            (Self::Any, _) => true,
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

/// A name as readers compare it that ignore case (Go, .NET, Jackson where it is told to), with the two letters that
/// only folding makes ASCII.
#[must_use]
pub fn without_case(name: &str) -> Cow<'_, str> {
    if !name
        .bytes()
        .any(|byte| byte.is_ascii_uppercase() || byte >= 0x80)
    {
        return Cow::Borrowed(name);
    }
    let folded = name.chars().flat_map(|character| match character {
        '\u{17f}' => 's'.to_lowercase(),
        _ => character.to_lowercase(),
    });
    Cow::Owned(folded.collect())
}

/// With a state: a name on the way has another case than in the path.
pub const FOLDED: u16 = 0x4000;
/// With a state: what is anywhere below its place, where only steps that descend lead on.
pub const BELOW: u16 = 0x8000;
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

    #[test]
    fn a_child_costs_a_look_however_many_paths_there_are() {
        for form in ["$..f{}", "$.f{}.g", "$.a..f{}", "$..a.f{}"] {
            let path = |number: u16| Path::parse(&form.replace("{}", &number.to_string())).unwrap();
            let paths: Vec<Path> = (0..100).map(path).collect();
            let set = PathSet::new(paths.iter().zip(0..));
            let mut states = set.root().to_vec();
            let mut from = 0;
            for child in [
                Child::Name("a"),
                Child::Index(0),
                Child::Name("a"),
                Child::Index(1),
            ] {
                let to = states.len();
                assert!(to - from <= 2, "{form}: {} states", to - from);
                set.descend(&mut states, from, to, child, |_, _| {});
                from = to;
            }
        }
    }

    #[test]
    fn paths_with_the_same_first_steps_reach_what_each_is_for() {
        let paths = [
            "$.a.b",
            "$.a..b",
            "$.a.b",
            "$['a','c'].b",
            "$.*.b",
            "$.a.b.c",
        ];
        let paths: Vec<Path> = paths
            .iter()
            .map(|path| Path::parse(path).unwrap())
            .collect();
        let set = PathSet::new(paths.iter().zip(0..));
        let mut states = set.root().to_vec();
        set.descend(&mut states, 0, 1, Child::Name("a"), |_, _| {});
        let (to, mut reached) = (states.len(), Vec::new());
        set.descend(&mut states, 1, to, Child::Name("b"), |target, _| {
            reached.push(target);
        });
        reached.sort_unstable();
        assert_eq!(reached, [0, 1, 2, 3, 4]);
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
            set.descend(&mut states, from, to, *child, |_, is_exact| {
                reached = is_exact;
            });
            from = to;
        }
        reached
    }

    #[test]
    fn names_in_another_case_are_told_apart() {
        let path = Path::parse("$.user.role").unwrap();
        let set = PathSet::new(std::iter::once((&path, 7)));
        for (user, role, expected) in [
            ("user", "role", Some(true)),
            ("User", "role", Some(false)),
            ("user", "ROLE", Some(false)),
            ("u\u{17f}er", "role", Some(false)),
            ("user", "roles", None),
        ] {
            let mut states = set.root().to_vec();
            set.descend(&mut states, 0, 1, Child::Name(user), |_, _| {});
            let (to, mut reached) = (states.len(), None);
            set.descend(&mut states, 1, to, Child::Name(role), |_, is_exact| {
                reached = Some(is_exact);
            });
            assert_eq!(reached, expected, "{user}.{role}");
        }
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
