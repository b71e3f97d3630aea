//! The objects and arrays that the place being read is in.

use super::MAX_NAME_BYTES;
use std::rc::Rc;

use crate::bytes::{part, rest};
use crate::detect::kind::GEO_COORDINATE;
use crate::names::KeyInfo;
use crate::role::Role;

/// The objects and arrays around, the innermost last.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) frames: Vec<Frame>,
    /// What the paths have reached in each frame, one after the other.
    pub(super) states: Vec<u16>,
    /// The names of the members that the frames belong to, one after the other.
    pub(super) names: Vec<u8>,
    /// What members have said that the value beside them is, a line each, one frame after the other.
    pub(super) naming: Vec<u8>,
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
    /// Where the texts begin that name a value in it.
    pub(super) naming_from: usize,
    /// A value in it has been held for a name that might follow.
    pub(super) has_looked_ahead: bool,
    /// So has a name that might be a person's.
    pub(super) has_looked_for_people: bool,
}

impl Frame {
    /// No path leads into it, and everything in it is allowed: only their names decide about members.
    pub(super) const fn is_plain(&self) -> bool {
        self.states_from == self.states_to && self.allowed && self.applied.is_none()
    }
}

impl Frame {
    /// The steps of a path, as in `"loc":["body","password"]`.
    pub(super) fn is_list_of_names(&self) -> bool {
        !self.is_object && matches!(self.info.role, Role::Name | Role::OwnName)
    }
}

impl Stack {
    /// Enters an object or array that no path leads into, with the states that are left there.
    pub(super) fn enter_plain(
        &mut self,
        is_object: bool,
        written: bool,
        info: KeyInfo,
        name: Option<&[u8]>,
        states: usize,
    ) {
        let names_from = self.push_name(name);
        self.frames.push(Frame {
            is_object,
            written,
            allowed: true,
            applied: None,
            info,
            states_from: states,
            states_to: states,
            names_from,
            index: 0,
            naming_from: self.naming.len(),
            has_looked_ahead: false,
            has_looked_for_people: false,
        });
    }

    /// Outside of every object and array, with what the paths reach there.
    pub(super) fn new(root: &[u16]) -> Self {
        Self {
            frames: Vec::new(),
            states: root.to_vec(),
            names: Vec::new(),
            naming: Vec::new(),
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

    /// What is said about what is in an object or array with this info: the outline of an area, which is an array
    /// in an array in an array, is no place where somebody is.
    pub(super) fn info_inside(&self, mut info: KeyInfo, is_object: bool) -> KeyInfo {
        let is_area = match self.frames.as_slice() {
            [.., outer, inner] => !is_object && !outer.is_object && !inner.is_object,
            _ => false,
        };
        if is_area && let Some(kinds) = &mut info.kinds {
            Rc::make_mut(kinds).remove(GEO_COORDINATE);
        }
        if info.role == Role::Datum {
            info.kinds = None;
        }
        info
    }

    /// The name of the innermost object or array.
    pub(super) fn name_of(&self, frame: &Frame) -> &[u8] {
        rest(&self.names, frame.names_from)
    }

    /// A text that names a value beside it; what is in a type of FHIR names the one beside the type.
    pub(super) fn note_naming(&mut self, role: Role, text: &[u8]) {
        let is_inside = |frame: &&Frame| matches!(frame.info.role, Role::Type | Role::Coding);
        let inside = match role {
            Role::Code => self.frames.iter().rev().take_while(is_inside).count(),
            _ => 0,
        };
        if matches!(role, Role::Name | Role::OwnName)
            && let Some(list) = self.frames.last()
            && list.is_list_of_names()
        {
            self.naming.truncate(list.naming_from);
            if text.len() <= MAX_NAMING_BYTES {
                self.naming.extend(role.line(text));
            }
            return;
        }
        let outside = self.frames.len().saturating_sub(inside);
        let (around, inside) = self.frames.split_at_mut(outside);
        let Some(frame) = around.last().filter(|frame| frame.is_object) else {
            return;
        };
        let place = inside
            .first()
            .map_or(self.naming.len(), |frame| frame.naming_from);
        if place.saturating_sub(frame.naming_from) > MAX_NAMING_BYTES
            || role.read(text).len() > MAX_NAMING_BYTES
        {
            return;
        }
        let before = self.naming.len();
        self.naming.splice(place..place, role.line(text));
        let length = self.naming.len().saturating_sub(before);
        for frame in inside {
            frame.naming_from = frame.naming_from.saturating_add(length);
        }
    }

    /// The innermost object or array is over.
    pub(super) fn leave(&mut self) {
        if let Some(frame) = self.frames.pop() {
            // The last text of a path names the value beside the path.
            let parent = self.frames.last();
            if !(frame.is_list_of_names() && parent.is_some_and(|parent| parent.is_object)) {
                self.naming.truncate(frame.naming_from);
            }
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
        self.naming.clear();
    }
}

/// Texts that name a value are not longer, one by one and, but for the last, together.
const MAX_NAMING_BYTES: usize = 128;
