//! Members that name the value beside them, such as `{"name":"DB_PASSWORD","value":"…"}`.
//!
//! A value that comes before its name is held until a name has come that announces something: up to the first
//! object, the end of the object that it is in, or [`MAX_AHEAD_BYTES`]. Each byte is read ahead once at most.

use super::members::unescaped;
use super::{JsonRewriter, State, is_space};
use std::rc::Rc;

use policy::finding::Category;

use crate::bytes::{Position as _, part, rest};
use crate::detect::kind::{API_KEY, HEALTH_PLAN, MEDICAL_RECORD, PERSON_NAME, PHONE};
use crate::entity::EntitySet;
use crate::member_rules::MemberDecision;
use crate::names::KeyInfo;
use crate::plan::Plan;
use crate::role::Role;
use crate::steps::step;
use crate::tally::Tally;

/// What is held of a value whose name may follow, and of what is behind it.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    raw: Vec<u8>,
    /// The string, number or name without quotes that was read last.
    text: Vec<u8>,
    quote: Option<u8>,
    escaped: bool,
    /// The number of arrays around the member that is read.
    depth: u32,
    /// What the member that is read is to the value.
    role: Role,
    /// What names the value, a line each.
    naming: Vec<u8>,
    /// What the value is to the members beside it.
    held: Role,
}

/// What names say in the object that is read ahead.
struct Names<'a> {
    plan: &'a Plan,
    parent: Option<(&'a KeyInfo, &'a [u8])>,
}

impl Names<'_> {
    fn role(&self, name: &[u8]) -> Role {
        self.parent
            .map_or(Role::None, |parent| self.plan.name_info(parent, name).role)
    }

    /// Whether a line says what a value in a role is.
    fn announces(&self, role: Role, line: &[u8]) -> bool {
        let says = |parent| self.plan.said_of(role, parent, line).is_some();
        self.parent.is_some_and(says)
    }
}

impl Ahead {
    /// Takes bytes up to a name that says what the value is, or up to where there will be none. Returns how many,
    /// and whether that place has been reached.
    fn take(&mut self, bytes: &[u8], names: &Names<'_>) -> (usize, bool) {
        let mut taken = 0;
        let most = if self.held.is_any_name() {
            MAX_NAME_AHEAD_BYTES
        } else {
            MAX_AHEAD_BYTES
        };
        while let Some(byte) = bytes.get(taken).copied() {
            let length = self.take_text(part(bytes, taken, taken.plus(most.less(self.raw.len()))));
            if length > 0 {
                taken = taken.plus(length);
                continue;
            }
            if self.raw.len() >= most || self.ends_before(byte) {
                // A name with parts is a person's.
                if byte == b'{' && self.role == Role::OwnName {
                    self.naming.extend(Role::OfPerson.line(b""));
                }
                return (taken, true);
            }
            self.raw.push(byte);
            taken = taken.plus(1);
            step(1);
            if self.read(byte, names) {
                return (taken, true);
            }
        }
        (taken, false)
    }

    /// Takes what is left of a string up to a sign that says something. Returns how much.
    fn take_text(&mut self, bytes: &[u8]) -> usize {
        let Some(quote) = self.quote.filter(|_| !self.escaped) else {
            return 0;
        };
        let length = memchr::memchr2(quote, b'\\', bytes).unwrap_or(bytes.len());
        step(length / 4);
        let text = part(bytes, 0, length);
        self.raw.extend_from_slice(text);
        let room = MAX_TEXT_BYTES.less(self.text.len());
        self.text.extend_from_slice(part(text, 0, room));
        length
    }

    const fn ends_before(&self, byte: u8) -> bool {
        self.quote.is_none()
            && (matches!(byte, b'{' | b'}' | b'/') || byte == b']' && self.depth == 0)
    }

    /// Whether a name has been read that says what the value is.
    fn read(&mut self, byte: u8, names: &Names<'_>) -> bool {
        if let Some(quote) = self.quote {
            if byte == quote && !self.escaped {
                self.quote = None;
                return self.depth == 0 && self.end_name(names);
            }
            self.escaped = byte == b'\\' && !self.escaped;
            self.keep(byte);
            return false;
        }
        match byte {
            b'"' | b'\'' => {
                self.text.clear();
                self.quote = Some(byte);
            }
            b'[' => {
                self.depth = self.depth.saturating_add(1);
                return self.role == Role::OfPerson && self.add_line(b"", names);
            }
            b']' => {
                self.depth = self.depth.saturating_sub(1);
                // Of a path, the last text is the name.
                return self.depth == 0 && self.role == Role::Name && self.end_name(names);
            }
            _ if self.depth > 0 => {}
            b':' => {
                self.role = names.role(&unescaped(&self.text));
                self.text.clear();
            }
            b',' => {
                self.role = Role::None;
                self.text.clear();
            }
            _ if is_space(byte) => {}
            _ => self.keep(byte),
        }
        false
    }

    /// A text is complete. Whether it says what the value is.
    fn end_name(&mut self, names: &Names<'_>) -> bool {
        if !self.role.names() || self.text.is_empty() {
            return false;
        }
        let text = unescaped(&self.text);
        self.add_line(&text, names)
    }

    /// Adds what a text in the role at hand says. Whether that is what the value is.
    fn add_line(&mut self, text: &[u8], names: &Names<'_>) -> bool {
        let from = self.naming.len();
        self.naming.extend(self.role.line(text));
        let line = part(&self.naming, from, self.naming.len().less(1));
        names.announces(self.held, line)
    }

    fn keep(&mut self, byte: u8) {
        if self.text.len() < MAX_TEXT_BYTES {
            self.text.push(byte);
        }
    }

    pub(super) const fn held(&self) -> usize {
        self.raw.len()
    }
}

impl JsonRewriter {
    /// The value of the member that has been named is what another member says, or may say yet.
    pub(super) fn look_beside(&mut self, plan: &Plan) {
        let role = self.next.info.role;
        if !self.may_be_named(role)
            || role == Role::KeyPart && plan.binding(API_KEY).is_none()
            || self.next.decision != MemberDecision::Stays
        {
            return;
        }
        let Some(frame) = self.stack.frames.last_mut() else {
            return;
        };
        let has_looked = if role.is_any_name() {
            &mut frame.has_looked_for_people
        } else {
            &mut frame.has_looked_ahead
        };
        let has_looked = std::mem::replace(has_looked, role.is_held());
        if !self.take_naming(plan) && role.is_held() && !has_looked {
            self.ahead = Some(Box::new(Ahead {
                held: role,
                ..Ahead::default()
            }));
        }
    }

    /// Whether members beside one in this role say, or may say yet, what it is.
    pub(super) fn may_be_named(&self, role: Role) -> bool {
        let has_naming = || {
            let frame = self.stack.frames.last();
            frame.is_some_and(|frame| frame.naming_from < self.stack.naming.len())
        };
        role.is_held() || matches!(role, Role::Id | Role::Datum) && has_naming()
    }

    /// What the members beside say that the value of the member that has been named is. Whether they say anything.
    fn take_naming(&mut self, plan: &Plan) -> bool {
        let Some(frame) = self.stack.frames.last() else {
            return false;
        };
        let parent = (&frame.info, self.stack.name_of(frame));
        let naming = rest(&self.stack.naming, frame.naming_from);
        self.next.info.add_named(plan, parent, naming)
    }

    /// A string has been read: it may name a value beside it.
    #[inline]
    pub(super) fn note_naming(&mut self, text: &[u8]) {
        if self.next.info.role.names() {
            self.stack.note_naming(self.next.info.role, text);
        }
    }

    /// Whether what comes is held.
    pub(super) fn holds_ahead(&self) -> bool {
        self.ahead.is_some() && matches!(self.state, State::Colon | State::Value { .. })
    }

    /// Takes what is held of a chunk. Returns how much of it.
    pub(super) fn read_ahead(
        &mut self,
        chunk: &[u8],
        out: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> usize {
        let Some(mut ahead) = self.ahead.take() else {
            return 0;
        };
        let plan = Rc::clone(&self.plan);
        let frame = self.stack.frames.last();
        let names = Names {
            plan: &plan,
            parent: frame.map(|frame| (&frame.info, self.stack.name_of(frame))),
        };
        let (taken, is_over) = ahead.take(chunk, &names);
        self.ahead = Some(ahead);
        if is_over {
            self.end_ahead(out, tally);
        }
        taken
    }

    /// Nothing more is held: the value is read with what is known about it.
    pub(super) fn end_ahead(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let Some(ahead) = self.ahead.take() else {
            return;
        };
        if !ahead.naming.is_empty() {
            for line in ahead.naming.split(|byte| *byte == b'\n') {
                self.stack.note_naming(Role::Name, line);
            }
            let plan = Rc::clone(&self.plan);
            self.take_naming(&plan);
        }
        self.write_piece((0, ahead.raw.len()), &ahead.raw, out, tally);
    }

    /// What an object or array is called that a member beside it names.
    pub(super) fn name_beside(&self) -> Option<Vec<u8>> {
        let frame = self.stack.frames.last()?;
        if self.next.info.role != Role::Value || self.next.info.kinds.is_none() {
            return None;
        }
        let parent = (&frame.info, self.stack.name_of(frame));
        let naming = rest(&self.stack.naming, frame.naming_from);
        let mut lines = naming
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let announces = |line: &&[u8]| self.plan.name_info(parent, line).kinds.is_some();
        lines.rfind(announces).map(<[u8]>::to_vec)
    }
}

impl Plan {
    /// The kinds that a line says a value in a role is, and what it says as a name.
    fn said_of(
        &self,
        role: Role,
        parent: (&KeyInfo, &[u8]),
        line: &[u8],
    ) -> Option<(EntitySet, KeyInfo)> {
        if !role.heeds(line) {
            return None;
        }
        let of_one = |kind| {
            let mut kinds = EntitySet::EMPTY;
            kinds.insert(kind);
            Some((kinds, KeyInfo::default()))
        };
        match role {
            Role::KeyPart => return of_one(API_KEY),
            Role::AnyName | Role::OwnName => return of_one(PERSON_NAME),
            _ => {}
        }
        let named = self.name_info(parent, line);
        let mut kinds = named.kinds.as_deref().copied()?;
        let mut left = kinds;
        while let Some(kind) = left.first() {
            left.remove(kind);
            let is_number = match self.category(kind) {
                Category::Governmental => true,
                Category::Financial => role == Role::Number,
                _ => role == Role::Number && NUMBERS_OF_PEOPLE.contains(&kind),
            };
            if matches!(role, Role::Number | Role::Id) && !is_number {
                kinds.remove(kind);
            }
        }
        (!kinds.is_empty()).then_some((kinds, named))
    }
}

/// What else than documents and accounts has a number.
const NUMBERS_OF_PEOPLE: [u8; 3] = [PHONE, MEDICAL_RECORD, HEALTH_PLAN];

impl KeyInfo {
    /// Adds what these texts announce that name it, a line each. Whether they announce anything.
    pub(crate) fn add_named(&mut self, plan: &Plan, parent: (&Self, &[u8]), naming: &[u8]) -> bool {
        let mut kinds = self.kinds.as_deref().copied().unwrap_or_default();
        let own = usize::from(self.kinds.is_some());
        let mut count = own;
        for line in naming.split(|byte| *byte == b'\n') {
            if let Some((more, named)) = plan.said_of(self.role, parent, line) {
                kinds = kinds.or(&more);
                count = count.plus(1);
                // What is in it is known by what it is called.
                self.id = named.id;
            } else if self.role == Role::Value {
                self.negative |= plan.name_info(parent, line).negative;
            }
        }
        if count > 1 {
            self.id = plan.names().next_id();
        }
        self.negative &= kinds.is_empty();
        self.kinds = (!kinds.is_empty()).then(|| Rc::new(kinds));
        count > own
    }
}

/// What may be the name of a person is held no longer than that.
const MAX_NAME_AHEAD_BYTES: usize = 512;
/// A value is held no longer than that for a name that may follow.
const MAX_AHEAD_BYTES: usize = 2048;
/// So much of a name is looked at.
const MAX_TEXT_BYTES: usize = 256;

#[cfg(test)]
mod tests;
