//! What fields call the value beside them, in the rows of a table and in forms: `name=ssn&value=536221234`.

use crate::names::KeyInfo;
use crate::plan::Plan;
use crate::role::Role;

/// What the fields have said that stand before the one that is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naming {
    /// A line each, and what has been read of the field at hand.
    lines: Vec<u8>,
    /// The position in `lines` where the current field begins.
    start: usize,
    /// What the field at hand is to the others.
    role: Role,
    /// A value has come: what names the next one stands behind it.
    is_over: bool,
}

impl Naming {
    /// A field begins whose name says this.
    pub(crate) fn begin(&mut self, info: &mut KeyInfo, plan: &Plan) {
        self.role = info.role;
        if self.role.is_named() {
            info.add_named(plan, (&KeyInfo::default(), b""), &self.lines);
        }
        if self.role == Role::Value {
            self.is_over = true;
        } else if self.is_over && self.role.names() {
            self.clear();
        }
        self.start = self.lines.len();
    }

    /// A piece of the text of the field.
    #[inline]
    pub(crate) fn push(&mut self, text: &[u8]) {
        if self.role.names() && self.lines.len() <= MAX_BYTES {
            self.lines.extend_from_slice(text);
        }
    }

    /// Ends the field.
    pub(crate) fn end(&mut self) {
        let role = std::mem::take(&mut self.role);
        if role.names() {
            let text = self.lines.split_off(self.start);
            if text.len() <= MAX_BYTES && !text.is_empty() {
                self.lines.extend(role.line(&text));
            }
        }
    }

    /// What comes is beside other fields.
    pub(crate) fn clear(&mut self) {
        self.lines.clear();
        self.start = 0;
        self.is_over = false;
    }
}

/// Texts that name a value are not longer, one by one and, but for the last, together.
const MAX_BYTES: usize = 128;
