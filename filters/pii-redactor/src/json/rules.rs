//! Rules about members, carried out in a document.

use super::cursor::Cursor;
use super::{JsonRewriter, Next, Skip};
use crate::bytes::part;
use crate::member_rules::{MemberDecision, Surroundings};
use crate::names::KeyInfo;
use crate::paths::Child;
use crate::plan::{FieldAction, Plan};
use crate::redaction::{Found, Redaction, shown};
use crate::tally::Tally;

impl JsonRewriter {
    /// The decision about a child of the innermost object or array.
    #[inline]
    pub(super) fn decide(&mut self, name: Option<&[u8]>, info: KeyInfo, plan: &Plan) -> Next {
        if !self.traits.has_member_rules {
            return Next {
                info,
                allowed: true,
                ..Next::default()
            };
        }
        let Some(parent) = self.stack.frames.last() else {
            return Next {
                info,
                allowed: self.traits.minimizes.is_none(),
                ..Next::default()
            };
        };
        let (parent_from, index, applied) = (parent.states_from, parent.index, parent.applied);
        let parent_allowed = parent.allowed;
        // What the paths had reached in the child before is of no use any more.
        let states_from = parent.states_to;
        self.stack.states.truncate(states_from);
        let text;
        let child = match name {
            Some(name) => {
                text = policy::text::lossy(name);
                Child::Name(&text)
            }
            None => Child::Index(index),
        };
        let around = Surroundings {
            named: info.field,
            allowed: parent_allowed,
            minimizes: self.traits.minimizes.is_some(),
        };
        let reached = (parent_from, states_from);
        let (decision, allowed) = plan.decide(&mut self.stack.states, reached, child, around);
        let decision = match (decision, info.removes) {
            (MemberDecision::Stays, Some(kind)) if applied.is_none() => MemberDecision::Kind(kind),
            (decision, _) => decision,
        };
        Next {
            info,
            decision,
            applied,
            allowed,
            states_from,
        }
    }

    /// A value that is not allowed goes, with its member or item.
    pub(super) fn minimize(
        &mut self,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        self.member_name.save(cursor.chunk);
        let Some(minimization) = self.traits.minimizes else {
            return self.begin(byte, cursor, plan, tally);
        };
        let redaction = Redaction::of_minimization(minimization);
        let new = redaction.removes_member.then_some(&b""[..]);
        if minimization.enforces && minimization.refuses {
            tally.refuse_member(|| self.path());
        }
        self.record(&redaction, new, cursor, tally);
        if new.is_none() {
            self.child_stays(cursor);
            self.next.allowed = true;
            self.next.decision = MemberDecision::Stays;
            return self.begin(byte, cursor, plan, tally);
        }
        if self.stack.frames.is_empty() || self.committed {
            // A whole document has nothing to go from, and a name that has left needs a value.
            self.child_stays(cursor);
            cursor.flush();
            cursor.out().extend_from_slice(b"null");
        } else {
            cursor.discard();
        }
        self.skip(Skip::default(), cursor, tally);
    }

    /// The path of the member or item that is being read, as far as it is remembered.
    fn path(&self) -> String {
        // Items have the name of their array.
        let mut starts = Vec::new();
        let mut is_member = true;
        for frame in &self.stack.frames {
            if is_member {
                starts.push(frame.names_from);
            }
            is_member = frame.is_object;
        }
        let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
        let names = starts.iter().zip(ends);
        let names = names.map(|(start, end)| part(&self.stack.names, *start, end));
        let mut names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
        if is_member && !starts.is_empty() {
            names.push(&self.member_name.text);
        }
        shown(&names)
    }

    /// A rule about members acts on the value that begins here.
    pub(super) fn act(
        &mut self,
        field: u16,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        self.member_name.save(cursor.chunk);
        let Some(rule) = plan.fields.get(usize::from(field)) else {
            return self.begin(byte, cursor, plan, tally);
        };
        if let FieldAction::Value(_) = &rule.action {
            self.child_stays(cursor);
            self.next.applied = Some(field);
            return self.begin(byte, cursor, plan, tally);
        }
        let Some(redaction) = Redaction::of_field(plan, field, None) else {
            return self.begin(byte, cursor, plan, tally);
        };
        let new = match redaction.json() {
            Some(_) if redaction.removes_member && self.committed => Some(b"null".to_vec()),
            Some(_) if redaction.removes_member => Some(Vec::new()),
            new => new,
        };
        self.record(&redaction, new.as_deref(), cursor, tally);
        match new {
            None => {
                self.child_stays(cursor);
                self.begin(byte, cursor, plan, tally);
            }
            Some(new) if new.is_empty() => {
                cursor.discard();
                self.skip(Skip::default(), cursor, tally);
            }
            Some(new) => self.replace_value(&new, cursor, tally),
        }
    }

    /// The member that begins here goes for the kind that it is called after.
    pub(super) fn remove_for(
        &mut self,
        kind: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        self.member_name.save(cursor.chunk);
        let mut redaction = Redaction::of_kind(plan, kind, None);
        redaction.removes_member = true;
        let new: &[u8] = if self.committed { b"null" } else { b"" };
        self.record(&redaction, Some(new), cursor, tally);
        if self.committed {
            return self.replace_value(new, cursor, tally);
        }
        cursor.discard();
        self.skip(Skip::default(), cursor, tally);
    }

    /// Something else takes the place of the whole value that begins here.
    pub(super) fn replace_value(&mut self, new: &[u8], cursor: &mut Cursor<'_>, tally: &mut Tally) {
        self.child_stays(cursor);
        cursor.flush();
        cursor.out().extend_from_slice(new);
        self.has_value = true;
        self.skip(Skip::default(), cursor, tally);
    }

    fn record(
        &self,
        redaction: &Redaction,
        new: Option<&[u8]>,
        cursor: &Cursor<'_>,
        tally: &mut Tally,
    ) {
        // An item has no name.
        let is_member = self
            .stack
            .frames
            .last()
            .is_some_and(|frame| frame.is_object);
        let name: &[u8] = if is_member {
            &self.member_name.text
        } else {
            b""
        };
        let found = Found {
            offset: self.place(cursor),
            length: 0,
            old: name,
            new,
        };
        redaction.record(tally, found);
    }
}
