//! Rewriting pairs of names and values: forms, query strings and cookies.
//!
//! A pair that goes takes one separator with it. Values are searched in their decoded form, so
//! `%40` hides nothing, and what is not changed keeps its spelling.

use std::rc::Rc;

use crate::action::{Action, Replacement};
use crate::bytes::{Position as _, at, part, rest};
use crate::lexicon::Announcement;
use crate::paths::Child;
use crate::plan::{ALLOWED_TARGET, FieldAction, Plan};
use crate::scan::{TextScanner, WINDOW_BYTES};
use crate::spelled::{Sink, Spelling, write_spelled};
use crate::tally::{FIELD, Finding, MINIMIZED, Tally};

/// Rewrites a list of pairs.
#[derive(Debug)]
pub struct PairsRewriter {
    plan: Rc<Plan>,
    syntax: Syntax,
    state: State,
    /// The separator and the name, until it is known whether they stay.
    held: Vec<u8>,
    scanner: TextScanner,
    announcement: Announcement,
    applied: Option<u16>,
    percent: Vec<u8>,
    written: bool,
    /// A pair has gone, so the next one may have a separator too many.
    gone: bool,
    offset: u64,
}

/// How pairs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `a=1&b=2`, `+` for a space.
    Form,
    /// `a=1; b=2`.
    Cookies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Name,
    Value,
    /// The value does not leave.
    Dropping,
}

impl PairsRewriter {
    /// A rewriter with this plan.
    #[must_use]
    pub fn new(plan: Rc<Plan>, syntax: Syntax) -> Self {
        Self {
            plan,
            syntax,
            state: State::Name,
            held: Vec::new(),
            scanner: TextScanner::new(Spelling::Form),
            announcement: Announcement::default(),
            applied: None,
            percent: Vec::new(),
            written: false,
            gone: false,
            offset: 0,
        }
    }

    /// Takes the next bytes, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        let mut position = 0;
        while position < chunk.len() {
            let byte = at(chunk, position);
            let is_separator = byte == self.separator();
            match self.state {
                _ if is_separator => {
                    self.end_pair(&plan, out, tally);
                    self.held.push(byte);
                    self.state = State::Name;
                }
                State::Name if byte == b'=' => {
                    self.held.push(byte);
                    self.begin_value(position, &plan, out, tally);
                }
                State::Name => {
                    self.held.push(byte);
                    if self.held.len() > MAX_NAME_BYTES {
                        // No name: a text without end, searched like a value.
                        self.name_is_text(position, &plan, out, tally);
                    }
                }
                State::Dropping => {}
                State::Value => {
                    let length = self.plain(rest(chunk, position));
                    if length > 0 {
                        self.push_plain(
                            part(chunk, position, position.plus(length)),
                            &plan,
                            out,
                            tally,
                        );
                        position = position.plus(length);
                        continue;
                    }
                    self.push_coded(byte, &plan, out, tally);
                }
            }
            position = position.plus(1);
        }
        self.offset = self
            .offset
            .saturating_add(u64::try_from(chunk.len()).unwrap_or(0));
    }

    /// The list is complete.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        self.end_pair(&plan, out, tally);
        self.state = State::Name;
    }

    /// Bytes that are held at the moment.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
            .len()
            .saturating_add(self.scanner.held())
            .saturating_add(self.percent.len())
    }

    const fn separator(&self) -> u8 {
        match self.syntax {
            Syntax::Form => b'&',
            Syntax::Cookies => b';',
        }
    }

    /// How many bytes stand for themselves.
    fn plain(&self, bytes: &[u8]) -> usize {
        if !self.percent.is_empty() {
            return 0;
        }
        let separator = self.separator();
        let coded = |byte: u8| {
            byte == b'%' || byte == separator || byte == b'+' && self.syntax == Syntax::Form
        };
        bytes
            .iter()
            .position(|byte| coded(*byte))
            .unwrap_or(bytes.len())
    }

    /// The name is complete: what becomes of the pair is known.
    fn begin_value(&mut self, position: usize, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        let spelled = self.held.clone();
        let name = decoded_name(&spelled, self.separator());
        let place = self
            .offset
            .saturating_add(u64::try_from(position.plus(1)).unwrap_or(0));
        let info = plan.field_info(&name);
        self.announcement = info.announcement();
        self.applied = None;
        self.scanner.begin(place);
        self.state = State::Value;
        let mut field = info.field;
        let mut allowed = plan.minimizes.is_none();
        let mut states = plan.paths.root().to_vec();
        let end = states.len();
        let text = String::from_utf8_lossy(&name);
        plan.paths
            .descend(&mut states, 0, end, Child::Name(&text), |target| {
                if target == ALLOWED_TARGET {
                    allowed = true;
                } else {
                    field = Some(field.map_or(target, |known| known.min(target)));
                }
            });
        if !allowed && let Some(minimization) = plan.minimizes {
            tally.add(MINIMIZED, minimization.rule, minimization.enforces);
            let new = minimization.enforces.then(Vec::new);
            tally.explain(|| Finding {
                offset: place,
                length: 0,
                entity: MINIMIZED,
                rule: minimization.rule,
                old: name.clone(),
                new,
            });
            if minimization.enforces {
                self.held.clear();
                self.gone = true;
                self.state = State::Dropping;
                return;
            }
        }
        if let Some(index) = field
            && let Some(rule) = plan.fields.get(usize::from(index))
        {
            if matches!(rule.action, FieldAction::Value(_)) {
                self.applied = Some(index);
            } else {
                tally.add(FIELD, rule.rule, rule.enforces);
                let new = rule.enforces.then(Vec::new);
                tally.explain(|| Finding {
                    offset: place,
                    length: 0,
                    entity: FIELD,
                    rule: rule.rule,
                    old: name.clone(),
                    new,
                });
                if rule.enforces {
                    self.state = State::Dropping;
                    if matches!(rule.action, FieldAction::Remove) {
                        self.held.clear();
                        self.gone = true;
                        return;
                    }
                    self.keep(out);
                    if let FieldAction::Replace(text) = &rule.action {
                        write_spelled(text, Spelling::Form, out);
                    }
                    return;
                }
            }
        }
        self.keep(out);
    }

    /// What is held stays; a separator that nothing stands before does not.
    fn keep(&mut self, out: &mut Vec<u8>) {
        let separator = self.separator();
        let mut from =
            usize::from(!self.written && self.gone && self.held.first() == Some(&separator));
        if from > 0 && at(&self.held, 1) == b' ' {
            from = 2;
        }
        out.extend_from_slice(rest(&self.held, from));
        self.held.clear();
        self.written = true;
    }

    /// What was read as a name is text.
    fn name_is_text(&mut self, position: usize, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        let held = std::mem::take(&mut self.held);
        self.announcement = Announcement::default();
        self.applied = None;
        let length = u64::try_from(held.len()).unwrap_or(0);
        let place = self
            .offset
            .saturating_add(u64::try_from(position.plus(1)).unwrap_or(0))
            .saturating_sub(length);
        if let Some(minimization) = plan.minimizes.filter(|minimization| minimization.enforces) {
            tally.add(MINIMIZED, minimization.rule, true);
            self.gone = true;
            self.state = State::Dropping;
            return;
        }
        let lead = usize::from(held.first() == Some(&self.separator()));
        if self.written || !self.gone {
            out.extend_from_slice(part(&held, 0, lead));
        }
        self.written = true;
        self.scanner
            .begin(place.saturating_add(u64::try_from(lead).unwrap_or(0)));
        self.state = State::Value;
        for byte in rest(&held, lead) {
            if self.plain(std::slice::from_ref(byte)) > 0 {
                self.push_plain(std::slice::from_ref(byte), plan, out, tally);
            } else {
                self.push_coded(*byte, plan, out, tally);
            }
        }
    }

    fn push_plain(&mut self, bytes: &[u8], plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        if self.is_lost(bytes.len(), plan) {
            return self.lose(plan, out, tally);
        }
        let mut sink = Sink { plan, out, tally };
        self.scanner.push(bytes, &self.announcement, &mut sink);
    }

    fn push_coded(&mut self, byte: u8, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        if self.is_lost(3, plan) {
            return self.lose(plan, out, tally);
        }
        if self.percent.is_empty() && byte == b'+' {
            let mut sink = Sink { plan, out, tally };
            return self
                .scanner
                .push_spelled(b" ", b"+", &self.announcement, &mut sink);
        }
        if self.percent.is_empty() || byte.is_ascii_hexdigit() {
            self.percent.push(byte);
            if self.percent.len() == 3 {
                self.end_percent(plan, out, tally);
            }
            return;
        }
        self.end_percent(plan, out, tally);
        if byte == b'%' || byte == b'+' && self.syntax == Syntax::Form {
            self.push_coded(byte, plan, out, tally);
        } else {
            self.push_plain(&[byte], plan, out, tally);
        }
    }

    fn end_percent(&mut self, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        if self.percent.is_empty() {
            return;
        }
        let raw = std::mem::take(&mut self.percent);
        let code = std::str::from_utf8(rest(&raw, 1))
            .ok()
            .filter(|digits| digits.len() == 2);
        let decoded = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let mut sink = Sink { plan, out, tally };
        match decoded {
            Some(byte) => self
                .scanner
                .push_spelled(&[byte], &raw, &self.announcement, &mut sink),
            // A broken escape is what it is.
            None => self.scanner.push(&raw, &self.announcement, &mut sink),
        }
    }

    /// What takes the place of the whole value cannot be worked out any more.
    fn is_lost(&self, more: usize, plan: &Plan) -> bool {
        let needs_whole =
            self.applied.is_some() || plan.whole_kind(&self.announcement, b"0").is_some();
        needs_whole && self.scanner.held().plus(more) >= WINDOW_BYTES
    }

    fn lose(&mut self, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        let (replacement, entity, rule, blocks) = match applied(plan, self.applied) {
            Some((action, rule, enforces)) => {
                let replacement = if enforces {
                    action.apply("FIELD", None)
                } else {
                    Replacement::Keep
                };
                (
                    replacement,
                    FIELD,
                    rule,
                    enforces && matches!(action, Action::Block),
                )
            }
            None => {
                let entity = plan.whole_kind(&self.announcement, b"0").unwrap_or(FIELD);
                let (replacement, blocks) = plan.replacement(entity, None);
                (
                    replacement,
                    entity,
                    plan.binding(entity).map_or(0, |binding| binding.rule),
                    blocks,
                )
            }
        };
        tally.add(entity, rule, replacement != Replacement::Keep);
        tally.blocks |= blocks;
        match replacement {
            Replacement::Keep => {
                self.applied = None;
                self.announcement = Announcement::default();
            }
            Replacement::Text(text) => {
                write_spelled(&text, Spelling::Form, out);
                self.scanner.forget();
                self.state = State::Dropping;
            }
            Replacement::Null => {
                self.scanner.forget();
                self.state = State::Dropping;
            }
        }
    }

    fn end_pair(&mut self, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        match self.state {
            State::Name => {
                let lead = usize::from(self.held.first() == Some(&self.separator()));
                if self.held.len() > lead {
                    // A text without `=`: searched as a value.
                    self.name_is_text(0, plan, out, tally);
                    if self.state == State::Value {
                        self.end_value(plan, out, tally);
                    }
                } else if self.written || !self.gone {
                    out.append(&mut self.held);
                } else {
                    self.held.clear();
                }
            }
            State::Value => self.end_value(plan, out, tally),
            State::Dropping => {}
        }
        self.percent.clear();
        self.applied = None;
        self.announcement = Announcement::default();
    }

    fn end_value(&mut self, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_percent(plan, out, tally);
        if let Some((action, rule, enforces)) = applied(plan, self.applied) {
            let old = self.scanner.pending_raw().to_vec();
            if !old.is_empty() {
                let value = String::from_utf8_lossy(self.scanner.pending()).into_owned();
                let replacement = if enforces {
                    action.apply("FIELD", Some(&value))
                } else {
                    Replacement::Keep
                };
                tally.add(FIELD, rule, replacement != Replacement::Keep);
                tally.blocks |= enforces && matches!(action, Action::Block);
                let mut new = Vec::new();
                match &replacement {
                    Replacement::Keep => new.extend_from_slice(&old),
                    Replacement::Text(text) => write_spelled(text, Spelling::Form, &mut new),
                    Replacement::Null => {}
                }
                out.extend_from_slice(&new);
                let offset = self.offset;
                tally.explain(|| Finding {
                    offset,
                    length: u64::try_from(old.len()).unwrap_or(0),
                    entity: FIELD,
                    rule,
                    old,
                    new: (replacement != Replacement::Keep).then_some(new),
                });
            }
            self.scanner.forget();
            return;
        }
        let mut sink = Sink { plan, out, tally };
        self.scanner.end(&self.announcement, &mut sink);
    }
}

fn applied(plan: &Plan, index: Option<u16>) -> Option<(&Action, u8, bool)> {
    let rule = plan.fields.get(usize::from(index?))?;
    match &rule.action {
        FieldAction::Value(action) => Some((action, rule.rule, rule.enforces)),
        _ => None,
    }
}

/// The name between a separator and `=`.
fn decoded_name(spelled: &[u8], separator: u8) -> Vec<u8> {
    let name = spelled.strip_suffix(b"=").unwrap_or(spelled);
    let name = if name.first() == Some(&separator) {
        rest(name, 1)
    } else {
        name
    };
    let mut decoded = Vec::with_capacity(name.len());
    let mut position = 0;
    let name = name.trim_ascii();
    while position < name.len() {
        let byte = at(name, position);
        let code =
            std::str::from_utf8(part(name, position.plus(1), position.plus(3))).unwrap_or_default();
        match u8::from_str_radix(code, 16) {
            Ok(value) if byte == b'%' && code.len() == 2 => {
                decoded.push(value);
                position = position.plus(3);
            }
            _ => {
                decoded.push(if byte == b'+' { b' ' } else { byte });
                position = position.plus(1);
            }
        }
    }
    decoded
}

const MAX_NAME_BYTES: usize = 256;
