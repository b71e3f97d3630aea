//! The keys of one object.

use std::collections::BTreeSet;

use super::describe::Shape;
use super::node::{general_path, join};
use super::{Node, Problem};
use crate::json::Json;
use crate::nearest::nearest;

/// The members of an object, asked for by name; whatever nobody asked for is a mistake.
pub struct Fields<'a> {
    node: Node<'a>,
    members: &'a [(String, Json)],
    asked: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(node: Node<'a>, members: &'a [(String, Json)]) -> Self {
        Self {
            node,
            members,
            asked: BTreeSet::new(),
        }
    }

    /// The object itself, to report what is wrong between its keys.
    #[must_use]
    pub const fn node(&self) -> &Node<'a> {
        &self.node
    }

    /// A key that may be absent.
    #[inline(never)]
    pub fn optional(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.node.ask(|| Shape::Key {
            name,
            is_required: false,
        });
        self.find(name)
    }

    fn find(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.asked.insert(name);
        self.node
            .sink()
            .asked_for(general_path(&self.node.key_path(name)));
        let (name, value) = self.members.iter().find(|(member, _)| member == name)?;
        Some(self.node.member(name, value))
    }

    /// A key that must be there; `expected` says what belongs there.
    #[inline(never)]
    pub fn required(&mut self, name: &'static str, expected: &str) -> Option<Node<'a>> {
        self.node.ask(|| Shape::Key {
            name,
            is_required: true,
        });
        let found = self.find(name);
        if found.is_none() {
            let path = self.node.key_path(name);
            self.node
                .sink()
                .report(Problem::new(path, format!("missing; expected {expected}")));
        }
        found
    }

    /// A name that must be there, of so many bytes at most; `expected` says whose.
    #[inline(never)]
    pub fn name(&mut self, key: &'static str, expected: &str, max_bytes: usize) -> Option<String> {
        let name = self.required(key, expected)?.name(max_bytes)?;
        Some(name.to_owned())
    }

    /// A key with a default for when it is absent. A wrong value is reported, and the default
    /// stands in for it so that the conversion can go on.
    pub fn or<T: 'static>(
        &mut self,
        name: &'static str,
        default: T,
        convert: impl FnOnce(Node<'a>) -> Option<T>,
    ) -> T {
        #[cfg(feature = "describe")]
        if let Some(value) = super::describe::plain(&default) {
            self.node.ask(|| Shape::Default { name, value });
        }
        self.optional(name).and_then(convert).unwrap_or(default)
    }

    /// Whether one of these keys, or something in it, was refused: then nothing is missing in its place. A key of a
    /// member has the name of that in front, with a dot.
    #[must_use]
    pub fn refused(&self, keys: &[&str]) -> bool {
        let sink = self.node.sink();
        let path_of = |key: &&str| {
            let path = self.node.path().to_owned();
            key.split('.').fold(path, |path, name| join(&path, name))
        };
        keys.iter().any(|key| sink.has_refused(&path_of(key)))
    }

    /// A key that is planned but does not work yet: an error that says so, not an unknown key.
    pub fn not_yet(&mut self, name: &'static str) {
        // Not asked for: the schema has no key that does not work.
        if let Some(node) = self.find(name) {
            node.reject_unseen("not supported yet");
        }
    }

    #[inline(never)]
    pub(super) fn finish(self) {
        for (name, _) in self.members {
            // The address of a schema, for editors.
            let is_schema = name == "$schema" && self.node.path().is_empty();
            if self.asked.contains(name.as_str()) || is_schema {
                continue;
            }
            let known = || self.asked.iter().copied();
            // The search is not for free, and a suggestion that is not listed helps nobody.
            let near = if self.node.sink().is_full() {
                None
            } else {
                nearest(name, known())
            };
            let message = near.map_or_else(
                || {
                    let known: Vec<&str> = known().collect();
                    format!("unknown key; known here: {}", known.join(", "))
                },
                |near| format!("unknown key; did you mean {near:?}?"),
            );
            self.node
                .sink()
                .report(Problem::new(self.node.key_path(name), message));
        }
    }
}
