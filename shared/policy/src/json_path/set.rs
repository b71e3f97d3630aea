//! Several paths followed at once.

use std::borrow::Cow;

use super::{Child, Path, Step, Test, without_case};

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

fn push_new(states: &mut Vec<u16>, own: usize, state: u16) {
    if !states.get(own..).unwrap_or_default().contains(&state) {
        states.push(state);
    }
}

/// With a state: a name on the way has another case than in the path.
pub const FOLDED: u16 = 0x4000;
/// With a state: what is anywhere below its place, where only steps that descend lead on.
pub const BELOW: u16 = 0x8000;
