//! The way down the members that schemas let a document have: their paths, and how much they can be.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Document, Way};
use super::shape::{MAX_ESCAPE, Most, address};

/// What may be in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Anything: nothing is said of its members, it has none, or there are too many.
    Anything,
    /// Only what these paths lead to.
    Members {
        /// Paths of the members that are allowed.
        paths: BTreeSet<String>,
        /// Below so many levels, anything may be there, for there would be too many paths.
        cut_at: Option<usize>,
        /// Something that has members may also be null, which no path can say.
        has_nulls: bool,
        /// The names of some members have to fit a pattern, which no path can say: any name passes.
        has_patterns: bool,
    },
}

/// The most that a message can have, where the schemas bound it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes of JSON, with every character escaped.
    pub bytes: Option<u64>,
    /// The most members and items.
    pub members: Option<u64>,
    /// Levels of objects and arrays.
    pub depth: Option<u64>,
}

impl<'d> Document<'d> {
    /// Which members a message may have. Of forms, the fields.
    #[must_use]
    pub fn allowed(&self, json: &[&'d Value], forms: &[&'d Value], way: Way) -> Allowed {
        let depths = (1..=MAX_CUT).rev();
        for depth in std::iter::once(MAX_DEPTH).chain(depths) {
            let mut walk = Walk::new(self, way);
            let is_open = !json.is_empty() && walk.paths_of(json, "$", depth)
                || !forms.is_empty() && walk.paths_of(forms, "$", 1);
            if is_open && !walk.is_exhausted() {
                return Allowed::Anything;
            }
            if !walk.is_exhausted() {
                return match walk.paths.is_empty() {
                    true => Allowed::Anything,
                    false => Allowed::Members {
                        cut_at: (walk.is_cut && depth < MAX_DEPTH).then_some(depth),
                        paths: walk.paths,
                        has_nulls: walk.has_nulls,
                        has_patterns: walk.has_patterns,
                    },
                };
            }
        }
        Allowed::Anything
    }

    /// How much a message can have.
    #[must_use]
    pub fn size(&self, schemas: &[&'d Value], way: Way) -> Size {
        let mut walk = Walk::new(self, way);
        let size = walk.size_of(schemas);
        match walk.is_exhausted() {
            true => Size::default(),
            false => size,
        }
    }
}

/// A way down the members. Bounded, whatever the schemas are.
struct Walk<'w, 'd> {
    document: &'w Document<'d>,
    way: Way,
    /// The schemas of the values around, to see circles.
    around: Vec<Vec<usize>>,
    steps: usize,
    paths: BTreeSet<String>,
    /// Something lies deeper than was asked for.
    is_cut: bool,
    has_nulls: bool,
    has_patterns: bool,
}

impl<'w, 'd> Walk<'w, 'd> {
    fn new(document: &'w Document<'d>, way: Way) -> Self {
        Self {
            document,
            way,
            around: Vec::new(),
            steps: 0,
            paths: BTreeSet::new(),
            is_cut: false,
            has_nulls: false,
            has_patterns: false,
        }
    }

    fn is_exhausted(&self) -> bool {
        self.steps > MAX_STEPS || self.paths.len() > MAX_PATHS
    }

    /// What the schemas are behind their references, for comparison.
    fn key(&self, schemas: &[&'d Value]) -> Vec<usize> {
        let targets = schemas.iter().filter_map(|one| self.document.target(one));
        let mut key: Vec<usize> = targets.map(address).collect();
        key.sort_unstable();
        key
    }

    /// Takes down the paths below a value. `true`: everything in it may be there.
    fn paths_of(&mut self, schemas: &[&'d Value], path: &str, depth: usize) -> bool {
        self.steps += 1;
        if self.is_exhausted() {
            return true;
        }
        let view = self.document.view(schemas, self.way);
        let has_inner = view.is_object || view.is_array;
        // A text or number in the place of an object passes only where all of it does.
        if view.is_open || view.scalar.is_some() || !has_inner {
            return true;
        }
        if depth == 0 {
            self.is_cut = true;
            return true;
        }
        self.has_nulls |= view.may_be_null;
        self.has_patterns |= view.has_patterns;
        let key = self.key(schemas);
        if self.around.contains(&key) {
            let Some(names) = self.names_within(schemas) else {
                return true;
            };
            if !names.is_empty() {
                self.paths.insert(format!("{path}..{}", listed(&names)));
            }
            return false;
        }
        self.around.push(key);
        let go = |walk: &mut Self, inner: &[&'d Value], step: &str| {
            let path = format!("{path}{step}");
            if walk.paths_of(inner, &path, depth - 1) {
                walk.paths.insert(path);
            }
        };
        for (name, member) in &view.members {
            go(self, member, &step(name));
        }
        if !view.others.is_empty() {
            go(self, &view.others, ".*");
        }
        if !view.items.is_empty() {
            go(self, &view.items, "[*]");
        }
        self.around.pop();
        false
    }

    /// The names of all members with values, at any depth. `None` where names may be any, or are too many.
    fn names_within(&mut self, schemas: &[&'d Value]) -> Option<BTreeSet<&'d str>> {
        let mut names = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut ahead: Vec<(Option<&'d str>, Vec<&'d Value>)> = vec![(None, schemas.to_vec())];
        while let Some((name, schemas)) = ahead.pop() {
            self.steps += 1;
            if self.is_exhausted() || names.len() > MAX_NAMES {
                return None;
            }
            let view = self.document.view(&schemas, self.way);
            let has_inner = view.is_object || view.is_array;
            if view.is_open || view.scalar.is_some() || !has_inner {
                names.insert(name?);
                continue;
            }
            if !seen.insert(self.key(&schemas)) {
                continue;
            }
            let members = view.members.into_iter();
            ahead.extend(members.map(|(name, member)| (Some(name), member)));
            if !view.others.is_empty() {
                ahead.push((None, view.others));
            }
            if !view.items.is_empty() {
                ahead.push((name, view.items));
            }
        }
        Some(names)
    }

    fn size_of(&mut self, schemas: &[&'d Value]) -> Size {
        self.steps += 1;
        let key = self.key(schemas);
        if self.is_exhausted() || self.around.len() >= MAX_DEPTH || self.around.contains(&key) {
            return Size::default();
        }
        let view = self.document.view(schemas, self.way);
        if view.is_open {
            return Size::default();
        }
        self.around.push(key);
        let mut size = Size {
            bytes: view.scalar.unwrap_or(Most::of(Some(4))).bound(),
            members: Some(0),
            depth: Some(0),
        };
        if view.is_object {
            let mut object = Size {
                bytes: Some(2),
                members: Some(0),
                depth: Some(0),
            };
            for (name, member) in &view.members {
                let inner = self.size_of(member);
                let own = MAX_ESCAPE
                    .saturating_mul(name.len() as u64)
                    .saturating_add(4);
                object.bytes = sum(object.bytes, sum(inner.bytes, Some(own)));
                object.members = sum(object.members, sum(inner.members, Some(1)));
                object.depth = most(object.depth, inner.depth);
            }
            if !view.others.is_empty() {
                let inner = self.size_of(&view.others);
                object = Size {
                    bytes: None,
                    members: None,
                    depth: most(object.depth, inner.depth),
                };
            }
            size = size.or(object.deeper());
        }
        if view.is_array {
            let inner = self.size_of(&view.items);
            let items = view.max_items.bound();
            let times = |each: Option<u64>, more: u64| {
                Some(items?.saturating_mul(each?.saturating_add(more)))
            };
            let array = Size {
                bytes: sum(times(inner.bytes, 1), Some(2)),
                members: times(inner.members, 1),
                depth: inner.depth,
            };
            size = size.or(array.deeper());
        }
        self.around.pop();
        size
    }
}

impl Size {
    /// What is enough for both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            bytes: most(self.bytes, other.bytes),
            members: most(self.members, other.members),
            depth: most(self.depth, other.depth),
        }
    }

    fn deeper(self) -> Self {
        Self {
            depth: sum(self.depth, Some(1)),
            ..self
        }
    }
}

fn most(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    Some(one?.max(other?))
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    Some(one?.saturating_add(other?))
}

/// A step to a member: `.name`, or `['a name']`.
fn step(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    match !name.is_empty() && name.chars().all(is_plain) {
        true => format!(".{name}"),
        false => listed([&name]),
    }
}

/// Writes names as a list: `['a','b']`.
fn listed<'n>(names: impl IntoIterator<Item = &'n &'n str>) -> String {
    let quoted = |name: &&str| {
        let name = name.replace('\\', "\\\\").replace('\'', "\\'");
        format!("'{name}'")
    };
    let names: Vec<String> = names.into_iter().map(quoted).collect();
    format!("[{}]", names.join(","))
}

/// Of a path, less what a circle adds.
const MAX_DEPTH: usize = 30;
/// Where paths are cut if there are too many.
const MAX_CUT: usize = 6;
const MAX_PATHS: usize = 400;
const MAX_NAMES: usize = 64;
const MAX_STEPS: usize = 20_000;
