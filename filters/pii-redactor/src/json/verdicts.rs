//! What rules make of a member or an item.

use super::cursor::Cursor;
use super::{JsonRewriter, Next, Skip, Verdict};
use crate::names::KeyInfo;
use crate::paths::Child;
use crate::plan::{ALLOWED_TARGET, FieldAction, Plan};
use crate::spelled::{Spelling, write_spelled};
use crate::tally::{FIELD, Finding, MINIMIZED, Tally};

impl JsonRewriter {
    /// What becomes of a child of the innermost object or array.
    #[inline]
    pub(super) fn decide(&mut self, name: Option<&[u8]>, info: KeyInfo, plan: &Plan) -> Next {
        if !self.has_member_rules {
            return Next {
                info,
                allowed: true,
                ..Next::default()
            };
        }
        let Some(parent) = self.frames.last() else {
            return Next {
                info,
                allowed: self.minimizes.is_none(),
                ..Next::default()
            };
        };
        let (parent_from, index, applied) = (parent.states_from, parent.index, parent.applied);
        // What the paths had reached in the child before is of no use any more.
        let states_from = parent.states_to;
        self.states.truncate(states_from);
        let mut field = info.field;
        let mut allowed = parent.allowed;
        let text;
        let child = match name {
            Some(name) => {
                text = String::from_utf8_lossy(name);
                Child::Name(&text)
            }
            None => Child::Index(index),
        };
        plan.paths.descend(
            &mut self.states,
            parent_from,
            states_from,
            child,
            |target| {
                if target == ALLOWED_TARGET {
                    allowed = true;
                } else {
                    field = Some(field.map_or(target, |known| known.min(target)));
                }
            },
        );
        let verdict = match field {
            Some(field) if allowed || self.minimizes.is_none() => Verdict::Field(field),
            _ if allowed || self.minimizes.is_none() => Verdict::Stays,
            _ if self.states.len() > states_from => Verdict::AllowedInside,
            _ => Verdict::NotAllowed,
        };
        Next {
            info,
            verdict,
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
        self.save_name(cursor.chunk);
        let Some(minimization) = self.minimizes else {
            return self.begin(byte, cursor, plan, tally);
        };
        tally.add(MINIMIZED, minimization.rule, minimization.enforces);
        self.explain(
            MINIMIZED,
            minimization.rule,
            cursor,
            minimization.enforces.then(Vec::new),
            tally,
        );
        if !minimization.enforces {
            self.child_stays(cursor);
            self.next.allowed = true;
            self.next.verdict = Verdict::Stays;
            return self.begin(byte, cursor, plan, tally);
        }
        if self.frames.is_empty() || self.committed {
            // A whole document has nothing to go from, and a name that has left needs a value.
            self.child_stays(cursor);
            cursor.flush();
            cursor.out().extend_from_slice(b"null");
        } else {
            cursor.discard();
        }
        self.skip(Skip::default(), cursor);
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
        self.save_name(cursor.chunk);
        let Some(rule) = plan.fields.get(usize::from(field)) else {
            return self.begin(byte, cursor, plan, tally);
        };
        if let FieldAction::Value(_) = &rule.action {
            self.child_stays(cursor);
            self.next.applied = Some(field);
            return self.begin(byte, cursor, plan, tally);
        }
        tally.add(FIELD, rule.rule, rule.enforces);
        let mut new = None;
        if rule.enforces {
            let mut spelled = Vec::new();
            match &rule.action {
                FieldAction::Remove | FieldAction::Value(_) => {}
                FieldAction::Null => spelled.extend_from_slice(b"null"),
                FieldAction::Replace(text) => {
                    spelled.push(b'"');
                    write_spelled(text, Spelling::Json, &mut spelled);
                    spelled.push(b'"');
                }
            }
            new = Some(spelled);
        }
        self.explain(FIELD, rule.rule, cursor, new.clone(), tally);
        match (new, &rule.action) {
            (None, _) => {
                self.child_stays(cursor);
                self.begin(byte, cursor, plan, tally);
            }
            (Some(_), FieldAction::Remove) if self.committed => {
                self.child_stays(cursor);
                cursor.flush();
                cursor.out().extend_from_slice(b"null");
                self.skip(Skip::default(), cursor);
            }
            (Some(_), FieldAction::Remove) => {
                cursor.discard();
                self.skip(Skip::default(), cursor);
            }
            (Some(new), _) => {
                self.child_stays(cursor);
                cursor.flush();
                cursor.out().extend_from_slice(&new);
                self.skip(Skip::default(), cursor);
            }
        }
    }

    fn explain(
        &self,
        entity: u8,
        rule: u8,
        cursor: &Cursor<'_>,
        new: Option<Vec<u8>>,
        tally: &mut Tally,
    ) {
        let offset = self
            .offset
            .saturating_add(u64::try_from(cursor.at).unwrap_or(0));
        tally.explain(|| Finding {
            offset,
            length: 0,
            entity,
            rule,
            old: self.name.clone(),
            new,
        });
    }
}
