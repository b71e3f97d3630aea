//! What the rules say about one member, before its value is read: the one decision for members of
//! JSON documents, fields of forms and queries, cookies, parts of multipart bodies, columns of CSV,
//! and headers.

use crate::bytes::Position as _;
use crate::names::KeyInfo;
use crate::nested;
use crate::paths::Child;
use crate::plan::{ALLOWED_TARGET, FieldAction, Plan};
use crate::redaction::{Found, Redaction};
use crate::spelled::Spelling;
use crate::steps::step;
use crate::tally::Tally;

/// The decision about a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MemberDecision {
    /// It stays, and its value is searched.
    #[default]
    Stays,
    /// The rule about members with this index acts on it.
    Field(u16),
    /// It goes for this kind, which its name announces.
    Kind(u8),
    /// It is not allowed, whatever it is.
    NotAllowed,
    /// Something in it may be allowed, if it is an object or an array.
    AllowedInside,
}

/// What the members around say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    /// The rule that the name of the member selects.
    pub(crate) named: Option<u16>,
    /// Everything in the member around is allowed.
    pub(crate) allowed: bool,
    /// Only what is allowed passes.
    pub(crate) minimizes: bool,
}

impl Plan {
    /// Decides about a child whose parent the paths have reached with `states[from..to]`; what they
    /// reach in the child is added at the end of `states`. Returns also whether everything in it is
    /// allowed.
    pub(crate) fn decide(
        &self,
        states: &mut Vec<u16>,
        (from, to): (usize, usize),
        child: Child<'_>,
        around: Surroundings,
    ) -> (MemberDecision, bool) {
        let own = states.len();
        step(to.less(from));
        let mut field = around.named;
        let mut more = Vec::new();
        let mut allowed = around.allowed;
        self.paths
            .descend(states, from, to, child, |target, is_exact| {
                if target == ALLOWED_TARGET {
                    allowed |= is_exact;
                } else if field.is_some() {
                    more.push(target);
                } else {
                    field = Some(target);
                }
            });
        if !more.is_empty() {
            more.extend(field);
            field = self.strictest_field(more);
        }
        let decision = match field {
            _ if !allowed && around.minimizes && states.len() > own => {
                MemberDecision::AllowedInside
            }
            _ if !allowed && around.minimizes => MemberDecision::NotAllowed,
            Some(field) => MemberDecision::Field(field),
            None => MemberDecision::Stays,
        };
        (decision, allowed)
    }

    /// Decides about a field that is in nothing else, and has nothing inside. Servers read `user[email]` and
    /// other names in several ways: of the rules about any of them the strictest acts; what may pass goes by
    /// the name as it is written.
    pub(crate) fn decide_field(&self, name: &[u8]) -> (KeyInfo, MemberDecision) {
        let (info, decision) = self.decide_among(name, self.paths.root().to_vec());
        let mut fitting = match decision {
            MemberDecision::Stays => Vec::new(),
            MemberDecision::Field(index) => vec![index],
            _ => return (info, decision),
        };
        if self.has_member_rules() {
            let ways = nested::readings(name);
            fitting.extend(ways.iter().filter_map(|way| self.rule_on_way(way)));
        }
        let field = self.strictest_field(fitting);
        (info, field.map_or(decision, MemberDecision::Field))
    }

    /// The rule about the member that is reached on this way, or about one of those around it.
    fn rule_on_way(&self, way: &[nested::Member]) -> Option<u16> {
        let mut states = self.paths.root().to_vec();
        let (mut from, mut to) = (0, states.len());
        for child in way.iter().map(nested::Member::child) {
            let named = match child {
                Child::Name(name) => self.field_info(name.as_bytes()).field,
                Child::Index(_) => None,
            };
            let around = Surroundings {
                named,
                allowed: true,
                minimizes: false,
            };
            let (decision, _) = self.decide(&mut states, (from, to), child, around);
            if let MemberDecision::Field(index) = decision {
                return Some(index);
            }
            (from, to) = (to, states.len());
        }
        None
    }

    /// As [`Self::decide_field`], for a field whose name can be read in several ways: under each of
    /// them a rule about it acts, and only what is allowed under all of them passes.
    pub(crate) fn decide_field_of_names(&self, names: &[Vec<u8>]) -> (KeyInfo, MemberDecision) {
        let mut known = (KeyInfo::default(), MemberDecision::Stays);
        for (index, name) in names.iter().enumerate() {
            let (info, decision) = self.decide_field(name);
            if index == 0 {
                known = (info, decision);
                continue;
            }
            if known.0.kinds.is_none() {
                known.0 = info;
            }
            if decision == MemberDecision::NotAllowed || known.1 == MemberDecision::Stays {
                known.1 = decision;
            }
        }
        known
    }

    /// Decides about a column: `$.name`, or `$[*].name`, for rows are the items of a table.
    pub(crate) fn decide_column(&self, name: &[u8]) -> (KeyInfo, MemberDecision) {
        let mut states = self.paths.root().to_vec();
        let roots = states.len();
        // No row is this one, so that only what is about all rows fits.
        let row = Child::Index(u64::MAX);
        self.paths.descend(&mut states, 0, roots, row, |_, _| {});
        self.decide_among(name, states)
    }

    fn decide_among(&self, name: &[u8], mut states: Vec<u16>) -> (KeyInfo, MemberDecision) {
        let info = self.field_info(name);
        if !self.has_member_rules() {
            return (info, MemberDecision::Stays);
        }
        let around = Surroundings {
            named: info.field,
            allowed: self.minimizes.is_none(),
            minimizes: self.minimizes.is_some(),
        };
        let whole = (0, states.len());
        let name = policy::text::lossy(name);
        let (decision, _) = self.decide(&mut states, whole, Child::Name(&name), around);
        let decision = match decision {
            MemberDecision::AllowedInside => MemberDecision::NotAllowed,
            other => other,
        };
        (info, decision)
    }
}

/// The decision about the value of a field that is in no object, such as a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldStart {
    /// It is searched, and where there is a rule, the rule's action is applied to all of it.
    Search(Option<u16>),
    /// The field goes, with its name.
    Gone,
    /// This takes the place of the value.
    Fixed(Vec<u8>),
}

/// Carries out a decision about a field, before its value is read.
pub(crate) fn begin_field(
    plan: &Plan,
    decision: MemberDecision,
    (name, offset): (&[u8], u64),
    spelling: Spelling,
    tally: &mut Tally,
) -> FieldStart {
    let redaction = match decision {
        MemberDecision::Stays | MemberDecision::Kind(_) => None,
        MemberDecision::NotAllowed | MemberDecision::AllowedInside => {
            plan.minimizes.map(Redaction::of_minimization)
        }
        MemberDecision::Field(index) => {
            let rule = plan.fields.get(usize::from(index));
            if rule.is_some_and(|rule| matches!(rule.action, FieldAction::Value(_))) {
                return FieldStart::Search(Some(index));
            }
            Redaction::of_field(plan, index, None)
        }
    };
    let Some(redaction) = redaction else {
        return FieldStart::Search(None);
    };
    let new = redaction.spelled(spelling);
    let found = Found {
        offset,
        length: 0,
        old: name,
        new: new.as_deref(),
    };
    redaction.record(tally, found);
    match new {
        None => FieldStart::Search(None),
        Some(_) if redaction.removes_member => FieldStart::Gone,
        Some(new) => FieldStart::Fixed(new),
    }
}

#[cfg(test)]
mod tests {
    use crate::fixtures::{plan_of, redacted};
    use crate::pairs::{PairsRewriter, Syntax};
    use crate::tally::Tally;

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn no_spelling_of_a_field_that_servers_read_walks_around_its_rule() {
        for (path, names) in [
            (
                "$.callback",
                vec![
                    "[callback]",
                    "[callback][]",
                    "%5Bcallback%5D",
                    "callback]",
                    "callback[]",
                    "callback[0]",
                    "+callback",
                    "%20callback",
                    "callback%00x",
                    "!callback",
                    "CallBack%00",
                    "%u0063allback",
                ],
            ),
            (
                "$.call_back",
                vec![
                    "call.back",
                    "call+back",
                    "call%20back",
                    "call[back",
                    "+call.back[]",
                ],
            ),
            (
                "$.user.email",
                vec![
                    "user['email']",
                    "[user].email",
                    "user[+email]",
                    "user[email]x",
                    "user[email",
                ],
            ),
        ] {
            for action in [
                r#""action":"remove""#,
                r#""hosts":["a.example"],"action":"null""#,
            ] {
                let plan = plan_of(&format!(
                    r#"{{"rules":[{{"fields":[{{"path":"{path}",{action}}}]}}]}}"#
                ));
                for name in &names {
                    let left = redacted(&plan, FORM, &format!("a=1&{name}=http://10.0.0.1/&b=2"));
                    assert!(!left.contains("10.0.0.1"), "{path} {name}: {left}");
                    assert!(left.starts_with("a=1&") && left.ends_with("&b=2"), "{left}");
                }
            }
        }
    }

    #[test]
    fn a_name_that_is_too_long_to_be_held_walks_around_no_rule() {
        let plan = plan_of(r#"{"rules":[{"fields":[{"path":"$.callback","action":"remove"}]}]}"#);
        let padding = "+[".repeat(300);
        for name in [
            format!("callback%00{}", "x".repeat(300)),
            format!("{padding}callback]"),
            format!("callback[{}]", "x".repeat(300)),
        ] {
            let left = redacted(&plan, FORM, &format!("a=1&{name}=http://10.0.0.1/&b=2"));
            assert!(!left.contains("10.0.0.1"), "{name}: {left}");
            assert!(left.starts_with("a=1&") && left.ends_with("&b=2"), "{left}");
        }
        let other = format!("{}=http://10.0.0.1/", "y".repeat(300));
        assert_eq!(redacted(&plan, FORM, &other), other);
    }

    #[test]
    fn a_name_without_a_value_is_a_field_too() {
        let body = "admin&a=1&user[admin]&admins&b";
        for (action, expected) in [
            (r#""remove""#, "a=1&admins&b"),
            (r#"{"replace":"0"}"#, "admin=0&a=1&user[admin]=0&admins&b"),
            (r#""label""#, body),
        ] {
            let plan = plan_of(&format!(
                r#"{{"rules":[{{"fields":[{{"path":"$..admin","action":{action}}}]}}]}}"#
            ));
            assert_eq!(redacted(&plan, FORM, body), expected, "{action}");
        }
        let block = r#"{"rules":[{"fields":[{"path":"$..admin","action":"block"}]}]}"#;
        for (body, blocks) in [
            ("a=1&admin", true),
            ("admin=&a=1", true),
            ("a=1&admins", false),
        ] {
            let mut rewriter = PairsRewriter::new(plan_of(block), Syntax::Form);
            let (mut out, mut tally) = (Vec::new(), Tally::default());
            rewriter.write(body.as_bytes(), &mut out, &mut tally);
            rewriter.finish(&mut out, &mut tally);
            assert_eq!(tally.blocks, blocks, "{body}");
        }
    }

    #[test]
    fn of_several_readings_the_strictest_rule_acts() {
        let plan = plan_of(
            r#"{"rules":[{"fields":[{"path":"$..x","action":{"mask":{}}}]},
                {"fields":[{"path":"$.callback","action":"remove"}]}]}"#,
        );
        assert_eq!(
            redacted(&plan, FORM, "a=1&[callback].x=http://10.0.0.1/"),
            "a=1"
        );
    }
}
