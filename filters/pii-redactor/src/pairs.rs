//! Rewriting pairs of names and values: forms, query strings and cookies.
//!
//! A pair that goes takes one separator with it. Values are searched in their decoded form, so
//! `%40` hides nothing, and what is not changed keeps its spelling.

use std::rc::Rc;

use crate::bytes::{Position as _, at, part, rest};
use crate::member_rules::{FieldStart, MemberDecision, begin_field};
use crate::names::KeyInfo;
use crate::naming::Naming;
use crate::plan::Plan;
use crate::spelled::{Sink, Spelling};
use crate::tally::Tally;
use crate::value::ValueScanner;

/// Rewrites a list of pairs.
#[derive(Debug)]
pub struct PairsRewriter {
    plan: Rc<Plan>,
    syntax: Syntax,
    state: State,
    /// The separator and the name, until it is known whether they stay.
    held: Vec<u8>,
    value: ValueScanner,
    percent: Vec<u8>,
    written: bool,
    /// A rule is about all of the value at hand.
    is_claimed: bool,
    /// What the name before the last `&` announces.
    announced: KeyInfo,
    /// What fields call those beside them, and what is before their own names: `items[0][`.
    naming: (Naming, Vec<u8>),
    /// A pair has gone, so the next one may have a separator too many.
    gone: bool,
    offset: u64,
}

/// The syntaxes in which pairs of names and values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `a=1&b=2`, `+` for a space.
    Form,
    /// Cookies: `a=1; b=2`.
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
            value: ValueScanner::new(Spelling::Form),
            percent: Vec::new(),
            written: false,
            is_claimed: false,
            announced: KeyInfo::default(),
            naming: (Naming::default(), Vec::new()),
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
            let is_separator = self.separates(byte);
            match self.state {
                _ if is_separator => {
                    let is_cut = byte == b';' && self.syntax == Syntax::Form;
                    self.end_pair(is_cut, &plan, out, tally);
                    if byte == b'&' || self.syntax == Syntax::Cookies {
                        self.announced = KeyInfo::default();
                    }
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
                        self.cut_name(position, &plan, out, tally);
                    }
                }
                State::Dropping => {}
                State::Value => {
                    let length = self.plain(rest(chunk, position));
                    if length > 0 {
                        let bytes = part(chunk, position, position.plus(length));
                        if self.syntax == Syntax::Form && memchr::memchr(b';', bytes).is_some() {
                            self.value.doubt();
                        }
                        self.push_plain(bytes, &plan, out, tally);
                        position = position.plus(length);
                        continue;
                    }
                    if byte == b';' {
                        self.value.doubt();
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

    /// Ends the list: what is held is written.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        self.end_pair(false, &plan, out, tally);
        self.state = State::Name;
    }

    /// Bytes that are held at the moment.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
            .len()
            .saturating_add(self.value.held())
            .saturating_add(self.percent.len())
    }

    /// Some servers take `;` for `&`: what follows it has a name of its own. To all others the value
    /// goes on, so a rule about the whole value has the first say, and its name still announces.
    fn separates(&self, byte: u8) -> bool {
        match self.syntax {
            Syntax::Form => byte == b'&' || byte == b';' && !self.is_claimed,
            Syntax::Cookies => byte == b';',
        }
    }

    /// How many bytes of what is held are the separator before the name.
    fn lead(&self) -> usize {
        let separators: &[u8] = match self.syntax {
            Syntax::Form => b"&;",
            Syntax::Cookies => b";",
        };
        let first = self.held.first();
        usize::from(first.is_some_and(|byte| separators.contains(byte)))
    }

    /// How many bytes stand for themselves.
    fn plain(&self, bytes: &[u8]) -> usize {
        if !self.percent.is_empty() {
            return 0;
        }
        let coded = |byte: u8| {
            byte == b'%' || self.separates(byte) || byte == b'+' && self.syntax == Syntax::Form
        };
        bytes
            .iter()
            .position(|byte| coded(*byte))
            .unwrap_or(bytes.len())
    }

    /// The name is complete, so the pair is decided.
    fn begin_value(&mut self, position: usize, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        let name = decoded_name(rest(&self.held, self.lead()));
        let place = self
            .offset
            .saturating_add(u64::try_from(position.plus(1)).unwrap_or(0));
        let (info, decision) = plan.decide_field(&name);
        // What stands behind a `;` is a pair only to those who take it for `&`.
        let is_whole = self.syntax == Syntax::Cookies || self.held.first() != Some(&b';');
        self.is_claimed = is_whole;
        match begin_field(plan, decision, (&name, place), Spelling::Form, tally) {
            FieldStart::Gone => {
                self.held.clear();
                self.gone = true;
                self.state = State::Dropping;
            }
            FieldStart::Fixed(new) => {
                self.keep(&info, plan, out, tally);
                out.extend_from_slice(&new);
                self.state = State::Dropping;
            }
            FieldStart::Search(applied) => {
                self.keep(&info, plan, out, tally);
                let info = self.with_naming(info, &name, plan);
                self.is_claimed = is_whole && applied.is_some();
                if info.kinds.is_some() || self.announced.kinds.is_none() {
                    self.announced = info;
                }
                self.value
                    .begin(&self.announced, applied, (Spelling::Form, place));
                self.state = State::Value;
            }
        }
    }

    /// What a field's name says, and those beside it say of it.
    fn with_naming(&mut self, mut info: KeyInfo, name: &[u8], plan: &Plan) -> KeyInfo {
        let own = name
            .iter()
            .rposition(|byte| matches!(byte, b'[' | b'.'))
            .map_or(0, |sign| sign.plus(1));
        let (naming, around) = &mut self.naming;
        if part(name, 0, own) != around {
            naming.clear();
            *around = part(name, 0, own).to_vec();
        }
        if own > 0 {
            let own = rest(name, own);
            info.role = plan.field_info(own.strip_suffix(b"]").unwrap_or(own)).role;
        }
        naming.begin(&mut info, plan);
        info
    }

    /// What is held stays, but for what is found in the name; a separator that nothing stands before
    /// does not.
    fn keep(&mut self, info: &KeyInfo, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        let lead = self.lead();
        let mut from = if self.written || !self.gone { 0 } else { lead };
        if from > 0 && at(&self.held, 1) == b' ' {
            from = 2;
        }
        if info.finds {
            let held = std::mem::take(&mut self.held);
            let name = rest(&held, lead.max(from));
            out.extend_from_slice(part(&held, from, lead));
            self.replace_in_name(name.strip_suffix(b"=").unwrap_or(name), plan, out, tally);
            out.push(b'=');
        } else {
            out.extend_from_slice(rest(&self.held, from));
            self.held.clear();
        }
        self.written = true;
    }

    /// Writes a name with something in it, with what takes its place.
    #[inline(never)]
    fn replace_in_name(&mut self, name: &[u8], plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        let nothing = KeyInfo::default();
        let place = (Spelling::FormName, self.offset);
        self.value.begin(&nothing, None, place);
        self.push_spelled(name, plan, out, tally);
        self.end_value(false, plan, out, tally);
    }

    fn push_spelled(&mut self, bytes: &[u8], plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        for byte in bytes {
            if self.plain(std::slice::from_ref(byte)) > 0 {
                self.push_plain(std::slice::from_ref(byte), plan, out, tally);
            } else {
                self.push_coded(*byte, plan, out, tally);
            }
        }
    }

    /// A name is too long to be held: it is searched like a value, and a rule about what servers may take for
    /// the name in its beginning acts on all of the pair. What no server takes for a part of a name says nothing.
    fn cut_name(&mut self, position: usize, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        let name = decoded_name(rest(&self.held, self.lead()));
        if plan.has_member_rules() && name.iter().all(|byte| b" ![]".contains(byte)) {
            self.written = true;
            return out.append(&mut self.held);
        }
        let (_, decision) = plan.decide_field(&name);
        self.name_is_text(position, (decision, false), plan, out, tally);
    }

    /// What was read as a name is text, and a rule about such a name acts on it, or on the empty value of a name
    /// that ends without one.
    fn name_is_text(
        &mut self,
        position: usize,
        (decision, has_ended): (MemberDecision, bool),
        plan: &Plan,
        out: &mut Vec<u8>,
        tally: &mut Tally,
    ) {
        let lead = self.lead();
        let held = std::mem::take(&mut self.held);
        let length = u64::try_from(held.len()).unwrap_or(0);
        let place = self
            .offset
            .saturating_add(u64::try_from(position.plus(1)).unwrap_or(0))
            .saturating_sub(length);
        // It has no name, so that only a rule about all can let it through.
        let decision = match plan.minimizes {
            Some(_) => MemberDecision::NotAllowed,
            None => decision,
        };
        let start = begin_field(plan, decision, (b"", place), Spelling::Form, tally);
        if start == FieldStart::Gone {
            self.gone = true;
            self.state = State::Dropping;
            return;
        }
        if self.written || !self.gone {
            out.extend_from_slice(part(&held, 0, lead));
        }
        self.written = true;
        let place = place.saturating_add(u64::try_from(lead).unwrap_or(0));
        let mut applied = None;
        match start {
            FieldStart::Fixed(new) => {
                if has_ended {
                    out.extend_from_slice(rest(&held, lead));
                    out.push(b'=');
                }
                out.extend_from_slice(&new);
                self.state = State::Dropping;
                return;
            }
            FieldStart::Search(rule) if has_ended => {
                let place = (Spelling::Form, place);
                self.value.begin(&self.announced, rule, place);
                self.value.end(&mut Sink { plan, out, tally });
            }
            FieldStart::Search(rule) => applied = rule,
            FieldStart::Gone => {}
        }
        let place = (Spelling::Form, place);
        self.value.begin(&self.announced, applied, place);
        self.state = State::Value;
        self.push_spelled(rest(&held, lead), plan, out, tally);
    }

    fn push_plain(&mut self, bytes: &[u8], plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        self.naming.0.push(bytes);
        self.value.push(bytes, &mut Sink { plan, out, tally });
    }

    fn push_coded(&mut self, byte: u8, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        if self.percent.is_empty() && byte == b'+' {
            let mut sink = Sink { plan, out, tally };
            self.naming.0.push(b" ");
            return self.value.push_spelled(b" ", b"+", &mut sink);
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
            Some(byte) => {
                self.naming.0.push(&[byte]);
                self.value.push_spelled(&[byte], &raw, &mut sink);
            }
            // A broken escape is what it is.
            None => self.value.push(&raw, &mut sink),
        }
    }

    /// `is_cut`: to those who do not take `;` for `&` the value goes on.
    fn end_pair(&mut self, is_cut: bool, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        match self.state {
            State::Name => {
                if self.held.len() > self.lead() {
                    // A text without `=`: searched as a value. To many servers it is a name without one.
                    let name = decoded_name(rest(&self.held, self.lead()));
                    let (_, decision) = plan.decide_field(&name);
                    self.name_is_text(0, (decision, true), plan, out, tally);
                    if self.state == State::Value {
                        self.end_value(is_cut, plan, out, tally);
                    }
                } else if self.written || !self.gone {
                    out.append(&mut self.held);
                } else {
                    self.held.clear();
                }
            }
            State::Value => self.end_value(is_cut, plan, out, tally),
            State::Dropping => {}
        }
        self.percent.clear();
        self.is_claimed = false;
    }

    fn end_value(&mut self, is_cut: bool, plan: &Plan, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_percent(plan, out, tally);
        self.naming.0.end();
        let mut sink = Sink { plan, out, tally };
        if is_cut {
            self.value.end_at_separator(&mut sink);
        } else {
            self.value.end(&mut sink);
        }
    }
}

/// The name of a pair, decoded.
fn decoded_name(spelled: &[u8]) -> Vec<u8> {
    let name = spelled.strip_suffix(b"=").unwrap_or(spelled);
    policy::values::form_decoded(name.trim_ascii())
}

const MAX_NAME_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use crate::fixtures::{assert_keeps, assert_redacts, plan_of, redacted};

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn a_semicolon_hides_no_host_from_those_who_do_not_split_there() {
        let plan = plan_of(r#"{"rules":[{"detect":["INTERNAL_URL"]}]}"#);
        for body in [
            "callback=http://a.b;c@169.254.169.254/",
            "callback=http://a.b;c=d@169.254.169.254/&x=1",
            "callback=http:;@169.254.169.254/",
            "callback=//a:b;@169.254.169.254/",
            "callback=http:%09//a?b;@169.254.169.254/",
            "callback=file:;/../etc/passwd",
            "http://a.b;c@169.254.169.254/",
        ] {
            assert_ne!(redacted(&plan, FORM, body), body, "{body}");
        }
        assert_keeps(
            &plan,
            FORM,
            &[
                "callback=https://example.com/;c=d",
                "callback=https://example.com/a;b@c",
                "callback=https://example.com&c=d",
                "callback=note:;c=d",
                "a=1;b=2",
            ],
        );
    }

    #[test]
    fn a_field_says_what_the_one_beside_it_is() {
        let plan = plan_of(r#"{"rules":[{"detect":["US_SSN","PASSWORD","EMAIL"]}]}"#);
        assert_redacts(
            &plan,
            FORM,
            &[
                (
                    "name=ssn&value=536221234&value=536221234",
                    "name=ssn&value=%5BUS_SSN%5D&value=%5BUS_SSN%5D",
                ),
                (
                    "key=db%5Fpassword&val=hunter2x&key=x&val=hunter2x",
                    "key=db%5Fpassword&val=%5BPASSWORD%5D&key=x&val=hunter2x",
                ),
                (
                    "a%5B0%5D%5Bname%5D=ssn&a[0][value]=536221234&a[1][value]=536221234",
                    "a%5B0%5D%5Bname%5D=ssn&a[0][value]=%5BUS_SSN%5D&a[1][value]=536221234",
                ),
                (
                    "i.name=ssn&i.id=1&i.value=536-22-1234&j.value=536221234",
                    "i.name=ssn&i.id=1&i.value=%5BUS_SSN%5D&j.value=536221234",
                ),
            ],
        );
    }

    #[test]
    fn a_semicolon_leads_to_no_other_host_than_the_known_ones() {
        let plan = plan_of(
            r#"{"rules":[{"fields":[{"name":["callback"],"hosts":["hooks.example.com"],"action":"null"}]}]}"#,
        );
        for body in [
            "callback=https://hooks.example.com/;callback=http://169.254.169.254/",
            "callback=https://hooks.example.com/%4;callback=http://169.254.169.254/",
        ] {
            assert_ne!(redacted(&plan, FORM, body), body, "{body}");
        }
        assert_keeps(
            &plan,
            FORM,
            &[
                "callback=https://hooks.example.com/&x=a;b",
                "callback=https://hooks.example.com/%3Bx",
            ],
        );
    }
}
