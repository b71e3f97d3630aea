//! What a rule makes of one value: the one place where an action is applied, counted, and
//! explained, whatever the body is.

use crate::action::{Action, Generalization, Replacement};
use crate::allowed_hosts::leads_to;
use crate::placeholder::MEMBER;
use crate::plan::{Binding, FieldAction, Minimization, Plan};
use crate::spelled::{Spelling, write_spelled};
use crate::tally::{Became, FIELD, Finding, MINIMIZED, Tally};

/// What a rule makes of one value or of a whole member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redaction {
    /// The kind, or [`FIELD`] or [`MINIMIZED`].
    pub(crate) entity: u8,
    /// The rule, by its place in the plan.
    pub(crate) rule: u8,
    /// What takes the place of the value.
    pub(crate) replacement: Replacement,
    /// The member goes with its name.
    pub(crate) removes_member: bool,
    /// The replacement is the value, less precise.
    pub(crate) generalizes: bool,
    /// The message goes no further.
    blocks: bool,
}

/// What stood where, for [`Redaction::record`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'f> {
    /// Where it begins in the body.
    pub(crate) offset: u64,
    /// How many bytes it has there.
    pub(crate) length: usize,
    /// What stood there, or the name of the member.
    pub(crate) old: &'f [u8],
    /// What stands there now; `None` if it stays.
    pub(crate) new: Option<&'f [u8]>,
}

impl Redaction {
    /// The action on a value of a kind. `None` as value: it is not text, or too long to be held.
    pub(crate) fn of_kind(plan: &Plan, entity: u8, value: Option<&[u8]>) -> Self {
        let binding = plan.binding(entity);
        let is_beyond_ration = plan.is_beyond_ration(entity);
        let acts = |binding: &&Binding| binding.enforces || is_beyond_ration;
        let action = match binding.filter(acts).map(|binding| &*binding.action) {
            // What the rule lets stay, the budget does not; and it masks, and blocks nothing.
            Some(Action::Detect) if is_beyond_ration => Some(&Action::Label),
            Some(Action::Block) if binding.is_some_and(|binding| !binding.enforces) => {
                Some(&Action::Label)
            }
            action => action,
        };
        let name = plan.name(entity);
        let replacement = match (action, applied(action, name, value)) {
            (Some(Action::Generalize(Generalization::YearOfLife)), Replacement::Text(year))
                if plan.tells_old_age(&year) =>
            {
                Action::Label.apply(name, None)
            }
            (_, replacement) => replacement,
        };
        Self {
            entity,
            rule: binding.map_or(0, |binding| binding.rule),
            replacement,
            removes_member: false,
            generalizes: matches!(action, Some(Action::Generalize(_))),
            blocks: matches!(action, Some(Action::Block)),
        }
    }

    /// As [`Redaction::of_kind`], in the name of a member. A member cannot lose its name, so a
    /// label stands where nothing would.
    pub(crate) fn of_kind_in_name(plan: &Plan, entity: u8, value: &[u8]) -> Self {
        let mut redaction = Self::of_kind(plan, entity, Some(value));
        let leaves_nothing = match &redaction.replacement {
            Replacement::Keep => false,
            Replacement::Null => true,
            Replacement::Text(text) => text.is_empty(),
        };
        if leaves_nothing {
            redaction.replacement = Action::Label.apply(plan.name(entity), None);
        }
        redaction
    }

    /// What a rule about members makes of a member with this value; `None`: there is no such rule, or it lets the value be.
    pub(crate) fn of_field(plan: &Plan, index: u16, value: Option<&[u8]>) -> Option<Self> {
        let field = plan.fields.get(usize::from(index))?;
        if let (Some(hosts), Some(value)) = (&field.hosts, value)
            && leads_to(hosts, value)
        {
            return None;
        }
        let action = match &field.action {
            FieldAction::Value(action) if field.enforces => Some(&**action),
            _ => None,
        };
        let replacement = match &field.action {
            _ if !field.enforces => Replacement::Keep,
            FieldAction::Value(action) => applied(Some(action), MEMBER, value),
            FieldAction::Remove => Replacement::Text(String::new()),
            FieldAction::Null => Replacement::Null,
            FieldAction::Replace(text) => Replacement::Text(text.clone()),
        };
        Some(Self {
            entity: FIELD,
            rule: field.rule,
            replacement,
            removes_member: field.enforces && matches!(field.action, FieldAction::Remove),
            generalizes: matches!(action, Some(Action::Generalize(_))),
            blocks: matches!(action, Some(Action::Block)),
        })
    }

    /// The action on a member that is in no `allow_fields`.
    pub(crate) const fn of_minimization(minimization: Minimization) -> Self {
        Self {
            entity: MINIMIZED,
            rule: minimization.rule,
            replacement: if minimization.enforces {
                Replacement::Null
            } else {
                Replacement::Keep
            },
            removes_member: minimization.enforces,
            generalizes: false,
            blocks: minimization.enforces && minimization.refuses,
        }
    }

    /// Whether the value leaves as it came.
    pub(crate) fn keeps(&self) -> bool {
        self.replacement == Replacement::Keep
    }

    /// What takes the place of the value, as text of this spelling; `None` if it stays.
    pub(crate) fn spelled(&self, spelling: Spelling) -> Option<Vec<u8>> {
        match &self.replacement {
            Replacement::Keep => None,
            Replacement::Null => Some(Vec::new()),
            Replacement::Text(text) => {
                let mut spelled = Vec::with_capacity(text.len());
                write_spelled(text, spelling, &mut spelled);
                Some(spelled)
            }
        }
    }

    /// What takes the place of the value in a JSON document; `None` if it stays.
    pub(crate) fn json(&self) -> Option<Vec<u8>> {
        if self.replacement == Replacement::Null {
            return Some(b"null".to_vec());
        }
        let text = self.spelled(Spelling::Json)?;
        Some([b"\"", &*text, b"\""].concat())
    }

    /// Counts it, and keeps the finding where findings are kept.
    pub(crate) fn record(&self, tally: &mut Tally, found: Found<'_>) {
        let became = match found.new {
            None => Became::Stayed,
            Some(_) if self.blocks => Became::Blocked,
            Some(new) if self.removes_member || new.is_empty() => Became::Removed,
            Some(_) => Became::Masked,
        };
        tally.add(self.entity, self.rule, became);
        tally.blocks |= self.blocks;
        if self.blocks && self.entity == MINIMIZED {
            tally.refuse_member(|| shown(&[found.old]));
        }
        tally.explain(|| Finding {
            offset: found.offset,
            length: u64::try_from(found.length).unwrap_or(0),
            entity: self.entity,
            rule: self.rule,
            old: found.old.to_vec(),
            new: found.new.map(<[u8]>::to_vec),
        });
    }
}

/// The path of a member by the names that lead to it, short and in plain letters: what a name has
/// besides is not shown.
pub(crate) fn shown(names: &[&[u8]]) -> String {
    let mut path = "$".to_owned();
    for name in names {
        let is_shown = |character: &char| {
            character.is_alphanumeric() || matches!(character, '_' | '-' | '$' | ' ' | '[' | ']')
        };
        let name = policy::text::lossy(name);
        let mut shown = name
            .chars()
            .filter(is_shown)
            .take(MAX_SHOWN_LETTERS)
            .peekable();
        // What has no name, such as a comment, has no step of its own.
        if shown.peek().is_some() {
            path.push('.');
            path.extend(shown);
        }
    }
    path
}

/// So much of a name is shown.
const MAX_SHOWN_LETTERS: usize = 64;

fn applied(action: Option<&Action>, label: &str, value: Option<&[u8]>) -> Replacement {
    let read = value.filter(|_| action.is_some_and(Action::reads));
    let text = read.map(policy::text::lossy);
    action.map_or(Replacement::Keep, |action| {
        action.apply(label, text.as_deref())
    })
}
