//! Paths into JSON documents: a subset of RFC 9535 that a stream can follow.
//!
//! Names, wildcards, indices from the beginning, slices forwards, lists of these, and descendants.
//! Indices and slices from the end need the length of an array that has not come yet, and filters
//! need members that have not: both are refused, with the reason.

mod set;

use std::borrow::Cow;

pub use set::{BELOW, FOLDED, PathSet};

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
    if let Test::Slice { start, end, step } = &test
        && (start >= end || *step == 0)
    {
        return Err(format!("no item is in {word}, so the path leads nowhere"));
    }
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

const MAX_STEPS: usize = 32;
const EXPECTED: &str = "expected a path such as \"$.patients[*].notes\"";

#[cfg(test)]
mod tests;
