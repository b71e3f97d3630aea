//! The objects and arrays that the place being read is in.

use super::MAX_NAME_BYTES;
use crate::bytes::{part, rest};
use crate::names::KeyInfo;

/// The objects and arrays around, the innermost last.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) frames: Vec<Frame>,
    /// What the paths have reached in each frame, one after the other.
    pub(super) states: Vec<u16>,
    /// The names of the members that the frames belong to, one after the other.
    pub(super) names: Vec<u8>,
}

/// An object or an array.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) is_object: bool,
    /// A child was written, so the next one needs its comma.
    pub(super) written: bool,
    pub(super) allowed: bool,
    pub(super) applied: Option<u16>,
    /// What its name says: about the items of an array, and as the parent of members.
    pub(super) info: KeyInfo,
    pub(super) states_from: usize,
    pub(super) states_to: usize,
    pub(super) names_from: usize,
    /// The place of the next item of an array.
    pub(super) index: u64,
}

impl Frame {
    /// No path leads into it, and everything in it is allowed: only names say what becomes of members.
    pub(super) const fn is_plain(&self) -> bool {
        self.states_from == self.states_to && self.allowed && self.applied.is_none()
    }
}

impl Stack {
    /// Outside of every object and array, with what the paths reach there.
    pub(super) fn new(root: &[u16]) -> Self {
        Self {
            frames: Vec::new(),
            states: root.to_vec(),
            names: Vec::new(),
        }
    }

    /// Adds the name of a member that is an object or an array. Without one it is an item, and has
    /// the name of its array. Returns where the name begins.
    pub(super) fn push_name(&mut self, name: Option<&[u8]>) -> usize {
        match (name, self.frames.last()) {
            (None, Some(frame)) => frame.names_from,
            (name, _) => {
                let from = self.names.len();
                let name = part(name.unwrap_or_default(), 0, MAX_NAME_BYTES);
                self.names.extend_from_slice(name);
                from
            }
        }
    }

    /// The name of the innermost object or array.
    pub(super) fn name_of(&self, frame: &Frame) -> &[u8] {
        rest(&self.names, frame.names_from)
    }

    /// The innermost object or array is over.
    pub(super) fn leave(&mut self) {
        if let Some(frame) = self.frames.pop() {
            let shared = self
                .frames
                .last()
                .is_some_and(|parent| !parent.is_object && parent.names_from == frame.names_from);
            if !shared {
                self.names.truncate(frame.names_from);
            }
        }
    }

    /// Nothing is around any more.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.states.clear();
        self.names.clear();
    }
}
