//! The keys of one object.

use std::collections::BTreeSet;

use super::node::general_path;
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
    pub fn optional(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.asked.insert(name);
        self.node
            .sink()
            .asked_for(general_path(&self.node.key_path(name)));
        let (name, value) = self.members.iter().find(|(member, _)| member == name)?;
        Some(self.node.member(name, value))
    }

    /// A key that must be there; `expected` says what belongs there.
    pub fn required(&mut self, name: &'static str, expected: &str) -> Option<Node<'a>> {
        let found = self.optional(name);
        if found.is_none() {
            let path = self.node.key_path(name);
            self.node
                .sink()
                .report(Problem::new(path, format!("missing; expected {expected}")));
        }
        found
    }

    /// A key with a default for when it is absent. A wrong value is reported, and the default
    /// stands in for it so that the conversion can go on.
    pub fn or<T>(
        &mut self,
        name: &'static str,
        default: T,
        convert: impl FnOnce(Node<'a>) -> Option<T>,
    ) -> T {
        self.optional(name).and_then(convert).unwrap_or(default)
    }

    /// A key that is planned but does not work yet: an error that says so, not an unknown key.
    pub fn not_yet(&mut self, name: &'static str) {
        if let Some(node) = self.optional(name) {
            node.reject_unseen("not supported yet");
        }
    }

    pub(super) fn finish(self) {
        for (name, _) in self.members {
            if self.asked.contains(name.as_str()) {
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
